#include "hardening/confinement.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace nucleus::hardening {
namespace {

using nlohmann::json;

Confinement full() {
  Confinement out;
  out.mode = Mode::strict_agent;
  out.policy.name = "web \"quoted\"";
  out.policy.digest = "00ff";
  out.policy.keep_bounding = {"CAP_KILL", "CAP_CHOWN"};
  out.policy.keep_ambient = {"CAP_KILL"};
  out.policy.grants = {parse_grant("device:/dev/fuse", "command line").value(),
                       parse_grant("host-pid", "policy default (policy.toml:4)").value()};
  out.landlock = {7, 0xffff, 3, 1, {{443, 2}}, {{"/", 5}, {"/tmp", UINT64_MAX}}};
  out.seccomp_flags = 4294967295U;
  out.ephemeral_root = true;
  return out;
}

TEST(Confinement, ComesBackWhole) {
  const Confinement before = full();
  const Confinement after = parse_confinement(to_json(before), "f").value();
  EXPECT_EQ(after.mode, before.mode);
  EXPECT_EQ(after.policy.name, before.policy.name);
  EXPECT_EQ(after.policy.digest, before.policy.digest);
  EXPECT_EQ(after.policy.keep_bounding, before.policy.keep_bounding);
  EXPECT_EQ(after.policy.keep_ambient, before.policy.keep_ambient);
  EXPECT_EQ(after.policy.grants, before.policy.grants);
  EXPECT_EQ(after.landlock, before.landlock);
  EXPECT_EQ(after.seccomp_flags, before.seccomp_flags);
  EXPECT_EQ(after.ephemeral_root, before.ephemeral_root);
}

// `exec` goes by this file: a damaged one must stop it, never loosen it.
TEST(Confinement, DamageIsAnErrorThatNamesTheFile) {
  const std::string text = to_json(full());
  const json good = json::parse(text);
  std::vector<std::string> damaged = {"", "null", "[]", "{}", "\xff", text.substr(0, text.size() / 2)};
  for (const auto& [name, value] : good.items()) {
    json without = good;
    without.erase(name);
    damaged.push_back(without.dump());
    json mistyped = good;
    mistyped[name] = value.is_string() ? json(7) : json("text");
    damaged.push_back(mistyped.dump());
  }
  for (const auto& [path, value] : {std::pair{"/mode", json("lenient")}, std::pair{"/grants/0/grant", json("all")},
                                    std::pair{"/landlock/paths/0/access", json("rwx")}}) {
    json wrong = good;
    wrong[json::json_pointer(path)] = value;
    damaged.push_back(wrong.dump());
  }
  for (const auto& bad : damaged) {
    const auto parsed = parse_confinement(bad, "/run/confinement.json");
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().text.rfind("/run/confinement.json: ", 0), 0U) << parsed.error().text;
  }
}

}  // namespace
}  // namespace nucleus::hardening
