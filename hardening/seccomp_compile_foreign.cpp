// compile_with_libseccomp: the full OCI model, foreign architectures included.
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "hardening/seccomp_compile.hpp"
#include "hardening/seccomp_names.hpp"
#include "hardening/seccomp_table.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::hardening {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

constexpr std::size_t kMaxBytes = BPF_MAXINSNS * sizeof(sock_filter);

// libseccomp returns -errno. Its errors are about the profile, unless memory ran out.
Status check(int rc, const std::string& what) {
  return rc >= 0 ? Status() : fail(ErrorCode::invalid_config, "seccomp: " + what + ": " + std::strerror(-rc));
}

std::uint32_t to_libseccomp(Verdict verdict) {
  switch (verdict.action) {
    case Action::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case Action::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case Action::trap:
      return SCMP_ACT_TRAP;
    case Action::error:
      return SCMP_ACT_ERRNO(verdict.data);
    case Action::notify:
      return SCMP_ACT_NOTIFY;
    case Action::trace:
      return SCMP_ACT_TRACE(verdict.data);
    case Action::log:
      return SCMP_ACT_LOG;
    case Action::allow:
      return SCMP_ACT_ALLOW;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare to_libseccomp(Compare op) {
  switch (op) {
    case Compare::ne:
      return SCMP_CMP_NE;
    case Compare::lt:
      return SCMP_CMP_LT;
    case Compare::le:
      return SCMP_CMP_LE;
    case Compare::eq:
      return SCMP_CMP_EQ;
    case Compare::ge:
      return SCMP_CMP_GE;
    case Compare::gt:
      return SCMP_CMP_GT;
    case Compare::masked_eq:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

using Comparisons = std::vector<scmp_arg_cmp>;

// One rule, or one per condition where an argument occurs twice, as make_table has it.
Result<std::vector<Comparisons>> comparisons(const oci::SeccompRule& entry) {
  Comparisons all;
  std::set<unsigned> indices;
  for (const oci::SeccompArg& arg : entry.args) {
    TRY_ASSIGN(const Condition condition, parse_condition(arg));
    all.push_back({arg.index, to_libseccomp(condition.op), condition.value, condition.value_two});
    indices.insert(arg.index);
  }
  if (indices.size() == all.size()) {
    return std::vector<Comparisons>{all};
  }
  std::vector<Comparisons> apart;
  for (const scmp_arg_cmp& one : all) {
    apart.push_back({one});
  }
  return apart;
}

class Compiler {
 public:
  Status open(const oci::Seccomp& profile) {
    TRY_ASSIGN(fallback_, parse_verdict(profile.default_action, profile.default_errno_ret));
    context_.reset(seccomp_init(to_libseccomp(fallback_)));
    if (!context_) {
      return fail(ErrorCode::internal, "seccomp: libseccomp cannot start a filter");
    }
    for (const std::string& name : profile.architectures) {
      TRY_ASSIGN(const std::uint32_t token, parse_architecture(name));
      const int rc = seccomp_arch_add(context_.get(), token);
      TRY(check(rc == -EEXIST ? 0 : rc, "architecture " + name));
    }
    return check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
  }

  Status add(const oci::SeccompRule& entry) {
    TRY_ASSIGN(const Verdict verdict, parse_verdict(entry.action, entry.errno_ret));
    TRY_ASSIGN(const auto rules, comparisons(entry));
    uses_notify_ |= verdict.action == Action::notify && !entry.names.empty();
    for (const std::string& name : entry.names) {
      const int nr = seccomp_syscall_resolve_name(name.c_str());
      if (nr == __NR_SCMP_ERROR) {
        unknown_.insert(name);
        continue;
      }
      if (verdict == fallback_) {
        continue;
      }
      for (const Comparisons& rule : rules) {
        const int rc = seccomp_rule_add_array(context_.get(), to_libseccomp(verdict), nr,
                                              static_cast<unsigned>(rule.size()), rule.data());
        TRY(check(rc, name));
      }
    }
    return {};
  }

  Result<CompiledFilter> finish(unsigned flags) {
    const UniqueFd file(::memfd_create("nucleus-seccomp", MFD_CLOEXEC));
    if (!file) {
      return fail_errno("memfd_create");
    }
    TRY(check(seccomp_export_bpf(context_.get(), file.get()), "export"));
    if (::lseek(file.get(), 0, SEEK_SET) != 0) {
      return fail_errno("lseek");
    }
    TRY_ASSIGN(const std::string bytes, read_all(file.get(), kMaxBytes, "seccomp program"));
    CompiledFilter filter;
    filter.code.resize(bytes.size() / sizeof(sock_filter));
    std::memcpy(filter.code.data(), bytes.data(), filter.code.size() * sizeof(sock_filter));
    filter.uses_notify = uses_notify_ || fallback_.action == Action::notify;
    filter.flags = flags | (filter.uses_notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
    filter.unknown_names.assign(unknown_.begin(), unknown_.end());
    return filter;
  }

 private:
  Verdict fallback_;
  Context context_;
  bool uses_notify_ = false;
  std::set<std::string> unknown_;
};

}  // namespace

Result<CompiledFilter> compile_with_libseccomp(const oci::Seccomp& profile) {
  TRY_ASSIGN(const unsigned flags, parse_flags(profile.flags));
  Compiler compiler;
  TRY_WITH(compiler.open(profile), "seccomp.defaultAction");
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    TRY_WITH(compiler.add(profile.syscalls[i]), "seccomp.syscalls[" + std::to_string(i) + "]");
  }
  return compiler.finish(flags);
}

}  // namespace nucleus::hardening
