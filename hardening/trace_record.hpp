// A trace of system calls: JSON lines, one for the container, one for each call and its generalised arguments, one at the
// end. What `seccomp trace`, the learning gate and the denials write, and `seccomp generate` reads.
//
//   {"trace":1,"container":"web","policy":"default","digest":"HEX"}
//   {"syscall":"socket","nr":41,"args":[{"index":0,"mask":4294967295,"value":2}],"count":3,"first":"sh","last":"curl",
//    "verdict":"allowed"}
//   {"syscall":"getxattr","nr":191,"count":1,"first":"ls","last":"ls","verdict":"denied","errno":95}
//   {"end":true,"lost":0}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/trace_call.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

enum class TraceVerdict : std::uint8_t {
  allowed,
  denied,   // and so answered with the profile's errno
  learned,  // the policy denies it; the learning gate let it through
};

// How many different calls a trace keeps.
inline constexpr std::size_t kTraceRecords = 4096;
inline constexpr std::size_t kTraceFileLimit = 4U << 20U;  // bytes

struct TraceRecord {
  std::string syscall;  // "" where libseccomp has no name for `nr`
  std::int32_t nr = 0;
  std::vector<TraceArg> args;
  std::uint64_t count = 0;
  std::string first;  // the command name (proc(5) comm) that made the call first; the workload chooses it
  std::string last;
  TraceVerdict verdict = TraceVerdict::allowed;
  std::uint16_t sys_errno = 0;  // of what the policy denies
  bool operator==(const TraceRecord&) const = default;
};

struct Trace {
  std::string container;
  std::string policy;
  std::string digest;
  std::vector<TraceRecord> records;
  bool complete = false;   // it has its last line: the container was traced to its end
  std::uint64_t lost = 0;  // calls that found no place among the records
  bool operator==(const Trace&) const = default;
};

// One line each, with its newline. Bytes outside printable ASCII become '?'.
[[nodiscard]] std::string trace_head(const Trace& trace);
[[nodiscard]] std::string trace_line(const TraceRecord& record);
[[nodiscard]] std::string trace_end(std::uint64_t lost);
[[nodiscard]] std::string to_text(const Trace& trace);

// "denied 3 times, last of "ls", errno 95; allowed by the entry {...} in seccomp.json": a call that the policy denies, and
// the entry of the policy that would allow just this.
[[nodiscard]] std::string describe(const TraceRecord& record);
[[nodiscard]] std::string allowing_entry(const TraceRecord& record);

// Strict: unknown keys, wrong types, ranges and orders are errors that read `file:line:column: what`. A line that is cut
// at the end of the file is one too; a missing last line is not (Trace::complete).
[[nodiscard]] Result<Trace> parse_trace(std::string_view text, std::string_view file);

}  // namespace nucleus::hardening
