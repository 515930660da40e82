#include "runtime/plan/cgroup_systemd.hpp"

#include <algorithm>
#include <array>

namespace nucleus::plan {
namespace {

constexpr std::size_t kMaxUnitName = 255;  // UNIT_NAME_MAX
constexpr std::string_view kSlice = ".slice";

bool allowed_in_unit_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '-' ||
         c == '_' || c == '.' || c == '\\' || c == '@';
}

tl::unexpected<Error> wrong_path(const std::string& path, std::string_view why) {
  return fail(ErrorCode::invalid_config, "linux.cgroupsPath: \"" + path + "\": " + std::string(why));
}

// The three parts; an empty path has none.
Result<std::array<std::string, 3>> split(const std::string& path, const std::string& id) {
  if (path.empty()) {
    return std::array<std::string, 3>{"", "nucleus", id};
  }
  const auto first = path.find(':');
  const auto second = first == std::string::npos ? first : path.find(':', first + 1);
  if (second == std::string::npos || path.find(':', second + 1) != std::string::npos) {
    return fail(
        ErrorCode::invalid_config,  // runc's words
        "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"" + path + "\" instead");
  }
  return std::array<std::string, 3>{path.substr(0, first), path.substr(first + 1, second - first - 1),
                                    path.substr(second + 1)};
}

}  // namespace

Result<std::string> expand_slice(std::string_view slice) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid_config, "slice \"" + std::string(slice) + "\": " + std::string(why));
  };
  if (slice == "-.slice") {
    return std::string();
  }
  if (!slice.ends_with(kSlice) || slice.size() == kSlice.size() || slice.size() > kMaxUnitName) {
    return refuse("not the name of a slice");
  }
  if (!std::all_of(slice.begin(), slice.end(), allowed_in_unit_name)) {
    return refuse("holds a character that no unit's name has");
  }
  const std::string_view stem = slice.substr(0, slice.size() - kSlice.size());
  if (stem.front() == '-' || stem.back() == '-' || stem.find("--") != std::string_view::npos) {
    return refuse("an empty part between dashes");
  }
  std::string path;
  for (std::size_t end = stem.find('-'); end != std::string_view::npos; end = stem.find('-', end + 1)) {
    path += '/' + std::string(stem.substr(0, end)) + std::string(kSlice);
  }
  return path + '/' + std::string(slice);
}

std::string escape_unit_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : name) {
    if (allowed_in_unit_name(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

Result<UnitPlan> plan_unit(const std::string& cgroups_path, const std::string& id, bool rootless) {
  TRY_ASSIGN(const auto parts, split(cgroups_path, id));
  const auto& [slice, prefix, name] = parts;
  if (name.empty()) {
    return wrong_path(cgroups_path, "names no scope");
  }
  if (name.ends_with(kSlice)) {
    return wrong_path(cgroups_path, "a slice holds no processes of its own; name a scope");
  }
  UnitPlan out;
  out.name = escape_unit_name(prefix + "-" + name) + ".scope";
  if (out.name.size() > kMaxUnitName) {
    return wrong_path(cgroups_path, "a unit's name has at most 255 characters");
  }
  out.slice = slice.empty() ? (rootless ? "user.slice" : "system.slice") : slice;
  auto parent = expand_slice(out.slice);
  if (!parent) {
    return tl::unexpected<Error>(std::move(parent).error().with("linux.cgroupsPath"));
  }
  out.path = *parent + "/" + out.name;
  out.description = "nucleus container " + id;
  out.user_manager = rootless;
  return out;
}

}  // namespace nucleus::plan
