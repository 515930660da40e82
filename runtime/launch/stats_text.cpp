#include "runtime/launch/stats_text.hpp"

#include <algorithm>
#include <charconv>

namespace nucleus::launch {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end != 0) {
      parts.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool device(std::string_view text, oci::BlockIoEntry& out) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && number(text.substr(0, colon), out.major) &&
         number(text.substr(colon + 1), out.minor);
}

// "rbytes" -> "Read" of bytes; "" for a key of another kind.
struct IoKey {
  std::string_view key;
  std::string_view operation;
  bool bytes;
};
constexpr IoKey kIoKeys[] = {{"rbytes", "Read", true}, {"wbytes", "Write", true}, {"dbytes", "Discard", true},
                             {"rios", "Read", false},  {"wios", "Write", false},  {"dios", "Discard", false}};

void add_io(IoStat& out, oci::BlockIoEntry entry, std::string_view word) {
  const std::size_t equals = word.find('=');
  const auto* known = std::ranges::find(kIoKeys, word.substr(0, equals), &IoKey::key);
  if (equals == std::string_view::npos || known == std::end(kIoKeys) || !number(word.substr(equals + 1), entry.value)) {
    return;
  }
  entry.operation = known->operation;
  (known->bytes ? out.bytes : out.operations).push_back(std::move(entry));
}

}  // namespace

std::map<std::string, std::uint64_t> parse_flat(std::string_view text) {
  std::map<std::string, std::uint64_t> out;
  for (const auto line : split(text, '\n')) {
    const std::size_t blank = line.find(' ');
    std::uint64_t value = 0;
    if (blank != std::string_view::npos && number(line.substr(blank + 1), value)) {
      out.emplace(line.substr(0, blank), value);
    }
  }
  return out;
}

std::uint64_t parse_single(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  std::uint64_t value = 0;
  if (line == "max") {
    return UINT64_MAX;
  }
  return number(line, value) ? value : 0;
}

std::vector<std::uint64_t> parse_numbers(std::string_view text) {
  std::vector<std::uint64_t> out;
  for (const auto word : split(text.substr(0, text.find('\n')), ' ')) {
    std::uint64_t value = 0;
    if (!number(word, value)) {
      return {};
    }
    out.push_back(value);
  }
  return out;
}

std::vector<oci::BlockIoEntry> parse_blkio(std::string_view text) {
  std::vector<oci::BlockIoEntry> out;
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    oci::BlockIoEntry entry;
    if (words.size() == 3 && device(words[0], entry) && number(words[2], entry.value)) {
      entry.operation = words[1];
      out.push_back(std::move(entry));
    }
  }
  return out;
}

IoStat parse_io_stat(std::string_view text) {
  IoStat out;
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    oci::BlockIoEntry entry;
    if (words.empty() || !device(words[0], entry)) {
      continue;
    }
    for (std::size_t i = 1; i < words.size(); ++i) {
      add_io(out, entry, words[i]);
    }
  }
  return out;
}

void parse_usage_all(std::string_view text, oci::CpuUsage& out) {
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    std::uint64_t user = 0;
    std::uint64_t kernel = 0;
    if (words.size() == 3 && number(words[1], user) && number(words[2], kernel)) {
      out.per_cpu_user.push_back(user);
      out.per_cpu_kernel.push_back(kernel);
    }
  }
}

}  // namespace nucleus::launch
