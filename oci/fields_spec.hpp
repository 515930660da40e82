// config.md: JSON names of the structs in spec.hpp.
#pragma once

#include "oci/fields.hpp"
#include "oci/spec.hpp"

namespace nucleus::oci {

// One member a line, in the order of the specification.
// clang-format off
template <>
struct Fields<ConsoleSize> {
  static constexpr std::tuple list{
      req("height", &ConsoleSize::height),
      req("width", &ConsoleSize::width)};
};

template <>
struct Fields<User> {
  static constexpr std::tuple list{
      req("uid", &User::uid),
      req("gid", &User::gid),
      opt("umask", &User::umask),
      opt("additionalGids", &User::additional_gids),
      opt("username", &User::username)};
};

template <>
struct Fields<Capabilities> {
  static constexpr std::tuple list{
      opt("bounding", &Capabilities::bounding),
      opt("effective", &Capabilities::effective),
      opt("inheritable", &Capabilities::inheritable),
      opt("permitted", &Capabilities::permitted),
      opt("ambient", &Capabilities::ambient)};
};

template <>
struct Fields<Rlimit> {
  static constexpr std::tuple list{
      req("type", &Rlimit::type),
      req("hard", &Rlimit::hard),
      req("soft", &Rlimit::soft)};
};

template <>
struct Fields<Scheduler> {
  static constexpr std::tuple list{
      req("policy", &Scheduler::policy),
      opt("nice", &Scheduler::nice),
      opt("priority", &Scheduler::priority),
      opt("flags", &Scheduler::flags),
      opt("runtime", &Scheduler::runtime),
      opt("deadline", &Scheduler::deadline),
      opt("period", &Scheduler::period)};
};

template <>
struct Fields<IoPriority> {
  static constexpr std::tuple list{
      req("class", &IoPriority::io_class),
      req("priority", &IoPriority::priority)};
};

template <>
struct Fields<ExecCpuAffinity> {
  static constexpr std::tuple list{
      opt("initial", &ExecCpuAffinity::initial),
      opt("final", &ExecCpuAffinity::final)};
};

template <>
struct Fields<Process> {
  static constexpr std::tuple list{
      opt("terminal", &Process::terminal),
      opt("consoleSize", &Process::console_size),
      req("user", &Process::user),
      opt("args", &Process::args),
      opt("env", &Process::env),
      req("cwd", &Process::cwd),
      opt("capabilities", &Process::capabilities),
      opt("rlimits", &Process::rlimits),
      opt("noNewPrivileges", &Process::no_new_privileges),
      opt("apparmorProfile", &Process::apparmor_profile),
      opt("oomScoreAdj", &Process::oom_score_adj),
      opt("selinuxLabel", &Process::selinux_label),
      opt("scheduler", &Process::scheduler),
      opt("ioPriority", &Process::io_priority),
      opt("execCPUAffinity", &Process::exec_cpu_affinity)};
};

template <>
struct Fields<Root> {
  static constexpr std::tuple list{
      req("path", &Root::path),
      opt("readonly", &Root::readonly)};
};

template <>
struct Fields<Mount> {
  static constexpr std::tuple list{
      req("destination", &Mount::destination),
      opt("type", &Mount::type),
      opt("source", &Mount::source),
      opt("options", &Mount::options),
      opt("uidMappings", &Mount::uid_mappings),
      opt("gidMappings", &Mount::gid_mappings)};
};

template <>
struct Fields<Hook> {
  static constexpr std::tuple list{
      req("path", &Hook::path),
      opt("args", &Hook::args),
      opt("env", &Hook::env),
      opt("timeout", &Hook::timeout)};
};

template <>
struct Fields<Hooks> {
  static constexpr std::tuple list{
      opt("prestart", &Hooks::prestart),
      opt("createRuntime", &Hooks::create_runtime),
      opt("createContainer", &Hooks::create_container),
      opt("startContainer", &Hooks::start_container),
      opt("poststart", &Hooks::poststart),
      opt("poststop", &Hooks::poststop)};
};

template <>
struct Fields<Spec> {
  static constexpr std::tuple list{
      req("ociVersion", &Spec::oci_version),
      opt("process", &Spec::process),
      req("root", &Spec::root),
      opt("hostname", &Spec::hostname),
      opt("domainname", &Spec::domainname),
      opt("mounts", &Spec::mounts),
      opt("hooks", &Spec::hooks),
      opt("annotations", &Spec::annotations),
      opt("linux", &Spec::linux)};
};

// clang-format on

}  // namespace nucleus::oci
