// Plan against kernel: what each control should look like in /proc, and what it looks like. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hardening/confinement.hpp"
#include "hardening/trace_record.hpp"
#include "oci/spec.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/readback.hpp"
#include "runtime/launch/receipt_limits.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

struct ReceiptContext {
  const oci::Spec& spec;  // as executed
  const hardening::Confinement& confinement;
  const KernelTruth& truth;
  const std::map<std::string, std::string>& host_namespaces;  // the runtime's own, spec type -> identity
  const EgressTruth* egress;                                  // nullptr: no table of the container's
  const std::vector<CgroupFile>& limits;
  std::string filter;                          // the compiled filter's bytes; "" when none was installed
  std::string watch;                           // what is done about system calls; "": nothing
  std::vector<hardening::TraceRecord> denied;  // seen by the watch so far
};

[[nodiscard]] std::vector<state::ReceiptItem> receipt_items(const ReceiptContext& context);

}  // namespace nucleus::launch
