// Landlock and seccomp as the kernel enforces them.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "runtime/base/io.hpp"
#include "runtime/base/landlock_rights.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/landlock.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/seccomp.hpp"

namespace nucleus::sys {
namespace {

int open_errno(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

class LandlockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    abi_ = landlock_abi();
    if (abi_ == 0) {
      GTEST_SKIP() << "this kernel has no Landlock";
    }
  }
  int abi_ = 0;
};

TEST_F(LandlockTest, DeniesWhatNoRuleGrants) {
  const test::TempDir temp;
  std::filesystem::create_directory(temp / "open");
  test::write_text(temp / "open/file", "x");
  test::write_text(temp / "single", "x");
  test::in_child(0, [&] {
    const auto ruleset = Landlock::create(landlock::all_fs_rights(abi_), 0, 0);
    ASSERT_TRUE(ruleset);
    const UniqueFd dir(::open((temp / "open").c_str(), O_PATH));
    const UniqueFd file(::open((temp / "single").c_str(), O_PATH));
    ASSERT_OK(ruleset->allow_path(dir.get(), landlock::kReadFile | landlock::kReadDir));
    ASSERT_OK(ruleset->allow_path(file.get(), landlock::all_fs_rights(abi_) & ~landlock::kWriteFile));
    ASSERT_OK(ruleset->allow_path(file.get(), landlock::kMakeDir));  // nothing left for a file: no rule, no error
    ASSERT_OK(set_no_new_privileges());
    ASSERT_OK(ruleset->restrict_self());
    EXPECT_EQ(open_errno(temp / "open/file", O_RDONLY), 0);
    EXPECT_EQ(open_errno(temp / "open/file", O_WRONLY), EACCES);
    EXPECT_EQ(open_errno(temp / "open/new", O_WRONLY | O_CREAT), EACCES);
    EXPECT_EQ(open_errno(temp / "single", O_RDONLY), 0);
    EXPECT_EQ(open_errno(temp / "single", O_WRONLY), EACCES);
    EXPECT_EQ(open_errno("/etc/passwd", O_RDONLY), EACCES);
  });
}

TEST_F(LandlockTest, NeedsNoNewPrivsOrPrivilege) {
  test::in_child(0, [&] {
    ASSERT_OK(set_capabilities({}));
    const auto ruleset = Landlock::create(landlock::kExecute, 0, 0);
    ASSERT_TRUE(ruleset);
    EXPECT_EQ(ruleset->restrict_self().error().sys_errno, EPERM);
    ASSERT_OK(set_no_new_privileges());
    EXPECT_TRUE(ruleset->restrict_self());
  });
}

TEST_F(LandlockTest, UnknownRightsAreAnError) {
  EXPECT_EQ(Landlock::create(std::uint64_t{1} << 60, 0, 0).error().sys_errno, EINVAL);
}

TEST_F(LandlockTest, PortsAreDeniedUnlessGranted) {
  if (landlock::all_net_rights(abi_) == 0) {
    GTEST_SKIP() << "Landlock ABI " << abi_ << " has no network rules";
  }
  test::in_child(CLONE_NEWNET, [&] {
    ASSERT_OK(bring_loopback_up());
    const auto ruleset = Landlock::create(0, landlock::all_net_rights(abi_), 0);
    ASSERT_TRUE(ruleset);
    ASSERT_OK(ruleset->allow_port(4000, landlock::kNetBindTcp));
    ASSERT_OK(ruleset->restrict_self());
    const auto bind_errno = [](std::uint16_t port) {
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
    };
    EXPECT_EQ(bind_errno(4000), 0);
    EXPECT_EQ(bind_errno(4001), EACCES);
  });
}

// getppid -> ERRNO(42), all else allowed.
constexpr std::array<sock_filter, 4> kFilter = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 42),
                                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};

TEST(Seccomp, FilterIsInForce) {
  test::in_child(0, [] {
    ASSERT_OK(set_no_new_privileges());
    ASSERT_OK_ASSIGN(const UniqueFd none, install_seccomp(kFilter, 0));
    EXPECT_FALSE(none);
    EXPECT_EQ(::syscall(SYS_getppid), -1);
    EXPECT_EQ(errno, 42);
    EXPECT_NE(test::read_text("/proc/self/status").find("\nSeccomp:\t2\n"), std::string::npos);
  });
}

TEST(Seccomp, ListenerIsReturned) {
  test::in_child(0, [] {
    ASSERT_OK_ASSIGN(const UniqueFd listener, install_seccomp(kFilter, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    EXPECT_TRUE(listener);
    EXPECT_EQ(::fcntl(listener.get(), F_GETFD), FD_CLOEXEC);
  });
}

TEST(Seccomp, BadFiltersAndMissingPrivilegeAreErrors) {
  test::in_child(0, [] {
    EXPECT_EQ(install_seccomp(std::span<const sock_filter>(), 0).error().sys_errno, EINVAL);
    const std::array<std::uint64_t, 1> garbage = {~std::uint64_t{0}};
    EXPECT_EQ(install_seccomp(garbage, 0).error().sys_errno, EINVAL);
    ASSERT_OK(set_capabilities({}));
    EXPECT_EQ(install_seccomp(kFilter, 0).error().sys_errno, EACCES);
  });
}

}  // namespace
}  // namespace nucleus::sys
