"""The tree that was compared with the manifest is the tree that is mounted, whatever happens to its path meanwhile."""
import json
import os
import shutil
import stat
import threading
import time

import nucleus_test
from attest_test import AttestTest


class VerifiedIsMounted(AttestTest):
    def test_receipt(self):
        bundle = self.bundle(["sleep", "100"])
        pin = self.manifest(bundle)
        self.ok(bundle.run_detached("--attest", pin))
        receipt = json.loads(self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out)
        self.assertEqual(receipt["digests"]["rootfs"], pin.rpartition(":")[2])
        item = next(item for item in receipt["items"] if item["control"] == "rootfs.manifest")
        self.assertIn("pinned by the command line", item["observed"])
        self.ok(bundle.call("receipt", "--verify", bundle.id))
        # The upper layer is the container's own; the manifest speaks of what lies below.
        self.ok(bundle.exec("touch", "/etc/new"))

    def test_nothing_runs_before(self):
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        mark = bundle.dir / "hook"
        bundle.hook("createRuntime", f"touch {mark}").hook("prestart", f"touch {mark}")
        (bundle.rootfs / "etc/shadow").touch()
        self.fails(bundle.create("--attest", pin), "the rootfs is not what")
        self.assertFalse(mark.exists())
        self.assertEqual(bundle.leftovers(), [])

    def test_a_tree_exchanged_meanwhile_is_not_mounted(self):
        """Whoever can exchange what the root's path leads to gets the verified tree or an error, never another tree."""
        bundle = self.bundle().sh("cat /etc/which")
        (bundle.rootfs / "etc/which").write_text("good")
        (bundle.rootfs / "etc/large").write_bytes(b"x" * 5_000_000)
        good, evil, link = bundle.path / "good", bundle.path / "evil", bundle.path / "rootfs"
        bundle.rootfs.rename(good)
        link.symlink_to("good")
        pin = self.manifest(bundle)
        shutil.copytree(good, evil, symlinks=True)
        (evil / "etc/which").write_text("evil")
        stop = threading.Event()

        def point_to(name):
            (bundle.path / "next").symlink_to(name)
            (bundle.path / "next").rename(link)

        def exchange():
            while not stop.is_set():
                for name in ("evil", "good"):
                    point_to(name)
                    time.sleep(0.01)

        attacker = threading.Thread(target=exchange)
        attacker.start()
        try:
            results = [bundle.run("--attest", pin, id=f"{bundle.id}-{i}") for i in range(20)]
        finally:
            stop.set()
            attacker.join()
            point_to("good")
        self.assertNotIn("evil", [result.out for result in results])
        self.assertIn("good", [result.out for result in results], results)
        self.assertTrue(any("the rootfs is not what" in result.err for result in results), results)

    def test_a_file_that_changes_while_it_is_read(self):
        bundle = self.bundle(["true"])
        large = bundle.rootfs / "etc/large"
        large.write_bytes(b"x" * 200_000_000)
        pin = self.manifest(bundle)
        stop = threading.Event()

        def write():
            with open(large, "r+b") as file:
                while not stop.is_set():
                    file.seek(0)
                    file.write(b"x")
                    file.flush()
                    time.sleep(0.005)

        attacker = threading.Thread(target=write)
        attacker.start()
        try:
            self.fails(bundle.run("--attest", pin), "changed while the tree was read")
        finally:
            stop.set()
            attacker.join()

    def test_a_mount_below_cannot_be_attested(self):
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        self.assertEqual(nucleus_test.libc.mount(b"tmpfs", os.fsencode(bundle.rootfs / "mnt"), b"tmpfs", 0, b""), 0)
        try:
            self.fails(bundle.run("--attest", pin), '"mnt": another mount covers it, which cannot be attested')
        finally:
            nucleus_test.libc.umount2(os.fsencode(bundle.rootfs / "mnt"), 2)

    def test_a_root_that_is_copied(self):
        """Where overlays cannot be stacked any higher an ephemeral root is a copy, whose bytes are compared again."""
        bundle = self.bundle().sh("touch /etc/new; grep ' / / ' /proc/self/mountinfo")
        bundle.config["annotations"] = {"io.nucleus.rootfs": "ephemeral"}
        empty = bundle.dir / "empty"
        empty.mkdir()
        try:
            for _ in range(2):
                options = f"lowerdir={bundle.rootfs}:{empty}".encode()
                self.assertEqual(nucleus_test.libc.mount(b"overlay", os.fsencode(bundle.rootfs), b"overlay", 0, options), 0)
            pin = self.manifest(bundle)
            self.assertIn(" - tmpfs ", self.ok(bundle.run("--attest", pin)).out)
        finally:
            for _ in range(2):
                nucleus_test.libc.umount2(os.fsencode(bundle.rootfs), 2)

    def test_what_is_mounted_later_stays_outside(self):
        """Even into a root that receives the host's mounts."""
        bundle = self.bundle(["sleep", "100"])
        self.assertEqual(nucleus_test.libc.mount(os.fsencode(bundle.rootfs), os.fsencode(bundle.rootfs), None, 4096, None), 0)
        try:
            self.assertEqual(nucleus_test.libc.mount(None, os.fsencode(bundle.rootfs), None, 1 << 20, None), 0)  # MS_SHARED
            pin = self.manifest(bundle)
            for options, seen in (([], True), (["--attest", pin], False)):
                with self.subTest(options=options):
                    id = f"{bundle.id}-{len(options)}"
                    self.ok(bundle.run_detached(*options, id=id))
                    nucleus_test.libc.mount(b"tmpfs", os.fsencode(bundle.rootfs / "mnt"), b"tmpfs", 0, b"")
                    try:
                        mounts = self.ok(bundle.exec("cat", "/proc/self/mountinfo", id=id)).out
                    finally:
                        nucleus_test.libc.umount2(os.fsencode(bundle.rootfs / "mnt"), 2)
                    self.assertEqual(" /mnt " in mounts, seen, mounts)
                    self.ok(bundle.delete("--force", id=id))
        finally:
            nucleus_test.libc.umount2(os.fsencode(bundle.rootfs), 2)

    def test_devices_of_the_root_work_again_after_the_reading(self):
        bundle = self.bundle(mode="passthrough").sh("echo x >/etc/null && echo written")
        os.mknod(bundle.rootfs / "etc/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        bundle.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
        self.assertIn("written", self.ok(bundle.run("--attest", self.manifest(bundle))).out)

    def test_user_namespace(self):
        """The manifest's ids are the host's, with an id-mapped root as well."""
        bundle = self.bundle(["true"]).user_namespace()
        bundle.dir.chmod(0o755)
        pin = self.manifest(bundle)
        self.ok(bundle.run("--attest", pin))
        (bundle.rootfs / "etc/shadow").touch()
        self.fails(bundle.run("--attest", pin), 'extra "etc/shadow"')


if __name__ == "__main__":
    nucleus_test.main()
