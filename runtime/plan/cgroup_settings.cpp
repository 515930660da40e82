#include "runtime/plan/cgroup_settings.hpp"

namespace nucleus::plan {

void add_pids(std::vector<CgroupSetting>& out, const oci::Resources& resources) {
  if (resources.pids && resources.pids->limit) {
    const auto limit = *resources.pids->limit;
    out.push_back({"pids", "pids.max", limit > 0 ? std::to_string(limit) : "max"});
  }
}

void add_rdma(std::vector<CgroupSetting>& out, const oci::Resources& resources) {
  for (const auto& [device, limits] : resources.rdma) {
    std::string value = device;
    value += limits.hca_handles ? " hca_handle=" + std::to_string(*limits.hca_handles) : "";
    value += limits.hca_objects ? " hca_object=" + std::to_string(*limits.hca_objects) : "";
    out.push_back({"rdma", "rdma.max", value});
  }
}

}  // namespace nucleus::plan
