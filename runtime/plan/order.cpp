#include "runtime/plan/order.hpp"

#include <algorithm>
#include <array>

namespace nucleus::plan {
namespace {

// Overloads instead of a table: the compiler refuses an action without a phase.
struct PhaseOf {
  Phase operator()(const JoinNamespace&) const { return Phase::join_namespaces; }
  Phase operator()(const JoinCgroup&) const { return Phase::cgroup; }
  Phase operator()(const UnshareCgroup&) const { return Phase::cgroup_namespace; }
  Phase operator()(const BecomeNamespaceRoot&) const { return Phase::identity; }
  Phase operator()(const NewSessionKeyring&) const { return Phase::identity; }
  Phase operator()(const SetHostname&) const { return Phase::identity; }
  Phase operator()(const SetDomainname&) const { return Phase::identity; }
  Phase operator()(const LoopbackUp&) const { return Phase::identity; }
  Phase operator()(const InstallEgress&) const { return Phase::identity; }
  Phase operator()(const AttachRoot&) const { return Phase::root; }
  Phase operator()(const MountFilesystem&) const { return Phase::mounts; }
  Phase operator()(const AttachMount&) const { return Phase::mounts; }
  Phase operator()(const MakeDeviceNode&) const { return Phase::devices; }
  Phase operator()(const MakeSymlink&) const { return Phase::devices; }
  Phase operator()(const EnsureDirectory&) const { return Phase::working_directory; }
  Phase operator()(const RuntimeHooks&) const { return Phase::runtime_hooks; }
  Phase operator()(const ContainerHooks&) const { return Phase::container_hooks; }
  Phase operator()(const PivotRoot&) const { return Phase::pivot; }
  Phase operator()(const MountPropagation&) const { return Phase::paths; }
  Phase operator()(const MaskPath&) const { return Phase::paths; }
  Phase operator()(const ReadonlyPath&) const { return Phase::paths; }
  Phase operator()(const RemountReadonly&) const { return Phase::paths; }
  Phase operator()(const ReadonlyRoot&) const { return Phase::paths; }
  Phase operator()(const WriteSysctl&) const { return Phase::sysctls; }
  Phase operator()(const OpenConsole&) const { return Phase::console; }
  Phase operator()(const ReopenNull&) const { return Phase::console; }
  Phase operator()(const ReleaseSetup&) const { return Phase::release; }
  Phase operator()(const EnterDirectory&) const { return Phase::executable; }
  Phase operator()(const ResolveExecutable&) const { return Phase::executable; }
  Phase operator()(const PrepareLandlock&) const { return Phase::executable; }
  Phase operator()(const SetRlimit&) const { return Phase::limits; }
  Phase operator()(const SetOomScore&) const { return Phase::sysctls; }
  Phase operator()(const SetScheduler&) const { return Phase::limits; }
  Phase operator()(const SetIoPriority&) const { return Phase::limits; }
  Phase operator()(const SetPersonality&) const { return Phase::limits; }
  Phase operator()(const SetMemoryPolicy&) const { return Phase::limits; }
  Phase operator()(const SetCpuAffinity&) const { return Phase::limits; }
  Phase operator()(const WaitForStart&) const { return Phase::wait; }
  Phase operator()(const StartHooks&) const { return Phase::start_hooks; }
  Phase operator()(const DropBounding&) const { return Phase::bounding; }
  Phase operator()(const SetIds&) const { return Phase::ids; }
  Phase operator()(const SetCapabilities&) const { return Phase::capabilities; }
  Phase operator()(const NoNewPrivileges&) const { return Phase::no_new_privileges; }
  Phase operator()(const SecurityLabel&) const { return Phase::label; }
  Phase operator()(const EnterLandlock&) const { return Phase::landlock; }
  Phase operator()(const CloseDescriptors&) const { return Phase::descriptors; }
  Phase operator()(const InstallSeccomp&) const { return Phase::seccomp; }
  Phase operator()(const Execute&) const { return Phase::execute; }
};

constexpr std::array<std::string_view, 28> kPhaseNames = {
    "join-namespaces",   "cgroup",        "cgroup-namespace", "identity",    "root",        "mounts",  "devices",
    "working-directory", "runtime-hooks", "container-hooks",  "pivot",       "paths",       "sysctls", "console",
    "release",           "executable",    "limits",           "wait",        "bounding",    "ids",     "capabilities",
    "no-new-privileges", "label",         "landlock",         "start-hooks", "descriptors", "seccomp", "execute"};

}  // namespace

Phase phase_of(const InitAction& action) { return std::visit(PhaseOf{}, action); }

std::string_view phase_name(Phase phase) { return kPhaseNames[static_cast<std::size_t>(phase)]; }

void arrange(std::vector<InitOp>& ops) {
  std::stable_sort(ops.begin(), ops.end(),
                   [](const InitOp& a, const InitOp& b) { return phase_of(a.action) < phase_of(b.action); });
}

}  // namespace nucleus::plan
