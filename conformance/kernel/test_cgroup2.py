"""What only cgroup v2 has: delegation, children of a container's cgroup, types."""
import os
import pathlib
import resource
import unittest

import nucleus_test
from cgroup_drivers import CGROUPFS, V2, each_driver
from nucleus_test import NucleusTest

WRITABLE = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "rw"]}
# What a supervisor does with a cgroup of its own: it moves to a child and hands controllers down to others.
DIVIDE = ("mkdir /sys/fs/cgroup/inner && echo 1 >/sys/fs/cgroup/inner/cgroup.procs && "
          "echo +pids >/sys/fs/cgroup/cgroup.subtree_control && echo divided; exec sleep 60")


@unittest.skipUnless(V2, "cgroup v2 is not what this host uses")
class Cgroup2(NucleusTest):
    def writable(self, driver, script: str):
        bundle = driver.prepare(self.bundle(mode="passthrough").sh(script))
        mounts = [mount for mount in bundle.config["mounts"] if mount["destination"] != WRITABLE["destination"]]
        bundle.config["mounts"] = mounts + [dict(WRITABLE)]
        return bundle

    def started(self, driver, script: str):
        bundle = self.writable(driver, script)
        return self.create_and_start(bundle, globals=driver.globals)

    @each_driver
    def test_exec_goes_where_init_went(self, driver):
        bundle = self.started(driver, DIVIDE)
        bundle.wait_output("divided")
        self.assertEqual(self.ok(bundle.exec("cat", "/proc/self/cgroup")).out, "0::/inner\n")
        self.assertEqual(len((driver.directory(bundle, "") / "cgroup.procs").read_text().split()), 0)

    @each_driver
    def test_children_go_with_the_container(self, driver):
        bundle = self.started(driver, "mkdir -p /sys/fs/cgroup/a/b/c && " + DIVIDE)
        bundle.wait_output("divided")
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    @each_driver
    def test_the_root_of_a_user_namespace_gets_its_writable_cgroup(self, driver):
        bundle = self.writable(driver, DIVIDE).user_namespace(host=100000)
        os.chown(bundle.rootfs, 100000, 100000)
        self.create_and_start(bundle, globals=driver.globals)
        directory = driver.directory(bundle, "")
        owned = {name: (directory / name).stat().st_uid for name in (".", "cgroup.procs", "cgroup.subtree_control")}
        self.assertEqual(set(owned.values()), {100000}, owned)
        self.assertEqual((directory / "memory.max").stat().st_uid, 0)
        bundle.wait_output("divided")

    @each_driver
    def test_children_are_bounded(self, driver):
        """A workload nests no deeper and no wider than what `delete` and the host can bear."""
        bundle = self.writable(driver, """
            cd /sys/fs/cgroup; echo 5000 2>/dev/null >cgroup.max.depth && echo raised
            n=0; while mkdir d 2>/dev/null && cd d; do n=$((n + 1)); done; echo "depth $n."; exec sleep 60
            """).user_namespace(host=100000)
        os.chown(bundle.rootfs, 100000, 100000)
        self.create_and_start(bundle, globals=driver.globals)
        self.assertEqual(bundle.wait_output("."), "depth 32.\n")
        self.assertEqual((driver.directory(bundle, "") / "cgroup.max.descendants").read_text(), "4096\n")
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    def test_what_is_nested_too_deep_is_removed(self):
        """Also by a host's root, or one that may raise the bound."""
        bundle = self.create_and_start(CGROUPFS.prepare(self.bundle(["sleep", "60"], mode="passthrough")))
        at = os.open(CGROUPFS.directory(bundle, ""), os.O_DIRECTORY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=at)
            below = os.open("d", os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        os.close(at)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    @each_driver
    def test_a_read_only_cgroup_stays_root_s(self, driver):
        bundle = driver.prepare(self.bundle(["sleep", "60"], mode="passthrough").user_namespace(host=100000))
        os.chown(bundle.rootfs, 100000, 100000)
        self.create_and_start(bundle, globals=driver.globals)
        self.assertEqual(driver.directory(bundle, "").stat().st_uid, 0)

    def test_a_threaded_cgroup_holds_no_container(self):
        bundle = self.bundle(["true"], mode="strict-agent")
        directory = CGROUPFS.directory(bundle, "")
        directory.mkdir()
        self.addCleanup(pathlib.Path.rmdir, directory)
        (directory / "cgroup.type").write_text("threaded")
        self.fails(bundle.create(), "which holds no container")


if __name__ == "__main__":
    nucleus_test.main()
