#include "runtime/plan/make_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using namespace test;
using hardening::Reaction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- whole plans ----------------------------------------------------------------------------------------------------

TEST(MakePlan, TheMinimalConfigReadsLikeThis) {
  EXPECT_EQ(text_of(plan_of(minimal_spec()).value()),
            "new session keyring _ses.box\n"
            "bring up the loopback interface\n"
            "make mounts rslave, attach rootfs\n"
            "create device /dev/null\n"
            "create device /dev/zero\n"
            "create device /dev/full\n"
            "create device /dev/random\n"
            "create device /dev/urandom\n"
            "create device /dev/tty\n"
            "link /dev/fd -> /proc/self/fd\n"
            "link /dev/stdin -> /proc/self/fd/0\n"
            "link /dev/stdout -> /proc/self/fd/1\n"
            "link /dev/stderr -> /proc/self/fd/2\n"
            "link /dev/ptmx -> pts/ptmx\n"
            "create directory /\n"
            "pivot_root\n"
            "reopen /dev/null\n"
            "close set-up descriptors\n"
            "chdir to /\n"
            "resolve the executable\n"
            "wait for start\n"
            "bounding set: none\n"
            "set uid 0 gid 0 umask 0022\n"
            "capabilities: none\n"
            "set no_new_privs\n"
            "close descriptors from 3\n"
            "execve\n");
}

// What engines send, hardened in every mode and for every kind of host, gives plans that hold.
TEST(MakePlan, FixturesOnEveryHost) {
  const auto policy = hardening::load_policy("default", {}).value();
  int planned = 0;
  for (const std::string name : oci::testing::kFixtures) {
    const auto spec = oci::parse_spec(oci::testing::read_fixture(name), name).value();
    for (const CgroupLayout layout : kLayouts) {
      for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent}) {
        for (const int abi : {0, 1, 7}) {
          HostFacts facts = host_facts(layout);
          facts.landlock_abi = abi;
          const auto hardened = hardening::harden(spec, policy, facts, mode);
          if (!hardened) {
            EXPECT_EQ(hardened.error().code, ErrorCode::policy) << name << ": " << hardened.error().text;
            continue;
          }
          auto plan = make_plan(*hardened, facts, request());
          if (!plan) {
            EXPECT_EQ(plan.error().code, ErrorCode::invalid_config) << name;
            EXPECT_EQ(layout, CgroupLayout::none) << name << ": " << plan.error().text;
            continue;
          }
          if (hardened->spec.linux.seccomp) {
            plan->seccomp.emplace();
          }
          const Status status = check_invariants(*plan);
          EXPECT_TRUE(status) << name << ": " << status.error().text;
          ++planned;
        }
      }
    }
  }
  EXPECT_GT(planned, 100);
}

TEST(MakePlan, WhatCannotBeCarriedOutIsRefusedByItsPath) {
  const auto error_of = [](const std::function<void(oci::Spec&)>& change) {
    oci::Spec spec = minimal_spec();
    change(spec);
    const auto plan = plan_of(spec);
    return plan ? std::string("planned") : plan.error().text;
  };
  EXPECT_THAT(error_of([](auto& spec) { spec.process.reset(); }), ::testing::StartsWith("process: "));
  EXPECT_THAT(error_of([](auto& spec) { spec.linux.intel_rdt.emplace(); }), ::testing::StartsWith("linux.intelRdt: "));
  EXPECT_THAT(error_of([](auto& spec) { spec.linux.net_devices["eth0"]; }),
              ::testing::StartsWith("linux.netDevices: "));
  EXPECT_THAT(error_of([](auto& spec) { spec.linux.cgroups_path = "a.slice:b:c"; }),
              ::testing::StartsWith("linux.cgroupsPath: "));
  EXPECT_THAT(error_of([](auto& spec) {
                std::erase_if(spec.linux.namespaces, [](const auto& entry) { return entry.type == "mount"; });
              }),
              ::testing::StartsWith("linux.namespaces: "));
}

// ---- namespaces and cgroups -----------------------------------------------------------------------------------------

TEST(MakePlan, TheUserNamespaceComesFirst) {
  oci::Spec spec = minimal_spec();
  spec.linux.namespaces.push_back({"user", "", {}});
  spec.linux.uid_mappings = {{0, 100000, 65536, {}}};
  const auto plan = plan_of(spec).value();
  EXPECT_EQ(plan.namespaces.create.front(), "user");
  EXPECT_TRUE(plan.namespaces.creates("user"));
  EXPECT_EQ(plan.namespaces.uid_map, spec.linux.uid_mappings);
  EXPECT_EQ(all<BecomeNamespaceRoot>(plan).size(), 1U);
  EXPECT_LT(position<BecomeNamespaceRoot>(plan), position<AttachRoot>(plan));
}

TEST(MakePlan, PathsAreJoinedAndThePidNamespaceOnlyByTheParent) {
  oci::Spec spec = minimal_spec();
  for (auto& entry : spec.linux.namespaces) {
    if (entry.type == "pid" || entry.type == "network") {
      entry.path = "/run/ns/" + entry.type;
    }
  }
  const auto plan = plan_of(spec).value();
  EXPECT_TRUE(plan.namespaces.joins("pid"));
  EXPECT_TRUE(plan.namespaces.joins("network"));
  EXPECT_FALSE(plan.namespaces.creates("network"));
  const auto joined = all<JoinNamespace>(plan);
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_EQ(joined[0].path, "/run/ns/network");
  EXPECT_THAT(all<LoopbackUp>(plan), IsEmpty()) << "somebody else's interfaces";
}

TEST(MakePlan, TheCgroupNamespaceIsMadeAfterTheJoinOnV1) {
  const auto v1 = plan_of(minimal_spec(), host_facts(CgroupLayout::v1)).value();
  EXPECT_LT(position<JoinCgroup>(v1), position<UnshareCgroup>(v1));
  EXPECT_LT(position<UnshareCgroup>(v1), v1.init.size());
  EXPECT_FALSE(v1.namespaces.creates("cgroup"));
  const auto v2 = plan_of(minimal_spec()).value();
  EXPECT_THAT(all<JoinCgroup>(v2), IsEmpty());
  EXPECT_TRUE(v2.namespaces.creates("cgroup"));
}

TEST(MakePlan, CgroupsAreTheConfigsOrNone) {
  oci::Spec spec = minimal_spec();
  spec.linux.cgroups_path = "/pod/box";
  spec.linux.resources.emplace();
  spec.linux.resources->pids = oci::PidsLimits{7, {}};
  spec.linux.resources->devices = {{false, "", {}, {}, "rwm", {}}};
  const auto plan = plan_of(spec).value();
  EXPECT_TRUE(plan.cgroup.enabled);
  EXPECT_FALSE(plan.cgroup.relative);
  EXPECT_EQ(plan.cgroup.path, "/pod/box");
  EXPECT_TRUE(plan.cgroup.device_control);
  EXPECT_THAT(plan.cgroup.settings, ElementsAre(CgroupSetting{"pids", "pids.max", "7"}));
  spec.linux.cgroups_path = "";
  EXPECT_TRUE(plan_of(spec).value().cgroup.relative);
  EXPECT_EQ(plan_of(spec).value().cgroup.path, "box");
  Request asked = request();
  asked.no_cgroups = true;
  EXPECT_FALSE(plan_of(spec, host_facts(), asked).value().cgroup.enabled);
  EXPECT_FALSE(plan_of(spec, host_facts(CgroupLayout::none)).value().cgroup.enabled);
}

TEST(MakePlan, WithoutTheHostsRootCgroupsAreBestEffort) {
  oci::Spec spec = minimal_spec();
  spec.linux.resources.emplace();
  spec.linux.resources->devices = {{false, "", {}, {}, "rwm", {}}};
  EXPECT_FALSE(asks_limits(spec));
  spec.linux.resources->pids = oci::PidsLimits{7, {}};
  EXPECT_TRUE(asks_limits(spec));
  EXPECT_FALSE(plan_of(spec).value().cgroup.best_effort);
  HostFacts user = host_facts();
  user.euid = 1000;
  HostFacts nested = host_facts();
  nested.in_user_namespace = true;
  for (const HostFacts& facts : {user, nested}) {
    Request asked = request();
    const auto wanted = plan_of(spec, facts, asked).value().cgroup;
    EXPECT_TRUE(wanted.best_effort);
    EXPECT_FALSE(wanted.device_control);
    asked.asks_limits = false;
    const auto unwanted = plan_of(spec, facts, asked, Mode::strict_agent).value().cgroup;
    EXPECT_EQ(unwanted.on_failure, hardening::Reaction::warn);
    EXPECT_EQ(plan_of(spec, facts, asked, Mode::passthrough).value().cgroup.on_failure, hardening::Reaction::off);
  }
}

TEST(MakePlan, TimeNamespacesNeedAKernelThatHasThem) {
  oci::Spec spec = minimal_spec();
  spec.linux.namespaces.push_back({"time", "", {}});
  EXPECT_TRUE(plan_of(spec));
  HostFacts facts = host_facts();
  facts.time_namespaces = false;
  EXPECT_FALSE(plan_of(spec, facts));
}

TEST(MakePlan, HostNamesNeedAUtsNamespace) {
  oci::Spec spec = minimal_spec();
  spec.hostname = "inside";
  spec.domainname = "domain";
  EXPECT_EQ(all<SetHostname>(plan_of(spec).value()).at(0).name, "inside");
  EXPECT_EQ(all<SetDomainname>(plan_of(spec).value()).at(0).name, "domain");
  std::erase_if(spec.linux.namespaces, [](const auto& entry) { return entry.type == "uts"; });
  EXPECT_FALSE(plan_of(spec)) << "refused as runc does: it would be the host's own name";
}

// ---- the process ----------------------------------------------------------------------------------------------------

TEST(MakePlan, HooksAppearWhereTheyRun) {
  oci::Spec spec = minimal_spec();
  EXPECT_THAT(all<RuntimeHooks>(plan_of(spec).value()), IsEmpty());
  spec.hooks.prestart = {{"/bin/a", {}, {}, {}, {}}};
  EXPECT_EQ(all<RuntimeHooks>(plan_of(spec).value()).size(), 1U);
  spec.hooks.create_runtime = {{"/bin/b", {}, {}, {}, {}}};
  spec.hooks.create_container = {{"/bin/c", {}, {}, {}, {}}};
  spec.hooks.start_container = {{"/bin/d", {}, {}, {}, {}}};
  const auto plan = plan_of(spec).value();
  EXPECT_EQ(all<RuntimeHooks>(plan).size(), 1U);
  EXPECT_LT(position<RuntimeHooks>(plan), position<ContainerHooks>(plan));
  EXPECT_LT(position<ContainerHooks>(plan), position<PivotRoot>(plan));
  EXPECT_LT(position<SetCapabilities>(plan), position<StartHooks>(plan)) << "the image's programs, confined as it is";
  EXPECT_LT(position<StartHooks>(plan), position<CloseDescriptors>(plan));
}

TEST(MakePlan, ATerminalOpensTheConsole) {
  oci::Spec spec = minimal_spec();
  EXPECT_THAT(all<OpenConsole>(plan_of(spec).value()), IsEmpty());
  spec.process->terminal = true;
  spec.process->console_size = oci::ConsoleSize{25, 80, {}};
  const auto console = all<OpenConsole>(plan_of(spec).value()).at(0);
  EXPECT_EQ(console.height, 25U);
  EXPECT_EQ(console.width, 80U);
  EXPECT_TRUE(console.bind_console);
}

TEST(MakePlan, PathsOfTheListsAndTheRoot) {
  oci::Spec spec = minimal_spec();
  spec.linux.masked_paths = {"/proc/kcore", "/proc/keys"};
  spec.linux.readonly_paths = {"/proc/sys"};
  spec.root.readonly = true;
  const auto plan = plan_of(spec).value();
  EXPECT_EQ(all<MaskPath>(plan).size(), 2U);
  EXPECT_EQ(all<ReadonlyPath>(plan).at(0).path, "/proc/sys");
  EXPECT_EQ(all<ReadonlyRoot>(plan).size(), 1U);
  EXPECT_EQ(plan.init[position<MaskPath>(plan)].on_failure, Reaction::fail) << "passthrough: the spec demands them";
}

TEST(MakePlan, TheRootFollowsTheRewrite) {
  hardening::Hardened hardened;
  hardened.spec = minimal_spec();
  hardened.ephemeral_root = true;
  EXPECT_EQ(make_plan(hardened, host_facts(), request()).value().root.kind, RootKind::overlay);
  hardened.ephemeral_root = false;
  EXPECT_EQ(make_plan(hardened, host_facts(), request()).value().root.kind, RootKind::bind);
  hardened.spec.linux.rootfs_propagation = "rprivate";
  const auto plan = make_plan(hardened, host_facts(), request()).value();
  EXPECT_EQ(all<AttachRoot>(plan).at(0).propagation, "rprivate");
  EXPECT_EQ(all<MountPropagation>(plan).at(0).propagation, "rprivate");
  hardened.spec.linux.rootfs_propagation = "shared";
  EXPECT_EQ(all<AttachRoot>(make_plan(hardened, host_facts(), request()).value()).at(0).propagation, "rslave")
      << "nothing that is mounted may reach the host";
}

TEST(MakePlan, CapabilitySetsAreTheConfigs) {
  oci::Spec spec = minimal_spec();
  spec.process->capabilities = oci::Capabilities{{"CAP_KILL", "CAP_CHOWN"}, {"CAP_KILL"}, {}, {"CAP_KILL"}, {}, {}};
  const auto plan = plan_of(spec).value();
  EXPECT_EQ(all<DropBounding>(plan).at(0).keep, capability_bit("CAP_KILL") | capability_bit("CAP_CHOWN"));
  const auto sets = all<SetCapabilities>(plan).at(0);
  EXPECT_EQ(sets.permitted, capability_bit("CAP_KILL"));
  EXPECT_EQ(sets.effective, capability_bit("CAP_KILL"));
  EXPECT_EQ(sets.inheritable, 0U);
}

// seccomp(2) and landlock_restrict_self(2) want no_new_privs or CAP_SYS_ADMIN.
TEST(MakePlan, SysAdminIsHeldOnlyWhereTheSandboxNeedsIt) {
  const auto held = [](bool no_new_privileges, bool seccomp, int abi) {
    oci::Spec spec = minimal_spec();
    spec.process->no_new_privileges = no_new_privileges;
    if (seccomp) {
      spec.linux.seccomp.emplace();
    }
    return all<SetCapabilities>(plan_of(spec, host_facts(), request(), Mode::agent, abi).value()).at(0).hold_sys_admin;
  };
  EXPECT_TRUE(held(false, true, 0));
  EXPECT_TRUE(held(false, false, 7));
  EXPECT_FALSE(held(false, false, 0));
  EXPECT_FALSE(held(true, true, 7));
}

TEST(MakePlan, ReactionsAreTheModes) {
  oci::Spec spec = minimal_spec();
  spec.linux.seccomp.emplace();
  spec.process->rlimits = {{"RLIMIT_NOFILE", 10, 10, {}}};
  for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent, Mode::production}) {
    const auto plan = plan_of(spec, host_facts(), request(), mode, 7).value();
    const auto on = [&](std::size_t i) { return plan.init[i].on_failure; };
    using hardening::Control;
    EXPECT_EQ(on(position<DropBounding>(plan)), hardening::reaction(mode, Control::confinement));
    EXPECT_EQ(on(position<SetIds>(plan)), hardening::reaction(mode, Control::confinement));
    EXPECT_EQ(on(position<InstallSeccomp>(plan)), hardening::reaction(mode, Control::seccomp_install));
    EXPECT_EQ(on(position<SetRlimit>(plan)), hardening::reaction(mode, Control::rlimit_raise));
    EXPECT_EQ(plan.cgroup.on_failure, hardening::reaction(mode, Control::cgroup_limits));
    EXPECT_EQ(on(position<CloseDescriptors>(plan)), Reaction::fail);
    EXPECT_EQ(on(position<EnterLandlock>(plan)), Reaction::fail) << "a kernel that has it and refuses";
  }
}

TEST(MakePlan, PreservedDescriptorsStayOpen) {
  Request asked = request();
  asked.preserve_fds = 4;
  const auto plan = plan_of(minimal_spec(), host_facts(), asked).value();
  EXPECT_EQ(all<CloseDescriptors>(plan).at(0).preserve, 4U);
  EXPECT_NE(text_of(plan).find("close descriptors from 7\n"), std::string::npos);
}

// ---- exec -----------------------------------------------------------------------------------------------------------

TEST(TenantPlan, IsTheConfinementAndNoSetUp) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/proc", "proc", "proc", {}), mount_of("/data", "bind", "/srv", {"bind"})};
  spec.linux.seccomp.emplace();
  spec.linux.sysctl["net.ipv4.ip_forward"] = "0";
  spec.linux.masked_paths = {"/proc/kcore"};
  spec.hooks.start_container = {{"/bin/d", {}, {}, {}, {}}};
  oci::Process process = *spec.process;
  process.cwd = "/tmp";
  hardening::LandlockRuleset landlock;
  landlock.abi = 7;
  LaunchPlan plan = make_tenant_plan(spec, process, landlock, Mode::strict_agent, request());
  plan.seccomp.emplace();
  EXPECT_EQ(text_of(plan),
            "new session keyring _ses.box\n"
            "close set-up descriptors\n"
            "chdir to /tmp\n"
            "resolve the executable\n"
            "prepare the Landlock ruleset\n"
            "bounding set: none\n"
            "set uid 0 gid 0 umask 0022\n"
            "capabilities: none\n"
            "set no_new_privs\n"
            "enter the Landlock domain\n"
            "close descriptors from 3\n"
            "install the seccomp filter\n"
            "execve\n");
  const Status status = check_invariants(plan);
  EXPECT_TRUE(status) << status.error().text;
  EXPECT_TRUE(plan.detached.empty());
  EXPECT_FALSE(plan.cgroup.enabled);
}

TEST(TenantPlan, ConfinesExactlyAsTheLaunchDid) {
  oci::Spec spec = minimal_spec();
  spec.linux.seccomp.emplace();
  spec.process->apparmor_profile = "profile";
  spec.process->capabilities = oci::Capabilities{{"CAP_KILL"}, {"CAP_KILL"}, {}, {"CAP_KILL"}, {}, {}};
  hardening::LandlockRuleset landlock;
  landlock.abi = 7;
  const auto confinement = [](const LaunchPlan& plan) {
    std::string out;
    for (const InitOp& op : plan.init) {
      if (phase_of(op.action) >= Phase::bounding) {
        out += describe(op) + " " + std::to_string(static_cast<int>(op.on_failure)) + "\n";
      }
    }
    return out;
  };
  const auto tenant = make_tenant_plan(spec, *spec.process, landlock, Mode::agent, request());
  EXPECT_EQ(confinement(tenant), confinement(plan_of(spec, host_facts(), request(), Mode::agent, 7).value()));
}

TEST(TenantPlan, ATerminalIsNotPutOnDevConsole) {
  oci::Process process = *minimal_spec().process;
  process.terminal = true;
  Request asked = request();
  asked.no_new_keyring = true;
  const auto plan = make_tenant_plan(minimal_spec(), process, {}, Mode::agent, asked);
  EXPECT_FALSE(all<OpenConsole>(plan).at(0).bind_console);
  EXPECT_THAT(all<NewSessionKeyring>(plan), IsEmpty());
}

}  // namespace
}  // namespace nucleus::plan
