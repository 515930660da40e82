// Where writes to the root go: nowhere (production), to memory (a bundle run directly), or where the engine said.
#include <utility>

#include "hardening/annotations.hpp"
#include "hardening/attestation.hpp"
#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "rootfs";

std::string annotation_path() { return "/annotations/" + pointer_token(kRootfsAnnotation); }

void make_read_only(RuleContext& context) {
  if (context.mode == Mode::production && !context.spec.root.readonly) {
    context.spec.root.readonly = true;
    context.tightened(kRule, "/root/readonly", json_bool(false), json_bool(true),
                      "production writes only to declared volumes and tmpfs");
  }
}

// An engine hands over a mount of its own; a directory inside the bundle is the user's only copy.
bool run_directly(const RuleContext& context) {
  const RootfsFacts& rootfs = context.facts.rootfs;
  return rootfs.inside_bundle && !rootfs.is_mount;
}

Status keep_disk_clean(RuleContext& context) {
  const std::string key(kRootfsAnnotation);
  const auto set = context.spec.annotations.find(key);
  const std::string before = set == context.spec.annotations.end() ? "" : json_text(set->second);
  constexpr std::string_view kReason = "writes to / would stay in the bundle's directory on disk";
  if (!before.empty() && set->second == kPersistent) {
    TRY_ASSIGN(const bool granted, context.request({kRule, GrantKind::persistent_rootfs, "", Control::beyond_policy,
                                                    annotation_path(), before, std::string(kReason)}));
    if (granted) {
      return {};
    }
  } else if (context.lifted(kRule, GrantKind::persistent_rootfs, "", "/root", "", std::string(kReason))) {
    return {};
  }
  context.spec.annotations[key] = kEphemeral;
  context.tightened(kRule, annotation_path(), before, json_text(kEphemeral),
                    "writes to / go to a tmpfs that dies with the container");
  return {};
}

Status choose_writable_layer(RuleContext& context) {
  const auto set = context.spec.annotations.find(std::string(kRootfsAnnotation));
  const bool present = set != context.spec.annotations.end();
  if (present && set->second != kEphemeral && set->second != kPersistent) {
    return fail(ErrorCode::invalid_config, "annotation " + std::string(kRootfsAnnotation) + ": expected \"" +
                                               std::string(kEphemeral) + "\" or \"" + std::string(kPersistent) +
                                               "\", got " + json_text(set->second));
  }
  const bool ephemeral = present && set->second == kEphemeral;
  if (ephemeral || context.spec.root.readonly || !run_directly(context)) {
    return {};
  }
  return keep_disk_clean(context);
}

void keep_mounts_private(RuleContext& context) {
  auto& propagation = context.spec.linux.rootfs_propagation;
  if (propagation != "shared" && propagation != "rshared") {
    return;
  }
  const std::string path = "/linux/rootfsPropagation";
  if (context.lifted(kRule, GrantKind::shared_mounts, "", path, json_text(propagation),
                     "mounts made in the container appear on the host")) {
    return;
  }
  const std::string before = std::exchange(propagation, propagation == "shared" ? "slave" : "rslave");
  context.tightened(kRule, path, json_text(before), json_text(propagation),
                    "mounts made in the container do not appear on the host");
}

}  // namespace

// A manifest that whoever fills the root could have written as well proves nothing.
Status require_attestation(RuleContext& context) {
  constexpr std::string_view kAttest = "attestation";
  const Attestation* const attestation = context.policy.attestation.get();
  if (attestation == nullptr) {
    return context.require(Control::rootfs_attestation, kAttest,
                           "mode " + std::string(mode_name(context.mode)) +
                               " runs only an attested rootfs, and no manifest says what this one holds: make one with "
                               "`nucleus-oci attest create` and give it with --attest FILE@sha256:HEX");
  }
  if (!attestation->trusted()) {
    TRY(context.require(Control::rootfs_attestation, kAttest,
                        "the manifest " + attestation->path +
                            " is neither pinned nor signed by the host's key, so whoever can change the rootfs may "
                            "have changed it too: give it as --attest " +
                            attestation->path + "@sha256:" + attestation->digest +
                            ", or sign it (`nucleus-oci attest sign`) and name the key in nucleus.toml"));
  }
  context.note(kAttest, "/root", "verified before anything runs against " + describe(*attestation));
  return {};
}

Status harden_rootfs(RuleContext& context) {
  make_read_only(context);
  TRY(choose_writable_layer(context));
  keep_mounts_private(context);
  return {};
}

}  // namespace nucleus::hardening
