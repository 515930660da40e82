#include "runtime/launch/update.hpp"

#include <charconv>

#include "hardening/harden.hpp"
#include "oci/document.hpp"
#include "oci/merge_resources.hpp"
#include "oci/validate.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/plan/cgroup_systemd.hpp"
#include "runtime/plan/cgroup_update.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/probe.hpp"
#include "runtime/sys/systemd.hpp"

namespace nucleus::launch {
namespace {

Result<plan::ResourceChange> decide(const Container& container, const oci::Resources& asked, const HostFacts& facts) {
  TRY_ASSIGN(const auto confinement, load_confinement(container.directory));
  plan::ResourceChange out;
  TRY_ASSIGN(const auto spec, load_executed_spec(container.directory));
  TRY_ASSIGN(out.before, limits_in_force(container.directory, spec));
  out.change = asked;
  out.change.devices.clear();
  out.after = out.before;
  oci::merge_resources(out.after, out.change);
  TRY_ASSIGN(auto hardened, hardening::harden_update(out.after, confinement.policy, facts, confinement.mode));
  for (const auto& finding : hardened.report.findings) {
    log_warning(describe(finding));
  }
  out.after = std::move(hardened.resources);
  return out;
}

// memory.checkBeforeUpdate: rather no change than an OOM kill.
Status check_usage(const sys::CgroupHandle& cgroup, const oci::Resources& change) {
  const auto& memory = change.memory;
  if (!memory || !memory->check_before_update.value_or(false) || memory->limit.value_or(0) <= 0) {
    return {};
  }
  TRY_ASSIGN(const std::string text,
             cgroup.read("memory", cgroup.is_v2() ? "memory.current" : "memory.usage_in_bytes"));
  std::int64_t used = 0;
  std::from_chars(text.data(), text.data() + text.size(), used);
  if (used > *memory->limit) {
    return fail(ErrorCode::state, "the container uses " + std::to_string(used) +
                                      " bytes of memory, more than the new limit of " + std::to_string(*memory->limit));
  }
  return {};
}

// systemd writes the files that it knows again when it likes to. Its values are coarser in places, so it comes first.
Status tell_systemd(const state::Record& record, const std::vector<plan::CgroupSetting>& settings,
                    CgroupLayout layout) {
  const auto properties = record.unit ? plan::limit_properties(settings, layout) : std::vector<UnitProperty>{};
  if (properties.empty()) {
    return {};
  }
  TRY_ASSIGN(auto manager, sys::SystemdManager::connect(record.unit->bus));
  TRY_ASSIGN(const auto found, manager.match(*record.unit));
  if (found != sys::UnitMatch::ours) {
    return fail(ErrorCode::state, "systemd unit " + record.unit->name + " is not this container's any more");
  }
  return manager.set_properties(record.unit->name, properties);
}

// Writes settings and can take them back.
class Writer {
 public:
  explicit Writer(const sys::CgroupHandle& cgroup) : cgroup_(cgroup) {}

  // Two limits that bound each other (memory and memory with swap, quota and period) can be written in one order when
  // raised and in the other when lowered: what is refused is tried once more after the rest.
  Status write(const std::vector<plan::CgroupSetting>& settings) {
    std::vector<plan::CgroupSetting> refused;
    for (const auto& setting : settings) {
      if (!write_one(setting)) {
        refused.push_back(setting);
      }
    }
    for (const auto& setting : refused) {
      if (Status done = write_one(setting); !done) {
        take_back();
        return tl::unexpected<Error>(std::move(done).error().with("cgroup: " + setting.file));
      }
    }
    return {};
  }

  void take_back() {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
      put(*undo);
    }
    // Once more, for those that had to wait for another.
    for (const auto& undo : undo_) {
      put(undo);
    }
    undo_.clear();
  }

 private:
  std::vector<sys::CgroupFailure> put(const plan::CgroupSetting& setting) const {
    const sys::CgroupValue value{setting.controller, setting.file, setting.value, setting.optional};
    return cgroup_.apply({&value, 1});
  }

  Status write_one(const plan::CgroupSetting& setting) {
    const auto content = cgroup_.read(setting.controller, setting.file);
    const auto failures = put(setting);
    if (!failures.empty()) {
      return tl::unexpected<Error>(failures.front().error);
    }
    if (content) {
      undo_.push_back(plan::undo_setting(setting, *content));
    }
    return {};
  }

  const sys::CgroupHandle& cgroup_;
  std::vector<plan::CgroupSetting> undo_;
};

}  // namespace

Status update_container(const Container& container, const oci::Resources& change) {
  if (!container.alive()) {
    return fail(ErrorCode::state, "container not running");
  }
  TRY(oci::validate(change));
  TRY_ASSIGN(const auto facts, sys::probe_host({}));
  TRY_ASSIGN(const auto decision, decide(container, change, facts));
  const auto cgroup = sys::CgroupHandle::open(cgroup_directories(container.record));
  if (cgroup.empty()) {
    return fail(ErrorCode::state, "cannot update limits: cgroups not configured for container");
  }
  TRY(check_usage(cgroup, change));
  const CgroupLayout layout = facts.cgroup.layout;
  const auto settings = plan::update_settings(decision, layout);
  TRY(tell_systemd(container.record, settings, layout));
  Writer writer(cgroup);
  Status done = writer.write(settings);
  if (done) {
    done = container.directory.write(kResourcesFile, oci::to_json(decision.after));
  }
  if (!done) {
    (void)tell_systemd(container.record, plan::update_settings({decision.after, change, decision.before}, layout),
                       layout);
    writer.take_back();
  }
  return done;
}

}  // namespace nucleus::launch
