#include "runtime/cli/options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <iterator>

namespace nucleus::cli {
namespace {

namespace po = boost::program_options;

const Option* find(std::span<const Option> table, std::string_view spelled) {
  const auto hit = std::find_if(table.begin(), table.end(), [&](const Option& option) {
    return option.name == spelled || (spelled.size() == 1 && option.letter == spelled.front());
  });
  return hit == table.end() ? nullptr : &*hit;
}

tl::unexpected<Error> usage(std::string text) { return fail(ErrorCode::usage, std::move(text)); }

// Options made uniform: every one spelled "--name" (before a value "--name=" and kMark), switches without "=true", and
// where the rest begins.
struct Split {
  std::vector<std::string> options;
  std::vector<std::string> rest;
};

// Put before every value, because the library takes an empty one for a missing one; runc's callers may give empty ones.
constexpr char kMark = '=';

Status take_switch(const Option& option, std::string_view word, std::size_t equals, Split& out) {
  const std::string_view value = equals == std::string_view::npos ? "true" : word.substr(equals + 1);
  if (value == "true" || value == "1") {
    out.options.push_back("--" + std::string(option.name));
  } else if (value != "false" && value != "0") {
    return usage("invalid boolean value \"" + std::string(value) + "\" for -" + std::string(option.name));
  }
  return {};
}

Result<Split> split(std::span<const Option> table, const std::vector<std::string>& arguments) {
  Split out;
  std::size_t i = 0;
  for (; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--") {
      ++i;
      break;
    }
    if (word.size() < 2 || word.front() != '-') {
      break;
    }
    const std::size_t dashes = word.substr(0, 2) == "--" ? 2 : 1;
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(dashes, equals == std::string_view::npos ? equals : equals - dashes);
    const Option* option = find(table, name);
    if (option == nullptr) {
      return usage("flag provided but not defined: -" + std::string(name));
    }
    if (option->placeholder.empty()) {
      TRY(take_switch(*option, word, equals, out));
      continue;
    }
    if (equals == std::string_view::npos && i + 1 == arguments.size()) {
      return usage("flag needs an argument: -" + std::string(name));
    }
    const std::string value = equals == std::string_view::npos ? arguments[++i] : std::string(word.substr(equals + 1));
    out.options.push_back("--" + std::string(option->name) + "=" + kMark + value);
  }
  out.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
  return out;
}

po::options_description description(std::span<const Option> table) {
  po::options_description out;
  for (const Option& option : table) {
    const std::string name(option.name);
    const std::string help(option.help);
    if (option.placeholder.empty()) {
      out.add_options()(name.c_str(), help.c_str());
    } else {
      out.add_options()(name.c_str(), po::value<std::vector<std::string>>()->composing(), help.c_str());
    }
  }
  return out;
}

}  // namespace

bool Arguments::has(std::string_view name) const { return options.find(name) != options.end(); }

std::string Arguments::get(std::string_view name, std::string_view fallback) const {
  const auto hit = options.find(name);
  return hit == options.end() || hit->second.empty() ? std::string(fallback) : hit->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto hit = options.find(name);
  return hit == options.end() ? std::vector<std::string>{} : hit->second;
}

Result<long> Arguments::number(std::string_view name, long fallback, long low, long high) const {
  if (!has(name)) {
    return fallback;
  }
  const std::string text = get(name);
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
    return usage("invalid value \"" + text + "\" for flag -" + std::string(name));
  }
  return value;
}

Result<Arguments> parse_options(std::span<const Option> table, const std::vector<std::string>& arguments) {
  TRY_ASSIGN(Split parts, split(table, arguments));
  Arguments out;
  out.rest = std::move(parts.rest);
  try {
    const po::options_description known = description(table);
    const auto parsed = po::command_line_parser(parts.options)
                            .options(known)
                            .style(po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent)
                            .run();
    for (const auto& option : parsed.options) {
      auto& values = out.options[option.string_key];
      for (const auto& value : option.value) {
        values.push_back(value.substr(1));  // without kMark
      }
    }
  } catch (const po::error& error) {
    return usage(error.what());
  }
  return out;
}

Result<Arguments> gather_options(std::span<const Option> table, const Arguments& first) {
  Arguments out = first;
  out.rest.clear();
  std::vector<std::string> words = first.rest;
  while (!words.empty()) {
    out.rest.push_back(std::move(words.front()));
    words.erase(words.begin());
    TRY_ASSIGN(auto more, parse_options(table, words));
    for (auto& [name, values] : more.options) {
      auto& all = out.options[name];
      std::ranges::move(values, std::back_inserter(all));
    }
    words = std::move(more.rest);
  }
  return out;
}

std::string describe_options(std::span<const Option> table) {
  constexpr std::size_t kHelpColumn = 36;
  std::string out;
  for (const Option& option : table) {
    std::string left = "   --" + std::string(option.name);
    if (option.letter != 0) {
      left += std::string(", -") + option.letter;
    }
    if (!option.placeholder.empty()) {
      left += " " + std::string(option.placeholder);
    }
    if (left.size() + 2 > kHelpColumn) {
      out += left + "\n";
      left.clear();
    }
    left.resize(kHelpColumn, ' ');
    out += left + std::string(option.help) + "\n";
  }
  return out;
}

}  // namespace nucleus::cli
