#include "runtime/launch/home.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>

#include "runtime/base/io.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::launch {
namespace {

constexpr std::string_view kNoHome = "/";
constexpr std::size_t kPasswdLimit = 1U << 20U;
constexpr std::size_t kUid = 2;
constexpr std::size_t kHome = 5;

// name:password:uid:gid:comment:home:shell
std::array<std::string_view, 6> fields_of(std::string_view line) {
  std::array<std::string_view, 6> fields{};
  for (auto& field : fields) {
    const std::size_t colon = line.find(':');
    field = line.substr(0, colon);
    line = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  }
  return fields;
}

bool is_number(std::string_view text, std::uint32_t wanted) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number == wanted;
}

Result<std::string> read_passwd() {
  TRY_ASSIGN(const auto root, sys::RootDir::open_host("/"));
  TRY_ASSIGN(const UniqueFd file, root.open("etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorCode::invalid_config, "/etc/passwd: not a regular file");
  }
  return read_all(file.get(), kPasswdLimit, "/etc/passwd");
}

}  // namespace

std::string home_in(std::string_view passwd, std::uint32_t uid) {
  while (!passwd.empty()) {
    const std::size_t newline = passwd.find('\n');
    const auto fields = fields_of(passwd.substr(0, newline));
    if (is_number(fields[kUid], uid) && fields[kHome].find('\0') == std::string_view::npos) {
      return std::string(fields[kHome].empty() ? kNoHome : fields[kHome]);
    }
    passwd = newline == std::string_view::npos ? std::string_view() : passwd.substr(newline + 1);
  }
  return std::string(kNoHome);
}

std::string home_directory(std::uint32_t uid) {
  const auto passwd = read_passwd();
  return passwd ? home_in(*passwd, uid) : std::string(kNoHome);
}

}  // namespace nucleus::launch
