#include "runtime/base/io.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <vector>

#include "runtime/base/test_directory.hpp"

namespace nucleus {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLimit = 1 << 20;

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Io : public ::testing::Test {
 protected:
  void put(const std::string& name, std::string_view bytes) const {
    ASSERT_TRUE(replace_file(dir_.fd(), name, bytes, 0600, false));
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    auto bytes = read_file(dir_.fd(), name, kLimit);
    return bytes ? *bytes : "error: " + bytes.error().text;
  }
  test::TestDirectory dir_;
};

TEST_F(Io, AFileOfExactlyTheLimitIsReadOneByteMoreIsNot) {
  put("file", std::string(5000, 'x'));
  EXPECT_EQ(read_file(dir_.fd(), "file", 5000).value().size(), 5000U);
  const auto over = read_file(dir_.fd(), "file", 4999);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().text, "file: larger than 4999 bytes");
}

TEST_F(Io, LargerThanOneReadAndEmpty) {
  const std::string large(100 * 1024 + 1, 'y');
  put("large", large);
  put("empty", "");
  EXPECT_EQ(get("large"), large);
  EXPECT_EQ(read_file(dir_.fd(), "empty", 0).value(), "");
}

TEST_F(Io, AnEndlessDeviceStopsAtTheLimit) {
  const UniqueFd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(read_all(zero.get(), kLimit, "zero"));
}

TEST_F(Io, ProcfsFilesReadToTheEndThoughTheirSizeIsZero) {
  EXPECT_NE(read_file(AT_FDCWD, "/proc/self/status", kLimit).value().find("Name:"), std::string::npos);
}

TEST_F(Io, AFifoNeitherBlocksNorReadsAsAnEmptyFile) {
  ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
  const auto read = read_file(dir_.fd(), "fifo", kLimit);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("not a regular file"), std::string::npos) << read.error().text;
}

TEST_F(Io, DirectoriesAndMissingFilesAreErrorsWithErrno) {
  EXPECT_EQ(read_file(dir_.fd(), "absent", kLimit).error().sys_errno, ENOENT);
  EXPECT_FALSE(read_file(dir_.fd(), ".", kLimit));
  EXPECT_FALSE(read_file(dir_.fd(), "", kLimit));
}

TEST_F(Io, OpenedDescriptorsCloseOnExec) {
  put("file", "x");
  const auto fd = open_at(dir_.fd(), "file", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Io, ReplaceLeavesOneFileWithTheNewBytesAndMode) {
  put("file", "a longer first text");
  ASSERT_TRUE(replace_file(dir_.fd(), "file", "second", 0640, true));
  EXPECT_EQ(get("file"), "second");
  EXPECT_EQ(names_in(dir_.path()), std::vector<std::string>{"file"});
  EXPECT_EQ(fs::status(dir_.at("file")).permissions() & fs::perms::mask, fs::perms{0640});
}

TEST_F(Io, WhoHasTheOldFileOpenKeepsIt) {
  put("file", "old");
  const auto old = open_at(dir_.fd(), "file", O_RDONLY);
  put("file", "new");
  EXPECT_EQ(read_all(old->get(), kLimit, "old").value(), "old");
}

TEST_F(Io, AFailedRenameLeavesNoTemporary) {
  fs::create_directories(dir_.at("taken/by-a-directory"));
  EXPECT_FALSE(replace_file(dir_.fd(), "taken", "bytes", 0600, false));
  EXPECT_EQ(names_in(dir_.path()), std::vector<std::string>{"taken"});
}

// The child may write 10 bytes to a file: the second write(2) fails, and what was there stays.
TEST_F(Io, AFailedWriteKeepsTheOldFileAndLeavesNoTemporary) {
  put("file", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit small{10, 10};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Status done = replace_file(dir_.fd(), "file", std::string(100, 'n'), 0600, false);
    ::_exit(!done && done.error().sys_errno == EFBIG ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(get("file"), "old");
  EXPECT_EQ(names_in(dir_.path()), std::vector<std::string>{"file"});
}

// Whoever may write to the directory of a pid file can guess the temporary's name.
TEST_F(Io, WhatWaitsAtTheTemporaryNameIsNeitherFollowedNorWrittenTo) {
  const std::string temporary = "." + std::string("file.") + std::to_string(::getpid()) + ".tmp";
  put("victim", "precious");
  ASSERT_EQ(::symlink("victim", dir_.at(temporary).c_str()), 0);
  EXPECT_TRUE(replace_file(dir_.fd(), "file", "bytes", 0600, false));
  EXPECT_EQ(get("file"), "bytes");
  EXPECT_EQ(get("victim"), "precious");

  ASSERT_EQ(::link(dir_.at("victim").c_str(), dir_.at(temporary).c_str()), 0);
  EXPECT_TRUE(replace_file(dir_.fd(), "file", "again", 0600, false));
  EXPECT_EQ(get("victim"), "precious");

  ASSERT_EQ(::mkfifo(dir_.at(temporary).c_str(), 0600), 0);
  EXPECT_TRUE(replace_file(dir_.fd(), "file", "third", 0600, false));
  EXPECT_EQ(get("file"), "third");
  EXPECT_EQ(names_in(dir_.path()), (std::vector<std::string>{"file", "victim"}));
}

TEST_F(Io, ASymlinkAtTheNameItselfIsReplaced) {
  put("victim", "precious");
  ASSERT_EQ(::symlink("victim", dir_.at("file").c_str()), 0);
  put("file", "bytes");
  EXPECT_FALSE(fs::is_symlink(dir_.at("file")));
  EXPECT_EQ(get("victim"), "precious");
}

TEST_F(Io, WriteToAClosedPipeIsAnErrorNotASignal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(write_all(ends[1], "x", "pipe").error().sys_errno, EPIPE);
  ::signal(SIGPIPE, SIG_DFL);
  ::close(ends[1]);
}

}  // namespace
}  // namespace nucleus
