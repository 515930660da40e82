// What criu left, as the kernel has it: every thread of a restored container against the container's own config, before
// any of them runs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "hardening/confinement.hpp"
#include "oci/spec.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/launch/restored_rules.hpp"

namespace nucleus::launch {

// A file or directory by what it is.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
[[nodiscard]] Result<FileIdentity> identity_of(int fd);

// A mount that criu was told to use, and where the config has it.
struct PreparedMount {
  std::string target;
  FileIdentity root;
};

struct RestoredContext {
  const Container& container;  // its record names init
  const hardening::Confinement& confinement;
  const oci::Spec& spec;
  ThreadRules rules;
  FileIdentity root;
  std::vector<PreparedMount> binds;
  std::vector<FileIdentity> given;  // files of the caller's that init has as standard descriptors
};

// Waits until every thread of `processes` is stopped and judges them all; the mounts by those of init. Errors:
// ErrorCode::policy, in one line.
[[nodiscard]] Status examine_restored(const RestoredContext& context, const std::vector<pid_t>& processes);

}  // namespace nucleus::launch
