// Single files in the place of those of a policy set, each pinned by itself.
//
// --policy-file KIND=PATH[@sha256:HEX]       KIND: seccomp, caps, landlock, egress
// io.nucleus.KIND = PATH@sha256:HEX          in config.json's annotations
//
// The command line comes before the annotation of the same kind. A file replaces the set's whole; grants, mode floor and pids
// limit stay the set's. Strict modes take pinned files only, and with one the set itself has to be built in or pinned too.
//
// Threat: podman copies an image's annotations into config.json, and an image's files lie, owned by root and at a place that
// its author can foretell, in the engine's storage. So an annotation counts only where the host lets annotations choose
// (annotations_may_grant), only with a pin, and only for a file below one of the host's policy_dirs, as its path is written.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hardening/digest.hpp"
#include "hardening/modes.hpp"
#include "hardening/policy.hpp"

namespace nucleus::hardening {

struct FileChoice {
  std::size_t file = 0;  // of kPolicyFiles
  std::string path;      // absolute
  std::optional<Sha256> pin;
  std::string origin;  // "command line", "annotation io.nucleus.caps"
  bool operator==(const FileChoice&) const = default;
};

// Errors: ErrorCode::policy with the option or annotation and what it lacks. In passthrough annotations say nothing.
[[nodiscard]] Result<std::vector<FileChoice>> select_policy_files(const HostConfig& host,
                                                                  const std::vector<std::string>& command_line,
                                                                  const std::map<std::string, std::string>& annotations,
                                                                  Mode mode);

// load_policy() with these files in the place of the set's. The digest is that of what is in force. Files are read as
// those of a set are: owned by root or the caller, not writable by others.
[[nodiscard]] Result<Policy> load_policy_with(const std::string& name, const std::vector<std::string>& dirs,
                                              const std::vector<FileChoice>& files, Mode mode);

// ", caps.toml by command line (/srv/caps.toml)" for each.
[[nodiscard]] std::string describe(const std::vector<FileChoice>& files);

}  // namespace nucleus::hardening
