#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/cli/sizes.hpp"
#include "runtime/launch/update.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    {"resources", 'r', "FILE", "linux.resources as JSON, \"-\" for stdin; the options below are then ignored"},
    {"blkio-weight", 0, "N", "block I/O weight, 10 to 1000"},
    {"cpu-period", 0, "N", "length of a CFS period, microseconds"},
    {"cpu-quota", 0, "N", "CPU time in a period, microseconds; -1 for no limit"},
    {"cpu-burst", 0, "N", "CPU time that may be saved up, microseconds"},
    {"cpu-share", 0, "N", "CPU shares, relative to other containers"},
    {"cpu-rt-period", 0, "N", "length of a real-time period, microseconds"},
    {"cpu-rt-runtime", 0, "N", "real-time CPU time in a period, microseconds"},
    {"cpu-idle", 0, "N", "1: run only when nothing else wants to (SCHED_IDLE)"},
    {"cpuset-cpus", 0, "LIST", "processors, e.g. 0-2,7"},
    {"cpuset-mems", 0, "LIST", "memory nodes, e.g. 0"},
    {"kernel-memory", 0, "SIZE", "accepted for runc's sake; the kernel has it no more"},
    {"kernel-memory-tcp", 0, "SIZE", "kernel memory for TCP buffers (v1)"},
    {"memory", 0, "SIZE", "memory; -1 for no limit"},
    {"memory-reservation", 0, "SIZE", "soft limit of memory"},
    {"memory-swap", 0, "SIZE", "memory and swap together; -1 for no limit"},
    {"pids-limit", 0, "N", "number of processes"},
    {"l3-cache-schema", 0, "SCHEMA", "refused: Intel RDT is not supported"},
    {"mem-bw-schema", 0, "SCHEMA", "refused: Intel RDT is not supported"},
    {"help", 'h', "", "print this text"}};

// An option's number into a field of any integer type.
template <class T>
Status take_number(const Arguments& arguments, std::string_view name, std::optional<T>& out) {
  if (!arguments.has(name)) {
    return {};
  }
  const std::string text = arguments.get(name);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(ErrorCode::usage, "invalid value for " + std::string(name) + ": \"" + text + "\"");
  }
  out = value;
  return {};
}

Status take_size(const Arguments& arguments, std::string_view name, std::optional<std::int64_t>& out) {
  if (!arguments.has(name)) {
    return {};
  }
  auto size = parse_size(arguments.get(name));
  if (!size) {
    return tl::unexpected<Error>(std::move(size).error().with("invalid value for " + std::string(name)));
  }
  out = *size;
  return {};
}

Status take_cpu(const Arguments& arguments, oci::CpuLimits& cpu) {
  TRY(take_number(arguments, "cpu-period", cpu.period));
  TRY(take_number(arguments, "cpu-quota", cpu.quota));
  TRY(take_number(arguments, "cpu-burst", cpu.burst));
  TRY(take_number(arguments, "cpu-share", cpu.shares));
  TRY(take_number(arguments, "cpu-rt-period", cpu.realtime_period));
  TRY(take_number(arguments, "cpu-rt-runtime", cpu.realtime_runtime));
  TRY(take_number(arguments, "cpu-idle", cpu.idle));
  cpu.cpus = arguments.get("cpuset-cpus");
  cpu.mems = arguments.get("cpuset-mems");
  return {};
}

Status take_memory(const Arguments& arguments, oci::MemoryLimits& memory) {
  TRY(take_size(arguments, "memory", memory.limit));
  TRY(take_size(arguments, "memory-reservation", memory.reservation));
  TRY(take_size(arguments, "memory-swap", memory.swap));
  return take_size(arguments, "kernel-memory-tcp", memory.kernel_tcp);
}

Result<oci::Resources> resources_from_options(const Arguments& arguments) {
  oci::Resources out;
  TRY(take_cpu(arguments, out.cpu.emplace()));
  TRY(take_memory(arguments, out.memory.emplace()));
  TRY(take_number(arguments, "pids-limit", out.pids.emplace().limit));
  TRY(take_number(arguments, "blkio-weight", out.block_io.emplace().weight));
  return out;
}

Result<oci::Resources> resources_from_file(const std::string& name) {
  constexpr std::size_t kLimit = 4 << 20;
  if (name == "-") {
    TRY_ASSIGN(const std::string text, read_all(STDIN_FILENO, kLimit, "stdin"));
    return oci::parse_resources(text, "stdin");
  }
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, name, kLimit));
  return oci::parse_resources(text, name);
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  if (arguments.has("l3-cache-schema") || arguments.has("mem-bw-schema")) {
    return fail(ErrorCode::usage, "Intel RDT is not supported");
  }
  TRY_ASSIGN(const auto change, arguments.has("resources") ? resources_from_file(arguments.get("resources"))
                                                           : resources_from_options(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::wait));
  TRY(launch::update_container(container, change));
  return 0;
}

}  // namespace

constinit const Command kUpdate = {"update", "<container-id>", "change a container's limits", kOptions, 1, 1, run};

}  // namespace nucleus::cli
