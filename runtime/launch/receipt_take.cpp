#include "runtime/launch/receipt_take.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "hardening/attestation.hpp"
#include "hardening/digest.hpp"
#include "hardening/path_text.hpp"
#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/readback.hpp"
#include "runtime/launch/receipt_items.hpp"
#include "runtime/launch/watch.hpp"
#include "runtime/plan/cgroup_settings.hpp"

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
                                            {"seccomp", digest_of(directory, kFilterFile)},
                                            {"confinement", digest_of(directory, kConfinementFile)},
                                            {"egress", digest_of(directory, kEgressFile)}};
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

// v1: "cpu,cpuacct" among the directories of a cgroup; v2: the only one.
const state::CgroupDirectory* directory_of(const std::vector<state::CgroupDirectory>& all,
                                           const std::string& controller) {
  for (const auto& directory : all) {
    const std::string names = "," + directory.controllers + ",";
    if (directory.controllers.empty() || names.find("," + controller + ",") != std::string::npos) {
      return &directory;
    }
  }
  return nullptr;
}

Result<std::vector<CgroupFile>> read_cgroup(const Container& container, const oci::Spec& spec) {
  constexpr std::size_t kLargest = 64 * 1024;
  const auto& directories = container.record.cgroups;
  if (directories.empty()) {
    return std::vector<CgroupFile>{};  // it has no cgroup of its own: said, or refused, at create
  }
  TRY_ASSIGN(const auto resources, limits_in_force(container.directory, spec));
  const bool v2 = directories.front().controllers.empty();
  std::vector<CgroupFile> out;
  for (auto& setting : v2 ? plan::v2_settings(resources) : plan::v1_settings(resources)) {
    const auto* directory = directory_of(directories, setting.controller);
    std::optional<std::string> content;
    if (directory != nullptr) {
      auto text = read_file(AT_FDCWD, directory->path + "/" + setting.file, kLargest);
      content = text ? std::optional(std::move(*text)) : std::nullopt;
    }
    out.push_back({std::move(setting), std::move(content)});
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

Result<oci::Resources> limits_in_force(const state::Directory& directory, const oci::Spec& executed) {
  if (directory.has(kResourcesFile)) {
    TRY_ASSIGN(const std::string text, directory.read(kResourcesFile));
    return oci::parse_resources(text, directory.path() + "/" + kResourcesFile);
  }
  return executed.linux.resources.value_or(oci::Resources{});
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
  TRY_ASSIGN(const auto limits, read_cgroup(container, spec));
  const ReceiptContext context{spec,
                               confinement,
                               truth,
                               own.namespaces,
                               egress ? &*egress : nullptr,
                               limits,
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
