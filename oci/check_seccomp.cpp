// config-linux.md "Seccomp". Whether a syscall name exists is a question for the compiler of the profile.
#include "oci/checks.hpp"
#include "oci/seccomp_names.hpp"

namespace nucleus::oci::checks {
namespace {

// SECCOMP_RET_DATA carries an errno (up to MAX_ERRNO) or 16 bits for the tracer.
Status errno_return(const std::string& path, std::string_view action, const std::optional<std::uint32_t>& value) {
  constexpr std::uint32_t kMaxErrno = 4095;
  constexpr std::uint32_t kMaxTrace = 0xffff;
  if (!value) {
    return {};
  }
  if (action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRACE") {
    return invalid(path, "needs SCMP_ACT_ERRNO or SCMP_ACT_TRACE, got " + std::string(action));
  }
  const std::uint32_t most = action == "SCMP_ACT_ERRNO" ? kMaxErrno : kMaxTrace;
  return *value > most ? Status(invalid(path, "must be at most " + std::to_string(most))) : Status{};
}

bool notifies(const Seccomp& seccomp) {
  return std::any_of(seccomp.syscalls.begin(), seccomp.syscalls.end(),
                     [](const SeccompRule& rule) { return rule.action == "SCMP_ACT_NOTIFY"; });
}

}  // namespace

Status seccomp_actions(const Seccomp& seccomp) {
  TRY(known_name("linux.seccomp.defaultAction", "action", seccomp.default_action, kSeccompActions));
  if (seccomp.default_action == "SCMP_ACT_NOTIFY") {
    return invalid("linux.seccomp.defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
  }
  TRY(errno_return("linux.seccomp.defaultErrnoRet", seccomp.default_action, seccomp.default_errno_ret));
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    const SeccompRule& rule = seccomp.syscalls[i];
    const std::string path = element("linux.seccomp.syscalls", i);
    TRY(known_name(path + ".action", "action", rule.action, kSeccompActions));
    TRY(errno_return(path + ".errnoRet", rule.action, rule.errno_ret));
  }
  TRY(known_names("linux.seccomp.architectures", "architecture", seccomp.architectures, kSeccompArchitectures));
  return known_names("linux.seccomp.flags", "flag", seccomp.flags, kSeccompFlags);
}

Status seccomp_names(const Seccomp& seccomp) {
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    const auto& names = seccomp.syscalls[i].names;
    const std::string path = element("linux.seccomp.syscalls", i) + ".names";
    if (names.empty()) {
      return invalid(path, "must not be empty");
    }
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (names[j].empty() || has_control(names[j])) {
        return invalid(element(path, j), "not a syscall name: " + quote(names[j]));
      }
    }
    // write() is how the filter's own loader reports; a notification on it could never be answered.
    if (seccomp.syscalls[i].action == "SCMP_ACT_NOTIFY" &&
        std::find(names.begin(), names.end(), "write") != names.end()) {
      return invalid(path, "SCMP_ACT_NOTIFY cannot be used for write");
    }
  }
  return {};
}

Status seccomp_arguments(const Seccomp& seccomp) {
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    const auto& args = seccomp.syscalls[i].args;
    for (std::size_t j = 0; j < args.size(); ++j) {
      const std::string path = element(element("linux.seccomp.syscalls", i) + ".args", j);
      if (args[j].index > 5) {
        return invalid(path + ".index", "must be at most 5");
      }
      TRY(known_name(path + ".op", "operator", args[j].op, kSeccompOperators));
    }
  }
  return {};
}

Status seccomp_listener(const Seccomp& seccomp) {
  if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty()) {
    return invalid("linux.seccomp.listenerMetadata", "needs linux.seccomp.listenerPath");
  }
  if (!seccomp.listener_path.empty()) {
    TRY(absolute_path("linux.seccomp.listenerPath", seccomp.listener_path));
  } else if (notifies(seccomp)) {
    return invalid("linux.seccomp.listenerPath", "must be set: a rule uses SCMP_ACT_NOTIFY");
  }
  return {};
}

}  // namespace nucleus::oci::checks
