#include "runtime/sys/cgroup_tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <optional>

#include "runtime/base/io.hpp"
#include "runtime/base/test_directory.hpp"

namespace nucleus::sys {
namespace {

// Directories of a file system stand in for cgroups: they are made, listed and removed by the same calls.
void nest(int top, int depth) {
  UniqueFd at = open_at(top, ".", O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = open_at(at.get(), "d", O_RDONLY | O_DIRECTORY).value();
  }
}

// Takes effect with the next descriptor.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(CgroupTree, AnyDepthIsVisitedAndRemoved) {
  constexpr int kDepth = 3000;
  const test::TestDirectory directory;
  nest(directory.fd(), kDepth);
  const DescriptorLimit few(64);
  int seen = 0;
  EXPECT_TRUE(visit_tree(directory.fd(), [&](int) {
    ++seen;
    return Status{};
  }));
  EXPECT_EQ(seen, kDepth + 1);
  const Status removed = remove_tree(directory.fd(), "d");
  EXPECT_TRUE(removed) << removed.error().text;
  EXPECT_NE(::faccessat(directory.fd(), "d", F_OK, 0), 0);
}

TEST(CgroupTree, WideTreesToo) {
  const test::TestDirectory directory;
  for (const char* name : {"t", "t/a", "t/a/1", "t/a/2", "t/b", "t/c", "t/c/3"}) {
    ASSERT_EQ(::mkdirat(directory.fd(), name, 0755), 0);
  }
  int seen = 0;
  EXPECT_TRUE(visit_tree(directory.fd(), [&](int) {
    ++seen;
    return Status{};
  }));
  EXPECT_EQ(seen, 8);
  EXPECT_TRUE(remove_tree(directory.fd(), "t"));
  EXPECT_TRUE(remove_tree(directory.fd(), "t")) << "a missing one is fine";
}

TEST(CgroupTree, WhatCannotBeRemovedIsAnError) {
  const test::TestDirectory directory;
  ASSERT_EQ(::mkdirat(directory.fd(), "t", 0755), 0);
  ASSERT_EQ(::mkdirat(directory.fd(), "t/a", 0755), 0);
  ASSERT_TRUE(open_at(directory.fd(), "t/a/file", O_CREAT | O_WRONLY, 0600));
  EXPECT_EQ(remove_tree(directory.fd(), "t").error().sys_errno, ENOTEMPTY);
}

TEST(CgroupTree, WhatCannotBeOpenedIsAnError) {
  const test::TestDirectory directory;
  nest(directory.fd(), 3);
  std::optional<DescriptorLimit> none;
  const Status failed = visit_tree(directory.fd(), [&](int) {
    none.emplace(0);
    return Status{};
  });
  none.reset();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sys_errno, EMFILE);
}

}  // namespace
}  // namespace nucleus::sys
