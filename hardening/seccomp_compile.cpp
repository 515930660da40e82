#include "hardening/seccomp_compile.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "hardening/seccomp_codegen.hpp"
#include "hardening/seccomp_names.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;  // asm/unistd.h __X32_SYSCALL_BIT

// Numbers of equal plain verdict share a segment; calls with argument rules have one of their own.
class SegmentBuilder {
 public:
  explicit SegmentBuilder(Verdict fallback) : fallback_(fallback) { plain(0, fallback); }

  void add(std::uint32_t nr, const std::vector<SyscallRule>& rules) {
    if (nr > next_) {
      plain(next_, fallback_);
    }
    if (!rules.empty() && unconditional(rules.front().conditions)) {
      plain(nr, rules.front().verdict);
    } else {
      append(nr, argument_rules(rules, fallback_));
      current_.reset();
    }
    next_ = nr + 1;
  }

  std::vector<Segment> finish() && {
    plain(next_, fallback_);
    return std::move(segments_);
  }

 private:
  void plain(std::uint32_t first, Verdict verdict) {
    if (current_ != verdict) {
      append(first, {give(verdict)});
      current_ = verdict;
    }
  }

  void append(std::uint32_t first, Code code) {
    if (!segments_.empty() && segments_.back().first == first) {
      segments_.pop_back();  // nothing lies in it
    }
    segments_.push_back({first, std::move(code)});
  }

  Verdict fallback_;
  std::vector<Segment> segments_;
  std::optional<Verdict> current_;  // the last segment's, if it is plain
  std::uint32_t next_ = 0;          // the first number not yet decided
};

Code program(const SyscallTable& table) {
  SegmentBuilder builder(table.fallback);
  for (const auto& [nr, rules] : table.rules) {
    builder.add(static_cast<std::uint32_t>(nr), rules);
  }
  std::vector<Segment> segments = std::move(builder).finish();
  segments.push_back({kX32Bit, {give(more_restrictive({Action::error, ENOSYS}, table.fallback))}});
  Code code = {
      load_word(offsetof(seccomp_data, arch)),
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64},
      give({Action::kill_process, 0}),
      load_word(offsetof(seccomp_data, nr)),
  };
  const Code tree = search(segments);
  code.insert(code.end(), tree.begin(), tree.end());
  return code;
}

bool notifies(const Code& code) {
  return std::any_of(code.begin(), code.end(), [](const sock_filter& insn) {
    return insn.code == (BPF_RET | BPF_K) && (insn.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
  });
}

}  // namespace

Result<CompiledFilter> compile_native(const oci::Seccomp& profile) {
  TRY_ASSIGN(SyscallTable table, make_table(profile));
  CompiledFilter filter;
  TRY_ASSIGN(filter.flags, parse_flags(profile.flags));
  filter.code = program(table);
  if (filter.code.size() > BPF_MAXINSNS) {
    return fail(ErrorCode::invalid_config, "seccomp: the profile needs " + std::to_string(filter.code.size()) +
                                               " instructions, the kernel takes " + std::to_string(BPF_MAXINSNS));
  }
  filter.uses_notify = notifies(filter.code);
  filter.flags |= filter.uses_notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  filter.unknown_names = std::move(table.unknown_names);
  return filter;
}

}  // namespace nucleus::hardening
