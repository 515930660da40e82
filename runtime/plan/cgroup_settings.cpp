#include "runtime/plan/cgroup_settings.hpp"

namespace nucleus::plan {
namespace {

// "memory.high" -> "memory"; "cgroup.*" belongs to no controller.
std::string controller_of(const std::string& file) {
  const std::string prefix = file.substr(0, file.find('.'));
  return prefix == "cgroup" ? "" : prefix;
}

}  // namespace

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

void add_unified(std::vector<CgroupSetting>& out, const oci::Resources& resources) {
  for (const auto& [file, value] : resources.unified) {
    out.push_back({controller_of(file), file, value});
  }
}

}  // namespace nucleus::plan
