// The systemd cgroup driver's decisions: which unit a container becomes, and its properties. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/systemd_unit.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

// "a-b.slice" -> "/a.slice/a-b.slice", "-.slice" -> "" (systemd.slice(5)). Anything but a slice's name is an error.
[[nodiscard]] Result<std::string> expand_slice(std::string_view slice);

// What systemd.unit(5) does not allow in a unit's name, as \xHH.
[[nodiscard]] std::string escape_unit_name(std::string_view name);

// linux.cgroupsPath under --systemd-cgroup, as runc reads it: "slice:prefix:name" is the scope prefix-name.scope in that
// slice (an empty prefix leaves the dash); an empty slice is system.slice (root) or user.slice; an empty path is :nucleus:ID.
// A name that ends in .slice is refused, as systemd refuses it to runc: slices hold no processes of their own.
// Fills everything but the properties.
[[nodiscard]] Result<UnitPlan> plan_unit(const std::string& cgroups_path, const std::string& id, bool rootless);

// What every unit of a container says, as runc's and crun's do: its slice, that the cgroup below it is not systemd's
// (Delegate), that it does not wait for shutdown's order, accounting, and that a failed one is forgotten.
[[nodiscard]] std::vector<UnitProperty> common_properties(const UnitPlan& unit, CgroupLayout layout);

// The properties that say what `settings` say, where systemd has one: it rewrites the files it knows when it likes to
// (daemon-reload), so it must know the limits. Limits without a property are only in the files.
[[nodiscard]] std::vector<UnitProperty> limit_properties(std::span<const CgroupSetting> settings, CgroupLayout layout);

// DevicePolicy and DeviceAllow. On v2 at least what `rules` allow: the runtime's own program, which is exact, binds as well.
// On v1 at most that: the runtime overwrites what systemd wrote, but systemd writes it again when it likes to
// (daemon-reload), and then its list is all that binds. What it cannot name is lost then (runc leaves out such rules, too).
[[nodiscard]] std::vector<UnitProperty> device_properties(std::span<const oci::DeviceRule> rules, CgroupLayout layout);

}  // namespace nucleus::plan
