// process_settings, rlimits, rootfs, resources, net_devices: the small rules.
#include "hardening/annotations.hpp"
#include "hardening/attestation.hpp"
#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr CapabilityMask kSysResource = CapabilityMask{1} << 24U;

HostFacts limited_facts() {
  auto facts = root_facts();
  facts.capabilities &= ~kSysResource;
  return facts;
}

TEST(ProcessSettings, NoNewPrivilegesUnlessGranted) {
  const auto run = run_rule(harden_process_settings, plain_spec());
  EXPECT_TRUE(run.spec.process->no_new_privileges);
  EXPECT_EQ(run.count(FindingKind::tightened), 1U);
  const auto granted =
      run_rule(harden_process_settings, plain_spec(), Mode::strict_agent, small_policy({"new-privileges"}));
  EXPECT_FALSE(granted.spec.process->no_new_privileges);
  EXPECT_EQ(granted.count(FindingKind::granted), 1U);
}

TEST(ProcessSettings, AddressesStayRandom) {
  auto spec = plain_spec();
  spec.linux.personality = oci::Personality{"LINUX", {"ADDR_NO_RANDOMIZE"}, {}};
  const auto run = run_rule(harden_process_settings, spec);
  EXPECT_THAT(run.spec.linux.personality->flags, IsEmpty());
  EXPECT_EQ(run.spec.linux.personality->domain, "LINUX");
}

TEST(ProcessSettings, OomScoreThatTheHostDoesNotGive) {
  auto spec = plain_spec();
  spec.process->oom_score_adj = -500;
  EXPECT_EQ(run_rule(harden_process_settings, spec).spec.process->oom_score_adj, -500);
  const auto clamped = run_rule(harden_process_settings, spec, Mode::agent, small_policy(), limited_facts());
  EXPECT_EQ(clamped.spec.process->oom_score_adj, 0);
  EXPECT_EQ(clamped.count(FindingKind::dropped), 1U);
  const auto strict = run_rule(harden_process_settings, spec, Mode::strict_agent, small_policy(), limited_facts());
  EXPECT_THAT(strict.error(), HasSubstr("rlimit-raise"));
  spec.process->oom_score_adj = 200;
  EXPECT_EQ(run_rule(harden_process_settings, spec, Mode::strict_agent, small_policy(), limited_facts())
                .spec.process->oom_score_adj,
            200);
}

TEST(Rlimits, NoCoreDumps) {
  auto spec = plain_spec();
  const oci::Rlimit none{"RLIMIT_CORE", 0, 0, {}};
  const auto added = run_rule(harden_rlimits, spec);
  EXPECT_THAT(added.spec.process->rlimits, ElementsAre(none));
  EXPECT_EQ(added.report.findings.front().before, "");
  spec.process->rlimits = {{"RLIMIT_CORE", 100, 0, {}}};
  EXPECT_THAT(run_rule(harden_rlimits, spec).spec.process->rlimits, ElementsAre(none));
  spec.process->rlimits = {none};
  EXPECT_FALSE(run_rule(harden_rlimits, spec).changed());
}

TEST(Rlimits, AboveTheHostsHardLimit) {
  auto spec = plain_spec();
  spec.process->rlimits = {{"RLIMIT_NOFILE", 1048576, 1048576, {}}, {"RLIMIT_CORE", 0, 0, {}}};
  EXPECT_FALSE(run_rule(harden_rlimits, spec, Mode::strict_agent).changed());
  const auto agent = run_rule(harden_rlimits, spec, Mode::agent, small_policy(), limited_facts());
  EXPECT_EQ(agent.spec.process->rlimits[0], (oci::Rlimit{"RLIMIT_NOFILE", 4096, 4096, {}}));
  EXPECT_EQ(agent.count(FindingKind::dropped), 1U);
  const auto strict = run_rule(harden_rlimits, spec, Mode::strict_agent, small_policy(), limited_facts());
  EXPECT_THAT(strict.error(), HasSubstr("RLIMIT_NOFILE 1048576 is above this host's hard limit 4096"));
  auto nested = root_facts();
  nested.in_user_namespace = true;  // the capability is not the host's
  EXPECT_FALSE(run_rule(harden_rlimits, spec, Mode::strict_agent, small_policy(), nested).status);
}

HostFacts bundle_facts() {
  auto facts = root_facts();
  facts.rootfs.is_mount = false;
  facts.rootfs.inside_bundle = true;
  return facts;
}

std::string rootfs_annotation(const RuleRun& run) {
  const auto set = run.spec.annotations.find(std::string(kRootfsAnnotation));
  return set == run.spec.annotations.end() ? "" : set->second;
}

TEST(Rootfs, EphemeralForABundleRunDirectly) {
  EXPECT_EQ(rootfs_annotation(run_rule(harden_rootfs, plain_spec(), Mode::agent, small_policy(), bundle_facts())),
            "ephemeral");
  EXPECT_EQ(rootfs_annotation(run_rule(harden_rootfs, plain_spec())), "") << "under an engine";
  auto read_only = plain_spec();
  read_only.root.readonly = true;
  EXPECT_FALSE(run_rule(harden_rootfs, read_only, Mode::agent, small_policy(), bundle_facts()).changed());
}

TEST(Rootfs, PersistentOnlyWhenGranted) {
  auto spec = plain_spec();
  spec.annotations[std::string(kRootfsAnnotation)] = "persistent";
  const auto dropped = run_rule(harden_rootfs, spec, Mode::agent, small_policy(), bundle_facts());
  EXPECT_EQ(rootfs_annotation(dropped), "ephemeral");
  EXPECT_EQ(dropped.count(FindingKind::dropped), 1U);
  EXPECT_THAT(run_rule(harden_rootfs, spec, Mode::strict_agent, small_policy(), bundle_facts()).error(),
              HasSubstr("persistent-rootfs"));
  const auto granted =
      run_rule(harden_rootfs, spec, Mode::strict_agent, small_policy({"persistent-rootfs"}), bundle_facts());
  EXPECT_EQ(rootfs_annotation(granted), "persistent");
  spec.annotations.clear();
  EXPECT_FALSE(
      run_rule(harden_rootfs, spec, Mode::agent, small_policy({"persistent-rootfs"}), bundle_facts()).changed());
}

TEST(Rootfs, AnUnknownWordIsAnError) {
  auto spec = plain_spec();
  spec.annotations[std::string(kRootfsAnnotation)] = "epehmeral";
  EXPECT_THAT(run_rule(harden_rootfs, spec).error(), HasSubstr("io.nucleus.rootfs"));
}

TEST(Rootfs, ReadOnlyAndAttestedInProduction) {
  EXPECT_TRUE(run_rule(harden_rootfs, plain_spec(), Mode::production).spec.root.readonly);
  EXPECT_THAT(run_rule(require_attestation, plain_spec(), Mode::production).error(),
              HasSubstr("control rootfs-attestation"));
  EXPECT_TRUE(run_rule(require_attestation, plain_spec(), Mode::strict_agent).status);
}

TEST(Rootfs, AManifestAnybodyCouldHaveWrittenIsNoAttestation) {
  Attestation attestation;
  attestation.path = "/etc/m";
  attestation.digest = std::string(64, 'a');
  attestation.origin = "command line";
  const auto with = [&](Mode mode) {
    Policy policy = small_policy();
    policy.attestation = std::make_shared<const Attestation>(attestation);
    return run_rule(require_attestation, plain_spec(), mode, policy);
  };
  EXPECT_THAT(with(Mode::production).error(), HasSubstr("--attest /etc/m@sha256:" + attestation.digest));
  const auto strict = with(Mode::strict_agent);
  ASSERT_TRUE(strict.status);
  ASSERT_EQ(strict.report.findings.size(), 1U);
  EXPECT_EQ(strict.report.findings[0].kind, FindingKind::note);
  EXPECT_THAT(strict.report.findings[0].reason, HasSubstr("neither pinned nor signed"));
  attestation.pinned = true;
  EXPECT_TRUE(with(Mode::production).status);
  attestation.pinned = false;
  attestation.key = std::string(64, 'b');
  EXPECT_TRUE(with(Mode::production).status);
}

TEST(Rootfs, SharedPropagationNeedsAGrant) {
  auto spec = plain_spec();
  spec.linux.rootfs_propagation = "rshared";
  EXPECT_EQ(run_rule(harden_rootfs, spec).spec.linux.rootfs_propagation, "rslave");
  EXPECT_EQ(run_rule(harden_rootfs, spec, Mode::agent, small_policy({"shared-mounts"})).spec.linux.rootfs_propagation,
            "rshared");
}

TEST(Resources, ProcessesAreAlwaysLimited) {
  auto spec = plain_spec();
  EXPECT_EQ(run_rule(harden_resources, spec).spec.linux.resources->pids->limit, 512);
  spec.linux.resources.emplace();
  for (const std::int64_t unlimited : {-1, 0}) {
    spec.linux.resources->pids = oci::PidsLimits{unlimited, {}};
    EXPECT_EQ(run_rule(harden_resources, spec).spec.linux.resources->pids->limit, 512);
  }
  spec.linux.resources->pids->limit = 2048;
  EXPECT_FALSE(run_rule(harden_resources, spec).changed());
}

TEST(Resources, ProductionDemandsAMemoryLimit) {
  auto spec = plain_spec();
  EXPECT_THAT(run_rule(harden_resources, spec, Mode::production).error(), HasSubstr("linux.resources.memory.limit"));
  spec.linux.resources.emplace();
  spec.linux.resources->memory.emplace();
  spec.linux.resources->memory->limit = -1;
  EXPECT_FALSE(run_rule(harden_resources, spec, Mode::production).status) << "-1 is unlimited";
  spec.linux.resources->memory->limit = 1 << 20;
  EXPECT_TRUE(run_rule(harden_resources, spec, Mode::production).status);
}

TEST(NetDevices, MoveOnlyWhenGranted) {
  auto spec = plain_spec();
  spec.linux.net_devices["eth7"] = {"eth0", {}};
  const auto agent = run_rule(harden_net_devices, spec);
  EXPECT_THAT(agent.spec.linux.net_devices, IsEmpty());
  EXPECT_EQ(agent.report.findings.front().path, "/linux/netDevices/eth7");
  EXPECT_THAT(run_rule(harden_net_devices, spec, Mode::strict_agent).error(), HasSubstr("net-device:eth7"));
  EXPECT_FALSE(run_rule(harden_net_devices, spec, Mode::strict_agent, small_policy({"net-device:eth7"})).changed());
}

}  // namespace
}  // namespace nucleus::hardening
