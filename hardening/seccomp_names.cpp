#include "hardening/seccomp_names.hpp"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)  // Linux 5.19
#endif

namespace nucleus::hardening {
namespace {

constexpr std::uint32_t kMaxErrno = 4095;  // include/linux/err.h MAX_ERRNO; the kernel clamps to it

constexpr std::array<std::pair<std::string_view, Compare>, 7> kCompareNames = {{
    {"SCMP_CMP_NE", Compare::ne},
    {"SCMP_CMP_LT", Compare::lt},
    {"SCMP_CMP_LE", Compare::le},
    {"SCMP_CMP_EQ", Compare::eq},
    {"SCMP_CMP_GE", Compare::ge},
    {"SCMP_CMP_GT", Compare::gt},
    {"SCMP_CMP_MASKED_EQ", Compare::masked_eq},
}};

constexpr std::array<std::pair<std::string_view, Action>, 9> kActionNames = {{
    {"SCMP_ACT_KILL_PROCESS", Action::kill_process},
    {"SCMP_ACT_KILL_THREAD", Action::kill_thread},
    {"SCMP_ACT_KILL", Action::kill_thread},
    {"SCMP_ACT_TRAP", Action::trap},
    {"SCMP_ACT_ERRNO", Action::error},
    {"SCMP_ACT_NOTIFY", Action::notify},
    {"SCMP_ACT_TRACE", Action::trace},
    {"SCMP_ACT_LOG", Action::log},
    {"SCMP_ACT_ALLOW", Action::allow},
}};

constexpr std::array<std::pair<std::string_view, unsigned>, 4> kFlagNames = {{
    {"SECCOMP_FILTER_FLAG_TSYNC", 0},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
}};

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 20> kArchitectures = {{
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    {"SCMP_ARCH_NATIVE", SCMP_ARCH_NATIVE},
}};

template <class T, std::size_t N>
std::optional<T> lookup(const std::array<std::pair<std::string_view, T>, N>& table, std::string_view name) {
  for (const auto& [spelling, value] : table) {
    if (spelling == name) {
      return value;
    }
  }
  return std::nullopt;
}

bool takes_data(Action action) { return action == Action::error || action == Action::trace; }

tl::unexpected<Error> unknown(std::string_view what, std::string_view name) {
  return fail(ErrorCode::invalid_config, "unknown " + std::string(what) + " \"" + std::string(name) + "\"");
}

}  // namespace

Result<Verdict> parse_verdict(std::string_view action, const std::optional<std::uint32_t>& errno_ret) {
  const auto known = lookup(kActionNames, action);
  if (!known) {
    return unknown("seccomp action", action);
  }
  if (!takes_data(*known)) {
    return errno_ret ? Result<Verdict>(fail(ErrorCode::invalid_config, std::string(action) + " takes no errno"))
                     : Verdict{*known, 0};
  }
  const std::uint32_t data = errno_ret.value_or(EPERM);
  const std::uint32_t limit = *known == Action::error ? kMaxErrno : std::uint32_t{SECCOMP_RET_DATA};
  if (data > limit) {
    return fail(ErrorCode::invalid_config, "errno " + std::to_string(data) + " is beyond " + std::to_string(limit));
  }
  return Verdict{*known, static_cast<std::uint16_t>(data)};
}

std::string_view action_name(Action action) {
  for (const auto& [spelling, value] : kActionNames) {
    if (value == action) {
      return spelling;
    }
  }
  return "";
}

std::string to_string(Verdict verdict) {
  std::string text(action_name(verdict.action));
  return takes_data(verdict.action) ? text + "(" + std::to_string(verdict.data) + ")" : text;
}

Result<Condition> parse_condition(const oci::SeccompArg& arg) {
  const auto op = lookup(kCompareNames, arg.op);
  if (!op) {
    return unknown("seccomp operator", arg.op);
  }
  if (arg.index >= kSyscallArgs) {
    return fail(ErrorCode::invalid_config, "seccomp argument index " + std::to_string(arg.index) + " is beyond 5");
  }
  return Condition{*op, arg.value, *op == Compare::masked_eq ? arg.value_two : 0};
}

std::vector<oci::SeccompArg> to_oci(const ArgSets& sets) {
  std::vector<oci::SeccompArg> args;
  for (std::uint32_t index = 0; index < sets.size(); ++index) {
    const auto condition = sets[index].condition();
    if (!condition) {
      continue;
    }
    oci::SeccompArg arg;
    arg.index = index;
    arg.value = condition->value;
    arg.value_two = condition->value_two;
    for (const auto& [spelling, op] : kCompareNames) {
      if (op == condition->op) {
        arg.op = spelling;
      }
    }
    args.push_back(std::move(arg));
  }
  return args;
}

Result<unsigned> parse_flags(const std::vector<std::string>& flags) {
  unsigned bits = 0;
  for (const std::string& flag : flags) {
    const auto bit = lookup(kFlagNames, flag);
    if (!bit) {
      return unknown("seccomp flag", flag);
    }
    bits |= *bit;
  }
  return bits;
}

Result<std::uint32_t> parse_architecture(std::string_view name) {
  const auto token = lookup(kArchitectures, name);
  return token ? Result<std::uint32_t>(*token) : unknown("seccomp architecture", name);
}

std::optional<int> syscall_number(const std::string& name) {
  const int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  return nr >= 0 ? std::optional(nr) : std::nullopt;
}

bool syscall_known(const std::string& name) {
  return seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str()) != __NR_SCMP_ERROR;
}

std::string syscall_name(int nr) {
  char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
  std::string copy = name != nullptr ? name : "";
  std::free(name);
  return copy;
}

}  // namespace nucleus::hardening
