// What a container leaves on disk between commands: `state.json` in its state directory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/systemd_unit.hpp"

namespace nucleus::state {

// One directory of the container's cgroup.
struct CgroupDirectory {
  std::string controllers;  // v1: as in /proc/self/cgroup; v2: ""
  std::string path;         // host path
  bool operator==(const CgroupDirectory&) const = default;
};

// An egress table in a network namespace that was joined: it outlives the container and is taken out by `delete`.
struct EgressTable {
  std::string name;
  std::string path;          // linux.namespaces[].path
  std::uint64_t device = 0;  // the namespace's identity: the path may come to lead elsewhere
  std::uint64_t inode = 0;
  bool operator==(const EgressTable&) const = default;
};

// The stored facts. Everything else about a container's status is derived from the kernel (status.hpp).
struct Record {
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339, UTC
  std::string mode;
  std::string policy;
  int pid = 0;                           // init's pid in the runtime's pid namespace; 0 while creating
  std::uint64_t start_time = 0;          // clock ticks after boot, field 22 of /proc/PID/stat: guards against pid reuse
  std::vector<CgroupDirectory> cgroups;  // every one made for the container, written down before it is made
  std::optional<UnitReference> unit;     // the systemd unit that the cgroup belongs to
  std::optional<EgressTable> egress;
  std::map<std::string, std::string> annotations;
  std::vector<oci::Hook> poststart;
  std::vector<oci::Hook> poststop;
  std::uint32_t owner = 0;  // uid of the creator
  bool shared_pid = false;  // no pid namespace of its own: `kill --all` walks the cgroup
  bool operator==(const Record&) const = default;
};

[[nodiscard]] std::string to_json(const Record& record);
[[nodiscard]] Result<Record> parse_record(std::string_view json, std::string_view file);

}  // namespace nucleus::state
