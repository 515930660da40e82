// What a container's egress table was compiled from, kept beside its state: `receipt` compiles it again and compares it
// with what the kernel has.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hardening/egress_compile.hpp"

namespace nucleus::hardening {

struct EgressCgroup {
  std::uint64_t id = 0;     // of its directory in the cgroup v2 hierarchy
  std::uint32_t level = 0;  // below the root
  bool operator==(const EgressCgroup&) const = default;
};

struct EgressRecord {
  EgressPolicy policy;
  std::string id;        // of the container
  std::string origin;    // its state root
  bool inbound = false;  // EgressPlacement
  std::uint16_t dns_port = 0;
  int follower = 0;  // pid of the process that follows the policy's names; 0 when there are none
  std::uint64_t follower_start_time = 0;
  std::optional<EgressCgroup> cgroup;  // the table judges this cgroup's sockets only
  bool operator==(const EgressRecord&) const = default;
};

[[nodiscard]] nft::Table compile_egress(const EgressRecord& record);

[[nodiscard]] std::string to_json(const EgressRecord& record);
[[nodiscard]] Result<EgressRecord> parse_egress_record(std::string_view json, std::string_view file);

}  // namespace nucleus::hardening
