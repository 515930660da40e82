// For the kernel lane: every test body runs in a forked child with namespaces of its own, so that mounts, ids and
// filters vanish with it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "runtime/sys/mount.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys::test {

inline constexpr int kSkipped = 77;

// Fails the test when one of the Results is an error, and says which.
#define ASSERT_OK(expr)                                  \
  do {                                                   \
    if (auto ok_status = (expr); !ok_status) {           \
      FAIL() << #expr << ": " << ok_status.error().text; \
    }                                                    \
  } while (false)

#define ASSERT_OK_ASSIGN(decl, expr) ASSERT_OK_ASSIGN_(NUCLEUS_CAT(ok_result_, __LINE__), decl, expr)
#define ASSERT_OK_ASSIGN_(tmp, decl, expr)       \
  auto tmp = (expr);                             \
  if (!tmp) {                                    \
    FAIL() << #expr << ": " << tmp.error().text; \
  }                                              \
  decl = std::move(*tmp)

inline void finish_child() {
  std::fflush(stdout);
  ::_exit(::testing::Test::HasFailure() ? 1 : (::testing::Test::IsSkipped() ? kSkipped : 0));
}

// Runs `body` in a child with `namespaces` (CLONE_NEW*). Failures inside are printed by the child.
inline void in_child(std::uint64_t namespaces, const std::function<void()>& body) {
  std::fflush(stdout);
  auto cloned = clone3({namespaces, -1});
  ASSERT_TRUE(cloned) << cloned.error().text;
  if (cloned->pid == 0) {
    if ((namespaces & CLONE_NEWNS) != 0 && !set_root_propagation(MS_REC | MS_PRIVATE)) {
      ::_exit(2);
    }
    body();
    finish_child();
  }
  Child child(cloned->pid, std::move(cloned->pidfd));
  const auto status = child.wait();
  ASSERT_TRUE(status);
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == kSkipped) {
    GTEST_SKIP() << "see above";
  }
  EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) == 0) << "wait status " << *status;
}

// A temporary directory on the host's own file system, removed afterwards.
class TempDir {
 public:
  TempDir() {
    std::string pattern = "/tmp/nucleus-sys-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

inline std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace nucleus::sys::test
