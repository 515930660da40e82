// linux.resources as a list of files and values, in the order they must be written.
#pragma once

#include <vector>

#include "oci/spec.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

[[nodiscard]] std::vector<CgroupSetting> v1_settings(const oci::Resources& resources);
[[nodiscard]] std::vector<CgroupSetting> v2_settings(const oci::Resources& resources);

// What both versions write alike: pids.max, rdma.max and the files that the config names itself.
void add_pids(std::vector<CgroupSetting>& out, const oci::Resources& resources);
void add_rdma(std::vector<CgroupSetting>& out, const oci::Resources& resources);
void add_unified(std::vector<CgroupSetting>& out, const oci::Resources& resources);

// cpu.shares (2..262144) -> cpu.weight (1..10000), the mapping all runtimes share; 0 stays 0 (unset).
[[nodiscard]] std::uint64_t weight_from_shares(std::uint64_t shares);

}  // namespace nucleus::plan
