// The Plan: everything a launch will do, as data. make_plan() decides it, launch::execute() interprets it, `plan` and
// `explain` print it. Nothing in here touches the kernel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hardening/egress_record.hpp"
#include "hardening/harden.hpp"
#include "hardening/seccomp_watch.hpp"
#include "oci/spec.hpp"
#include "runtime/base/capability.hpp"
#include "runtime/base/nft.hpp"
#include "runtime/base/systemd_unit.hpp"
#include "runtime/plan/mount_plan.hpp"

namespace nucleus::plan {

// ---- operations of the init process, in the vocabulary of order.cpp ------------------------------------------------

struct JoinNamespace {  // setns to linux.namespaces[].path; the fd was opened and checked by the parent
  std::string type;
  std::string path;
};
struct JoinCgroup {};           // v1: the single-threaded child writes 0 to the inherited `tasks` fds (budgets: RCU)
struct UnshareCgroup {};        // v1: after the join, so that the namespace root is the container's cgroup
struct BecomeNamespaceRoot {};  // ids 0 of the new user namespace
struct NewSessionKeyring {
  std::string name;
};
struct SetHostname {
  std::string name;
};
struct SetDomainname {
  std::string name;
};
struct LoopbackUp {};
struct InstallEgress {};  // LaunchPlan::egress, in the container's network namespace
struct AttachRoot {
  std::string propagation;  // of "/" before anything is mounted: rslave, rprivate, ...
};
struct MakeDeviceNode {
  oci::Device device;  // file_mode, uid and gid are set
};
struct MakeSymlink {
  std::string target;
  std::string path;
};
struct EnsureDirectory {  // mkdir -p inside the root, for process.cwd
  std::string path;
};
struct RuntimeHooks {};    // ask the parent to run prestart and createRuntime hooks, wait
struct ContainerHooks {};  // createContainer, in the container's namespaces before pivot_root
struct PivotRoot {};
struct MountPropagation {  // linux.rootfsPropagation, after pivot_root
  std::string propagation;
};
struct MaskPath {
  std::string path;
};
struct ReadonlyPath {
  std::string path;
};
struct ReadonlyRoot {};
struct WriteSysctl {
  std::string name;
  std::string value;
};
struct OpenConsole {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool bind_console = true;  // put the terminal on /dev/console
};
struct ReopenNull {};    // 0, 1, 2 on the host's /dev/null go to the container's: criu cannot dump a file outside
struct ReleaseSetup {};  // close every descriptor that leads outside the root (CVE-2024-21626)
struct EnterDirectory {
  std::string path;
};
struct ResolveExecutable {};  // a missing one must fail `create`
struct PrepareLandlock {};    // open the rules' paths while the ids still may
struct SetRlimit {
  oci::Rlimit limit;
};
struct SetOomScore {
  int value = 0;
};
struct SetScheduler {
  oci::Scheduler scheduler;
};
struct SetIoPriority {
  oci::IoPriority priority;
};
struct SetPersonality {
  oci::Personality personality;
};
struct SetMemoryPolicy {
  oci::MemoryPolicy policy;
};
struct SetCpuAffinity {
  std::string cpus;
};
struct WaitForStart {};
struct StartHooks {};  // startContainer
struct DropBounding {
  CapabilityMask keep = 0;
};
struct SetIds {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  bool set_groups = true;  // false where the user namespace denies setgroups(2)
  std::uint32_t umask = 0022;
};
struct SetCapabilities {
  CapabilityMask permitted = 0;
  CapabilityMask effective = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask ambient = 0;
  // Without no_new_privs, seccomp(2) and landlock_restrict_self(2) want CAP_SYS_ADMIN. It is held up to execve, which
  // takes it away: it is in neither the bounding set (uid 0) nor the ambient set (others) unless the config put it there.
  bool hold_sys_admin = false;
};
struct NoNewPrivileges {};
struct SecurityLabel {  // AppArmor profile or SELinux label for the next exec
  std::string apparmor;
  std::string selinux;
};
struct EnterLandlock {};  // what PrepareLandlock built from LaunchPlan::landlock
struct CloseDescriptors {
  unsigned preserve = 0;
};
struct InstallSeccomp {};  // LaunchPlan::seccomp
struct Execute {};

using InitAction =
    std::variant<JoinNamespace, JoinCgroup, UnshareCgroup, BecomeNamespaceRoot, NewSessionKeyring, SetHostname,
                 SetDomainname, LoopbackUp, InstallEgress, AttachRoot, MountFilesystem, AttachMount, MakeDeviceNode,
                 MakeSymlink, EnsureDirectory, RuntimeHooks, ContainerHooks, PivotRoot, MountPropagation, MaskPath,
                 ReadonlyPath, RemountReadonly, ReadonlyRoot, WriteSysctl, OpenConsole, ReopenNull, ReleaseSetup,
                 EnterDirectory, ResolveExecutable, PrepareLandlock, SetRlimit, SetOomScore, SetScheduler,
                 SetIoPriority, SetPersonality, SetMemoryPolicy, SetCpuAffinity, WaitForStart, StartHooks, DropBounding,
                 SetIds, SetCapabilities, NoNewPrivileges, SecurityLabel, EnterLandlock, CloseDescriptors,
                 InstallSeccomp, Execute>;

struct InitOp {
  InitAction action;
  hardening::Reaction on_failure = hardening::Reaction::fail;
};

// "mount proc on /proc": one line for messages and `plan`.
[[nodiscard]] std::string describe(const InitOp& op);

// ---- the parent's side ---------------------------------------------------------------------------------------------

struct NamespacePlan {
  std::vector<std::string> create;  // spec names; clone3 makes them in one call
  std::vector<JoinNamespace> join;
  std::vector<oci::IdMapping> uid_map;
  std::vector<oci::IdMapping> gid_map;
  std::map<std::string, oci::TimeOffset> time_offsets;

  [[nodiscard]] bool creates(std::string_view type) const;
  [[nodiscard]] bool joins(std::string_view type) const;
};

struct CgroupSetting {
  std::string controller;  // "memory", "cpu", ... ; "" for files without one (v2 core)
  std::string file;        // "memory.max"
  std::string value;
  bool optional = false;  // a kernel without the file enforces the setting, or nothing like it, in another way
  bool operator==(const CgroupSetting&) const = default;
};

// The systemd driver: the unit whose cgroup is the container's.
struct UnitPlan {
  std::string name;           // "nucleus-ID.scope"
  std::string slice;          // "machine.slice"
  std::string path;           // of its cgroup below the manager's: "/machine.slice/nucleus-ID.scope"
  std::string description;    // names the container; the launch adds a nonce
  bool user_manager = false;  // the caller's own systemd, not the system's
  std::vector<UnitProperty> properties;
  bool operator==(const UnitPlan&) const = default;
};

struct CgroupPlan {
  bool enabled = false;
  std::optional<UnitPlan> unit;
  std::string path;       // linux.cgroupsPath, or the container id; the unit's
  bool relative = false;  // below the runtime's own cgroup instead of each hierarchy's root
  std::vector<CgroupSetting> settings;
  std::vector<oci::DeviceRule> devices;  // first match from the end wins, as in the spec
  bool device_control = false;
  std::optional<std::uint32_t> owner;  // v2: host uid that the cgroup is delegated to
  bool best_effort = false;  // the runtime is not the host's root: only hierarchies where it may make directories
  hardening::Reaction on_failure = hardening::Reaction::fail;
};

struct SeccompPlan {
  std::vector<std::uint64_t> filter;  // struct sock_filter, 8 bytes each, in kernel layout
  unsigned flags = 0;                 // SECCOMP_FILTER_FLAG_*
  std::string listener_path;          // SCMP_ACT_NOTIFY: where the listener fd goes
  std::string listener_metadata;
  // With a watch: what is installed in the place of `filter`, which then decides in the watcher and in `exec`.
  std::vector<std::uint64_t> gate;
  std::optional<hardening::SeccompWatch> watch;
};

// What may leave the container's network namespace; never installed in the runtime's own.
struct EgressPlan {
  hardening::EgressRecord record;
  nft::Table table;     // compiled from it
  bool shared = false;  // a namespace that was joined: others may live in it, with tables of their own
  // The launcher installs it, confined to the container's cgroup v2 where the kernel can: levels of cgroups are counted
  // from the sender's cgroup namespace by newer kernels (6.11 and stable ones), from the root by older.
  bool by_cgroup = false;
};

struct LaunchPlan {
  hardening::Mode mode = hardening::Mode::agent;
  std::string id;
  NamespacePlan namespaces;
  CgroupPlan cgroup;
  RootPlan root;
  std::vector<DetachedMount> detached;  // prepared by the parent, attached by AttachMount ops
  std::vector<InitOp> init;
  std::optional<SeccompPlan> seccomp;
  std::optional<EgressPlan> egress;  // absent: passthrough, or the host's network namespace by grant
  hardening::LandlockRuleset landlock;
  oci::Hooks hooks;
  unsigned preserve_fds = 0;
  oci::Process process;  // args, env, cwd, terminal: what Execute runs
};

}  // namespace nucleus::plan
