// What criu is told: checkpoint and restore as argument lists of criu(8). Pure.
//
// Nothing of an image decides how a restored container is confined: where its mounts come from, which namespaces it
// joins and which cgroup it is in are arguments, made of the config as it is executed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::plan {

// A mount whose content is not the container's own: a bind mount, or what covers a masked file. `key` is the path in the
// config, by which image and restore know it.
struct ExternalMount {
  std::string key;
  std::string place;  // dump: the mount point in the container; restore: where it lies for criu
  bool operator==(const ExternalMount&) const = default;
};

// A namespace that the container joined by path.
struct ExternalNamespace {
  std::string type;         // of the config: "network"
  std::uint64_t inode = 0;  // dump
  int fd = -1;              // restore: as criu inherits it
};

// Choices of the command line that both directions have.
struct CriuChoices {
  std::string images;  // directory of the image, absolute
  std::string work;    // directory of logs, absolute; "": that of the image
  bool tcp_established = false;
  bool ext_unix_sk = false;
  bool shell_job = false;
  bool file_locks = false;
  bool lazy_pages = false;
  bool auto_dedup = false;
  bool empty_network = false;  // --empty-ns network
};

struct DumpPlan {
  CriuChoices choices;
  int pid = 0;
  std::string freezer;      // directory of the cgroup that freezes it; "": none
  std::string parent;       // directory of the previous image, relative to the image's
  std::string cgroups;      // none soft full strict ignore
  std::string page_server;  // "address:port"
  int status_fd = -1;
  bool leave_running = false;
  bool pre_dump = false;
  std::vector<ExternalMount> mounts;
  std::vector<ExternalNamespace> namespaces;
  std::vector<std::string> files;  // descriptors of init that lead outside: "file[1f:2a]"
};

struct RestorePlan {
  CriuChoices choices;
  std::string root;      // mount point of the container's root
  std::string pid_file;  // criu writes the pid of the restored init there
  std::string lsm_profile;
  std::string lsm_mount_context;
  std::vector<ExternalMount> mounts;
  std::vector<ExternalNamespace> namespaces;
  std::vector<std::pair<int, std::string>> inherit;  // descriptor of criu's -> what the image calls it
};

// Errors: ErrorCode::usage for a page server that is no address and port.
[[nodiscard]] Result<std::vector<std::string>> dump_arguments(const DumpPlan& plan);
// Errors: ErrorCode::invalid_config for a namespace that criu cannot join.
[[nodiscard]] Result<std::vector<std::string>> restore_arguments(const RestorePlan& plan);

// Paths of the config at which a mount can show something of the host's: bind mounts, masked paths (/dev/null), devices of
// a container that may make none; each once.
[[nodiscard]] std::vector<std::string> external_keys(const oci::Spec& spec);

// The first error of a criu log, without time and place in criu's source; "": the log tells of none.
[[nodiscard]] std::string first_error(std::string_view log);

// The keys of what covers masked paths: an empty read-only directory, and, as runc calls it, /dev/null.
inline constexpr const char* kMaskedDirectory = "masked-directory";
inline constexpr const char* kMaskedFile = "/dev/null";

inline constexpr const char* kDumpLog = "dump.log";
inline constexpr const char* kRestoreLog = "restore.log";

}  // namespace nucleus::plan
