#include "packaging/docs/docs.hpp"

namespace nucleus::docs {
namespace {

std::string value_text(const Value& value) {
  switch (value.kind) {
    case ValueKind::file:
      return "file";
    case ValueKind::directory:
      return "directory";
    case ValueKind::policy:
      return "policy " + joined(value.words);
    case ValueKind::grant:
      return "grant " + joined(value.words);
    case ValueKind::words:
      return "words " + joined(value.words);
    case ValueKind::none:
      break;
  }
  return "words";
}

// "create:--bundle | create:-b"
std::string pattern(std::string_view command, const cli::Option& option) {
  const std::string prefix = std::string(command) + ":";
  std::string out = prefix + "--" + std::string(option.name);
  if (option.letter != 0) {
    out += " | " + prefix + "-" + option.letter;
  }
  return out;
}

std::string value_cases(std::string_view command, std::span<const cli::Option> options) {
  std::string out;
  for (const auto& option : options) {
    if (!option.placeholder.empty()) {
      out += "    " + pattern(command, option) + ") echo " + value_text(value_of(option)) + " ;;\n";
    }
  }
  return out;
}

std::string option_case(std::string_view command, std::span<const cli::Option> options) {
  std::vector<std::string> names;
  for (const auto& option : options) {
    names.push_back("--" + std::string(option.name));
  }
  return "    " + (command.empty() ? "''" : std::string(command)) + ") echo " + joined(names) + " ;;\n";
}

// "start:0 | state:0"
std::string commands_that(bool (*wanted)(const cli::Command&), std::string_view position) {
  std::vector<std::string> out;
  for (const auto& command : cli::commands()) {
    if (wanted(command)) {
      out.push_back(std::string(command.name) + std::string(position));
    }
  }
  return joined(out, " | ");
}

// "      policy:0) _nucleus_oci_offer list show ;;\n"
std::string action_cases() {
  std::string out;
  for (const auto& command : cli::commands()) {
    if (const auto actions = actions_of(command); !actions.empty()) {
      out += "      " + std::string(command.name) + ":0) _nucleus_oci_offer " + joined(actions) + " ;;\n";
    }
  }
  return out;
}

}  // namespace

std::string bash_completion(std::string source) {
  std::string values = value_cases("", cli::global_options());
  std::string options = option_case("", cli::global_options());
  std::vector<std::string> names;
  for (const auto& command : cli::commands()) {
    values += value_cases(command.name, command.options);
    options += option_case(command.name, command.options);
    names.emplace_back(command.name);
  }
  return filled(std::move(source), {{"VALUES", values},
                                    {"OPTIONS", options},
                                    {"COMMANDS", joined(names)},
                                    {"ACTIONS", action_cases()},
                                    {"CONTAINER", commands_that(takes_container, ":0")},
                                    {"SIGNAL", commands_that(takes_signal, ":1")}});
}

}  // namespace nucleus::docs
