// Random specs for property tests: engine-like, privileged, hostile and odd ones. The same seed gives the same spec.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "hardening/test_support.hpp"

namespace nucleus::hardening::test {

class SpecGenerator {
 public:
  explicit SpecGenerator(unsigned seed) : random_(seed) {}

  oci::Spec spec() {
    oci::Spec out = plain_spec();
    namespaces(out);
    process(*out.process);
    for (unsigned i = upto(6); i > 0; --i) {
      out.mounts.push_back(mount());
    }
    out.root.readonly = chance(3);
    out.linux.rootfs_propagation = pick({"", "private", "rslave", "shared", "rshared"});
    paths(out.linux);
    devices(out.linux);
    sysctls(out.linux);
    if (chance(2)) {
      out.linux.seccomp = seccomp();
    }
    if (chance(5)) {
      out.annotations["io.container.manager"] = "libpod";
    }
    if (chance(4)) {
      out.annotations["io.nucleus.rootfs"] = pick({"ephemeral", "persistent"});
    }
    return out;
  }

  Policy policy() {
    static const std::vector<std::string> kGrants = {"capability:CAP_NET_ADMIN",
                                                     "capability:CAP_SYS_ADMIN",
                                                     "device:/dev/fuse",
                                                     "device:c 10:229",
                                                     "device:a *:*",
                                                     "host-network",
                                                     "host-pid",
                                                     "host-ipc",
                                                     "new-privileges",
                                                     "seccomp-unconfined",
                                                     "exec:/data",
                                                     "exec:/tmp",
                                                     "bind:/dev/fuse",
                                                     "bind:/proc",
                                                     "writable:/sys",
                                                     "unmasked:/proc/kcore",
                                                     "sysctl:kernel.panic",
                                                     "mount-type:overlay",
                                                     "net-device:eth0",
                                                     "persistent-rootfs",
                                                     "shared-mounts"};
    Policy out = small_policy(subset(kGrants, 3));
    out.keep_bounding = subset({"CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN"}, 2);
    out.keep_ambient = subset(out.keep_bounding, 2);
    return out;
  }

  HostFacts facts() {
    HostFacts out = root_facts();
    out.landlock_abi = static_cast<int>(upto(7));
    out.capabilities = chance(2) ? 0 : out.capabilities;
    out.in_user_namespace = chance(4);
    out.time_namespaces = !chance(4);
    out.rootfs.is_mount = chance(2);
    out.rootfs.inside_bundle = chance(2);
    out.rootfs.readable = !chance(4);
    return out;
  }

 private:
  unsigned upto(unsigned most) { return static_cast<unsigned>(random_() % (most + 1)); }
  bool chance(unsigned one_in) { return upto(one_in - 1) == 0; }
  std::string pick(const std::vector<std::string>& from) { return from[upto(static_cast<unsigned>(from.size()) - 1)]; }
  std::vector<std::string> subset(const std::vector<std::string>& from, unsigned one_in) {
    std::vector<std::string> out;
    for (const auto& text : from) {
      if (chance(one_in)) {
        out.push_back(text);
      }
    }
    return out;
  }

  void namespaces(oci::Spec& out) {
    std::erase_if(out.linux.namespaces, [&](const auto&) { return chance(8); });
    for (auto& entry : out.linux.namespaces) {
      entry.path = chance(6) ? pick({"/run/netns/own", "/proc/1/ns/net"}) : "";
    }
    if (chance(3)) {
      out.linux.namespaces.push_back({"user", "", {}});
      out.linux.gid_mappings = {{0, 100000, 65536, {}}};
    }
  }

  void process(oci::Process& out) {
    static const std::vector<std::string> kNames = {"CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_NET_ADMIN",
                                                    "CAP_SYS_ADMIN"};
    if (chance(8)) {
      return;
    }
    out.capabilities.emplace();
    for (auto* const set : {&out.capabilities->bounding, &out.capabilities->effective, &out.capabilities->permitted,
                            &out.capabilities->inheritable, &out.capabilities->ambient}) {
      *set = subset(kNames, 2);
    }
    out.no_new_privileges = chance(3);
    if (chance(3)) {
      out.rlimits.push_back({"RLIMIT_CORE", upto(5), 0, {}});
    }
    if (chance(3)) {
      out.rlimits.push_back({"RLIMIT_NOFILE", 100000, 5000, {}});
    }
    if (chance(3)) {
      out.oom_score_adj = static_cast<int>(upto(1000)) - 500;
    }
  }

  oci::Mount mount() {
    const std::string type =
        pick({"bind", "none", "tmpfs", "proc", "sysfs", "cgroup", "devpts", "mqueue", "overlay", ""});
    std::vector<std::string> options = subset(
        {"bind",  "rbind", "ro",     "rw",    "rro",     "rrw",    "suid",    "nosuid",   "rnosuid", "dev",
         "nodev", "exec",  "noexec", "rexec", "rnoexec", "shared", "rshared", "rprivate", "size=1m", "tmpcopyup"},
        4);
    return mount_of(pick({"/data", "/tmp", "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/shm", "/usr/share/x",
                          "/data/../tmp", "/app/"}),
                    type, pick({"/srv/x", "/", "/proc", "/sys", "/dev/fuse", "/run/docker.sock", "tmpfs", "vol"}),
                    std::move(options));
  }

  void paths(oci::Linux& out) {
    out.masked_paths = subset({"/proc/kcore", "/proc/kcore", "/proc/mine", "/sys/firmware"}, 2);
    out.readonly_paths = subset({"/proc/sys", "/proc/bus", "/proc/sys"}, 2);
  }

  void devices(oci::Linux& out) {
    for (const auto& [path, type, major, minor] :
         {std::tuple{"/dev/null", "c", 1, 3}, std::tuple{"/dev/fuse", "c", 10, 229}, std::tuple{"/dev/sda", "b", 8, 0},
          std::tuple{"/dev/zero", "b", 1, 5}}) {
      if (chance(3)) {
        oci::Device device;
        device.path = path;
        device.type = type;
        device.major = major;
        device.minor = minor;
        out.devices.push_back(device);
      }
    }
    if (chance(3)) {
      out.net_devices[pick({"eth0", "eth1"})] = {};
    }
    if (chance(4)) {
      return;
    }
    out.resources.emplace();
    for (unsigned i = upto(6); i > 0; --i) {
      const bool any = chance(3);
      const auto number = [&](std::int64_t value) { return any ? std::nullopt : std::optional<std::int64_t>(value); };
      out.resources->devices.push_back({chance(2),
                                        pick({"", "a", "c", "b"}),
                                        number(pick({"1", "10"}) == "1" ? 1 : 10),
                                        number(chance(2) ? 3 : 229),
                                        pick({"rwm", "rw", "m", ""}),
                                        {}});
    }
    if (chance(2)) {
      out.resources->pids = oci::PidsLimits{static_cast<int>(upto(2)) - 1, {}};
    }
  }

  void sysctls(oci::Linux& out) {
    for (const auto& name : subset({"net.ipv4.ip_forward", "kernel.panic", "kernel/shmmax", "fs.mqueue.msg_max",
                                    "net.ipv4.ping_group_range", "kernel.hostname", "a/b.c~d"},
                                   3)) {
      out.sysctl[name] = "1";
    }
  }

  oci::Seccomp seccomp() {
    oci::Seccomp out;
    out.default_action = pick({"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"});
    out.syscalls = {{subset({"read", "write", "open", "future_call"}, 2), "SCMP_ACT_ALLOW", {}, {}, {}},
                    {subset({"ptrace", "write"}, 2), "SCMP_ACT_ERRNO", {}, {}, {}}};
    std::erase_if(out.syscalls, [](const auto& rule) { return rule.names.empty(); });
    return out;
  }

  std::mt19937 random_;
};

}  // namespace nucleus::hardening::test
