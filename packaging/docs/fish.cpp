#include "packaging/docs/docs.hpp"

namespace nucleus::docs {
namespace {

std::string quoted(std::string_view text) {
  return "'" + replaced(replaced(std::string(text), "\\", "\\\\"), "'", "\\'") + "'";
}

std::string value_arguments(const cli::Option& option) {
  if (option.placeholder.empty()) {
    return "";
  }
  const Value value = value_of(option);
  switch (value.kind) {
    case ValueKind::file:
      return " -r -F";
    case ValueKind::directory:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::policy:
      return " -x -a '" + joined(value.words) + " (__fish_complete_directories)'";
    case ValueKind::words:
    case ValueKind::grant:
      return " -x -a " + quoted(joined(value.words));
    case ValueKind::none:
      break;
  }
  return " -x";
}

std::string line(const std::string& condition) {
  return "complete -c nucleus-oci -n '__nucleus_oci_at " + condition + "'";
}

std::string option_lines(const std::string& condition, std::span<const cli::Option> options) {
  std::string out;
  for (const auto& option : options) {
    out += line(condition) + " -l " + std::string(option.name);
    out += option.letter != 0 ? std::string(" -s ") + option.letter : "";
    out += value_arguments(option) + " -d " + quoted(option.help) + "\n";
  }
  return out;
}

std::string command_lines(const cli::Command& command) {
  const std::string name(command.name);
  std::string out = line("0") + " -a " + name + " -d " + quoted(command.help) + "\n";
  out += option_lines("1 " + name, command.options);
  out += takes_container(command) ? line("1 " + name) + " -a '(__nucleus_oci_containers)'\n" : "";
  const auto actions = actions_of(command);
  out += actions.empty() ? "" : line("1 " + name) + " -a " + quoted(joined(actions)) + "\n";
  return out + (takes_signal(command) ? line("2 " + name) + " -a '(kill -l | string split -n \" \")'\n" : "");
}

// The patterns of a switch statement: "':--root' 'create:-b'".
std::string valued_patterns(const std::string& command, std::span<const cli::Option> options) {
  std::string out;
  for (const auto& option : options) {
    if (!option.placeholder.empty()) {
      out += " '" + command + ":--" + std::string(option.name) + "'";
      out += option.letter != 0 ? " '" + command + ":-" + option.letter + "'" : "";
    }
  }
  return out;
}

}  // namespace

std::string fish_completion(std::string source) {
  std::string valued = valued_patterns("", cli::global_options());
  std::string lines = option_lines("0", cli::global_options());
  for (const auto& command : cli::commands()) {
    valued += valued_patterns(std::string(command.name), command.options);
    lines += command_lines(command);
  }
  return filled(std::move(source), {{"VALUED", valued}, {"LINES", lines}});
}

}  // namespace nucleus::docs
