#include <algorithm>

#include "hardening/policy.hpp"
#include "hardening/shipped_policies.hpp"
#include "packaging/docs/docs.hpp"

namespace nucleus::docs {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Value value_of(const cli::Option& option) {
  const std::string_view name = option.placeholder;
  if (name.find('|') != std::string_view::npos) {
    return {ValueKind::words, split(name, '|')};
  }
  if (name == "DIR") {
    return {ValueKind::directory, {}};
  }
  if (name == "FILE" || name == "PATH") {
    return {ValueKind::file, {}};
  }
  if (name == "SET") {
    const auto sets = hardening::shipped_sets();
    return {ValueKind::policy, {sets.begin(), sets.end()}};
  }
  if (name == "GRANT") {
    return {ValueKind::grant, hardening::grant_spellings()};
  }
  return {};
}

bool takes_container(const cli::Command& command) {
  const bool makes_one =
      std::ranges::any_of(command.options, [](const cli::Option& option) { return option.name == "bundle"; });
  return command.arguments.starts_with("<container-id>") && !makes_one;
}

std::vector<std::string> actions_of(const cli::Command& command) {
  std::vector<std::string> out;
  if (command.arguments.find(" | ") == std::string_view::npos) {
    return out;
  }
  for (const auto& part : split(command.arguments, '|')) {
    const auto start = part.find_first_not_of(' ');
    out.push_back(part.substr(start, part.find(' ', start) - start));
  }
  return out;
}

bool takes_signal(const cli::Command& command) { return command.arguments.find("signal") != std::string_view::npos; }

bool is_repeatable(const cli::Option& option) { return option.help.find("(repeatable)") != std::string_view::npos; }

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const auto& word : words) {
    out.append(out.empty() ? "" : separator).append(word);
  }
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string filled(std::string source, const std::map<std::string, std::string>& texts) {
  for (const auto& [name, text] : texts) {
    std::string mark = "@";
    mark.append(name).append("@");
    source = replaced(std::move(source), mark, text);
  }
  return source;
}

}  // namespace nucleus::docs
