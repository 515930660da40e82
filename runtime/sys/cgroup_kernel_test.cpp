#include "runtime/sys/cgroup.hpp"

#include <algorithm>
#include <cerrno>

#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;

// Every test runs with the layout this host has, and once more against its unified hierarchy as if it were a v2 host.
enum class Host { as_it_is, unified };

class CgroupTest : public ::testing::TestWithParam<Host> {
 protected:
  void SetUp() override {
    const auto facts = find_cgroups();
    ASSERT_TRUE(facts) << facts.error().text;
    if (facts->layout == CgroupLayout::none || ::geteuid() != 0) {
      GTEST_SKIP() << "no cgroups to write to here";
    }
    facts_ = *facts;
    if (GetParam() == Host::unified) {
      if (facts_.v2_mountpoint.empty() || facts_.v1.empty()) {
        GTEST_SKIP() << "no second layout on this host";
      }
      facts_.layout = CgroupLayout::v2;
      facts_.v1.clear();
    }
    const std::string name = "/nucleus-sys-test-" + std::to_string(::getpid());
    parent_ = name;
    const auto located = locate_cgroup(facts_, name + "/inner", false);
    ASSERT_TRUE(located);
    directories_ = *located;
  }
  void TearDown() override {
    if (!parent_.empty()) {
      auto all = CgroupHandle::open(locate_cgroup(facts_, parent_, false).value());
      EXPECT_TRUE(all.signal_all(SIGKILL));
      EXPECT_TRUE(all.remove());
    }
  }
  [[nodiscard]] bool lacks(const std::string& controller) const {
    const auto& v2 = facts_.v2_controllers;
    return facts_.layout == CgroupLayout::v2 && std::find(v2.begin(), v2.end(), controller) == v2.end();
  }
  Child start_member(CgroupHandle& handle, const std::function<void()>& body) {
    auto cloned = clone3({0, handle.clone_fd()});
    EXPECT_TRUE(cloned);
    if (cloned->pid == 0) {
      if (handle.clone_fd() < 0 && !handle.join_self()) {
        ::_exit(99);
      }
      body();
      ::_exit(0);
    }
    return Child(cloned->pid, std::move(cloned->pidfd));
  }
  static bool becomes(const std::function<bool()>& what) {
    for (int i = 0; i < 500 && !what(); ++i) {
      ::usleep(2000);
    }
    return what();
  }

  CgroupFacts facts_;
  std::string parent_;
  std::vector<CgroupDirectory> directories_;
};

TEST_P(CgroupTest, UncommittedOnesVanish) {
  {
    const auto handle = CgroupHandle::create(facts_, directories_);
    ASSERT_TRUE(handle) << handle.error().text;
    for (const auto& failure : handle->failures()) {
      ADD_FAILURE() << failure.subject << ": " << failure.error.text;
    }
    for (const auto& directory : directories_) {
      EXPECT_TRUE(fs::is_directory(directory.path)) << directory.path;
    }
  }
  for (const auto& directory : directories_) {
    EXPECT_FALSE(fs::exists(fs::path(directory.path).parent_path())) << directory.path;
  }
}

TEST_P(CgroupTest, MemberIsInEveryHierarchyAndListed) {
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle) << handle.error().text;
  handle->commit();
  Child child = start_member(*handle, [] { ::pause(); });
  ASSERT_TRUE(becomes([&] { return handle->processes().value().size() == 1; }));
  ASSERT_TRUE(becomes([&] {
    const std::string own = test::read_text("/proc/" + std::to_string(child.pid()) + "/cgroup");
    return std::all_of(directories_.begin(), directories_.end(), [&](const CgroupDirectory& directory) {
      return own.find(":" + directory.controllers + ":" + parent_ + "/inner\n") != std::string::npos;
    });
  }));
  EXPECT_EQ(handle->processes().value(), std::vector<pid_t>{child.pid()});
  EXPECT_FALSE(handle->remove());  // busy: a live process
  auto again = CgroupHandle::open(directories_);
  EXPECT_EQ(again.directories(), directories_);
  ASSERT_TRUE(again.signal_all(SIGKILL));
  EXPECT_TRUE(WIFSIGNALED(child.wait().value()));
  ASSERT_TRUE(again.remove());
  EXPECT_FALSE(fs::exists(directories_[0].path));
  auto gone = CgroupHandle::open(directories_);
  EXPECT_TRUE(gone.empty());
  EXPECT_TRUE(gone.remove());
  EXPECT_TRUE(gone.signal_all(SIGKILL));
}

TEST_P(CgroupTest, LimitsAreWrittenAndEnforced) {
  if (lacks("pids")) {
    GTEST_SKIP() << "the hierarchy has no pids controller";
  }
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle);
  const std::vector<CgroupValue> values = {
      {"pids", "pids.max", "3"}, {"pids", "pids.bogus", "1"}, {"nosuch", "nosuch.max", "1"}};
  const auto failures = handle->apply(values);
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].subject, "pids.bogus");
  EXPECT_EQ(failures[1].error.sys_errno, ENOENT);
  EXPECT_EQ(handle->read("pids", "pids.max").value(), "3\n");
  Child child = start_member(*handle, [] {
    int forked = 0;
    while (forked < 10) {
      const pid_t pid = ::fork();
      if (pid < 0) {
        break;
      }
      if (pid == 0) {
        ::pause();
      }
      ++forked;
    }
    ::_exit(forked);
  });
  EXPECT_EQ(child.wait().value(), 2 << 8);
  EXPECT_EQ(handle->processes().value().size(), 2U);
  EXPECT_TRUE(handle->signal_all(SIGKILL));
  EXPECT_TRUE(becomes([&] { return handle->processes().value().empty(); }));
}

TEST_P(CgroupTest, ForkBombIsKilledToTheLastProcess) {
  if (lacks("pids")) {
    GTEST_SKIP() << "the hierarchy has no pids controller";
  }
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle);
  const std::vector<CgroupValue> values = {{"pids", "pids.max", "40"}};
  ASSERT_TRUE(handle->apply(values).empty());
  Child child = start_member(*handle, [] {
    ::signal(SIGCHLD, SIG_IGN);
    for (;;) {
      if (::fork() < 0) {
        ::usleep(100);
      }
    }
  });
  ASSERT_TRUE(becomes([&] { return handle->processes().value().size() > 20; }));
  ASSERT_TRUE(handle->signal_all(SIGKILL));
  EXPECT_TRUE(becomes([&] { return handle->processes().value().size() <= 1; }));
  EXPECT_TRUE(WIFSIGNALED(child.wait().value()));
}

TEST_P(CgroupTest, FrozenProcessesStandStillAndThaw) {
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle);
  Child child = start_member(*handle, [] { ::pause(); });
  ASSERT_TRUE(becomes([&] { return handle->processes().value().size() == 1; }));
  ASSERT_TRUE(handle->freeze());
  EXPECT_TRUE(handle->frozen().value());
  ASSERT_TRUE(handle->thaw());
  EXPECT_FALSE(handle->frozen().value());
  // A paused container dies all the same.
  ASSERT_TRUE(handle->freeze());
  ASSERT_TRUE(handle->signal_all(SIGKILL));
  EXPECT_TRUE(WIFSIGNALED(child.wait().value()));
}

TEST_P(CgroupTest, DeviceRulesBind) {
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle);
  const std::vector<DeviceRule> rules = {{false, 'a', {}, {}, "rwm"}, {true, 'c', 1, 3, "rw"}};
  const Status applied = handle->apply_device_rules(rules);
  ASSERT_TRUE(applied) << applied.error().text;
  Child child = start_member(*handle, [] {
    const bool null_opens = ::open("/dev/null", O_RDWR) >= 0;
    const bool zero_denied = ::open("/dev/zero", O_RDONLY) < 0 && errno == EPERM;
    ::_exit(null_opens && zero_denied ? 0 : 1);
  });
  EXPECT_EQ(child.wait().value(), 0);
  const std::vector<DeviceRule> wider = {{true, 'c', 1, {}, "rwm"}};
  ASSERT_TRUE(handle->apply_device_rules(wider));
  Child second = start_member(*handle, [] { ::_exit(::open("/dev/zero", O_RDONLY) >= 0 ? 0 : 1); });
  EXPECT_EQ(second.wait().value(), 0);
}

TEST_P(CgroupTest, RemoveTakesChildrenAlong) {
  auto handle = CgroupHandle::create(facts_, directories_);
  ASSERT_TRUE(handle);
  for (const auto& directory : directories_) {
    fs::create_directories(directory.path + "/a/b");
  }
  ASSERT_TRUE(handle->remove());
  EXPECT_FALSE(fs::exists(directories_[0].path));
}

TEST_P(CgroupTest, UnknownHierarchyIsAnError) {
  const auto handle = CgroupHandle::create(facts_, {{"nosuch", "/sys/fs/cgroup/nosuch/x"}});
  ASSERT_FALSE(handle);
  EXPECT_FALSE(fs::exists("/sys/fs/cgroup/nosuch"));
}

INSTANTIATE_TEST_SUITE_P(Layouts, CgroupTest, ::testing::Values(Host::as_it_is, Host::unified), [](const auto& which) {
  return which.param == Host::as_it_is ? std::string("Host") : std::string("Unified");
});

}  // namespace
}  // namespace nucleus::sys
