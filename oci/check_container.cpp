// config.md: the members of the document itself, and hooks.
#include <array>
#include <utility>

#include "oci/checks.hpp"

namespace nucleus::oci::checks {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a run of digits off the front.
bool take_number(std::string_view& text) {
  const std::size_t size =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  text.remove_prefix(size);
  return size > 0;
}

bool take_dot(std::string_view& text) {
  const bool dot = text.starts_with('.');
  text.remove_prefix(dot ? 1 : 0);
  return dot;
}

// SemVer 2.0: MAJOR.MINOR.PATCH, then optionally -pre-release and +build.
bool is_semver(std::string_view text) {
  if (!(take_number(text) && take_dot(text) && take_number(text) && take_dot(text) && take_number(text))) {
    return false;
  }
  constexpr std::string_view kSuffix = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+";
  const bool has_suffix = text.size() > 1 && (text.front() == '-' || text.front() == '+');
  return text.empty() || (has_suffix && text.find_first_not_of(kSuffix) == std::string_view::npos);
}

Status host_name(std::string_view path, std::string_view name) {
  constexpr std::size_t kLongest = 64;  // uname(2)
  if (name.size() > kLongest) {
    return invalid(path, "longer than 64 bytes");
  }
  return has_control(name) ? Status(invalid(path, "holds a control character")) : Status{};
}

Status hook_list(std::string_view path, std::span<const Hook> list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    TRY(absolute_path(element(path, i) + ".path", list[i].path));
    if (list[i].timeout && *list[i].timeout <= 0) {
      return invalid(element(path, i) + ".timeout", "must be greater than 0");
    }
  }
  return {};
}

}  // namespace

// Any version is accepted, as runc does: engines write what they were built with.
Status oci_version(const Spec& spec) {
  if (spec.oci_version.empty()) {
    return invalid("ociVersion", "must not be empty");
  }
  if (!is_semver(spec.oci_version)) {
    return invalid("ociVersion", "not a version: " + quote(spec.oci_version));
  }
  return {};
}

Status root_path(const Spec& spec) {
  if (spec.root.path.empty()) {
    return invalid("root.path", "must not be empty");
  }
  return {};
}

Status host_names(const Spec& spec) {
  TRY(host_name("hostname", spec.hostname));
  TRY(host_name("domainname", spec.domainname));
  return {};
}

Status annotations(const Spec& spec) {
  if (spec.annotations.contains("")) {
    return invalid("annotations", "keys must not be empty");
  }
  return {};
}

Status hooks(const Spec& spec) {
  TRY(hook_list("hooks.prestart", spec.hooks.prestart));
  TRY(hook_list("hooks.createRuntime", spec.hooks.create_runtime));
  TRY(hook_list("hooks.createContainer", spec.hooks.create_container));
  TRY(hook_list("hooks.startContainer", spec.hooks.start_container));
  TRY(hook_list("hooks.poststart", spec.hooks.poststart));
  return hook_list("hooks.poststop", spec.hooks.poststop);
}

Status process_present(const Spec& spec) { return spec.process ? Status{} : Status(invalid("process", "must be set")); }

}  // namespace nucleus::oci::checks
