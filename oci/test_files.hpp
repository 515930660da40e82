// Files that tests read, and scratch directories that clean up after themselves.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "runtime/base/test_source.hpp"

namespace nucleus::oci::testing {

inline constexpr std::array kFixtures = {"podman-run.json",        "podman-privileged.json", "podman-mixed.json",
                                         "buildah-run.json",       "ctr-run.json",           "runc-spec.json",
                                         "runc-spec-rootless.json"};

inline std::string read_source(const std::string& path) {
  std::ifstream in(nucleus::test::source_directory() + '/' + path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string read_fixture(const std::string& name) { return read_source("conformance/fixtures/" + name); }

class ScratchDir {
 public:
  ScratchDir() {
    std::string name = (std::filesystem::temp_directory_path() / "nucleus-oci-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace nucleus::oci::testing
