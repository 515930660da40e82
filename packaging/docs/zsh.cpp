#include "packaging/docs/docs.hpp"

namespace nucleus::docs {
namespace {

// zshcompsys(1), _arguments: text in single quotes; brackets and colons end parts of a specification.
std::string quoted(std::string_view text) {
  std::string out(text);
  for (const std::string_view special : {"\\", "[", "]", ":"}) {
    out = replaced(std::move(out), special, "\\" + std::string(special));
  }
  return replaced(std::move(out), "'", "'\\''");
}

std::string action(const Value& value) {
  switch (value.kind) {
    case ValueKind::file:
      return "_files";
    case ValueKind::directory:
      return "_files -/";
    case ValueKind::words:
      return "(" + joined(value.words) + ")";
    case ValueKind::policy:
      return "_nucleus-oci_policies";
    case ValueKind::grant:
      return "_nucleus-oci_grants";
    case ValueKind::none:
      break;
  }
  return "";
}

std::string specification(const cli::Option& option) {
  const std::string name = "--" + std::string(option.name);
  const std::string value = option.placeholder.empty() ? "" : "=";
  std::string out;
  if (option.letter != 0) {
    const std::string letter = std::string("-") + option.letter;
    const std::string excluded = is_repeatable(option) ? "'*'" : "'(" + letter + " " + name + ")'";
    out = excluded + "{" + letter + "," + name + value + "}'";
  } else {
    out = (is_repeatable(option) ? "'*" : "'") + name + value;
  }
  out += "[" + quoted(option.help) + "]";
  if (!option.placeholder.empty()) {
    out += ":" + quoted(option.placeholder) + ":" + action(value_of(option));
  }
  return out + "'";
}

std::vector<std::string> specifications(std::span<const cli::Option> options) {
  std::vector<std::string> out;
  out.reserve(options.size());
  for (const auto& option : options) {
    out.push_back(specification(option));
  }
  return out;
}

// Nothing is said of what follows a container's id: a specification with nothing to offer would make zsh list an option
// that it could complete.
std::string command_case(const cli::Command& command) {
  auto all = specifications(command.options);
  if (takes_container(command)) {
    all.emplace_back("'1:container:_nucleus-oci_containers'");
  }
  if (const auto actions = actions_of(command); !actions.empty()) {
    all.push_back("'1:action:(" + joined(actions) + ")'");
  }
  if (takes_signal(command)) {
    all.emplace_back("'2:signal:_signals'");
  }
  return "        " + std::string(command.name) + ")\n          _arguments -A '-*' \\\n            " +
         joined(all, " \\\n            ") + "\n          ;;\n";
}

}  // namespace

std::string zsh_completion(std::string source) {
  std::string names;
  std::string cases;
  for (const auto& command : cli::commands()) {
    names += "        '" + std::string(command.name) + ":" + replaced(std::string(command.help), "'", "'\\''") + "'\n";
    cases += command_case(command);
  }
  return filled(std::move(source), {{"GLOBAL_OPTIONS", joined(specifications(cli::global_options()), " \\\n    ")},
                                    {"COMMANDS", names},
                                    {"CASES", cases},
                                    {"SETS", joined(value_of({"", 0, "SET", ""}).words)},
                                    {"GRANTS", joined(value_of({"", 0, "GRANT", ""}).words)}});
}

}  // namespace nucleus::docs
