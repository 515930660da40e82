#include "runtime/sys/procfs.hpp"

#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::sys {
namespace {

TEST(ProcHandle, RefusesAFakeProc) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("tmpfs", temp.path().c_str(), "tmpfs", 0, nullptr), 0);
    std::filesystem::create_directories(temp / "self/attr");
    EXPECT_FALSE(ProcHandle::adopt(UniqueFd(::open(temp.path().c_str(), O_PATH | O_DIRECTORY))));
    EXPECT_FALSE(ProcHandle::adopt(UniqueFd(::open("/proc/self", O_PATH | O_DIRECTORY))));
    EXPECT_FALSE(ProcHandle::adopt(UniqueFd(::open("/sys", O_PATH | O_DIRECTORY))));
    ::umount2(temp.path().c_str(), MNT_DETACH);
  });
}

// CVE-2019-16884, CVE-2025-52881: what is mounted over files of /proc does not reach the private instance.
TEST(ProcHandle, OvermountsOfTheHostsProcDoNotMatter) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS | CLONE_NEWUTS, [&] {
    test::write_text(temp / "decoy", "decoy");
    ASSERT_EQ(::mount((temp / "decoy").c_str(), "/proc/sys/kernel/domainname", nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(test::read_text("/proc/sys/kernel/domainname"), "decoy");
    ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
    ASSERT_OK(write_sysctl(proc, "kernel.domainname", "real"));
    EXPECT_EQ(proc.read("sys/kernel/domainname").value_or(""), "real\n");
    EXPECT_EQ(test::read_text(temp / "decoy"), "decoy");

    // A handle on an instance with the decoy in it refuses to write.
    ASSERT_OK_ASSIGN(UniqueFd shared, clone_tree_at("/proc", true));
    const auto decoyed = ProcHandle::adopt(std::move(shared));
    ASSERT_TRUE(decoyed);
    EXPECT_EQ(decoyed->write("sys/kernel/domainname", "evil").error().sys_errno, EXDEV);
    EXPECT_EQ(test::read_text(temp / "decoy"), "decoy");
    ::umount2("/proc/sys/kernel/domainname", MNT_DETACH);
  });
}

TEST(ProcHandle, StaysBeneathAndCrossesNoMagicLink) {
  ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
  EXPECT_TRUE(proc.read("self/status"));
  EXPECT_FALSE(proc.read("../etc/passwd"));
  EXPECT_FALSE(proc.read("/etc/passwd"));
  EXPECT_FALSE(proc.read("self/root/etc/passwd"));
  EXPECT_FALSE(proc.read("self/cwd"));
  EXPECT_EQ(proc.write("self/oom_score_adj", "not a number").error().sys_errno, EINVAL);
}

TEST(ProcHandle, WorksInsideAUserAndPidNamespace) {
  test::in_child(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, [] {
    ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
    const auto status = proc.read("self/status");
    ASSERT_TRUE(status);
    EXPECT_NE(status->find("\nPid:\t1\n"), std::string::npos);
  });
}

TEST(Namespaces, KindAndIdentityAreChecked) {
  const auto& uts = *find_namespace_kind("uts");
  const auto& net = *find_namespace_kind("network");
  EXPECT_EQ(find_namespace_kind("net"), nullptr);
  EXPECT_EQ(open_namespace("/proc/self/ns/net", uts).error().sys_errno, EINVAL);
  EXPECT_EQ(open_namespace("/dev/null", net).error().sys_errno, EINVAL);
  EXPECT_EQ(open_namespace("/proc/self/ns/none", net).error().sys_errno, ENOENT);
  ASSERT_OK_ASSIGN(const UniqueFd host, open_namespace("/proc/self/ns/net", net));
  ASSERT_OK_ASSIGN(const NamespaceId host_id, namespace_id(host.get()));
  EXPECT_EQ(host_id, own_namespace_id(net).value());
  test::in_child(CLONE_NEWNET, [&] {
    EXPECT_FALSE(own_namespace_id(net).value() == host_id);
    ASSERT_OK(bring_loopback_up());
    EXPECT_EQ(join_namespace(host.get(), uts).error().sys_errno, EINVAL);
    ASSERT_OK(join_namespace(host.get(), net));
    EXPECT_EQ(own_namespace_id(net).value(), host_id);
  });
}

TEST(Namespaces, HostnameAndTimeOffsets) {
  test::in_child(CLONE_NEWUTS, [] {
    ASSERT_OK(set_hostname("inner"));
    ASSERT_OK(set_domainname("domain"));
    EXPECT_EQ(test::read_text("/proc/sys/kernel/hostname"), "inner\n");
    EXPECT_FALSE(set_hostname(std::string(65, 'x')));
    ASSERT_OK(unshare_namespaces(CLONE_NEWTIME));
    ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
    ASSERT_OK(write_time_offsets(proc, ::getpid(), {{"boottime", {1000, 5}}, {"monotonic", {-1, 0}}}));
    EXPECT_NE(test::read_text("/proc/self/timens_offsets").find("1000"), std::string::npos);
  });
}

}  // namespace
}  // namespace nucleus::sys
