#include "hardening/seccomp_gate.hpp"

#include <asm/unistd_64.h>
#include <gmock/gmock.h>

#include "hardening/seccomp_test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;

// Every number, and for those with conditions every argument where a condition can change its mind.
void compare(const oci::Seccomp& policy, Gate kind) {
  const auto hard = must(compile_native(policy));
  const CompiledFilter gated{must(gate(hard.code, kind)), 0, true, {}};
  const Action soft = kind == Gate::notify ? Action::notify : Action::allow;
  std::mt19937_64 random(7);
  auto values = interesting_values({policy});
  values.insert(values.end(), {0x5412, 0x541c, 0x5423, 1, 2, 3, 10, 16, 17, 38, 40, 0xdead00000011ULL});
  const auto grid = argument_grid(values, random, 50);
  auto conditional = conditional_calls(policy);
  conditional.insert({__NR_ioctl, __NR_socket, __NR_socketpair});
  const auto check = [&](std::uint32_t nr, const Args& args, std::uint32_t arch) {
    const Verdict before = run(hard, nr, args, arch);
    const Verdict after = run(gated, nr, args, arch);
    const bool opened = before.action == Action::error && !on_floor(static_cast<int>(nr), args);
    ASSERT_EQ(after, opened ? Verdict({soft, 0}) : before) << nr << " " << args[0] << " " << args[1];
  };
  for (std::uint32_t nr = 0; nr < 500; ++nr) {
    check(nr, {}, AUDIT_ARCH_X86_64);
    check(nr, {}, AUDIT_ARCH_I386);
    check(nr | 0x40000000U, {}, AUDIT_ARCH_X86_64);
  }
  check(0xffffffff, {}, AUDIT_ARCH_X86_64);
  for (const std::uint32_t nr : conditional) {
    for (const Args& args : grid) {
      check(nr, args, AUDIT_ARCH_X86_64);
    }
  }
}

TEST(SeccompGate, OpensErrorsAboveTheFloorAndNothingElse) {
  for (const Gate kind : {Gate::notify, Gate::open}) {
    compare(shipped_profile(), kind);
    compare(podman_profile(), kind);
    compare(profile("ERRNO", {}), kind);
    compare(profile("KILL_PROCESS", {rule({"read"}, "ERRNO")}), kind);
    compare(profile("ALLOW", {rule({"getxattr", "mount"}, "ERRNO")}), kind);
  }
}

TEST(SeccompGate, TheFloorHoldsWhatEscapesAreMadeOf) {
  for (const int nr : {__NR_unshare, __NR_setns, __NR_mount, __NR_bpf, __NR_keyctl, __NR_ptrace, __NR_init_module,
                       __NR_io_uring_setup, __NR_userfaultfd, __NR_clone, __NR_clone3, __NR_open_by_handle_at}) {
    EXPECT_TRUE(on_floor(nr, Args{})) << nr;
  }
  EXPECT_FALSE(on_floor(__NR_getxattr, Args{}));
  EXPECT_TRUE(on_floor(__NR_ioctl, Args{0, 0xff00005412ULL}));
  EXPECT_FALSE(on_floor(__NR_ioctl, Args{0, 0x5413}));
  EXPECT_TRUE(on_floor(__NR_socket, Args{17}));
  EXPECT_TRUE(on_floor(__NR_socket, Args{9}));  // AF_X25: whatever nobody needs
  EXPECT_TRUE(on_floor(__NR_ioctl, Args{0, 0x5423}));
  EXPECT_TRUE(on_floor(468, Args{}));
  EXPECT_FALSE(on_floor(462, Args{}));  // mseal
  for (const std::uint64_t family : {1, 2, 10, 16}) {
    EXPECT_FALSE(on_floor(__NR_socket, Args{family})) << family;
  }
}

}  // namespace
}  // namespace nucleus::hardening
