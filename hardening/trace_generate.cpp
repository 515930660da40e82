#include "hardening/trace_generate.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>

#include "hardening/json_text.hpp"
#include "hardening/seccomp_allowed.hpp"

namespace nucleus::hardening {
namespace {

using Calls = std::map<std::string, std::vector<ArgSets>>;

constexpr std::array<std::string_view, 5> kAlways = {"execve", "exit_group", "restart_syscall", "rt_sigreturn",
                                                     "sendmsg"};

ArgSets conditions_of(const TraceRecord& record) {
  ArgSets out;
  for (const TraceArg& arg : record.args) {
    out[arg.index] = ArgSet(Condition{Compare::masked_eq, arg.mask, arg.value});
  }
  return out;
}

// What is the same number to the kernel has the same name here, whichever the file says.
Status check_name(const TraceRecord& record, const std::string& container) {
  const auto nr = syscall_number(record.syscall);
  if (!nr || *nr != record.nr) {
    return fail(ErrorCode::invalid_config, "trace of " + json_text(container) + ": " + json_text(record.syscall) +
                                               " is not system call " + std::to_string(record.nr));
  }
  return {};
}

Result<Calls> traced_calls(std::span<const Trace> traces, bool denied, std::vector<std::string>& notes) {
  Calls calls;
  for (const Trace& trace : traces) {
    if (!trace.complete) {
      notes.push_back("the trace of " + json_text(trace.container) + " has no end: the program may need more");
    }
    if (trace.lost > 0) {
      notes.push_back("the trace of " + json_text(trace.container) + " lost " + std::to_string(trace.lost) + " calls");
    }
    for (const TraceRecord& record : trace.records) {
      if (record.verdict == TraceVerdict::denied && !denied) {
        continue;
      }
      if (record.syscall.empty()) {
        notes.push_back("system call " + std::to_string(record.nr) + " of " + json_text(record.first) +
                        " has no name in this version and stays denied");
        continue;
      }
      TRY(check_name(record, trace.container));
      calls[record.syscall].push_back(conditions_of(record));
    }
  }
  for (auto& [name, pieces] : calls) {
    tidy(pieces);
  }
  return calls;
}

bool covers(const std::vector<ArgSets>& pieces, const ArgSets& used) {
  return std::any_of(pieces.begin(), pieces.end(), [&](const ArgSets& piece) { return subset_of(used, piece); });
}

std::string with_conditions(const std::string& name, const ArgSets& conditions) {
  return unconditional(conditions) ? name : name + ": " + describe(conditions);
}

}  // namespace

Result<Generated> generate_profile(std::span<const Trace> traces, const oci::Seccomp& base, bool denied) {
  Generated out;
  TRY_ASSIGN(Calls calls, traced_calls(traces, denied, out.notes));
  for (const std::string_view name : kAlways) {
    if (calls.try_emplace(std::string(name), std::vector<ArgSets>(1)).second) {
      out.added.emplace_back(name);
    }
  }
  TRY_ASSIGN(out.profile.syscalls, denials_beside(base, calls));
  const auto allow = allow_entries(calls);
  out.profile.syscalls.insert(out.profile.syscalls.end(), allow.begin(), allow.end());
  out.profile.default_action = action_name(Action::error);
  out.profile.default_errno_ret = ENOSYS;
  out.profile.architectures = {"SCMP_ARCH_X86_64"};
  return out;
}

Result<TraceUse> profile_use(const oci::Seccomp& profile, std::span<const Trace> traces) {
  TraceUse out;
  std::vector<std::string> notes;
  TRY_ASSIGN(const AllowedCalls allowed, allowed_calls(profile));
  TRY_ASSIGN(const Calls used, traced_calls(traces, false, notes));
  for (const auto& [name, pieces] : allowed.calls) {
    const auto calls = used.find(name);
    if (calls == used.end()) {
      out.unused.push_back(name);
      continue;
    }
    for (const ArgSets& piece : pieces) {
      const auto meets = [&](const ArgSets& call) { return !apart(piece, call); };
      if (std::none_of(calls->second.begin(), calls->second.end(), meets)) {
        out.unused.push_back(with_conditions(name, piece));
      }
    }
  }
  for (const auto& [name, pieces] : used) {
    const auto open = allowed.calls.find(name);
    for (const ArgSets& piece : pieces) {
      if (open == allowed.calls.end() || !covers(open->second, piece)) {
        out.missing.push_back(with_conditions(name, piece));
      }
    }
  }
  return out;
}

}  // namespace nucleus::hardening
