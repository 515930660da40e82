"""What of the host a container can see, reach or keep: its mount table, processes, disks and set-user-ID programs."""
import os
import pathlib
import shutil
import subprocess

import escape
import nucleus_test
from nucleus_test import NucleusTest, call


def mount_table(pid) -> list:
    """(root, mount point, options, type, source) of each mount in the namespace of a process."""
    table = []
    for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        fields = left.split()
        kind, source, _ = right.split(" ", 2)
        table.append((fields[3], fields[4], fields[5], kind, source))
    return table


class MountNamespace(NucleusTest):
    """setns(2) puts the caller on the lowest root mount: nothing of the host may be left below the container's."""

    def sleeping(self, mode: str, verb: str = "run"):
        bundle = self.bundle(["sleep", "60"], mode=mode)
        self.ok(bundle.run_detached() if verb == "run" else bundle.create())
        return bundle

    def test_exactly_one_root_and_nothing_of_the_host(self):
        for mode in escape.MODES:
            for verb in ("create", "run"):
                with self.subTest(mode=mode, verb=verb):
                    bundle = self.sleeping(mode, verb)
                    table = mount_table(bundle.pid())
                    self.assertEqual([point for _, point, _, _, _ in table].count("/"), 1, table)
                    host = {row[4] for row in mount_table("self") if row[4].startswith("/dev/") and row[1] == "/"}
                    for root, point, _, kind, source in table:
                        if source in host:
                            self.assertEqual((point, root.endswith("/rootfs")), ("/", True), (root, point, kind))

    def test_nsenter_lands_in_the_containers_root(self):
        marker = pathlib.Path("/etc/debian_version")
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.sleeping(mode)
                (bundle.rootfs / "only-here").write_text("")
                pid = bundle.pid()
                for command in (["sh", "-c", "ls /"], ["sh", "-c", "cd /; cd ..; cd ../..; ls"]):
                    result = call(["nsenter", "--mount", "--target", pid, "/bin/busybox", *command])
                    names = result.out.split()
                    self.assertIn("bin", names, result.err)
                    for name in ("boot", "work", "opt", "srv", "lib64"):
                        self.assertNotIn(name, names)
                result = call(["nsenter", "--mount", "--target", pid, "/bin/busybox", "cat", marker])
                self.assertNotEqual(result.rc, 0)

    def test_propagation_does_not_reach_the_host(self):
        """A mount made inside with every capability stays inside."""
        with escape.host_unchanged(self):
            bundle = self.bundle(mode="passthrough").sh("mount -t tmpfs tmpfs /mnt && grep -c ' /mnt ' /proc/mounts")
            escape.unconfined(bundle)
            self.assertEqual(self.ok(bundle.run()).out.strip(), "1")

    def test_mounts_of_the_host_do_not_arrive_later(self):
        for mode in escape.MODES:
            bundle = self.sleeping(mode)
            before = len(mount_table(bundle.pid()))
            late = bundle.rootfs / "mnt"
            call(["mount", "-t", "tmpfs", "tmpfs", late])
            try:
                self.assertEqual(len(mount_table(bundle.pid())), before, mode)
            finally:
                call(["umount", late])


class Processes(NucleusTest):
    def test_processes_of_the_host_cannot_be_seen_or_signalled(self):
        with subprocess.Popen(["sleep", "30"]) as victim:
            try:
                for mode in escape.MODES:
                    script = f"kill -9 {victim.pid}; kill -9 -1; ls -d /proc/{victim.pid} /proc/{os.getpid()}; echo $$"
                    result = self.ok(self.shell(script, mode=mode))
                    self.assertEqual(result.out.split(), ["1"], mode)
                    self.assertIsNone(victim.poll())
            finally:
                victim.kill()


class SetUserId(NucleusTest):
    """A set-user-ID program of the image, or one made inside, gives nothing to whoever runs it."""

    def ids(self, mode: str, change=None) -> list:
        bundle = self.bundle(mode=mode)
        probe = escape.add_helper(bundle, "probe")
        os.chmod(bundle.rootfs / probe[1:], 0o4755)
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.process["args"] = [probe, "show-ids"]
        if change:
            change(bundle)
        return self.ok(bundle.run()).out.split()[1:]

    def test_control_it_works_without_no_new_privileges(self):
        def may_gain(bundle):
            bundle.process["noNewPrivileges"] = False
        self.assertEqual(self.ids("passthrough", may_gain), ["1000", "0", "1000", "1000"])

    def test_set_user_id_is_ignored(self):
        def may_gain(bundle):
            bundle.process["noNewPrivileges"] = False
        for change in (None, may_gain):
            self.assertEqual(self.ids("agent", change), ["1000"] * 4)
        self.assertEqual(self.ids("strict-agent"), ["1000"] * 4)

    def test_a_volume_cannot_carry_set_user_id_programs_or_devices(self):
        """CVE-2021-41091's class: what is made inside must not work outside, and the other way round."""
        for mode in escape.HARDENED:
            bundle = self.bundle(mode=mode).sh("stat -c ok /vol/suid; /vol/suid show-ids; cat /vol/disk; "
                                               "grep ' /vol ' /proc/self/mountinfo")
            volume = bundle.dir / "volume"
            volume.mkdir()
            shutil.copy(escape.HELPERS / "probe", volume / "suid")
            os.chmod(volume / "suid", 0o4755)
            os.mknod(volume / "disk", 0o60666, os.makedev(254, 0))
            bundle.process["user"] = {"uid": 1000, "gid": 1000}
            bundle.mount("/vol", volume)
            out = bundle.run().out
            options = next(line for line in out.splitlines() if " /vol " in line).split()[5].split(",")
            self.assertLessEqual({"nosuid", "nodev", "noexec"}, set(options))
            self.assertNotIn("ids", out)

    def test_every_mount_is_nosuid_and_nodev_where_it_may_be(self):
        for mode in escape.HARDENED:
            bundle = self.bundle(["sleep", "60"], mode=mode)
            self.ok(bundle.run_detached())
            for root, point, options, _, _ in mount_table(bundle.pid()):
                if root == "/null":  # a masked file: the null device itself
                    continue
                with self.subTest(mode=mode, point=point):
                    self.assertIn("nosuid", options.split(","))
                    if point not in ("/", "/dev", "/dev/pts", "/dev/console"):  # where the device nodes are
                        self.assertIn("nodev", options.split(","))

    def test_hard_link_to_a_program_stays_a_program_without_write_access(self):
        for mode in escape.HARDENED:
            out = self.shell("ln /bin/busybox /tmp/echo && { /tmp/echo EXECUTED; echo x >> /tmp/echo && echo WROTE; }", mode=mode)
            self.assertNotIn("EXECUTED", out.out)
            self.assertNotIn("WROTE", out.out)


class Rootfs(NucleusTest):
    """A container of a bundle that is run directly leaves no trace in it."""

    def test_the_rootfs_on_disk_is_unchanged(self):
        for mode in escape.HARDENED:
            bundle = self.bundle(mode=mode).sh("echo x > /etc/passwd; echo x > /root/new; rm -rf /home /var; mkdir /tmp/a")
            before = escape.tree(bundle.rootfs)
            bundle.run()
            self.assertEqual(escape.tree(bundle.rootfs), before, mode)


if __name__ == "__main__":
    nucleus_test.main()
