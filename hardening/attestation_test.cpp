#include "hardening/attestation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "hardening/policy.hpp"

namespace nucleus::hardening {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FindAttestation : public ::testing::Test {
 protected:
  FindAttestation() {
    std::string name = (fs::temp_directory_path() / "nucleus-attest-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
    fs::create_directories(dir_ / "bundle/rootfs");
    request_.bundle = dir_ / "bundle";
    request_.rootfs = dir_ / "bundle/rootfs";
    request_.host.origin = "host configuration";
    request_.policy.origin = "policy web";
  }
  ~FindAttestation() override { fs::remove_all(dir_); }

  [[nodiscard]] std::string put(const std::string& name, const std::string& text) const {
    const fs::path path = dir_ / name;
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), 0644), 0);
    return path;
  }
  // A manifest of one file; PATH@sha256:HEX.
  [[nodiscard]] std::string manifest(const std::string& name) const {
    const std::string text = std::string(64, '0') + "\t" + fs::path(name).filename().string() + "x\n";
    return put(name, text) + "@sha256:" + to_hex(sha256(text));
  }
  [[nodiscard]] std::shared_ptr<const Attestation> found() const {
    const auto result = find_attestation(request_);
    EXPECT_TRUE(result) << result.error().text;
    return result.value_or(nullptr);
  }
  [[nodiscard]] std::string error() const {
    const auto result = find_attestation(request_);
    return result ? "" : result.error().text;
  }

  fs::path dir_;
  AttestationRequest request_;
};

TEST_F(FindAttestation, NobodyAsks) {
  EXPECT_EQ(found(), nullptr);
  request_.policy.required = true;
  EXPECT_THAT(error(), HasSubstr("the policy web requires it"));
  request_.mode = Mode::passthrough;
  EXPECT_EQ(found(), nullptr);
}

TEST_F(FindAttestation, TheFirstThatThereIsDecides) {
  EXPECT_EQ(put("bundle/.nucleus-rootfs-sha256", std::string(64, '0') + "\tv1\n").empty(), false);
  EXPECT_EQ(found()->origin, "bundle");
  EXPECT_EQ(found()->manifest.version, 1);
  request_.annotation = manifest("annotated");
  EXPECT_EQ(found()->origin, "annotation io.nucleus.attest");
  request_.annotation.clear();
  request_.policy.manifest = manifest("policy");
  EXPECT_EQ(found()->origin, "policy web");
  request_.host.manifest = manifest("host");
  EXPECT_EQ(found()->origin, "host configuration");
  request_.command_line = manifest("line");
  EXPECT_EQ(found()->origin, "command line");
  EXPECT_TRUE(found()->trusted());
  request_.annotation = request_.command_line;
  EXPECT_EQ(found()->origin, "command line");
  request_.annotation = manifest("annotated");
  EXPECT_THAT(error(), HasSubstr("but the command line names"));
  request_.mode = Mode::passthrough;
  EXPECT_EQ(found()->origin, "command line");
  request_.command_line.clear();
  EXPECT_EQ(found(), nullptr);
}

// Whoever fills the root fills the bundle's directory as well.
TEST_F(FindAttestation, ABundleInsideItsRootSaysNothing) {
  static_cast<void>(put("bundle/.nucleus-rootfs-sha256", std::string(64, '0') + "\tv1\n"));
  for (const auto* const below : {"", "/.", "/..", "/../bundle"}) {
    request_.rootfs = request_.bundle + below;
    EXPECT_EQ(found(), nullptr) << below;
  }
}

TEST_F(FindAttestation, APinCountsFromThoseWhoMayDecide) {
  request_.annotation = manifest("annotated");
  EXPECT_FALSE(found()->trusted());
  request_.annotations_may_choose = true;
  EXPECT_TRUE(found()->trusted());
  request_.annotation.back() = request_.annotation.back() == '0' ? '1' : '0';
  EXPECT_THAT(error(), HasSubstr("pinned is "));
  request_.annotations_may_choose = false;
  EXPECT_THAT(error(), HasSubstr("pinned is "));
  request_.annotation = request_.annotation.substr(0, request_.annotation.find('@'));
  EXPECT_FALSE(found()->trusted());
}

TEST_F(FindAttestation, BrokenManifestsAndMissingOnes) {
  request_.command_line = dir_ / "none";
  EXPECT_THAT(error(), HasSubstr("does not exist"));
  request_.command_line = put("broken", "x\n");
  EXPECT_THAT(error(), HasSubstr("broken:1:1: expected"));
  request_.command_line = put("broken", "x\n") + "@sha256:12";
  EXPECT_THAT(error(), HasSubstr("64 hexadecimal digits"));
}

TEST_F(FindAttestation, Settings) {
  const auto config = [&](const std::string& text) { return load_host_config(put("nucleus.toml", text)); };
  const auto good =
      config("lockdown = \"integrity\"\n[attestation]\nmanifest = \"/m\"\nkey = \"/k\"\nrequired = true\n");
  ASSERT_TRUE(good) << good.error().text;
  EXPECT_EQ(good->lockdown, "integrity");
  EXPECT_EQ(good->attestation.manifest, "/m");
  EXPECT_EQ(good->attestation.key, "/k");
  EXPECT_TRUE(good->attestation.required);
  EXPECT_EQ(good->attestation.origin, "host configuration");
  for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
           {"lockdown = \"\"", ":1:12: lockdown: expected none, integrity or confidentiality"},
           {"attestation = true", ":1:"},
           {"[attestation]\nkey = \"k\"", ":2:7: attestation: key: must be an absolute path"},
           {"[attestation]\nmanifest = \"/m@sha256:1\"", "64 hexadecimal digits"},
           {"[attestation]\nmanifests = \"/m\"", "manifests"}}) {
    const auto bad = config(text + "\n");
    ASSERT_FALSE(bad) << text;
    EXPECT_THAT(bad.error().text, HasSubstr(error));
  }
}

}  // namespace
}  // namespace nucleus::hardening
