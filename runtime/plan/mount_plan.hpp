// The mount part of the Plan vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "oci/spec.hpp"

namespace nucleus::hardening {
struct Attestation;
}  // namespace nucleus::hardening

namespace nucleus::plan {

// What mount_setattr does to one mount, or with `recursive` to a whole tree. Bits are MOUNT_ATTR_*.
struct MountAttributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  bool operator==(const MountAttributes&) const = default;
};

// A new file system, made by the init process in its own namespaces (proc, sysfs, tmpfs, devpts, mqueue, cgroup).
struct MountFilesystem {
  std::string type;
  std::string source;
  std::string target;                                           // inside the container
  std::uint64_t attributes = 0;                                 // MOUNT_ATTR_*
  std::vector<std::pair<std::string, std::string>> parameters;  // fsconfig strings; an empty value is a flag
  bool superblock_readonly = false;  // `ro` as a property of the file system, not of the mount
  std::string propagation;           // "", or private, slave, shared, unbindable with an r prefix for recursive
  bool copy_up = false;              // tmpcopyup: what the image has at the target is copied in
  std::vector<std::pair<std::string, std::string>> symlinks;  // name -> target, made in the new file system's root
};

// A bind mount: the parent clones the source before any namespace exists (so that ids of a user namespace need no
// permission on host paths) and sets attributes and id mapping; the child attaches it.
struct DetachedMount {
  std::string source;    // host path
  std::string resolved;  // `source` without symlinks, as it was judged: what is mounted; "": follow `source`
  bool recursive = false;
  MountAttributes own;                       // the top mount
  MountAttributes tree;                      // the whole tree (rro, rnosuid ...)
  std::vector<oci::IdMapping> uid_mappings;  // empty: not id-mapped
  std::vector<oci::IdMapping> gid_mappings;
  bool idmap_recursive = false;  // ridmap
  bool shared = false;           // stays in the host's peer group; else the clone is made a slave at once
  std::string destination;       // for messages
};

struct AttachMount {
  std::size_t index = 0;  // into LaunchPlan::detached
  std::string target;
  std::string propagation;
};

// Adds MOUNT_ATTR_RDONLY to an existing mount point once its content was prepared (a read-only tmpfs on /dev).
struct RemountReadonly {
  std::string target;
};

enum class RootKind : std::uint8_t {
  bind,     // the directory itself
  overlay,  // ephemeral: a tmpfs upper layer over the directory; a copy into a tmpfs where overlay is impossible
};

struct RootPlan {
  std::string path;  // absolute host path
  RootKind kind = RootKind::bind;
  bool nosuid = false;  // set-user-ID programs and file capabilities of the image give nothing
  // The cloned mount is compared with it before anything is mounted; nullptr: nobody asked.
  std::shared_ptr<const hardening::Attestation> attestation;
  // From then on nothing is written to it, not even a missing mount point: the tree on the host stays what it was.
  bool keep_attested = false;
};

}  // namespace nucleus::plan
