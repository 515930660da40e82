#include "runtime/launch/container_cgroup.hpp"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "runtime/base/log.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/launch/files.hpp"

namespace nucleus::launch {
namespace {

using hardening::Reaction;

// runc's text.
Status refuse_used_cgroup(const state::Record& record) {
  for (const auto& directory : cgroup_directories(record)) {
    TRY_ASSIGN(const auto pids, sys::CgroupHandle::open({directory}).processes());
    if (!pids.empty()) {
      return fail(ErrorCode::state, "container's cgroup is not empty: " + std::to_string(pids.size()) +
                                        " process(es) found in " + directory.path);
    }
  }
  return {};
}

// Two state roots may hold containers of one name, in one slice: what is unique is this.
Result<std::string> make_nonce() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, 16> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail_errno("getrandom");
  }
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

// Does nothing, holds nothing, and dies with us.
[[noreturn]] void keep_place(pid_t parent) {
  if (sys::set_parent_death_signal(SIGKILL, parent) && sys::close_from(0)) {
    for (;;) {
      ::pause();
    }
  }
  ::_exit(1);
}

Result<sys::Child> start_placeholder() {
  const pid_t self = ::getpid();
  TRY_ASSIGN(auto cloned, sys::clone3({}));
  if (cloned.pid == 0) {
    keep_place(self);
  }
  return sys::Child(cloned.pid, std::move(cloned.pidfd));
}

// "7" -> "8"; nothing for "max".
std::optional<std::string> one_more(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(std::to_string(value + 1))
                                                                  : std::nullopt;
}

}  // namespace

Status ContainerCgroup::locate(state::Record& record) {
  if (!plan_.enabled) {
    return {};
  }
  std::string prefix;
  if (plan_.unit) {
    TRY(locate_unit(record));
    TRY_ASSIGN(prefix, manager_->control_group());
    unit_path_ = prefix + plan_.unit->path;
  }
  TRY_ASSIGN(auto directories, sys::locate_cgroup(facts_, prefix + plan_.path, plan_.relative));
  if (plan_.best_effort && !plan_.unit) {
    directories = sys::permitted_cgroups(std::move(directories));
  }
  for (const auto& directory : directories) {
    record.cgroups.push_back({directory.controllers, directory.path});
  }
  if (plan_.unit && facts_.layout == CgroupLayout::hybrid) {
    record.cgroups.push_back({"", facts_.v2_mountpoint + unit_path_});  // by which systemd sees that a unit is empty
  }
  return refuse_used_cgroup(record);
}

Status ContainerCgroup::locate_unit(state::Record& record) {
  TRY_ASSIGN(const std::string nonce, make_nonce());
  UnitReference unit{"", plan_.unit->name, plan_.unit->description + " (" + nonce + ")"};
  if (plan_.unit->user_manager) {
    TRY_ASSIGN(unit.bus, sys::user_bus_address());
  }
  TRY_ASSIGN(manager_, sys::SystemdManager::connect(unit.bus));
  TRY_ASSIGN(const auto status, manager_->status(unit.name));
  if (status.active_state != "inactive" && status.active_state != "failed") {
    return fail(ErrorCode::state, "systemd unit " + unit.name + " already exists (" + status.active_state + ")");
  }
  if (status.active_state == "failed") {
    TRY(manager_->reset_failed(unit.name));  // runc also takes the name of one that failed
  }
  record.unit = std::move(unit);
  return {};
}

Status ContainerCgroup::start_unit(const UnitReference& unit) {
  TRY_ASSIGN(placeholder_, start_placeholder());
  const pid_t pid = placeholder_.pid();
  started_ = unit;
  std::vector<UnitProperty> properties = plan_.unit->properties;
  properties.push_back({"Description", unit.description});
  TRY(manager_->start_transient(unit.name, properties, {&pid, 1}));
  TRY_ASSIGN(const std::string place, sys::systemd_cgroup_of(pid));
  manager_.reset();
  if (place != unit_path_) {
    return fail(ErrorCode::kernel, "systemd put " + plan_.unit->name + " into " + place + " instead of " + unit_path_);
  }
  return {};
}

Status ContainerCgroup::report(const std::vector<sys::CgroupFailure>& failures) const {
  if (plan_.on_failure == Reaction::off) {
    return {};
  }
  for (const auto& failure : failures) {
    const std::string text = "cgroup: " + failure.subject + ": " + failure.error.text;
    if (plan_.on_failure == Reaction::fail) {
      return fail(failure.error.code, text);
    }
    log_warning(text);
  }
  return {};
}

Status ContainerCgroup::limit() {
  std::vector<sys::CgroupValue> values;
  for (const auto& setting : plan_.settings) {
    sys::CgroupValue value{setting.controller, setting.file, setting.value, setting.optional};
    const auto raised =
        value.file == "pids.max" && placeholder_ && handle_->is_v2() ? one_more(value.value) : std::nullopt;
    if (raised) {
      exact_pids_ = value;
      value.value = *raised;
    }
    values.push_back(std::move(value));
  }
  TRY(report(handle_->apply(values)));
  if (plan_.device_control) {
    if (Status devices = handle_->apply_device_rules(device_rules(plan_.devices)); !devices) {
      TRY(report({{"devices", devices.error()}}));
    }
  }
  if (!plan_.owner) {
    return {};
  }
  Status delegated = handle_->delegate_to(*plan_.owner);
  return delegated ? delegated : report({{plan_.path, delegated.error()}});
}

Status ContainerCgroup::make(state::Record& record) {
  if (record.cgroups.empty()) {
    const Error none{ErrorCode::kernel, 0, "this user may make it in no hierarchy, so nothing is limited"};
    return plan_.enabled && plan_.best_effort ? report({{plan_.path, none}}) : Status{};
  }
  if (record.unit) {
    TRY(start_unit(*record.unit));
  }
  auto made = sys::CgroupHandle::create(facts_, cgroup_directories(record));
  if (!made && record.unit) {
    return tl::unexpected<Error>(std::move(made).error());
  }
  if (!made) {
    record.cgroups.clear();  // nothing in them is ours
    return report({{plan_.path, made.error()}});
  }
  handle_.emplace(std::move(*made));
  TRY(report(handle_->failures()));
  return limit();
}

Status ContainerCgroup::settle() {
  placeholder_ = sys::Child();
  return exact_pids_ ? report(handle_->apply({&*exact_pids_, 1})) : Status{};
}

void ContainerCgroup::commit() noexcept {
  if (handle_) {
    handle_->commit();
  }
}

void ContainerCgroup::undo() noexcept {
  placeholder_ = sys::Child();
  if (started_) {
    (void)sys::stop_unit(*started_);
  }
  if (handle_) {
    (void)handle_->remove();
  }
}

}  // namespace nucleus::launch
