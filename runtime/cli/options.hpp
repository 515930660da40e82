// Option tables and their parser: runc's grammar (options before the command's first argument, `--f=v` and `--f v`,
// single-letter forms, single-dash long forms as Go accepts them).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::cli {

struct Option {
  std::string_view name;         // without dashes
  char letter = 0;               // 0: no short form
  std::string_view placeholder;  // "" for a switch; "text|json" lists all values
  std::string_view help;
};

class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const;
  // The last value given, or `fallback`.
  [[nodiscard]] std::string get(std::string_view name, std::string_view fallback = {}) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  // A decimal number within [low, high]; an error names the option.
  [[nodiscard]] Result<long> number(std::string_view name, long fallback, long low, long high) const;

  std::map<std::string, std::vector<std::string>, std::less<>> options;
  std::vector<std::string> rest;  // from the first argument that is no option
};

// Parses up to the first argument that is neither an option nor an option's value, or "--".
// Errors: ErrorCode::usage with runc's wording ("flag provided but not defined: -x").
[[nodiscard]] Result<Arguments> parse_options(std::span<const Option> table, const std::vector<std::string>& arguments);

// For commands with actions ("attest create"): what parse_options() gave, and the options that stand after and between the
// arguments, until "--".
[[nodiscard]] Result<Arguments> gather_options(std::span<const Option> table, const Arguments& first);

// The option table as help text, one line each.
[[nodiscard]] std::string describe_options(std::span<const Option> table);

}  // namespace nucleus::cli
