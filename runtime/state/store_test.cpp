#include "runtime/state/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/test_directory.hpp"

namespace nucleus::state {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

ContainerId id(const char* text) { return ContainerId::parse(text).value(); }

unsigned mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

class StoreTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> listed() const {
    std::vector<std::string> out;
    const auto ids = store_.list().value();
    for (const auto& entry : ids) {
      out.push_back(entry.str());
    }
    return out;
  }
  test::TestDirectory dir_;
  Store store_{dir_.at("deep/root")};
};

TEST_F(StoreTest, ARecordIsWrittenAndReadBack) {
  auto directory = store_.create(id("box")).value();
  EXPECT_EQ(directory.path(), dir_.at("deep/root/box"));
  Record record;
  record.id = "box";
  record.pid = 7;
  ASSERT_TRUE(directory.save(record));
  EXPECT_EQ(directory.load().value(), record);
  record.pid = 8;
  ASSERT_TRUE(directory.save(record, true));
  EXPECT_EQ(store_.peek(id("box")).value().load().value().pid, 8);
  EXPECT_EQ(mode_of(directory.path() + "/state.json"), 0600U);
}

TEST_F(StoreTest, FilesBesideTheRecord) {
  const auto directory = store_.create(id("box")).value();
  EXPECT_FALSE(directory.has("file"));
  ASSERT_TRUE(directory.write("file", "bytes"));
  EXPECT_TRUE(directory.has("file"));
  EXPECT_EQ(directory.read("file").value(), "bytes");
  directory.remove("file");
  EXPECT_FALSE(directory.has("file"));
  EXPECT_EQ(directory.read("file").error().sys_errno, ENOENT);
}

TEST_F(StoreTest, AnIdIsTakenOnce) {
  { const auto first = store_.create(id("box")).value(); }
  const auto second = store_.create(id("box"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::exists);
  EXPECT_EQ(second.error().text, "container with given ID already exists");
}

TEST_F(StoreTest, WhatDoesNotExistIsNotFound) {
  for (const auto& opened : {store_.open(id("box")).error(), store_.peek(id("box")).error()}) {
    EXPECT_EQ(opened.code, ErrorCode::not_found);
    EXPECT_EQ(opened.text, "container does not exist");
  }
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(store_.create(id("box")).value().load().error().code, ErrorCode::not_found) << "no record yet";
}

// Ids of a user namespace pass through, whatever the umask of who called us.
TEST_F(StoreTest, DirectoriesHaveTheirModeUnderAnyUmask) {
  for (const unsigned mask : {0U, 0022U, 0077U, 0777U}) {
    const Store store(dir_.at("umask" + std::to_string(mask)));
    const mode_t before = ::umask(mask);
    const auto directory = store.create(id("box"));
    ::umask(before);
    ASSERT_TRUE(directory) << directory.error().text;
    EXPECT_EQ(mode_of(store.root()), 0711U);
    EXPECT_EQ(mode_of(directory->path()), 0711U);
  }
}

TEST_F(StoreTest, DirectoriesThatOthersMayWriteAreNotTrusted) {
  { const auto made = store_.create(id("box")).value(); }
  ASSERT_EQ(::chmod(dir_.at("deep/root/box").c_str(), 0777), 0);
  EXPECT_EQ(store_.open(id("box")).error().code, ErrorCode::state);
}

TEST_F(StoreTest, ARootOfSomebodyElseIsNotTrusted) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a directory away";
  }
  { const auto made = store_.create(id("box")).value(); }
  ASSERT_EQ(::chown(dir_.at("deep/root").c_str(), 61234, 61234), 0);
  EXPECT_EQ(store_.open(id("box")).error().code, ErrorCode::state);
  EXPECT_EQ(store_.create(id("other")).error().code, ErrorCode::state);
}

TEST_F(StoreTest, ALinkIsNoContainer) {
  { const auto made = store_.create(id("box")).value(); }
  fs::create_symlink("box", dir_.at("deep/root/alias"));
  std::ofstream(dir_.at("deep/root/file")) << "x";
  EXPECT_FALSE(store_.open(id("alias")));
  EXPECT_EQ(store_.open(id("file")).error().code, ErrorCode::not_found);
  EXPECT_THAT(listed(), ElementsAre("box"));
}

TEST_F(StoreTest, ListIsSortedAndHoldsEveryId) {
  for (const char* name : {"b", "a", ".hidden", "...", "C"}) {
    ASSERT_TRUE(store_.create(id(name)));
  }
  fs::create_directory(dir_.at("deep/root/not an id"));
  EXPECT_THAT(listed(), ElementsAre("...", ".hidden", "C", "a", "b"));
}

TEST_F(StoreTest, DestroyTakesJunkAlongAndFollowsNoLink) {
  std::ofstream(dir_.at("victim")) << "precious";
  fs::create_directories(dir_.at("victims"));
  std::ofstream(dir_.at("victims/one")) << "precious";
  auto directory = store_.create(id("box")).value();
  const std::string path = directory.path();
  fs::create_directories(path + "/junk/deeper");
  std::ofstream(path + "/junk/deeper/file") << "x";
  fs::create_symlink(dir_.at("victim"), path + "/link");
  fs::create_directory_symlink(dir_.at("victims"), path + "/dirlink");
  ASSERT_EQ(::mkfifo((path + "/junk/fifo").c_str(), 0600), 0);
  const Status gone = store_.destroy(id("box"), std::move(directory));
  EXPECT_TRUE(gone) << gone.error().text;
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(dir_.at("victim")));
  EXPECT_TRUE(fs::exists(dir_.at("victims/one")));
  EXPECT_TRUE(store_.create(id("box"))) << "the id is free again";
}

// A process that opens the container in the background and tells over a pipe when it got it.
class Opener {
 public:
  // `held`: a lock's descriptor that the process must not share, as fork would have it.
  Opener(const Store& store, int held) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(held);
      const auto opened = store.open(id("box"));
      const char answer = opened ? 'o' : opened.error().code == ErrorCode::not_found ? 'n' : 'e';
      ::_exit(::write(ends[1], &answer, 1) == 1 ? 0 : 1);
    }
    ::close(ends[1]);
    answers_ = UniqueFd(ends[0]);
  }
  ~Opener() { ::waitpid(pid_, nullptr, 0); }
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;

  // 'o' opened, 'n' not found, 'e' error, 0 nothing within the time.
  [[nodiscard]] char answer(int milliseconds) const {
    pollfd ready{answers_.get(), POLLIN, 0};
    char out = 0;
    return ::poll(&ready, 1, milliseconds) == 1 && ::read(answers_.get(), &out, 1) == 1 ? out : '\0';
  }

 private:
  pid_t pid_ = -1;
  UniqueFd answers_;
};

TEST_F(StoreTest, TheLockKeepsOthersWaiting) {
  auto held = std::make_optional(store_.create(id("box")).value());
  const Opener other(store_, held->fd());
  EXPECT_EQ(other.answer(150), '\0');
  EXPECT_TRUE(store_.peek(id("box"))) << "who only reads does not wait";
  held.reset();
  EXPECT_EQ(other.answer(10000), 'o');
}

TEST_F(StoreTest, WhoWaitedForADestroyedContainerFindsNone) {
  auto held = store_.create(id("box")).value();
  const Opener other(store_, held.fd());
  EXPECT_EQ(other.answer(150), '\0');
  ASSERT_TRUE(store_.destroy(id("box"), std::move(held)));
  EXPECT_EQ(other.answer(10000), 'n');
}

}  // namespace
}  // namespace nucleus::state
