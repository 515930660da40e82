#include "runtime/launch/receipt_take.hpp"

#include <unistd.h>

#include "hardening/attestation.hpp"
#include "hardening/digest.hpp"
#include "hardening/path_text.hpp"
#include "oci/document.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/readback.hpp"
#include "runtime/launch/receipt_items.hpp"
#include "runtime/launch/watch.hpp"

namespace nucleus::launch {
namespace {

std::string digest_of(const state::Directory& directory, const char* file) {
  const auto bytes = directory.read(file);
  return bytes ? hardening::to_hex(hardening::sha256(*bytes)) : std::string();
}

std::map<std::string, std::string> digests(const state::Directory& directory,
                                           const hardening::Confinement& confinement) {
  std::map<std::string, std::string> out = {{"config", digest_of(directory, kOriginalFile)},
                                            {"rewritten", digest_of(directory, kConfigFile)},
                                            {"policy", confinement.policy.digest},
                                            {"seccomp", digest_of(directory, kFilterFile)}};
  if (confinement.policy.attestation) {
    out["rootfs"] = confinement.policy.attestation->digest;
  }
  return out;
}

std::string installed_filter(const state::Directory& directory) {
  return directory.read(directory.has(kGateFile) ? kGateFile : kFilterFile).value_or(std::string());
}

std::vector<hardening::TraceRecord> not_allowed(const state::Directory& directory) {
  auto trace = read_watch_log(directory);
  if (!trace) {
    return {};
  }
  std::erase_if(trace->records,
                [](const hardening::TraceRecord& one) { return one.verdict == hardening::TraceVerdict::allowed; });
  return std::move(trace->records);
}

// What receipt_items() asks about, spelled as it asks.
std::vector<std::string> judged_paths(const oci::Spec& spec) {
  std::vector<std::string> out = spec.linux.masked_paths;
  out.insert(out.end(), spec.linux.readonly_paths.begin(), spec.linux.readonly_paths.end());
  for (const auto& mount : spec.mounts) {
    out.push_back(hardening::normal_path(mount.destination));
  }
  return out;
}

}  // namespace

Result<hardening::Confinement> load_confinement(const state::Directory& directory) {
  TRY_ASSIGN(const std::string text, directory.read(kConfinementFile));
  return hardening::parse_confinement(text, directory.path() + "/" + kConfinementFile);
}

Result<oci::Spec> load_executed_spec(const state::Directory& directory) {
  TRY_ASSIGN(const std::string text, directory.read(kConfigFile));
  return oci::parse_spec(text, directory.path() + "/" + kConfigFile);
}

Result<state::Receipt> take_receipt(const Container& container, const hardening::Confinement& confinement,
                                    bool traced) {
  const state::Directory& directory = container.directory;
  TRY_ASSIGN(const oci::Spec spec, load_executed_spec(directory));
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(KernelTruth truth, read_back(proc, container.record.pid, traced));
  look_up(proc, container.record.pid, judged_paths(spec), truth);
  TRY_ASSIGN(const KernelTruth own, read_back(proc, ::getpid(), false));
  TRY_ASSIGN(const auto egress, read_egress(container));
  TRY_ASSIGN(const auto watch, load_watch(directory));
  const ReceiptContext context{spec,
                               confinement,
                               truth,
                               own.namespaces,
                               egress ? &*egress : nullptr,
                               installed_filter(directory),
                               watch ? hardening::describe(*watch) : std::string(),
                               not_allowed(directory)};
  state::Receipt receipt;
  receipt.id = container.record.id;
  receipt.taken = rfc3339_now();
  receipt.mode = container.record.mode;
  receipt.policy = container.record.policy;
  receipt.digests = digests(directory, confinement);
  receipt.items = receipt_items(context);
  return receipt;
}

}  // namespace nucleus::launch
