#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "hardening/annotations.hpp"
#include "hardening/modes.hpp"
#include "hardening/policy.hpp"
#include "hardening/shipped_policies.hpp"
#include "packaging/docs/docs.hpp"

namespace nucleus::docs {
namespace {

// Text that roff prints as it is (groff_char(7)).
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      default:
        out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

// A help text as a sentence.
std::string sentence(std::string_view help) {
  std::string out = roff(help) + ".";
  out.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(out.front())));
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }

std::string option_entry(const cli::Option& option) {
  std::string out = ".TP\n" + bold("--" + std::string(option.name));
  if (option.letter != 0) {
    out += ", " + bold(std::string("-") + option.letter);
  }
  if (!option.placeholder.empty()) {
    out += " \\fI" + roff(option.placeholder) + "\\fR";
  }
  return out + "\n" + sentence(option.help) + "\n";
}

std::string option_entries(std::span<const cli::Option> options) {
  std::string out;
  for (const auto& option : options) {
    out += option_entry(option);
  }
  return out;
}

std::string command_sections() {
  std::string out;
  for (const auto& command : cli::commands()) {
    const std::string arguments = command.arguments.empty() ? "" : " " + std::string(command.arguments);
    out += ".SS \"" + roff(command.name) + " [options]" + roff(arguments) + "\"\n" + sentence(command.help) + "\n" +
           option_entries(command.options);
  }
  return out;
}

// "passthrough: off, agent: warn, ..."
std::string reactions(const hardening::ControlRow& row) {
  constexpr std::array<std::string_view, 3> kWords = {"off", "warn", "fail"};
  std::vector<std::string> out;
  for (std::size_t i = 0; i < row.by_mode.size(); ++i) {
    out.push_back(std::string(hardening::mode_name(static_cast<hardening::Mode>(i))) + " " +
                  std::string(kWords[static_cast<std::size_t>(row.by_mode[i])]));
  }
  return joined(out, ", ");
}

using Heads = std::map<std::string, std::string>;  // name -> the head of its entry

Heads control_heads() {
  Heads out;
  for (const auto& row : hardening::kControlTable) {
    out[std::string(row.name)] = ".TP\n" + bold(row.name) + " (" + roff(reactions(row)) + ")\n";
  }
  return out;
}

Heads grant_heads() {
  Heads out;
  for (const auto& spelling : hardening::grant_spellings()) {
    const bool valued = spelling.ends_with(':');
    out[spelling.substr(0, spelling.size() - (valued ? 1 : 0))] =
        ".TP\n" + bold(spelling) + (valued ? "\\fIVALUE\\fR\n" : "\n");
  }
  return out;
}

Heads annotation_heads() {
  Heads out;
  for (const auto name : hardening::kKnownAnnotations) {
    out[std::string(name)] = ".TP\n" + bold(name) + "\n";
  }
  return out;
}

std::string policy_sets() {
  std::string out;
  for (const auto name : hardening::shipped_sets()) {
    const auto policy = hardening::load_policy(std::string(name), {});
    out += ".TP\n" + bold(name) + "\n" + roff(policy ? policy->description : "") + "\n";
  }
  return out;
}

// The directives of one page: those with a name are taken off the list of what remains to be described.
class Directives {
 public:
  Directives() : heads_{{"CONTROL", control_heads()}, {"GRANT", grant_heads()}, {"ANNOTATION", annotation_heads()}} {}

  // `text` without its two '@'.
  Result<std::string> expand(const std::string& text) {
    if (text == "GLOBAL_OPTIONS") {
      return option_entries(cli::global_options());
    }
    if (text == "COMMANDS") {
      return command_sections();
    }
    if (text == "POLICY_SETS") {
      return policy_sets();
    }
    const auto blank = text.find(' ');
    const auto heads = heads_.find(text.substr(0, blank));
    if (blank == std::string::npos || heads == heads_.end()) {
      return fail(ErrorCode::usage, "unknown directive @" + text + "@");
    }
    used_.insert(heads->first);
    const auto node = heads->second.extract(text.substr(blank + 1));
    if (node.empty()) {
      return fail(ErrorCode::usage, "@" + text + "@: there is no such thing, or it is described twice");
    }
    return node.mapped();
  }

  [[nodiscard]] Status check_complete() const {
    for (const auto& name : used_) {
      if (const Heads& left = heads_.at(name); !left.empty()) {
        return fail(ErrorCode::usage, "describe @" + name + " " + left.begin()->first + "@ as well");
      }
    }
    return {};
  }

 private:
  std::map<std::string, Heads> heads_;
  std::set<std::string> used_;
};

}  // namespace

Result<std::string> manual_page(std::string_view source) {
  Directives directives;
  std::string out;
  while (!source.empty()) {
    const auto end = std::min(source.find('\n'), source.size());
    const std::string line(source.substr(0, end));
    source.remove_prefix(std::min(end + 1, source.size()));
    if (line.size() > 2 && line.front() == '@' && line.back() == '@') {
      TRY_ASSIGN(const std::string text, directives.expand(line.substr(1, line.size() - 2)));
      out += text;
    } else {
      out += replaced(line, "@VERSION@", NUCLEUS_VERSION) + "\n";
    }
  }
  TRY(directives.check_complete());
  return out;
}

}  // namespace nucleus::docs
