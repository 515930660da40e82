"""Images whose mount points are symlinks, and processes that swap them while the runtime mounts (CVE-2019-16884,
CVE-2019-19921, CVE-2021-30465, CVE-2023-27561, CVE-2024-45310, CVE-2026-41579, CVE-2026-47766)."""
import os
import time

import escape
import nucleus_test
from nucleus_test import NucleusTest

UP = "/".join([".."] * 16)


class SymlinkedTarget(NucleusTest):
    """Whatever a mount point leads to, it is looked up inside the rootfs."""

    def setUp(self):
        self.victim = self.temp_dir()
        (self.victim / "inner").mkdir()
        (self.victim / "file").write_text("host\n")
        (self.victim / "secret").write_text("host-secret\n")

    def destinations(self):
        """Name -> what the image's /mnt/point is a symlink to."""
        victim = str(self.victim)
        return {"absolute": victim, "relative": f"{UP}{victim}", "missing": f"{victim}/new/deep",
                "missing-relative": f"{UP}{victim}/new", "root": f"{UP}", "self-root": "/proc/self/root" + victim,
                "self-cwd": f"/proc/self/cwd/{UP}{victim}", "descriptor": f"/proc/self/fd/3/{UP}{victim}",
                "one": f"/proc/1/root{victim}", "loop": "/mnt/point", "file": f"{victim}/file"}

    def attack(self, mode: str, link: str, mount: dict) -> nucleus_test.Result:
        bundle = self.bundle(mode=mode)
        os.symlink(link, bundle.rootfs / "mnt/point")
        source = bundle.dir / "source"
        source.mkdir()
        (source / "marker").write_text("mounted\n")
        (bundle.dir / "source-file").write_text("mounted\n")
        mount = {key: value.replace("SOURCE", str(source)) if isinstance(value, str) else value
                 for key, value in mount.items()}
        bundle.config["mounts"].append(mount)
        bundle.sh("find / -xdev -name secret 2>/dev/null; cat /mnt/point/secret; echo done")
        return bundle.run()

    def test_nothing_reaches_the_host(self):
        mounts = [{"destination": "/mnt/point", "type": "bind", "source": "SOURCE", "options": ["bind"]},
                  {"destination": "/mnt/point/below", "type": "bind", "source": "SOURCE", "options": ["bind"]},
                  {"destination": "/mnt/point", "type": "bind", "source": "SOURCE-file", "options": ["bind"]},
                  {"destination": "/mnt/point/new-file", "type": "bind", "source": "SOURCE-file", "options": ["bind"]},
                  {"destination": "/mnt/point", "type": "tmpfs", "source": "tmpfs", "options": []}]
        for mode in ("agent", "passthrough"):
            for name, link in self.destinations().items():
                for mount in mounts:
                    with self.subTest(mode=mode, link=name, mount=mount["destination"], type=mount["type"]):
                        with escape.host_unchanged(self, self.victim):
                            result = self.attack(mode, link, mount)
                        self.assertNotIn("host-secret", result.out)

    def test_control_the_link_leads_to_the_victim_for_plain_mount(self):
        """What the image's symlink does to a runtime that trusts it."""
        directory = self.temp_dir()
        os.symlink(f"{UP}{self.victim}", directory / "point")
        result = nucleus_test.call(["unshare", "--mount", "sh", "-c",
                                    f"mount -t tmpfs tmpfs {directory}/point; ls {self.victim}"])
        self.assertEqual((result.rc, result.out), (0, ""), "mount follows the link and covers the victim")


class KernelFilesystems(NucleusTest):
    """/proc, /sys and /dev of the image."""

    def with_link(self, name: str, target: str, mode: str):
        bundle = self.bundle(mode=mode).sh("grep -c . /proc/self/mountinfo; ls /proc/self/ns; echo ran")
        os.rmdir(bundle.rootfs / name)
        os.symlink(target, bundle.rootfs / name)
        (bundle.rootfs / "elsewhere").mkdir()
        return bundle

    def test_proc_and_sys_behind_a_symlink_are_refused(self):
        for mode in escape.MODES:
            for name in ("proc", "sys"):
                for target in ("/elsewhere", "elsewhere", "/tmp", f"{UP}/proc", "/nowhere/at/all", "/proc", "/sys"):
                    with self.subTest(mode=mode, name=name, target=target), escape.host_unchanged(self):
                        result = self.with_link(name, target, mode).run()
                        self.assertNotEqual(result.rc, 0)
                        self.assertNotIn("ran", result.out)

    def test_control_the_same_bundle_without_the_link_runs(self):
        for mode in escape.MODES:
            self.assertIn("ran", self.shell("echo ran", mode=mode).out)

    def test_dev_behind_a_symlink_makes_no_node_on_the_host(self):
        victim = self.temp_dir()
        for mode in escape.MODES:
            for target in (str(victim), f"{UP}{victim}", f"{victim}/new", "/elsewhere", "/proc/self/cwd"):
                with self.subTest(mode=mode, target=target), escape.host_unchanged(self, victim):
                    bundle = self.with_link("dev", target, mode)
                    # Without a mount of its own the nodes go into the image's directory.
                    bundle.config["mounts"] = [m for m in bundle.config["mounts"]
                                               if not m["destination"].startswith("/dev")]
                    bundle.run()
                with self.subTest(mode=mode, target=target, mounted=True), escape.host_unchanged(self, victim):
                    self.with_link("dev", target, mode).run()

    def test_file_in_place_of_a_directory_is_an_error(self):
        for mode in escape.MODES:
            for name in ("proc", "sys", "dev"):
                with self.subTest(mode=mode, name=name):
                    bundle = self.bundle(mode=mode).sh("echo ran")
                    os.rmdir(bundle.rootfs / name)
                    (bundle.rootfs / name).write_text("")
                    self.assertNotEqual(bundle.run().rc, 0)


class ProcCover(NucleusTest):
    """CVE-2019-16884: a volume over /proc fakes the files that labels and sysctls are written to."""

    TARGETS = ("/proc/self/attr", "/proc/sys", "/proc/sys/kernel", "/proc/thread-self/attr/exec", "/proc/1",
               "/proc/self/task/1", "/proc/sysrq-trigger")

    def test_a_bind_mount_inside_proc_is_refused(self):
        for mode in escape.MODES:
            for target in self.TARGETS:
                with self.subTest(mode=mode, target=target):
                    bundle = self.bundle(mode=mode).sh("echo ran")
                    source = bundle.dir / "fake"
                    source.mkdir()
                    bundle.mount(target, source)
                    result = bundle.run()
                    self.assertNotEqual(result.rc, 0, f"{target} was covered")
                    self.assertNotIn("ran", result.out)

    def test_a_filesystem_inside_proc_is_refused(self):
        for mode in escape.MODES:
            for target in ("/proc/sys", "/proc/self/attr", "/proc/1"):
                with self.subTest(mode=mode, target=target):
                    bundle = self.bundle(mode=mode).sh("echo ran")
                    bundle.mount(target, "tmpfs", "tmpfs", [])
                    result = bundle.run()
                    self.assertNotEqual(result.rc, 0, f"{target} was covered")
                    self.assertNotIn("ran", result.out)

    def test_proc_covered_whole_does_not_swallow_sysctls(self):
        """CVE-2025-52881: a sysctl must reach the kernel, not a file that the image or a volume put there."""
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.bundle(mode=mode).sh("hostname; cat /proc/sys/kernel/domainname")
                fake = bundle.dir / "fake"
                (fake / "sys/kernel").mkdir(parents=True)
                (fake / "sys/kernel/domainname").write_text("fake\n")
                bundle.mount("/proc", fake)
                bundle.linux["sysctl"] = {"kernel.domainname": "real.example"}
                bundle.run()
                self.assertEqual((fake / "sys/kernel/domainname").read_text(), "fake\n", "the write was redirected")


class ExchangeRace(NucleusTest):
    """CVE-2021-30465: another container swaps a shared volume's directory for a symlink while ours is being mounted."""

    SECONDS = 6

    def race(self, mode: str, with_source: bool) -> tuple:
        """How often the container ran, and what came out of it."""
        victim = self.temp_dir()
        (victim / "secret").write_text("host-secret\n")
        bundle = self.bundle(mode=mode).sh("cat /mnt/a/sub/secret /mnt/a/secret 2>/dev/null; echo ran")
        volume = bundle.rootfs / "mnt"
        (volume / "a/sub").mkdir(parents=True)
        os.symlink(f"{UP}{victim}", volume / "b")
        source = bundle.dir / "source"
        source.mkdir()
        (source / "marker").write_text("")
        if with_source:
            bundle.mount("/mnt/a/sub", source)
        else:
            bundle.mount("/mnt/a/sub/new/dir", "tmpfs", "tmpfs", [])
        before = escape.host_mounts(), escape.tree(victim)
        ran = 0
        output = ""
        begin = time.monotonic()
        with escape.swapping(volume / "a", volume / "b"):
            while (spent := time.monotonic() - begin) < self.SECONDS / 2 or (
                    len(bundle.ids) <= 3 and spent < 30 * nucleus_test.PATIENCE):
                result = bundle.run(id=f"{bundle.id}-{len(bundle.ids)}")
                ran += "ran" in result.out
                output += result.out
                self.assertEqual((escape.host_mounts(), escape.tree(victim)), before, f"{mode}: the host was changed")
        return ran, output, len(bundle.ids)

    def test_exchanged_mount_point_never_leads_out(self):
        for mode in ("passthrough", "agent"):
            for with_source in (True, False):
                with self.subTest(mode=mode, bind=with_source):
                    ran, output, tried = self.race(mode, with_source)
                    self.assertNotIn("host-secret", output)
                    self.assertGreater(tried, 3, "the race was hardly run")


if __name__ == "__main__":
    nucleus_test.main()
