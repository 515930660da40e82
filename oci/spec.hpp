// The OCI runtime-spec 1.3 for Linux as plain C++ data.
//
// Sources: runtime-spec config.md, config-linux.md. A field keeps its JSON name in snake_case. Absent and empty are the
// same for strings, lists and maps (as in Go's omitempty), `std::optional` marks the fields where zero and absent
// differ. Members that this version does not know (also windows, solaris, vm, zos) are kept in `extra`, so that a
// rewrite loses nothing. Integers are range-checked by the decoder, string enumerations by oci/validate.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec_linux.hpp"

namespace nucleus::oci {

struct ConsoleSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  Extra extra;
  bool operator==(const ConsoleSize&) const = default;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
  std::string username;
  Extra extra;
  bool operator==(const User&) const = default;
};

struct Capabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> effective;
  std::vector<std::string> inheritable;
  std::vector<std::string> permitted;
  std::vector<std::string> ambient;
  Extra extra;
  bool operator==(const Capabilities&) const = default;
};

struct Rlimit {
  std::string type;  // RLIMIT_NOFILE ...
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;
  Extra extra;
  bool operator==(const Rlimit&) const = default;
};

struct Scheduler {
  std::string policy;  // SCHED_OTHER, SCHED_FIFO, ...
  std::int32_t nice = 0;
  std::int32_t priority = 0;
  std::vector<std::string> flags;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
  Extra extra;
  bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
  std::string io_class;  // JSON "class": IOPRIO_CLASS_RT, _BE, _IDLE
  std::int32_t priority = 0;
  Extra extra;
  bool operator==(const IoPriority&) const = default;
};

struct ExecCpuAffinity {
  std::string initial;
  std::string final;
  Extra extra;
  bool operator==(const ExecCpuAffinity&) const = default;
};

// config.md "Process"; also the whole of the file given to `exec --process`.
struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::optional<std::int32_t> oom_score_adj;
  std::string selinux_label;
  std::optional<Scheduler> scheduler;
  std::optional<IoPriority> io_priority;
  std::optional<ExecCpuAffinity> exec_cpu_affinity;
  Extra extra;
  bool operator==(const Process&) const = default;
};

struct Root {
  std::string path;  // absolute, or relative to the bundle
  bool readonly = false;
  Extra extra;
  bool operator==(const Root&) const = default;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  Extra extra;
  bool operator==(const Mount&) const = default;
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<std::int64_t> timeout;  // seconds, > 0
  Extra extra;
  bool operator==(const Hook&) const = default;
};

struct Hooks {
  std::vector<Hook> prestart;
  std::vector<Hook> create_runtime;
  std::vector<Hook> create_container;
  std::vector<Hook> start_container;
  std::vector<Hook> poststart;
  std::vector<Hook> poststop;
  Extra extra;
  bool operator==(const Hooks&) const = default;
};

struct Spec {
  std::string oci_version;
  std::optional<Process> process;
  Root root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  Hooks hooks;
  std::map<std::string, std::string> annotations;
  Linux linux;
  Extra extra;
  bool operator==(const Spec&) const = default;
};

}  // namespace nucleus::oci
