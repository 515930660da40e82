// The part of a receipt that is about limits: of the process and of its cgroup. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/launch/readback.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

// A file of the cgroup that was written, and what it says now; nullopt: there is none.
struct CgroupFile {
  plan::CgroupSetting setting;
  std::optional<std::string> content;
};

// A limit below the one that was planned is no loss of confinement (what cannot be raised is lowered, with a warning).
[[nodiscard]] std::vector<state::ReceiptItem> process_limit_items(const oci::Process& process,
                                                                  const KernelTruth& truth);

// Compared where a file holds one value: the kernel rounds memory down to pages and bounds weights. Files with one line
// per device and lists of processors are recorded as they read.
[[nodiscard]] std::vector<state::ReceiptItem> cgroup_items(const std::vector<CgroupFile>& files);

}  // namespace nucleus::launch
