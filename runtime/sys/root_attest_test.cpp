#include "runtime/sys/root_attest.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// The length and the sum of the bytes: enough to see what was read.
class Sum : public ContentHash {
 public:
  void update(std::string_view bytes) override {
    length_ += bytes.size();
    for (const char c : bytes) {
      sum_ += static_cast<unsigned char>(c);
    }
  }
  std::array<std::uint8_t, 32> finish() override {
    std::array<std::uint8_t, 32> out{};
    std::memcpy(out.data(), &length_, sizeof(length_));
    std::memcpy(out.data() + sizeof(length_), &sum_, sizeof(sum_));
    length_ = sum_ = 0;
    return out;
  }

 private:
  std::uint64_t length_ = 0;
  std::uint64_t sum_ = 0;
};

std::array<std::uint8_t, 32> sum_of(std::string_view bytes) {
  Sum sum;
  sum.update(bytes);
  return sum.finish();
}

class RootAttest : public ::testing::Test {
 protected:
  RootAttest() {
    std::string name = (fs::temp_directory_path() / "nucleus-tree-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
    options_.make_hash = [] { return std::make_unique<Sum>(); };
    options_.wants_content = [](auto, auto) { return true; };
    options_.wants_xattr = [](std::string_view attribute) { return attribute.starts_with("user."); };
    options_.max_nodes = 100'000;
  }
  ~RootAttest() override { fs::remove_all(dir_); }

  void put(const std::string& path, std::string_view text = "") const {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << text;
  }
  [[nodiscard]] Result<std::vector<TreeNode>> read() const {
    TRY_ASSIGN(const UniqueFd root, open_at(AT_FDCWD, dir_, O_PATH | O_DIRECTORY));
    return read_tree(root.get(), options_);
  }
  [[nodiscard]] std::map<std::string, TreeNode> nodes() const {
    auto tree = read();
    EXPECT_TRUE(tree) << tree.error().text;
    std::map<std::string, TreeNode> out;
    for (auto& node : *tree) {
      const std::string path = node.path;
      EXPECT_TRUE(out.emplace(path, std::move(node)).second) << path << " twice";
    }
    return out;
  }
  [[nodiscard]] std::string error() const {
    const auto tree = read();
    if (tree) {
      return "";
    }
    EXPECT_EQ(tree.error().code, ErrorCode::policy);
    EXPECT_THAT(tree.error().text, Not(HasSubstr("o such file")));
    EXPECT_THAT(tree.error().text, Not(HasSubstr("ermission denied")));
    return tree.error().text;
  }

  fs::path dir_;
  TreeReadOptions options_;
};

TEST_F(RootAttest, EveryNodeOnceAndNothingFollowed) {
  put("usr/bin/a", "content");
  put("empty");
  fs::create_directory(dir_ / "hollow");
  fs::create_symlink("/etc/passwd", dir_ / "outside");
  fs::create_symlink("usr", dir_ / "into");
  fs::create_symlink("nowhere", dir_ / "dangling");
  fs::create_hard_link(dir_ / "usr/bin/a", dir_ / "again");
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((dir_ / "usr/bin/a").c_str(), 04711), 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (dir_ / "socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);

  const auto found = nodes();
  std::vector<std::string> paths;
  for (const auto& [path, node] : found) {
    paths.push_back(path);
  }
  EXPECT_THAT(paths, ::testing::ElementsAre(".", "again", "dangling", "empty", "hollow", "into", "outside", "pipe",
                                            "socket", "usr", "usr/bin", "usr/bin/a"));
  EXPECT_EQ(found.at("usr/bin/a").mode, static_cast<mode_t>(S_IFREG | 04711));
  EXPECT_EQ(found.at("usr/bin/a").size, 7U);
  EXPECT_EQ(found.at("usr/bin/a").digest, sum_of("content"));
  EXPECT_EQ(found.at("again").digest, sum_of("content"));
  EXPECT_EQ(found.at("empty").digest, sum_of(""));
  EXPECT_TRUE(found.at("empty").hashed);
  EXPECT_FALSE(found.at("usr").hashed);
  EXPECT_EQ(found.at("outside").target, "/etc/passwd");
  EXPECT_EQ(found.at("dangling").target, "nowhere");
  EXPECT_TRUE(S_ISFIFO(found.at("pipe").mode));
  EXPECT_TRUE(S_ISSOCK(found.at("socket").mode));
  EXPECT_EQ(found.at(".").uid, ::getuid());
}

TEST_F(RootAttest, LargeAndManyOnSeveralThreads) {
  put("large", std::string(3'000'000, 'x'));
  for (int i = 0; i < 500; ++i) {
    put("many/" + std::to_string(i), std::to_string(i));
  }
  std::atomic<unsigned> hashes = 0;
  options_.make_hash = [&] {
    ++hashes;
    return std::make_unique<Sum>();
  };
  options_.threads = 5;
  const auto found = nodes();
  EXPECT_EQ(found.size(), 503U);
  EXPECT_EQ(found.at("large").digest, sum_of(std::string(3'000'000, 'x')));
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(found.at("many/" + std::to_string(i)).digest, sum_of(std::to_string(i)));
  }
  EXPECT_GE(hashes, 5U);
}

// A caller goes on to setns(2) and clone3(2).
TEST_F(RootAttest, NoThreadIsLeft) {
  options_.threads = 8;
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(nodes().size(), 1U);
    ASSERT_EQ(fs::hard_link_count("/proc/self/task"), 3U);
  }
}

TEST_F(RootAttest, DeepTreesNeedFewDescriptors) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit low = {48, limit.rlim_max};
  std::string path = "d";
  for (int i = 0; i < 200; ++i) {
    path += "/d";
  }
  put(path + "/file", "x");
  for (int i = 0; i < 300; ++i) {
    put("wide/" + std::to_string(i) + "/file", "x");
  }
  options_.threads = 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const std::string failure = error();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(failure, "");
}

TEST_F(RootAttest, WhatIsNotWantedIsNotRead) {
  put("wanted", "x");
  put("endless");
  ASSERT_EQ(::truncate((dir_ / "endless").c_str(), off_t{1} << 40), 0);
  options_.wants_content = [](std::string_view path, std::uint64_t size) {
    EXPECT_EQ(size, path == "endless" ? std::uint64_t{1} << 40 : 1U);
    return path != "endless";
  };
  const auto found = nodes();
  EXPECT_FALSE(found.at("endless").hashed);
  EXPECT_EQ(found.at("endless").size, std::uint64_t{1} << 40);
}

TEST_F(RootAttest, HolesAreZeros) {
  put("holes", "x");
  ASSERT_EQ(::truncate((dir_ / "holes").c_str(), 1'000'000), 0);
  EXPECT_EQ(nodes().at("holes").digest, sum_of("x" + std::string(999'999, '\0')));
}

TEST_F(RootAttest, WantedAttributes) {
  put("file");
  if (::setxattr((dir_ / "file").c_str(), "user.b", "2", 1, 0) != 0) {
    GTEST_SKIP() << "no user attributes in " << dir_;
  }
  ASSERT_EQ(::setxattr((dir_ / "file").c_str(), "user.a", "", 0, 0), 0);
  ASSERT_EQ(::setxattr(dir_.c_str(), "user.c", "3", 1, 0), 0);
  using Attributes = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(nodes().at("file").xattrs, (Attributes{{"user.a", ""}, {"user.b", "2"}}));
  EXPECT_EQ(nodes().at(".").xattrs, (Attributes{{"user.c", "3"}}));
  options_.wants_xattr = [](auto) { return false; };
  EXPECT_TRUE(nodes().at("file").xattrs.empty());
}

TEST_F(RootAttest, TooManyNodes) {
  for (int i = 0; i < 20; ++i) {
    put(std::to_string(i));
  }
  options_.max_nodes = 21;
  EXPECT_EQ(error(), "");
  options_.max_nodes = 20;
  EXPECT_EQ(error(), "more than 20 files and directories");
}

TEST_F(RootAttest, NamesAreEscapedInErrors) {
  put("a\n\xFF");
  options_.wants_content = [&](auto, auto) {
    fs::remove(dir_ / "a\n\xFF");
    return true;
  };
  EXPECT_EQ(error(), "\"a\\x0a\\xff\": changed while the tree was read");
}

// `change` happens once, when the file "here" has been opened and not read.
class ChangingTree : public RootAttest {
 protected:
  void when_read(const std::string& path, const std::function<void()>& change) {
    options_.threads = 1;
    ::usleep(20'000);  // old kernels count times in ticks: what happens in the tick of the file's creation is not seen
    options_.wants_content = [=](std::string_view now, std::uint64_t) {
      if (now == path) {
        change();
      }
      return true;
    };
  }
};

TEST_F(ChangingTree, TheFileBeingRead) {
  put("file", "before");
  when_read("file", [&] { std::ofstream(dir_ / "file", std::ios::app) << "more"; });
  EXPECT_EQ(error(), "\"file\": changed while the tree was read");
  when_read("file", [&] { std::ofstream(dir_ / "file") << ""; });
  EXPECT_EQ(error(), "\"file\": changed while the tree was read");
  when_read("file", [&] { fs::permissions(dir_ / "file", fs::perms::owner_exec, fs::perm_options::add); });
  EXPECT_EQ(error(), "\"file\": changed while the tree was read");
}

TEST_F(ChangingTree, WhatWasReadBefore) {
  put("z/file", "before");
  fs::create_symlink("a", dir_ / "link");
  // Directories' own files come before the directories below.
  put("first", "before");
  const auto seen = [&](const std::function<void()>& change) {
    when_read("z/file", change);
    return error();
  };
  EXPECT_EQ(seen([&] { std::ofstream(dir_ / "first") << "after!"; }), "\"first\": changed while the tree was read");
  EXPECT_THAT(seen([&] { put("extra"); }), HasSubstr("changed while the tree was read"));
  EXPECT_THAT(seen([&] { fs::remove(dir_ / "extra"); }), HasSubstr("changed while the tree was read"));
  EXPECT_THAT(seen([&] {
                fs::remove(dir_ / "link");
                fs::create_symlink("b", dir_ / "link");
              }),
              HasSubstr("changed while the tree was read"));
  EXPECT_EQ(seen([] {}), "");
}

TEST_F(ChangingTree, AFileThatBecomesADirectoryOrALink) {
  put("a/x", "before");
  put("b", "evil");
  when_read("b", [&] {
    fs::remove_all(dir_ / "a");
    fs::create_symlink("/etc", dir_ / "a");
  });
  EXPECT_THAT(error(), HasSubstr("changed while the tree was read"));
}

TEST_F(RootAttest, ProgressAtTheEnd) {
  put("file", "12345");
  TreeProgress last;
  options_.progress = [&](const TreeProgress& progress) { last = progress; };
  (void)nodes();
  EXPECT_EQ(last.nodes, 2U);
  EXPECT_EQ(last.bytes, 5U);
}

}  // namespace
}  // namespace nucleus::sys
