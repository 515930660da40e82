#include "hardening/rules/bind_sources.hpp"

#include <algorithm>
#include <array>

#include "hardening/mount_kind.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/path_text.hpp"

namespace nucleus::hardening {
namespace {

struct Guarded {
  std::string_view path;
  std::string_view what;
};

// A source at, below or above one of these is sensitive.
constexpr std::array kTrees = {
    Guarded{"/proc", "the host's processes and kernel settings"},
    Guarded{"/sys", "the host's kernel and device settings"},
    Guarded{"/boot", "the host's kernel images"},
    Guarded{"/dev", "the host's devices"},
    Guarded{"/etc/shadow", "the host's password hashes"},
    Guarded{"/etc/gshadow", "the host's password hashes"},
    Guarded{"/run/containerd", "the container engine's control socket and state"},
    Guarded{"/run/docker", "the container engine's control socket and state"},
    Guarded{"/run/systemd", "the host's service manager"},
    Guarded{"/run/dbus", "the host's system bus"},
};

// Read-only, single files of these are bound every day (/etc/localtime); writable, they are the host's own programs and
// settings.
constexpr std::array kWritableTrees = {
    Guarded{"/etc", "the host's settings"},
    Guarded{"/usr", "the host's programs"},
    Guarded{"/bin", "the host's programs"},
    Guarded{"/sbin", "the host's programs"},
    Guarded{"/lib", "the host's libraries"},
    Guarded{"/lib32", "the host's libraries"},
    Guarded{"/lib64", "the host's libraries"},
    Guarded{"/libx32", "the host's libraries"},
    Guarded{"/var/spool/cron", "the host's scheduled jobs"},
};

// Only the whole of these: engines bind single files from below for every container.
constexpr std::array kWholes = {
    Guarded{"/run/podman", "the container engine's control socket"},
    Guarded{"/run/crio", "the container engine's control socket"},
    Guarded{"/var/lib/docker", "every container's files"},
    Guarded{"/var/lib/containerd", "every container's files"},
    Guarded{"/var/lib/containers", "every container's files"},
    Guarded{"/var/lib/containers/storage", "every container's files"},
};

// containerd's CRI plugin keeps each pod's /dev/shm here.
constexpr std::string_view kPodShm = "/run/containerd/io.containerd.grpc.v1.cri/sandboxes";

constexpr std::array<std::string_view, 4> kSockets = {"docker.sock", "podman.sock", "containerd.sock", "crio.sock"};

// Nodes that every container has anyway; engines without the right to make nodes bind them.
constexpr std::array<std::string_view, 6> kHarmlessNodes = {"/dev/null",   "/dev/zero",    "/dev/full",
                                                            "/dev/random", "/dev/urandom", "/dev/tty"};

// The two places in /dev that engines bind for --ipc=host.
bool comes_with_host_ipc(const RuleContext& context, std::string_view source) {
  return (source == "/dev/shm" || source == "/dev/mqueue") && shares_host(context.spec, context.facts, "ipc");
}

// /var/run is a name of /run on every distribution.
std::string usual_name(const std::string& path) {
  return at_or_below(path, "/var/run") ? path.substr(std::string_view("/var").size()) : path;
}

bool is_engine_socket(std::string_view name) {
  return std::ranges::any_of(kSockets, [&](std::string_view socket) { return name.starts_with(socket); });
}

bool is_password_file(std::string_view source) {
  return source.starts_with("/etc/shadow") || source.starts_with("/etc/gshadow");
}

bool is_harmless(const RuleContext& context, std::string_view source) {
  return std::ranges::count(kHarmlessNodes, source) != 0 || comes_with_host_ipc(context, source) ||
         (at_or_below(source, kPodShm) && source != kPodShm);
}

std::string judge(const RuleContext& context, const std::string& asked, bool writable) {
  const std::string source = usual_name(asked);
  if (source.empty() || source == "..") {
    return "its source cannot be told";
  }
  if (source.starts_with("../")) {
    return "its source lies outside the bundle";
  }
  if (is_harmless(context, source)) {
    return "";
  }
  if (is_engine_socket(source.substr(source.rfind('/') + 1))) {
    return "whoever can write to a container engine's socket is root on the host";
  }
  if (is_password_file(source)) {
    return "it opens the host's password hashes";
  }
  for (const auto& tree : kTrees) {
    if (at_or_below(source, tree.path) || at_or_below(tree.path, source)) {
      return "it opens " + std::string(tree.what);
    }
  }
  for (const auto& whole : kWholes) {
    if (at_or_below(whole.path, source)) {
      return "it opens " + std::string(whole.what);
    }
  }
  for (const auto& tree : kWritableTrees) {
    if (writable && at_or_below(source, tree.path)) {
      return "it opens " + std::string(tree.what) + " for writing";
    }
  }
  return "";
}

}  // namespace

bool stands_for_kernel_mount(const RuleContext& context, const oci::Mount& mount) {
  const std::string source = normal_path(mount.source);
  if (mount_kind(mount) != MountKind::bind || source != normal_path(mount.destination)) {
    return false;
  }
  return (source == "/sys" && shares_host(context.spec, context.facts, "network")) ||
         (source == "/proc" && shares_host(context.spec, context.facts, "pid"));
}

std::string sensitive_bind(const RuleContext& context, const oci::Mount& mount) {
  if (stands_for_kernel_mount(context, mount)) {
    return "";
  }
  const bool writable = !is_read_only(mount);
  std::string why = judge(context, normal_path(mount.source), writable);
  const auto real = context.facts.bind_sources.find(mount.source);
  if (!why.empty() || real == context.facts.bind_sources.end()) {
    return why;
  }
  const std::string behind = judge(context, normal_path(real->second), writable);
  return behind.empty() ? "" : behind + " (" + mount.source + " leads to " + real->second + ")";
}

}  // namespace nucleus::hardening
