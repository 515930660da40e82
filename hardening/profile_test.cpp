#include "hardening/profile.hpp"

#include "hardening/annotations.hpp"
#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;

const ContainerIdentity kBuild = {"buildah-buildah2709964233", "/var/tmp/buildah2709964233"};

HostConfig host_with_build() {
  HostConfig host;
  host.profiles.push_back({"build", "buildah-buildah*", "/var/tmp", "build", std::nullopt, "nucleus.toml:1:1"});
  return host;
}

std::string chosen(const HostConfig& host, const ContainerIdentity& container,
                   const std::map<std::string, std::string>& annotations = {}) {
  const auto selection = select(host, {}, annotations, container);
  return selection ? selection->policy : selection.error().text;
}

TEST(Profile, AppliesToBuildahsContainers) {
  const auto selection = select(host_with_build(), {}, {}, kBuild);
  ASSERT_TRUE(selection) << selection.error().text;
  EXPECT_EQ(selection->policy, "build");
  EXPECT_EQ(selection->policy_origin, "profile \"build\" (nucleus.toml:1:1)");
  EXPECT_EQ(selection->mode_origin, "host configuration");
}

TEST(Profile, NeedsTheIdAndTheBundle) {
  const HostConfig host = host_with_build();
  for (const ContainerIdentity& container : {
           ContainerIdentity{},
           ContainerIdentity{"", kBuild.bundle},
           ContainerIdentity{kBuild.id, ""},
           ContainerIdentity{"buildah-build", kBuild.bundle},
           ContainerIdentity{"xbuildah-buildah1", kBuild.bundle},
           // podman's id is hexadecimal, even where somebody has put its storage below /var/tmp
           ContainerIdentity{std::string(64, 'a'), "/var/tmp/storage/overlay-containers/" + std::string(64, 'a')},
           // containerd: `ctr run IMAGE buildah-buildah1`
           ContainerIdentity{kBuild.id, "/run/containerd/io.containerd.runtime.v2.task/default/" + kBuild.id},
           ContainerIdentity{kBuild.id, "/var/tmp"},
           ContainerIdentity{kBuild.id, "/var/tmpx/buildah1"},
           ContainerIdentity{kBuild.id, "/home/u/var/tmp/buildah1"},
       }) {
    EXPECT_EQ(chosen(host, container), "default") << container.id << " " << container.bundle;
  }
}

// Any annotation at all, so that nothing an image or a pod says can be there.
TEST(Profile, NeverWithAnnotations) {
  const HostConfig host = host_with_build();
  EXPECT_EQ(chosen(host, kBuild, {{"io.container.manager", "libpod"}}), "default");
  EXPECT_EQ(chosen(host, kBuild, {{"", ""}}), "default");
  EXPECT_EQ(chosen(host, kBuild, {{std::string(kModeAnnotation), "strict-agent"}}), "default");
  EXPECT_THAT(chosen(host, kBuild, {{std::string(kPolicyAnnotation), "build"}}), HasSubstr("is not the host"));
}

TEST(Profile, AnIdWithoutStarIsTheWholeId) {
  HostConfig host = host_with_build();
  host.profiles.front().id = "runner";
  EXPECT_EQ(chosen(host, {"runner", kBuild.bundle}), "build");
  EXPECT_EQ(chosen(host, {"runner2", kBuild.bundle}), "default");
}

TEST(Profile, TheFirstThatAppliesWins) {
  HostConfig host = host_with_build();
  host.profiles.push_back({"other", "buildah-*", "/var", "web", std::nullopt, "nucleus.toml:9:1"});
  EXPECT_EQ(chosen(host, kBuild), "build");
  EXPECT_EQ(chosen(host, {"buildah-x", kBuild.bundle}), "web");
}

TEST(Profile, ItsModeIsTheAdministratorsWord) {
  HostConfig host = host_with_build();
  host.mode = Mode::strict_agent;
  EXPECT_EQ(select(host, {}, {}, kBuild)->mode, Mode::strict_agent);
  host.profiles.front().mode = Mode::agent;
  EXPECT_EQ(select(host, {}, {}, kBuild)->mode, Mode::agent);
  EXPECT_EQ(select(host, {}, {}, kBuild)->mode_origin, "profile \"build\" (nucleus.toml:1:1)");
  EXPECT_EQ(select(host, {}, {}, {"x", "/x"})->mode, Mode::strict_agent);
}

TEST(Profile, TheCommandLineComesFirst) {
  HostConfig host = host_with_build();
  host.profiles.front().mode = Mode::strict_agent;
  const auto selection = select(host, {"agent", "mine", {}}, {}, kBuild);
  ASSERT_TRUE(selection) << selection.error().text;
  EXPECT_EQ(selection->mode, Mode::agent);
  EXPECT_EQ(selection->policy, "mine");
  EXPECT_EQ(selection->policy_origin, "command line");
}

}  // namespace
}  // namespace nucleus::hardening
