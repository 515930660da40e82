// README.md's table of modes says what hardening/modes.hpp says.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "hardening/modes.hpp"
#include "runtime/base/test_source.hpp"

namespace nucleus::hardening {
namespace {

using Row = std::vector<std::string>;

// README's words for a row -> the controls that it stands for.
const std::map<std::string, std::vector<Control>> kRows = {
    {"capabilities, no_new_privs, namespaces cannot be applied", {Control::confinement}},
    {"seccomp filter cannot be installed", {Control::seccomp_install}},
    {"Landlock missing or too old", {Control::landlock}},
    {"request beyond policy", {Control::beyond_policy}},
    {"host network, pid or ipc without a grant", {Control::host_namespace}},
    {"egress rules cannot be installed", {Control::egress}},
    {"annotation that grants something", {Control::annotation_grant}},
    {"cgroup limit cannot be applied", {Control::cgroup_limits}},
    {"rlimit cannot be raised", {Control::rlimit_raise}},
    {"receipt differs from the plan", {Control::receipt_mismatch}},
    {"memory limit, attested root, user namespace",
     {Control::memory_limit, Control::rootfs_attestation, Control::user_namespace}},
};

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Row cells(const std::string& line) {
  Row out;
  std::istringstream words(line.substr(1));
  for (std::string cell; std::getline(words, cell, '|');) {
    out.push_back(trimmed(cell));
  }
  return out;
}

// The first table below "## Modes": its head, and its rows without the rule below the head.
std::vector<Row> table() {
  std::ifstream readme(nucleus::test::source_directory() + "/README.md");
  std::vector<Row> rows;
  bool section = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("## ", 0) == 0) {
      section = line == "## Modes";
    } else if (section && line.rfind("|", 0) == 0 && line.rfind("|---", 0) != 0) {
      rows.push_back(cells(line));
    }
  }
  return rows;
}

Reaction reaction_of(const std::string& words) {
  const auto has = [&](const char* word) { return words.find(word) != std::string::npos; };
  if (has("fail") || has("required")) {
    return Reaction::fail;
  }
  return has("warn") ? Reaction::warn : Reaction::off;
}

TEST(ModesReadme, EveryRowIsTheTables) {
  const auto rows = table();
  ASSERT_EQ(rows.size(), kRows.size() + 1);
  EXPECT_EQ(rows[0], (Row{"", "agent (default)", "strict-agent", "production"}));
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const Row& row = rows[i];
    ASSERT_EQ(row.size(), 4U) << row[0];
    const auto controls = kRows.find(row[0]);
    ASSERT_NE(controls, kRows.end()) << row[0];
    for (const Control control : controls->second) {
      EXPECT_EQ(reaction(Mode::agent, control), reaction_of(row[1])) << row[0];
      EXPECT_EQ(reaction(Mode::strict_agent, control), reaction_of(row[2])) << row[0];
      EXPECT_EQ(reaction(Mode::production, control), reaction_of(row[3])) << row[0];
    }
  }
}

// README is an extract; what it leaves out is left out knowingly.
TEST(ModesReadme, WhatItLeavesOut) {
  std::vector<Control> left_out;
  for (const auto& row : kControlTable) {
    const bool told = std::ranges::any_of(
        kRows, [&](const auto& entry) { return std::ranges::count(entry.second, row.control) > 0; });
    if (!told) {
      left_out.push_back(row.control);
    }
  }
  EXPECT_EQ(left_out, (std::vector{Control::unpinned_policy, Control::mount_state}));
}

}  // namespace
}  // namespace nucleus::hardening
