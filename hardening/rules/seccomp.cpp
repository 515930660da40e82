// linux.seccomp: what both the policy's profile and the config's allow.
//
// System calls that libseccomp does not know. The result denies them in any case, so the question is only whether the
// config's author would be surprised:
// - in a rule that allows, they are harmless (engines ship names newer than this libseccomp): a note, in every mode;
// - in a rule that denies, or with a name that no system call can have, they are a mistake that would leave open what
//   was meant to be closed: an error, in every mode, unless the name is one of the kernel's newer ones below.
#include "hardening/seccomp_intersect.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "seccomp";
constexpr std::string_view kPath = "/linux/seccomp";

// Linux 5.17 (libseccomp 2.5.4) to 6.19.
constexpr std::array<std::string_view, 27> kNewer = {"set_mempolicy_home_node",
                                                     "cachestat",
                                                     "fchmodat2",
                                                     "map_shadow_stack",
                                                     "futex_wake",
                                                     "futex_wait",
                                                     "futex_requeue",
                                                     "statmount",
                                                     "listmount",
                                                     "lsm_get_self_attr",
                                                     "lsm_set_self_attr",
                                                     "lsm_list_modules",
                                                     "mseal",
                                                     "uretprobe",
                                                     "uprobe",
                                                     "setxattrat",
                                                     "getxattrat",
                                                     "listxattrat",
                                                     "removexattrat",
                                                     "open_tree_attr",
                                                     "file_getattr",
                                                     "file_setattr",
                                                     "listns",
                                                     "riscv_hwprobe",
                                                     "riscv_flush_icache",
                                                     "memfd_secret",
                                                     "process_mrelease"};

bool can_be_a_name(const std::string& name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool allows(const oci::SeccompRule& rule) { return rule.action == "SCMP_ACT_ALLOW" || rule.action == "SCMP_ACT_LOG"; }

Status check_names(const oci::Seccomp& profile, const std::vector<std::string>& unknown) {
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const auto& rule = profile.syscalls[i];
    for (std::size_t j = 0; j < rule.names.size(); ++j) {
      const auto& name = rule.names[j];
      const bool harmless = can_be_a_name(name) && (allows(rule) || std::ranges::count(kNewer, name) != 0);
      if (!harmless && std::ranges::count(unknown, name) != 0) {
        return fail(ErrorCode::invalid_config, "config.json: linux.seccomp.syscalls[" + std::to_string(i) + "].names[" +
                                                   std::to_string(j) + "]: unknown system call " + json_text(name));
      }
    }
  }
  return {};
}

// podman always sends a profile unless it was told seccomp=unconfined; containerd's ctr never sends one.
bool asks_for_unconfined(const oci::Spec& spec) {
  const auto manager = spec.annotations.find("io.container.manager");
  return !spec.linux.seccomp && manager != spec.annotations.end() && manager->second == "libpod";
}

std::string text_of(const std::optional<oci::Seccomp>& profile) { return profile ? json_summary(*profile) : ""; }

void note_all(RuleContext& context, const Intersection& both) {
  for (const auto& text : both.notes) {
    context.note(kRule, std::string(kPath) + "/syscalls", text);
  }
  if (!both.unknown_names.empty()) {
    context.note(kRule, std::string(kPath) + "/syscalls",
                 "not known to this version, and denied: " + join(both.unknown_names));
  }
}

std::string reason(const RuleContext& context, bool unconfined) {
  return unconfined ? "seccomp-unconfined is not granted by policy " + context.policy.name + ": its profile applies"
                    : "only what both policy " + context.policy.name + " and the config allow";
}

}  // namespace

Status harden_seccomp(RuleContext& context) {
  auto& profile = context.spec.linux.seccomp;
  if (context.lifted(kRule, GrantKind::seccomp_unconfined, "", std::string(kPath), text_of(profile),
                     "system calls are limited by the config's own profile alone")) {
    return {};
  }
  const bool unconfined = asks_for_unconfined(context.spec);
  if (unconfined) {
    TRY(context.request_all({kRule, GrantKind::seccomp_unconfined, "", Control::beyond_policy, std::string(kPath), "",
                             "the engine was told to run without a system call filter"},
                            {""}));
  }
  TRY_ASSIGN(Intersection both, intersect(context.policy.seccomp, profile));
  if (profile) {
    TRY(check_names(*profile, both.unknown_names));
  }
  note_all(context, both);
  if (profile && both.profile == *profile) {
    return {};
  }
  const auto record = unconfined ? &RuleContext::dropped : &RuleContext::tightened;
  (context.*record)(kRule, std::string(kPath), text_of(profile), json_summary(both.profile),
                    reason(context, unconfined), context.policy_origin());
  profile = std::move(both.profile);
  return {};
}

}  // namespace nucleus::hardening
