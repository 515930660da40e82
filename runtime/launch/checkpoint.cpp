#include "runtime/launch/checkpoint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>

#include "hardening/path_text.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/criu_process.hpp"
#include "runtime/launch/freeze.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/restored_rules.hpp"
#include "runtime/state/descriptors.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {
namespace {

constexpr std::size_t kSmall = 4096;

Status check(const Container& container, const oci::Spec& spec, const hardening::Confinement& confinement) {
  if (container.status != ContainerStatus::running && container.status != ContainerStatus::paused) {
    return fail(ErrorCode::state,
                "Container cannot be checkpointed in " + std::string(status_name(container.status)) + " state");
  }
  if (spec.process->terminal) {
    return fail(ErrorCode::state, "checkpoint: a container with a terminal cannot be checkpointed");
  }
  if (confinement.ephemeral_root) {
    log_warning("checkpoint: what the container wrote to its ephemeral root is not part of the image");
  }
  return {};
}

Result<UniqueFd> make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return fail_errno("mkdir " + path, error.value());
  }
  return open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

// ---- what is not the container's own ----------------------------------------------------------------------------------

bool shows_hierarchy(const oci::Spec& spec, const MountEntry& entry) {
  const auto& wanted = spec.linux.namespaces;
  const bool own_view = std::ranges::find(wanted, "cgroup", &oci::Namespace::type) != wanted.end();
  return !own_view && (entry.type == "cgroup" || entry.type == "cgroup2");
}

std::vector<plan::ExternalMount> external_mounts(const oci::Spec& spec, const KernelTruth& truth) {
  std::vector<plan::ExternalMount> out;
  for (const auto& key : plan::external_keys(spec)) {
    const auto led = truth.paths.find(key);
    const auto hit = std::find_if(truth.mounts.begin(), truth.mounts.end(), [&](const MountEntry& entry) {
      return led != truth.paths.end() && led->second.covered ? entry.id == led->second.mount : entry.target == key;
    });
    if (hit == truth.mounts.end()) {
      continue;
    }
    const bool masked = std::ranges::find(spec.linux.masked_paths, key) != spec.linux.masked_paths.end();
    out.push_back({!masked ? key : hit->type == "tmpfs" ? plan::kMaskedDirectory : plan::kMaskedFile, hit->target});
  }
  for (const auto& entry : truth.mounts) {
    if (shows_hierarchy(spec, entry)) {
      out.push_back({entry.target, entry.target});
    }
  }
  return out;
}

Result<std::vector<plan::ExternalNamespace>> external_namespaces(const oci::Spec& spec, const sys::ProcHandle& proc,
                                                                 int pid) {
  std::vector<plan::ExternalNamespace> out;
  for (const auto& entry : spec.linux.namespaces) {
    if (!entry.path.empty()) {
      TRY_ASSIGN(const UniqueFd fd, sys::open_namespace_of(proc, pid, *sys::find_namespace_kind(entry.type)));
      TRY_ASSIGN(const auto id, sys::namespace_id(fd.get()));
      out.push_back({entry.type, id.inode, -1});
    }
  }
  return out;
}

std::uint64_t mount_of(const std::string& fdinfo) {
  constexpr std::string_view kKey = "mnt_id:";
  const std::size_t at = fdinfo.find(kKey);
  std::uint64_t id = 0;
  if (at != std::string::npos) {
    const std::size_t digit = fdinfo.find_first_not_of(" \t", at + kKey.size());
    std::from_chars(fdinfo.data() + std::min(digit, fdinfo.size()), fdinfo.data() + fdinfo.size(), id);
  }
  return id;
}

std::string hex(std::uint64_t value) {
  std::array<char, 20> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, 16);
  return {text.data(), end};
}

// What init's descriptors 0, 1 and 2 are: as /proc has them, or in criu's way for a file on no mount of the container's.
Result<std::vector<std::string>> standard_descriptors(const sys::ProcHandle& proc, int pid, const KernelTruth& truth) {
  std::vector<std::string> out;
  for (const char* number : {"0", "1", "2"}) {
    const std::string base = std::to_string(pid);
    std::array<char, kSmall> link{};
    const ssize_t length = ::readlinkat(proc.fd(), (base + "/fd/" + number).c_str(), link.data(), link.size());
    std::string name = length < 0 ? "/dev/null" : std::string(link.data(), static_cast<std::size_t>(length));
    struct stat info {};
    if (name.starts_with('/') && ::fstatat(proc.fd(), (base + "/fd/" + number).c_str(), &info, 0) == 0) {
      TRY_ASSIGN(const std::string fdinfo, proc.read(base + "/fdinfo/" + number));
      const std::uint64_t mount = mount_of(fdinfo);
      if (std::ranges::find(truth.mounts, mount, &MountEntry::id) == truth.mounts.end()) {
        name = "file[" + hex(mount) + ":" + hex(info.st_ino) + "]";
      }
    }
    out.push_back(std::move(name));
  }
  return out;
}

// ---- the dump ---------------------------------------------------------------------------------------------------------

Status dump(const plan::DumpPlan& plan, int criu) {
  CriuCommand command;
  command.program = criu;
  TRY_ASSIGN(command.arguments, plan::dump_arguments(plan));
  command.log_directory = plan.choices.work.empty() ? plan.choices.images : plan.choices.work;
  command.log = plan::kDumpLog;
  if (plan.status_fd >= 0) {
    command.inherited = {plan.status_fd};
  }
  return run_criu(command);
}

}  // namespace

Status checkpoint_container(const state::Store& store, const ContainerId& id, const CheckpointOptions& options) {
  {
    TRY_ASSIGN(const auto container, find_container(store, id, Locking::wait));
    TRY_ASSIGN(const UniqueFd criu, find_criu(options.criu));
    TRY_ASSIGN(const oci::Spec spec, load_executed_spec(container.directory));
    TRY_ASSIGN(const auto confinement, load_confinement(container.directory));
    TRY(check(container, spec, confinement));
    plan::DumpPlan plan = options.plan;
    TRY_ASSIGN(const UniqueFd images, make_directory(plan.choices.images));
    if (!plan.choices.work.empty()) {
      TRY(make_directory(plan.choices.work));
    }
    const int pid = container.record.pid;
    TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
    TRY_ASSIGN(KernelTruth truth, read_back(proc, pid, false));
    look_up(proc, pid, planned_mounts(spec), truth);
    plan.pid = pid;
    plan.freezer = freezer_directory(container.record);
    plan.mounts = external_mounts(spec, truth);
    TRY_ASSIGN(plan.namespaces, external_namespaces(spec, proc, pid));
    TRY_ASSIGN(const auto descriptors, standard_descriptors(proc, pid, truth));
    for (const auto& name : std::set<std::string>(descriptors.begin(), descriptors.end())) {
      if (name.starts_with("file[")) {
        plan.files.push_back(name);
      }
    }
    TRY(dump(plan, criu.get()));
    if (plan.pre_dump) {
      return {};
    }
    TRY(replace_file(images.get(), state::kDescriptorsFile, state::descriptors_json(descriptors), 0600, false));
  }
  return options.plan.leave_running ? Status{} : delete_container(store, id, {true});
}

}  // namespace nucleus::launch
