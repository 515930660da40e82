#include "oci/bundle.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "oci/document.hpp"
#include "oci/test_files.hpp"

namespace nucleus::oci {
namespace {

using testing::ScratchDir;

std::string error_of(const std::string& path) {
  const auto bundle = load_bundle(path);
  return bundle ? "" : bundle.error().text;
}

TEST(Bundle, LoadsWhatRuncWrites) {
  const ScratchDir dir;
  dir.write("config.json", testing::read_fixture("runc-spec.json"));
  const auto bundle = load_bundle(dir.path());
  ASSERT_TRUE(bundle) << bundle.error().text;
  EXPECT_EQ(bundle->path, dir.path());
  EXPECT_EQ(bundle->config, testing::read_fixture("runc-spec.json"));
  EXPECT_EQ(rootfs_path(*bundle), dir.path().string() + "/rootfs");
  EXPECT_EQ(bundle->spec, *parse_spec(bundle->config, "again"));
  EXPECT_NE(::fcntl(bundle->dir.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Bundle, PathIsAbsoluteAndResolved) {
  const ScratchDir dir;
  std::filesystem::create_directory(dir.path() / "real");
  std::filesystem::create_symlink("real", dir.path() / "link");
  dir.write("real/config.json", testing::read_fixture("runc-spec.json"));
  const auto bundle = load_bundle(std::filesystem::relative(dir.path() / "link"));
  ASSERT_TRUE(bundle) << bundle.error().text;
  EXPECT_EQ(bundle->path, dir.path() / "real");
}

TEST(Bundle, AbsoluteRootIsTakenAsItIs) {
  Bundle bundle;
  bundle.path = "/b";
  bundle.spec.root.path = "/r/../x";
  EXPECT_EQ(rootfs_path(bundle), "/r/../x");
}

TEST(Bundle, MissingFileHasRuncsText) {
  const ScratchDir dir;
  EXPECT_EQ(error_of(dir.path()), "JSON specification file config.json not found");
  EXPECT_NE(error_of(dir.path() / "none").find("no such file or directory"), std::string::npos);
  EXPECT_NE(error_of(""), "");
}

TEST(Bundle, OnlyRegularFilesAreRead) {
  const ScratchDir dir;
  std::filesystem::create_directory(dir.path() / "config.json");
  EXPECT_EQ(error_of(dir.path()), "config.json: not a regular file");
  std::filesystem::remove(dir.path() / "config.json");
  ASSERT_EQ(::mkfifo((dir.path() / "config.json").c_str(), 0600), 0);
  EXPECT_EQ(error_of(dir.path()), "config.json: not a regular file");
  std::filesystem::remove(dir.path() / "config.json");
  std::filesystem::create_symlink("config.json", dir.path() / "config.json");
  EXPECT_NE(error_of(dir.path()).find("too many levels of symbolic links"), std::string::npos);
  EXPECT_NE(error_of(dir.path() / "config.json"), "");
}

// Sparse: nothing is read, so the file costs no time and no memory.
TEST(Bundle, HundredMegabytesAreRefusedUnread) {
  const ScratchDir dir;
  dir.write("config.json", "{}");
  std::filesystem::resize_file(dir.path() / "config.json", 100 * 1024 * 1024);
  EXPECT_EQ(error_of(dir.path()), "config.json: larger than 4194304 bytes");
}

TEST(Bundle, ValidationNamesTheFile) {
  const ScratchDir dir;
  dir.write("config.json", R"({"ociVersion":"1.0.0","root":{"path":"r"},"process":{"args":["a"],"cwd":"tmp"}})");
  EXPECT_EQ(error_of(dir.path()), "config.json: process.cwd: must be an absolute path, got \"tmp\"");
  dir.write("config.json", "{\n\"a\":1,\n\"a\":2}");
  EXPECT_EQ(error_of(dir.path()), "config.json:3:1: duplicate key \"a\"");
  dir.write("config.json", "");
  EXPECT_EQ(error_of(dir.path()), "config.json:1:1: parse error: premature EOF");
}

}  // namespace
}  // namespace nucleus::oci
