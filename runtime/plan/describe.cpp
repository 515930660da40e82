#include "runtime/plan/plan.hpp"

#include <cstdio>

namespace nucleus::plan {
namespace {

std::string mask_text(CapabilityMask mask) {
  if (mask == 0) {
    return "none";
  }
  std::string out;
  for (unsigned i = 0; i < kCapabilityNames.size(); ++i) {
    if ((mask >> i & 1) != 0) {
      out += (out.empty() ? "" : " ") + std::string(kCapabilityNames[i]);
    }
  }
  return out;
}

std::string octal(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", value);
  return text;
}

struct Describe {
  std::string operator()(const JoinNamespace& op) const { return "join " + op.type + " namespace " + op.path; }
  std::string operator()(const JoinCgroup&) const { return "join the container's cgroups"; }
  std::string operator()(const UnshareCgroup&) const { return "new cgroup namespace"; }
  std::string operator()(const BecomeNamespaceRoot&) const { return "become root of the user namespace"; }
  std::string operator()(const NewSessionKeyring& op) const { return "new session keyring " + op.name; }
  std::string operator()(const SetHostname& op) const { return "set hostname " + op.name; }
  std::string operator()(const SetDomainname& op) const { return "set domainname " + op.name; }
  std::string operator()(const LoopbackUp&) const { return "bring up the loopback interface"; }
  std::string operator()(const InstallEgress&) const { return "install the egress rules"; }
  std::string operator()(const AttachRoot& op) const { return "make mounts " + op.propagation + ", attach rootfs"; }
  std::string operator()(const MountFilesystem& op) const { return "mount " + op.type + " on " + op.target; }
  std::string operator()(const AttachMount& op) const { return "bind mount on " + op.target; }
  std::string operator()(const MakeDeviceNode& op) const { return "create device " + op.device.path; }
  std::string operator()(const MakeSymlink& op) const { return "link " + op.path + " -> " + op.target; }
  std::string operator()(const EnsureDirectory& op) const { return "create directory " + op.path; }
  std::string operator()(const RuntimeHooks&) const { return "createRuntime hooks"; }
  std::string operator()(const ContainerHooks&) const { return "createContainer hooks"; }
  std::string operator()(const PivotRoot&) const { return "pivot_root"; }
  std::string operator()(const MountPropagation& op) const { return "make / " + op.propagation; }
  std::string operator()(const MaskPath& op) const { return "mask " + op.path; }
  std::string operator()(const ReadonlyPath& op) const { return "make " + op.path + " read-only"; }
  std::string operator()(const RemountReadonly& op) const { return "remount " + op.target + " read-only"; }
  std::string operator()(const ReadonlyRoot&) const { return "make / read-only"; }
  std::string operator()(const WriteSysctl& op) const { return "sysctl " + op.name + "=" + op.value; }
  std::string operator()(const OpenConsole&) const { return "open the console"; }
  std::string operator()(const ReopenNull&) const { return "reopen /dev/null"; }
  std::string operator()(const ReleaseSetup&) const { return "close set-up descriptors"; }
  std::string operator()(const EnterDirectory& op) const { return "chdir to " + op.path; }
  std::string operator()(const ResolveExecutable&) const { return "resolve the executable"; }
  std::string operator()(const PrepareLandlock&) const { return "prepare the Landlock ruleset"; }
  std::string operator()(const SetRlimit& op) const {
    return "set " + op.limit.type + " " + std::to_string(op.limit.soft) + ":" + std::to_string(op.limit.hard);
  }
  std::string operator()(const SetOomScore& op) const { return "set oom_score_adj " + std::to_string(op.value); }
  std::string operator()(const SetScheduler& op) const { return "set scheduler " + op.scheduler.policy; }
  std::string operator()(const SetIoPriority& op) const { return "set io priority " + op.priority.io_class; }
  std::string operator()(const SetPersonality& op) const { return "set personality " + op.personality.domain; }
  std::string operator()(const SetMemoryPolicy& op) const { return "set memory policy " + op.policy.mode; }
  std::string operator()(const SetCpuAffinity& op) const { return "set cpu affinity " + op.cpus; }
  std::string operator()(const WaitForStart&) const { return "wait for start"; }
  std::string operator()(const StartHooks&) const { return "startContainer hooks"; }
  std::string operator()(const DropBounding& op) const { return "bounding set: " + mask_text(op.keep); }
  std::string operator()(const SetIds& op) const {
    return "set uid " + std::to_string(op.uid) + " gid " + std::to_string(op.gid) + " umask " + octal(op.umask);
  }
  std::string operator()(const SetCapabilities& op) const { return "capabilities: " + mask_text(op.permitted); }
  std::string operator()(const NoNewPrivileges&) const { return "set no_new_privs"; }
  std::string operator()(const SecurityLabel& op) const {
    return op.apparmor.empty() ? "SELinux label " + op.selinux : "AppArmor profile " + op.apparmor;
  }
  std::string operator()(const EnterLandlock&) const { return "enter the Landlock domain"; }
  std::string operator()(const CloseDescriptors& op) const {
    return "close descriptors from " + std::to_string(3 + op.preserve);
  }
  std::string operator()(const InstallSeccomp&) const { return "install the seccomp filter"; }
  std::string operator()(const Execute&) const { return "execve"; }
};

}  // namespace

std::string describe(const InitOp& op) { return std::visit(Describe{}, op.action); }

}  // namespace nucleus::plan
