#include "runtime/cli/listen_fds.hpp"

#include <charconv>
#include <string_view>

namespace nucleus::cli {
namespace {

constexpr long kMost = 1024;  // as many as --preserve-fds

// -1 for what is no decimal number.
long number_of(const char* text) {
  const std::string_view digits = text == nullptr ? std::string_view() : text;
  long value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() ? value : -1;
}

}  // namespace

unsigned listen_descriptors(const char* fds, const char* pid, pid_t self) {
  const long count = number_of(fds);
  return number_of(pid) == self && count > 0 && count <= kMost ? static_cast<unsigned>(count) : 0;
}

}  // namespace nucleus::cli
