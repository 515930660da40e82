"""Mounts, masks, devices: what the container finds in its tree."""
import os
import pathlib

import nucleus_test
from nucleus_test import NucleusTest, libc

MS_SHARED, MNT_DETACH = 1 << 20, 2


class Mounts(NucleusTest):
    def tmpfs(self, path: pathlib.Path) -> pathlib.Path:
        path.mkdir(parents=True, exist_ok=True)
        self.assertEqual(libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, b"size=1m"), 0)
        self.addCleanup(lambda: libc.umount2(str(path).encode(), MNT_DETACH))
        return path

    def source(self) -> pathlib.Path:
        path = self.temp_dir()
        path.chmod(0o755)
        (path / "file").write_text("content\n")
        return path

    def options_of(self, text: str, target: str) -> list:
        """Mount options of the topmost mount at target in a mountinfo text."""
        return [line.split()[5].split(",") for line in text.splitlines() if f" {target} " in line][-1]

    def test_bind_read_write(self):
        source = self.source()
        bundle = self.bundle().sh("cat /mnt/s/file && echo new >/mnt/s/new && cat /proc/self/mountinfo")
        bundle.mount("/mnt/s", source)
        result = self.ok(bundle.run())
        self.assertTrue(result.out.startswith("content\n"))
        self.assertEqual((source / "new").read_text(), "new\n")
        self.assertLessEqual({"nosuid", "nodev", "noexec"}, set(self.options_of(result.out, "/mnt/s")))

    def test_bind_read_only(self):
        source = self.source()
        for mode in ("agent", "passthrough"):
            bundle = self.bundle(mode=mode).sh("cat /mnt/s/file; echo x >/mnt/s/new")
            bundle.mount("/mnt/s", source, options=["bind", "ro"])
            result = bundle.run()
            self.assertEqual((result.rc, result.out), (1, "content\n"))
            self.assertIn("Read-only file system", result.err)
            self.assertEqual(sorted(os.listdir(source)), ["file"])

    def test_bind_of_a_file_on_a_target_that_is_missing(self):
        bundle = self.bundle(["cat", "/etc/new/deep/file"]).mount("/etc/new/deep/file", self.source() / "file")
        self.assertEqual(self.ok(bundle.run()).out, "content\n")
        self.assertFalse((bundle.rootfs / "etc/new").exists(), "the mount point is made in the ephemeral root only")

    def test_missing_source(self):
        bundle = self.bundle(["true"]).mount("/mnt/s", "/tmp/absent-source")
        self.fails(bundle.run(), "/tmp/absent-source")
        self.assertEqual(bundle.leftovers(), [])

    def test_rbind_read_only_reaches_submounts(self):
        source = self.source()
        self.tmpfs(source / "below")
        script = "echo x >/mnt/s/new; echo x >/mnt/s/below/new; true"
        for options, written in ((["rbind", "rro"], []), (["rbind", "ro"], ["new"])):
            bundle = self.bundle(mode="passthrough").sh(script).mount("/mnt/s", source, options=options)
            self.ok(bundle.run())
            self.assertEqual(os.listdir(source / "below"), written, options)
        (source / "below/new").unlink()
        hardened = self.bundle().sh(script).mount("/mnt/s", source, options=["rbind", "ro"])
        self.ok(hardened.run())
        self.assertEqual(os.listdir(source / "below"), [], "the rewrite makes ro recursive")

    def test_plain_bind_leaves_submounts_out(self):
        source = self.source()
        (self.tmpfs(source / "below") / "f").write_text("")
        for options, listed in ((["bind"], ""), (["rbind"], "f\n")):
            bundle = self.bundle(["ls", "/mnt/s/below"]).mount("/mnt/s", source, options=options)
            self.assertEqual(self.ok(bundle.run()).out, listed)

    def test_tmpfs_size_and_mode(self):
        script = "stat -c %a /mnt/t; dd if=/dev/zero of=/mnt/t/f bs=1k count=200 2>/dev/null; stat -c %s /mnt/t/f"
        bundle = self.bundle().sh(script).mount("/mnt/t", "tmpfs", "tmpfs", ["size=64k", "mode=1750"])
        self.assertEqual(self.ok(bundle.run()).out.split(), ["1750", "65536"])

    def test_tmpfs_copies_up(self):
        script = "cat /srv/a/f; readlink /srv/a/l; stat -c '%a %u' /srv/a/d; echo x >/srv/a/new"
        bundle = self.bundle().sh(script).mount("/srv/a", "tmpfs", "tmpfs", ["tmpcopyup", "mode=755"])
        tree = bundle.rootfs / "srv/a"
        (tree / "d").mkdir(parents=True)
        (tree / "d").chmod(0o710)
        os.chown(tree / "d", 33, 33)
        (tree / "f").write_text("from image\n")
        os.symlink("f", tree / "l")
        self.assertEqual(self.ok(bundle.run()).out, "from image\nf\n710 33\n")
        self.assertEqual(sorted(os.listdir(tree)), ["d", "f", "l"])

    def test_tmpfs_keeps_the_mode_it_was_given(self):
        """Against the image's own, which it has without such an option."""
        for options, wanted in ((["mode=1770", "uid=7"], "1770 7"), ([], "710 33")):
            bundle = self.bundle().sh("stat -c '%a %u' /srv/a").mount("/srv/a", "tmpfs", "tmpfs", ["tmpcopyup", *options])
            (bundle.rootfs / "srv/a").mkdir(parents=True)
            (bundle.rootfs / "srv/a").chmod(0o710)
            os.chown(bundle.rootfs / "srv/a", 33, 33)
            self.assertEqual(self.ok(bundle.run()).out, wanted + "\n")

    def propagates(self, bundle, source) -> bool:
        """A mount made on the host after the container's start shows in the container."""
        self.create_and_start(bundle.sh("sleep 60"))
        (self.tmpfs(source / "late") / "seen").write_text("")
        return bundle.exec("test", "-e", "/mnt/s/late/seen").rc == 0

    def shared_source(self) -> pathlib.Path:
        source = self.tmpfs(self.temp_dir() / "shared")
        self.assertEqual(libc.mount(None, str(source).encode(), None, MS_SHARED, None), 0)
        (source / "late").mkdir()
        return source

    def test_propagation_slave(self):
        source = self.shared_source()
        self.assertTrue(self.propagates(self.bundle().mount("/mnt/s", source, options=["rbind", "rslave"]), source))

    def test_propagation_private(self):
        source = self.shared_source()
        self.assertFalse(self.propagates(self.bundle().mount("/mnt/s", source, options=["rbind", "rprivate"]), source))

    def test_the_runtimes_own_mount_namespace_is_never_set_up_in(self):
        """Also where everything is granted: pivot_root there moves every process of the host."""
        bundle = self.bundle(["true"]).namespace("mount", "/proc/self/ns/mnt")
        bundle.write()
        # Were it not refused, only this namespace would be lost.
        script = '"$@"; echo $?; test -e /proc/self/mountinfo -a -d /usr && echo host is there'
        result = nucleus_test.call(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                                    nucleus_test.NUCLEUS, "--root", bundle.root, "run", "--mode", "passthrough",
                                    "--bundle", bundle.path, bundle.id])
        self.assertEqual(result.out, "1\nhost is there\n", result.err)
        self.assertIn("/proc/self/ns/mnt is the runtime's own mount namespace", result.err)

    def test_shared_propagation_needs_a_grant(self):
        source = self.shared_source()
        for mode, options, expected in (("agent", [], "master:"), ("agent", ["--grant", "shared-mounts"], "shared:"),
                                        ("passthrough", [], "shared:")):
            bundle = self.bundle(["cat", "/proc/self/mountinfo"], mode=mode)
            bundle.mount("/mnt/s", source, options=["rbind", "rshared"])
            line = [l for l in self.ok(bundle.run(*options)).out.splitlines() if l.split()[4] == "/mnt/s"][0]
            self.assertIn(expected, line)

    def test_nothing_of_the_container_shows_on_the_host(self):
        def mounts():  # other tests mount below their own directories meanwhile
            lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
            return {line for line in lines if f"/{bundle.tag}" in line or "/nucleus-test-" not in line}
        bundle = self.bundle(["sleep", "60"]).mount("/mnt/t", "tmpfs", "tmpfs", [])
        before = mounts()
        self.create_and_start(bundle)
        self.assertEqual(mounts(), before)

    def test_idmapped_mount(self):
        source = self.source()
        os.chown(source / "file", 1000, 1000)
        mappings = [{"containerID": 1000, "hostID": 2000, "size": 10}]
        bundle = self.bundle(["stat", "-c", "%u:%g", "/mnt/s/file"], mode="passthrough")
        bundle.mount("/mnt/s", source, options=["bind", "idmap"], uidMappings=mappings, gidMappings=mappings)
        result = self.ok(bundle.run())
        self.assertEqual(result.out.strip(), "2000:2000")

    def test_idmapped_mount_with_a_user_namespace(self):
        """As engines use it: the files of the host's root belong to the container's root."""
        source = self.source()
        mappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        script = "stat -c %u:%g /mnt/s/file; stat -c %u:%g /mnt/p/file; echo x >/mnt/s/new"
        bundle = self.bundle(mode="strict-agent").user_namespace().sh(script)
        bundle.mount("/mnt/s", source, options=["bind", "idmap"], uidMappings=mappings, gidMappings=mappings)
        bundle.mount("/mnt/p", source, options=["bind"])
        self.assertEqual(self.ok(bundle.run()).out.split(), ["0:0", "65534:65534"])
        self.assertEqual((source / "new").stat().st_uid, 0)

    def test_masked_and_readonly_paths(self):
        bundle = self.bundle(mode="passthrough")
        (bundle.rootfs / "etc/secret").write_text("secret\n")
        (bundle.rootfs / "etc/secrets").mkdir()
        (bundle.rootfs / "etc/secrets/one").write_text("secret\n")
        (bundle.rootfs / "etc/fixed").mkdir()
        (bundle.rootfs / "etc/frozen").write_text("old\n")
        bundle.linux["maskedPaths"] = ["/etc/secret", "/etc/secrets", "/etc/absent", "/proc/interrupts"]
        bundle.linux["readonlyPaths"] = ["/etc/fixed", "/etc/frozen", "/etc/not-there", "/proc/sys"]
        bundle.sh("cat /etc/secret; ls /etc/secrets; echo x >/etc/fixed/new; echo x >/etc/frozen; "
                  "echo x >/proc/sys/kernel/hostname; echo x >/etc/secrets/new; wc -c </proc/interrupts; ls -d /etc/absent")
        result = bundle.run()
        self.assertEqual(result.out, "0\n", result)
        self.assertEqual(result.err.count("Read-only file system"), 4, result.err)
        self.assertEqual((bundle.rootfs / "etc/frozen").read_text(), "old\n")

    def test_masks_of_the_rewrite(self):
        for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kallsyms", "/proc/interrupts"):
            if os.path.exists(path):
                self.assertEqual(self.ok(self.shell(f"head -c 100 {path} | wc -c")).out.strip(), "0", path)

    def test_read_only_root(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            bundle = self.bundle(mode=mode).sh("cat /etc/passwd >/dev/null && echo x >/etc/new")
            bundle.config["root"]["readonly"] = True
            self.fails(bundle.run(), "Read-only file system")
            self.assertFalse((bundle.rootfs / "etc/new").exists())

    def test_the_rootfs_may_be_in_a_closed_directory(self):
        """The parents of an engine's rootfs are often closed to the ids of the user namespace."""
        bundle = self.bundle(["cat", "/etc/passwd"]).user_namespace()
        bundle.path.chmod(0o700)
        self.assertIn("root:", self.ok(bundle.run()).out)

    def test_default_devices(self):
        script = ("for d in null zero full random urandom tty; do stat -c '%n %t:%T %a' /dev/$d; done; "
                  "echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; "
                  "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done")
        lines = self.ok(self.shell(script)).out.splitlines()
        self.assertEqual(lines[:6], ["/dev/null 1:3 666", "/dev/zero 1:5 666", "/dev/full 1:7 666",
                                     "/dev/random 1:8 666", "/dev/urandom 1:9 666", "/dev/tty 5:0 666"])
        self.assertEqual(lines[6:], ["3", "3", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1",
                                     "/proc/self/fd/2", "pts/ptmx"])

    def test_devices_of_the_config(self):
        node = {"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4}
        passthrough = self.bundle(["stat", "-c", "%t:%T %a %u %g", "/dev/mine"], mode="passthrough")
        passthrough.linux["devices"] = [node]
        self.assertEqual(self.ok(passthrough.run()).out.strip(), "1:5 640 3 4")

    def test_a_device_beyond_the_defaults_needs_a_grant(self):
        node = {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600, "uid": 0, "gid": 0}
        for mode, options, there in (("agent", [], False), ("agent", ["--grant", "device:/dev/kmsg"], True)):
            bundle = self.bundle(["ls", "/dev"], mode=mode)
            bundle.linux["devices"] = [node]
            self.assertEqual("kmsg" in self.ok(bundle.run(*options)).out.split(), there)
        strict = self.bundle(["true"], mode="strict-agent")
        strict.linux["devices"] = [node]
        self.fails(strict.run(), "/dev/kmsg")

    def test_overlapping_mounts_keep_their_order(self):
        outer, inner = self.source(), self.source()
        (inner / "file").write_text("inner\n")
        bundle = self.bundle().sh("cat /mnt/s/file /mnt/s/below/file")
        (outer / "below").mkdir()
        bundle.mount("/mnt/s", outer).mount("/mnt/s/below", inner)
        self.assertEqual(self.ok(bundle.run()).out, "content\ninner\n")

    def test_cgroup_mount_shows_only_its_own(self):
        out = self.ok(self.shell("cd /sys/fs/cgroup; cat pids.max pids/pids.max 2>/dev/null; cat /proc/self/cgroup")).out
        limit, *lines = out.splitlines()
        self.assertEqual(limit, "512")
        for line in lines[:3]:
            self.assertTrue(line.endswith(":/"), line)


if __name__ == "__main__":
    nucleus_test.main()
