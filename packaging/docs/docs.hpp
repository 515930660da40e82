// Manual pages and completion, made of the tables that the command line itself is made of (runtime/cli/command.hpp), so
// that neither can lack an option. A program of the build: nothing of this is in the runtime.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/cli/command.hpp"

namespace nucleus::docs {

// How the value of an option is completed.
enum class ValueKind : std::uint8_t {
  none,  // a switch, or a value that only the user knows
  words,
  file,
  directory,
  policy,  // the name of a policy set, or a directory
  grant,   // the kinds of grants; those that end in ':' go on
};

struct Value {
  ValueKind kind = ValueKind::none;
  std::vector<std::string> words;  // of ValueKind::words, policy and grant
};

// By the option's placeholder: "text|json" is words, DIR a directory, FILE and PATH a file, SET and GRANT by themselves.
[[nodiscard]] Value value_of(const cli::Option& option);

// The first argument is the id of a container that exists.
[[nodiscard]] bool takes_container(const cli::Command& command);
// The words of a command that is several, from arguments such as "list | show [SET...] | lint [SET...]".
[[nodiscard]] std::vector<std::string> actions_of(const cli::Command& command);
[[nodiscard]] bool takes_signal(const cli::Command& command);
[[nodiscard]] bool is_repeatable(const cli::Option& option);

// A roff page with the directives below replaced; each stands alone on its line. A page that uses a directive with a
// name has to name all there are of it, so that no control, grant or annotation goes without a description.
//   @GLOBAL_OPTIONS@ @COMMANDS@ @POLICY_SETS@
//   @CONTROL name@     the head of an entry: a row of the table of modes, and what each mode does
//   @GRANT kind@       the head of an entry: how the grant is spelled
//   @ANNOTATION name@  the head of an entry
// Elsewhere in the text @VERSION@ is the version.
[[nodiscard]] Result<std::string> manual_page(std::string_view source);

// A shell's completion from its source, packaging/completion/nucleus-oci.SHELL.in.
[[nodiscard]] std::string bash_completion(std::string source);
[[nodiscard]] std::string zsh_completion(std::string source);
[[nodiscard]] std::string fish_completion(std::string source);

// "a b c", with `separator` between.
[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view separator = " ");
// Every `from` in text becomes `to`.
[[nodiscard]] std::string replaced(std::string text, std::string_view from, std::string_view to);
// Every @NAME@ becomes its text.
[[nodiscard]] std::string filled(std::string source, const std::map<std::string, std::string>& texts);

}  // namespace nucleus::docs
