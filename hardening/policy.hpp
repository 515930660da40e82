// A policy set: what the rewrite may leave in place. Loaded from a directory (policy.toml, caps.toml, egress.toml,
// landlock.toml, seccomp.json) or from the set compiled into the binary; unknown keys and names are errors, bytes are read once and
// the bytes hashed are the bytes parsed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/attest_settings.hpp"
#include "hardening/egress_policy.hpp"
#include "hardening/modes.hpp"
#include "hardening/profile.hpp"
#include "hardening/receipt_settings.hpp"
#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

// Requests beyond every engine's defaults. Spelled in policy files, --grant and io.nucleus.grant as "kind" or
// "kind:value", e.g. "capability:CAP_NET_ADMIN", "device:/dev/fuse", "host-network", "exec:/workspace".
enum class GrantKind : std::uint8_t {
  capability,  // value CAP_NAME
  device,      // value: path of a linux.devices entry, or "c 10:229" for a cgroup device rule
  host_network,
  host_pid,
  host_ipc,
  new_privileges,      // no_new_privs may stay off
  seccomp_unconfined,  // the config's own profile (or none) instead of the policy's
  exec,                // value: mount destination that may stay writable and executable
  bind,                // value: host path of a sensitive bind source
  writable,            // value: kernel file system destination (/sys, /sys/fs/cgroup) that may stay writable
  unmasked,            // value: a path of nucleus's own masked or read-only list to leave alone
  sysctl,              // value: name of a sysctl outside the namespaced set
  mount_type,          // value: file system type beyond the usual ones
  net_device,          // value: host interface to move into the container
  persistent_rootfs,   // a bundle run directly may write to its rootfs on disk
  shared_mounts,       // mount propagation towards the host
  egress,              // value: an entry of egress.toml's allow list that may be reached as well
  realtime,            // a real-time scheduler or I/O class, or a negative nice value
};

struct Grant {
  GrantKind kind = GrantKind::capability;
  std::string value;   // "" for kinds without one
  std::string origin;  // "policy default (policy.toml:4)", "command line", "annotation io.nucleus.grant"
  bool operator==(const Grant&) const = default;
};

[[nodiscard]] std::string to_string(const Grant& grant);
[[nodiscard]] Result<Grant> parse_grant(std::string_view text, std::string origin);
// Every kind as it is spelled, with ':' at its end where a value follows.
[[nodiscard]] std::vector<std::string> grant_spellings();

// Access words of landlock.toml; `read` never implies `execute`.
enum class Access : std::uint16_t {
  read = 1,   // read_file, read_dir
  write = 2,  // write_file, truncate
  execute = 4,
  create = 8,   // make_reg dir sym sock fifo, refer
  remove = 16,  // remove_file, remove_dir
  ioctl = 32,   // ioctl_dev
};
using AccessSet = std::uint16_t;  // or of Access

struct LandlockPathRule {
  std::string path;  // absolute, inside the container
  AccessSet access = 0;
  std::string origin;
  bool operator==(const LandlockPathRule&) const = default;
};

struct LandlockPolicy {
  int min_abi = 1;
  std::vector<LandlockPathRule> rules;  // empty: derived from the mounts and the rootfs layout
};

struct Attestation;

struct Policy {
  std::string name;
  std::string description;
  std::string digest;  // hex SHA-256 over the digests of the set's files
  Mode floor = Mode::agent;
  std::vector<Grant> grants;
  std::vector<std::string> keep_bounding;  // caps.toml; also permitted and effective
  std::vector<std::string> keep_ambient;
  oci::Seccomp seccomp;
  LandlockPolicy landlock;
  EgressPolicy egress;
  std::int64_t pids_limit = 512;
  bool external = false;  // from a directory, not compiled in
  bool pinned = false;    // chosen by NAME@sha256:HEX, and the digest matched
  // Where the rest stands, e.g. "bounding CAP_CHOWN" -> "policy web (caps.toml:4)"; grants, rules and entries have origins.
  std::map<std::string, std::string> places;
  AttestationSettings attestation_settings;
  std::shared_ptr<const Attestation> attestation;  // find_attestation(): what the root must match; nullptr for nothing

  // The grant that covers (kind, value), or nullptr.
  [[nodiscard]] const Grant* find(GrantKind kind, std::string_view value = {}) const;
};

// Host configuration /etc/nucleus/nucleus.toml; the defaults hold when the file is absent.
struct HostConfig {
  Mode mode = Mode::agent;
  Mode mode_floor = Mode::agent;  // passthrough here allows it as a mode
  // Off: podman copies an image manifest's annotations into config.json, so an image would grant itself what it likes.
  bool annotations_may_grant = false;
  // Whether an annotation may open the learning gate (seccomp_watch.hpp).
  bool annotations_may_learn = false;
  bool seccomp_denials = false;  // denied system calls are recorded for every container
  std::string trace_dir;         // where annotations may put traces, absolute; "": nowhere
  std::string policy = "default";
  std::vector<std::string> policy_dirs = {"/etc/nucleus/policies", "/usr/share/nucleus/policies"};
  std::vector<Profile> profiles;  // [[profile]], in the file's order
  AttestationSettings attestation;
  // The least that /sys/kernel/security/lockdown must say: integrity or confidentiality; none for whatever it is.
  std::string lockdown = "none";
  ReceiptSettings receipt;
};

// Keys as above; an absent file gives the defaults. The file must be as trustworthy as a policy's.
[[nodiscard]] Result<HostConfig> load_host_config(const std::string& path);

// `name` is looked up in `dirs` (first hit wins), then among the sets compiled in; a name with '/' is a directory.
// "NAME@sha256:HEX" must match the set's digest. Files must be owned by root or the caller and not writable by group or
// others; that is asked of the opened descriptors. Errors name file:line:column. The set's five files must all exist.
// A policy.lock beside them must name the digests they have, in every mode (policy_lock.hpp).
[[nodiscard]] Result<Policy> load_policy(const std::string& name, const std::vector<std::string>& dirs);

}  // namespace nucleus::hardening
