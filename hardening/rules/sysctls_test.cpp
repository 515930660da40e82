#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;
using Map = std::map<std::string, std::string>;

constexpr auto* kPort = "net.ipv4.ip_unprivileged_port_start";
constexpr auto* kPing = "net.ipv4.ping_group_range";

void remove(oci::Spec& spec, std::string_view type) {
  std::erase_if(spec.linux.namespaces, [&](const oci::Namespace& entry) { return entry.type == type; });
}

oci::Spec with(const std::string& name) {
  auto spec = plain_spec();
  spec.linux.sysctl[name] = "1";
  return spec;
}

TEST(Sysctls, NamespacedOnesStay) {
  for (const auto* const name : {"net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding", "kernel.shmmax",
                                 "fs.mqueue.msg_max", "kernel.hostname"}) {
    const auto run = run_rule(harden_sysctls, with(name), Mode::strict_agent);
    EXPECT_TRUE(run.status) << run.error();
    EXPECT_TRUE(run.spec.linux.sysctl.contains(name));
  }
}

TEST(Sysctls, GlobalOnesAreRequests) {
  for (const auto* const name : {"kernel.panic", "vm.swappiness", "kernel/core_pattern", "fs.file-max",
                                 "net.ipv4.../../kernel.core_pattern", "net/../kernel/core_pattern", "kernel.shm"}) {
    EXPECT_FALSE(run_rule(harden_sysctls, with(name)).spec.linux.sysctl.contains(name)) << name;
    EXPECT_THAT(run_rule(harden_sysctls, with(name), Mode::strict_agent).error(), HasSubstr("sysctl:")) << name;
  }
  EXPECT_TRUE(run_rule(harden_sysctls, with("kernel.panic"), Mode::strict_agent, small_policy({"sysctl:kernel.panic"}))
                  .spec.linux.sysctl.contains("kernel.panic"));
}

TEST(Sysctls, WhatIsNamespacedDependsOnTheNamespaces) {
  auto spec = with("net.ipv4.ip_forward");
  remove(spec, "network");
  EXPECT_FALSE(run_rule(harden_sysctls, spec, Mode::strict_agent).status);
  spec = with("kernel.sem");
  remove(spec, "ipc");
  EXPECT_FALSE(run_rule(harden_sysctls, spec, Mode::strict_agent).status);
}

TEST(Sysctls, PortsAndPingWithoutCapabilities) {
  auto run = run_rule(harden_sysctls, plain_spec());
  EXPECT_EQ(run.spec.linux.sysctl, (Map{{kPort, "0"}, {kPing, "0 2147483647"}}));
  auto spec = plain_spec();
  spec.linux.sysctl = {{"net/ipv4/ip_unprivileged_port_start", "80"}, {kPing, "5 6"}};
  EXPECT_FALSE(run_rule(harden_sysctls, spec).changed()) << "the config's own values stay";
}

TEST(Sysctls, NeverInTheHostsNetwork) {
  auto spec = plain_spec();
  remove(spec, "network");
  EXPECT_TRUE(run_rule(harden_sysctls, spec).spec.linux.sysctl.empty());
  spec.linux.namespaces.push_back({"network", "/proc/1/ns/net", {}});
  EXPECT_TRUE(run_rule(harden_sysctls, spec).spec.linux.sysctl.empty());
}

TEST(Sysctls, InAUserNamespaceOnlyWhatItMayWrite) {
  auto spec = plain_spec();
  spec.linux.namespaces.push_back({"user", "", {}});
  spec.linux.gid_mappings = {{1000, 5000, 10, {}}, {0, 100000, 65536, {}}};
  EXPECT_EQ(run_rule(harden_sysctls, spec).spec.linux.sysctl[kPing], "0 65535");
  spec.linux.gid_mappings.clear();
  EXPECT_FALSE(run_rule(harden_sysctls, spec).spec.linux.sysctl.contains(kPing));
  std::ranges::find(spec.linux.namespaces, "network", &oci::Namespace::type)->path = "/run/netns/own";
  EXPECT_TRUE(run_rule(harden_sysctls, spec).spec.linux.sysctl.empty()) << "another user namespace owns it";
  auto rootless = root_facts();
  rootless.in_user_namespace = true;
  EXPECT_EQ(run_rule(harden_sysctls, plain_spec(), Mode::agent, small_policy(), rootless).spec.linux.sysctl[kPing],
            "0 0");
}

}  // namespace
}  // namespace nucleus::hardening
