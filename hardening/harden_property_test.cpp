// The promises of harden.hpp over generated specs. A failure prints its seed.
#include <nlohmann/json.hpp>
#include <set>

#include "hardening/mount_kind.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/seccomp_table.hpp"
#include "hardening/spec_generator.hpp"
#include "oci/document.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using nlohmann::json;

constexpr unsigned kSeeds = 400;

struct Case {
  oci::Spec spec;
  Policy policy;
  HostFacts facts;
};

Case make_case(unsigned seed) {
  SpecGenerator generator(seed);
  Case out;
  out.spec = generator.spec();
  out.policy = generator.policy();
  out.facts = generator.facts();
  return out;
}

// Runs `check` on every case that agent mode accepts, and makes sure that these are not few.
void for_each_hardened(void (*check)(const Case&, const Hardened&)) {
  unsigned accepted = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Case input = make_case(seed);
    const auto out = harden(input.spec, input.policy, input.facts, Mode::agent);
    if (out) {
      ++accepted;
      check(input, *out);
    } else {
      ASSERT_EQ(out.error().code, ErrorCode::policy) << out.error().text;
    }
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
  EXPECT_GT(accepted, kSeeds / 8);
}

bool changes(const Report& report) {
  return std::ranges::any_of(report.findings, [](const Finding& finding) {
    return finding.kind == FindingKind::tightened || finding.kind == FindingKind::dropped;
  });
}

TEST(HardenProperty, Idempotent) {
  for_each_hardened([](const Case& input, const Hardened& once) {
    const auto twice = harden(once.spec, input.policy, input.facts, Mode::agent);
    ASSERT_TRUE(twice) << twice.error().text;
    EXPECT_EQ(oci::to_json(twice->spec), oci::to_json(once.spec));
    EXPECT_FALSE(changes(twice->report)) << render(twice->report, ReportFormat::text);
    EXPECT_EQ(twice->landlock, once.landlock);
    EXPECT_EQ(twice->ephemeral_root, once.ephemeral_root);
  });
}

TEST(HardenProperty, ReportsExactlyWhenItChanges) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    EXPECT_EQ(changes(out.report), out.spec != input.spec) << render(out.report, ReportFormat::text);
    for (const auto& finding : out.report.findings) {
      EXPECT_FALSE(finding.rule.empty() || finding.origin.empty() || finding.reason.empty());
    }
  });
}

json member(const json& object, const std::string& key) {
  return object.is_object() && object.contains(key) ? object[key] : json();
}

json element(const json& array, std::size_t index) {
  return array.is_array() && index < array.size() ? array[index] : json();
}

// Leaves that differ, as JSON pointers.
void differing(const json& a, const json& b, const json::json_pointer& at, std::vector<std::string>& out) {
  if (a == b) {
    return;
  }
  if (a.is_object() || b.is_object()) {
    std::set<std::string> keys;
    for (const auto* const side : {&a, &b}) {
      for (const auto& item : side->items()) {
        keys.insert(item.key());
      }
    }
    for (const auto& key : keys) {
      differing(member(a, key), member(b, key), at / key, out);
    }
  } else if (a.is_array() || b.is_array()) {
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      differing(element(a, i), element(b, i), at / i, out);
    }
  } else {
    out.push_back(at.to_string());
  }
}

TEST(HardenProperty, EveryDifferenceLiesBelowAFinding) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    std::vector<std::string> paths;
    differing(json::parse(oci::to_json(input.spec)), json::parse(oci::to_json(out.spec)), json::json_pointer(), paths);
    for (const auto& path : paths) {
      const bool covered = std::ranges::any_of(out.report.findings, [&](const Finding& finding) {
        return !finding.path.empty() && at_or_below(path, finding.path);
      });
      EXPECT_TRUE(covered) << path << "\n" << render(out.report, ReportFormat::text);
    }
  });
}

bool subset(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
  return std::ranges::all_of(inner, [&](const auto& name) { return std::ranges::count(outer, name) != 0; });
}

TEST(HardenProperty, CapabilitiesOnlyShrink) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    const auto& before = input.spec.process->capabilities;
    const auto& after = out.spec.process->capabilities;
    ASSERT_EQ(before.has_value(), after.has_value());
    if (!before) {
      return;
    }
    for (const auto set : {&oci::Capabilities::bounding, &oci::Capabilities::effective, &oci::Capabilities::permitted,
                           &oci::Capabilities::inheritable, &oci::Capabilities::ambient}) {
      EXPECT_TRUE(subset((*after).*set, (*before).*set));
      for (const auto& name : (*after).*set) {
        EXPECT_TRUE(std::ranges::count(input.policy.keep_bounding, name) != 0 ||
                    input.policy.find(GrantKind::capability, name) != nullptr)
            << name;
      }
    }
    EXPECT_TRUE(subset(after->inheritable, after->ambient));
  });
}

TEST(HardenProperty, IsolationOnlyGrows) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    for (const auto& entry : input.spec.linux.namespaces) {
      EXPECT_NE(find_namespace(out.spec, entry.type), nullptr) << entry.type;
    }
    for (const auto& [type, kind] :
         {std::pair{"pid", GrantKind::host_pid}, std::pair{"network", GrantKind::host_network},
          std::pair{"ipc", GrantKind::host_ipc}}) {
      EXPECT_TRUE(!shares_host(out.spec, input.facts, type) || input.policy.find(kind) != nullptr) << type;
    }
    EXPECT_TRUE(subset(input.spec.linux.masked_paths, out.spec.linux.masked_paths));
    EXPECT_TRUE(subset(input.spec.linux.readonly_paths, out.spec.linux.readonly_paths));
    EXPECT_TRUE(out.spec.root.readonly || !input.spec.root.readonly);
    EXPECT_TRUE(out.spec.process->no_new_privileges || input.policy.find(GrantKind::new_privileges) != nullptr);
  });
}

// Mounts keep their order, so the rewritten list is matched from the front.
TEST(HardenProperty, MountsOnlyTighten) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    auto original = input.spec.mounts.begin();
    for (const auto& mount : out.spec.mounts) {
      while (original != input.spec.mounts.end() &&
             (original->destination != mount.destination ||
              // A sysfs of its own may stand for the host's /sys.
              (mount.source != "sysfs" && (original->type != mount.type || original->source != mount.source)))) {
        ++original;
      }
      ASSERT_NE(original, input.spec.mounts.end()) << mount.destination;
      for (const auto* const flag : {"ro", "nosuid", "nodev", "noexec"}) {
        EXPECT_TRUE(has_flag(mount.options, flag) || !has_flag(original->options, flag)) << mount.destination << flag;
      }
      EXPECT_TRUE(has_flag(mount.options, "nosuid"));
      const bool exec = is_read_only(mount) || has_flag(mount.options, "noexec") ||
                        input.policy.find(GrantKind::exec, normal_path(mount.destination)) != nullptr;
      EXPECT_TRUE(exec) << mount.destination << " is writable and executable";
      ++original;
    }
  });
}

TEST(HardenProperty, SystemCallsOnlyShrink) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    if (input.policy.find(GrantKind::seccomp_unconfined) != nullptr) {
      return;
    }
    const SyscallTable after = make_table(*out.spec.linux.seccomp).value();
    const SyscallTable ours = make_table(input.policy.seccomp).value();
    SyscallTable theirs;
    theirs.fallback = {Action::allow, 0};
    if (input.spec.linux.seccomp) {
      theirs = make_table(*input.spec.linux.seccomp).value();
    }
    constexpr std::array<std::uint64_t, 6> kArgs = {};
    for (int nr = 0; nr < 460; ++nr) {
      const auto action = after.decide(nr, kArgs).action;
      EXPECT_LE(action, ours.decide(nr, kArgs).action) << syscall_name(nr);
      EXPECT_LE(action, theirs.decide(nr, kArgs).action) << syscall_name(nr);
    }
  });
}

TEST(HardenProperty, NoDeviceBeyondTheDefaultsWithoutAGrant) {
  for_each_hardened([](const Case& input, const Hardened& out) {
    for (const auto& rule : out.spec.linux.resources->devices) {
      if (rule.allow &&
          !(rule.type == "c" && rule.major && (*rule.major == 1 || *rule.major == 5 || *rule.major == 136))) {
        const bool granted = std::ranges::any_of(input.policy.grants,
                                                 [](const Grant& grant) { return grant.kind == GrantKind::device; });
        EXPECT_TRUE(granted);
      }
    }
    EXPECT_GT(out.spec.linux.resources->pids->limit.value(), 0);
  });
}

// Strict modes refuse what agent drops and change nothing else.
TEST(HardenProperty, StrictRefusesWhatAgentDrops) {
  unsigned compared = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Case input = make_case(seed);
    input.facts.landlock_abi = 7;
    const auto agent = harden(input.spec, input.policy, input.facts, Mode::agent);
    const auto strict = harden(input.spec, input.policy, input.facts, Mode::strict_agent);
    if (!agent) {
      EXPECT_FALSE(strict);
      continue;
    }
    const bool dropped = std::ranges::count(agent->report.findings, FindingKind::dropped, &Finding::kind) != 0;
    EXPECT_EQ(strict.has_value(), !dropped) << (strict ? "" : strict.error().text) << "\n"
                                            << render(agent->report, ReportFormat::text);
    if (strict) {
      EXPECT_EQ(strict->spec, agent->spec);
      ++compared;
    }
    EXPECT_FALSE(harden(input.spec, input.policy, input.facts, Mode::production));
  }
  EXPECT_GT(compared, 0U);
}

TEST(HardenProperty, PassthroughTouchesNothing) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    const Case input = make_case(seed);
    const auto out = harden(input.spec, input.policy, input.facts, Mode::passthrough);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->spec, input.spec);
    EXPECT_EQ(out->landlock, LandlockRuleset{});
    EXPECT_TRUE(out->report.findings.empty());
  }
}

}  // namespace
}  // namespace nucleus::hardening
