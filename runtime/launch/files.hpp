// Files of a state directory besides state.json, and the small conversions around them.
#pragma once

#include <string>
#include <vector>

#include "hardening/confinement.hpp"
#include "oci/documents.hpp"
#include "runtime/base/result.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/store.hpp"
#include "runtime/sys/device_bpf.hpp"

namespace nucleus::launch {

inline constexpr const char* kOriginalFile = "original.json";        // config.json as the engine wrote it
inline constexpr const char* kConfigFile = "config.json";            // as it was executed
inline constexpr const char* kConfinementFile = "confinement.json";  // hardening::Confinement
inline constexpr const char* kFilterFile = "seccomp.bpf";            // struct sock_filter, in kernel layout
inline constexpr const char* kGateFile = "seccomp-gate.bpf";  // installed in its place, with a watch that decides
inline constexpr const char* kWatchFile = "watch.json";       // hardening::SeccompWatch
inline constexpr const char* kSeccompLog = "seccomp.log";     // a trace, where the watch names no other file
inline constexpr const char* kEgressFile = "egress.json";     // hardening::EgressRecord
inline constexpr const char* kReceiptFile = "receipt.json";
inline constexpr const char* kResourcesFile = "resources.json";  // limits in force, once an update changed them
inline constexpr const char* kIntentFile = "intent.json";  // the record before there was a process: state.json's spare

[[nodiscard]] std::string filter_bytes(const std::vector<std::uint64_t>& filter);
[[nodiscard]] Result<plan::SeccompPlan> load_filter(const state::Directory& directory, unsigned flags);

// Decimal pid, whole or not at all.
[[nodiscard]] Status write_pid_file(const std::string& path, int pid);

[[nodiscard]] std::string rfc3339_now();

[[nodiscard]] std::vector<sys::DeviceRule> device_rules(const std::vector<oci::DeviceRule>& rules);

// runtime.md "State" as hooks get it; pid 0.
[[nodiscard]] oci::StateDocument hook_document(const state::Record& record);

// Namespace types that may be the host's own: all in passthrough, the granted ones in the other modes.
[[nodiscard]] std::vector<std::string> granted_namespaces(const hardening::Confinement& confinement);

}  // namespace nucleus::launch
