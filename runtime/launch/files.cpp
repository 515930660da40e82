#include "runtime/launch/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "runtime/base/io.hpp"

namespace nucleus::launch {
namespace {

using hardening::GrantKind;

// Negative: every number. Beyond 32 bits there is no device, and it must not become one by losing the high half.
std::optional<std::uint32_t> number(const std::optional<std::int64_t>& value) {
  if (!value || *value < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(std::min<std::int64_t>(*value, UINT32_MAX));
}

}  // namespace

std::string filter_bytes(const std::vector<std::uint64_t>& filter) {
  std::string out(filter.size() * sizeof(std::uint64_t), '\0');
  std::memcpy(out.data(), filter.data(), out.size());
  return out;
}

Result<plan::SeccompPlan> load_filter(const state::Directory& directory, unsigned flags) {
  TRY_ASSIGN(const std::string bytes, directory.read(kFilterFile));
  if (bytes.empty() || bytes.size() % sizeof(std::uint64_t) != 0) {
    return fail(ErrorCode::state, "the stored seccomp filter is damaged");
  }
  plan::SeccompPlan out;
  out.flags = flags;
  out.filter.resize(bytes.size() / sizeof(std::uint64_t));
  std::memcpy(out.filter.data(), bytes.data(), bytes.size());
  return out;
}

Status write_pid_file(const std::string& path, int pid) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  auto directory = open_at(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    return tl::unexpected<Error>(std::move(directory).error().with("pid file"));
  }
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return replace_file(directory->get(), name, std::to_string(pid), 0644, false);
}

std::string rfc3339_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%09ldZ", now.tv_nsec);
  return text;
}

std::vector<sys::DeviceRule> device_rules(const std::vector<oci::DeviceRule>& rules) {
  std::vector<sys::DeviceRule> out;
  for (const auto& rule : rules) {
    const char type = rule.type.empty() ? 'a' : rule.type.front();
    out.push_back(
        {rule.allow, type, number(rule.major), number(rule.minor), rule.access.empty() ? "rwm" : rule.access});
  }
  return out;
}

oci::StateDocument hook_document(const state::Record& record) {
  oci::StateDocument out;
  out.id = record.id;
  out.status = "creating";
  out.bundle = record.bundle;
  out.rootfs = record.rootfs;
  out.annotations = record.annotations;
  return out;
}

std::vector<std::string> granted_namespaces(const hardening::Confinement& confinement) {
  if (confinement.mode == hardening::Mode::passthrough) {
    return {"pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time"};
  }
  std::vector<std::string> out;
  const auto add = [&](GrantKind kind, const char* type) {
    if (confinement.policy.find(kind) != nullptr) {
      out.emplace_back(type);
    }
  };
  add(GrantKind::host_network, "network");
  add(GrantKind::host_pid, "pid");
  add(GrantKind::host_ipc, "ipc");
  return out;
}

}  // namespace nucleus::launch
