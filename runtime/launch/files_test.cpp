// Files of a state directory, and which descriptors survive.
#include "runtime/launch/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <regex>

#include "runtime/base/io.hpp"
#include "runtime/base/test_directory.hpp"
#include "runtime/launch/descriptors.hpp"

namespace nucleus::launch {
namespace {

using ::testing::ElementsAre;

TEST(Files, AFilterComesBackBitForBit) {
  const test::TestDirectory dir;
  const auto directory = state::Store(dir.path()).create(ContainerId::parse("box").value()).value();
  plan::SeccompPlan seccomp;
  seccomp.filter = {0x0102030405060708U, 0, UINT64_MAX};
  ASSERT_TRUE(directory.write(kFilterFile, filter_bytes(seccomp.filter)));
  const auto loaded = load_filter(directory, 5).value();
  EXPECT_EQ(loaded.filter, seccomp.filter);
  EXPECT_EQ(loaded.flags, 5U);
}

// A damaged filter must not become a shorter or an empty one.
TEST(Files, ADamagedFilterIsAnError) {
  const test::TestDirectory dir;
  const auto directory = state::Store(dir.path()).create(ContainerId::parse("box").value()).value();
  EXPECT_FALSE(load_filter(directory, 0)) << "missing";
  for (const std::size_t size : {0U, 1U, 7U, 9U, 15U}) {
    ASSERT_TRUE(directory.write(kFilterFile, std::string(size, 'x')));
    EXPECT_FALSE(load_filter(directory, 0)) << size;
  }
}

TEST(Files, PidFile) {
  const test::TestDirectory dir;
  ASSERT_TRUE(write_pid_file(dir.at("pid"), 1234));
  EXPECT_EQ(read_file(dir.fd(), "pid", 100).value(), "1234");
  EXPECT_FALSE(write_pid_file(dir.at("absent/pid"), 1));
  EXPECT_FALSE(write_pid_file(dir.at(""), 1));
}

TEST(Files, TimesAreRfc3339WithNanoseconds) {
  const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)");
  EXPECT_TRUE(std::regex_match(rfc3339_now(), form)) << rfc3339_now();
}

TEST(Files, DeviceRules) {
  const auto rules = device_rules({{false, "", {}, {}, "", {}}, {true, "c", 1, -1, "r", {}}});
  EXPECT_THAT(rules, ElementsAre(sys::DeviceRule{false, 'a', {}, {}, "rwm"}, sys::DeviceRule{true, 'c', 1, {}, "r"}));
}

TEST(Files, HooksSeeAContainerThatIsBeingCreated) {
  state::Record record;
  record.id = "box";
  record.bundle = "/bundle";
  record.pid = 77;
  record.annotations = {{"a", "b"}};
  const auto document = hook_document(record);
  EXPECT_EQ(document.id, "box");
  EXPECT_EQ(document.status, "creating");
  EXPECT_EQ(document.bundle, "/bundle");
  EXPECT_EQ(document.annotations, record.annotations);
}

TEST(Files, HostNamespacesNeedAGrantOrPassthrough) {
  hardening::Confinement confinement;
  confinement.mode = hardening::Mode::strict_agent;
  EXPECT_TRUE(granted_namespaces(confinement).empty());
  confinement.policy.grants = {hardening::parse_grant("host-pid", "x").value()};
  EXPECT_THAT(granted_namespaces(confinement), ElementsAre("pid"));
  confinement.mode = hardening::Mode::passthrough;
  EXPECT_EQ(granted_namespaces(confinement).size(), 8U);
}

// Runs `test` in a child, because it closes descriptors; its result is the child's exit status.
int in_child(const std::function<bool()>& test) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(test() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// Descriptors 3 to 9 and 500, all the same file.
bool open_some() {
  for (const int fd : {3, 4, 5, 6, 7, 8, 9, 500}) {
    if (::dup2(STDERR_FILENO, fd) != fd) {
      return false;
    }
  }
  return true;
}

TEST(Descriptors, NothingOfTheCallerIsKept) {
  EXPECT_EQ(in_child([] {
              return open_some() && sanitize_descriptors(0) && is_open(2) && !is_open(3) && !is_open(9) &&
                     !is_open(500);
            }),
            0);
}

TEST(Descriptors, PreservedOnesStay) {
  EXPECT_EQ(in_child([] {
              return open_some() && sanitize_descriptors(3) && is_open(3) && is_open(5) && !is_open(6) && !is_open(500);
            }),
            0);
}

TEST(Descriptors, PreservingOneThatIsNotOpenIsAUsageError) {
  EXPECT_EQ(in_child([] {
              ::close(4);
              if (::dup2(STDERR_FILENO, 3) != 3) {
                return false;
              }
              const Status status = sanitize_descriptors(2);
              return !status && status.error().code == ErrorCode::usage &&
                     status.error().text == "--preserve-fds: descriptor 4 is not open";
            }),
            0);
}

TEST(Descriptors, KeptOnesInAnyOrder) {
  EXPECT_EQ(in_child([] {
              return open_some() && close_except(4, {500, -1, 7, 5, 7, 2}) && is_open(2) && is_open(3) && !is_open(4) &&
                     is_open(5) && !is_open(6) && is_open(7) && !is_open(8) && is_open(500);
            }),
            0);
  EXPECT_EQ(in_child([] { return open_some() && close_except(4, {}) && is_open(3) && !is_open(4) && !is_open(500); }),
            0);
}

}  // namespace
}  // namespace nucleus::launch
