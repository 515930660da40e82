"""The receipt: what the kernel reports is what was planned, and a lie is found."""
import json
import pathlib
import subprocess

import nucleus_test
from nucleus_test import NucleusTest, namespaces

DIFFERS = 2


class Receipt(NucleusTest):
    def running(self, mode: str = "strict-agent", change=None, script: str = "sleep 60"):
        bundle = self.bundle(mode=mode).sh(script)
        if change:
            change(bundle)
        return self.create_and_start(bundle)

    def receipt(self, bundle) -> dict:
        return json.loads(self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out)

    def verify(self, bundle) -> nucleus_test.Result:
        return bundle.call("receipt", "--verify", bundle.id)

    def in_container(self, bundle, *command) -> None:
        """As the host's root in the container's mount namespace: with every right, past the confinement."""
        subprocess.run(["nsenter", "-t", str(bundle.pid()), "-m", "-p", *command], check=True, timeout=20 * nucleus_test.PATIENCE)

    def test_matches(self):
        for change in (None, lambda b: b.user_namespace(), lambda b: b.config["root"].update(readonly=True)):
            for mode in ("agent", "strict-agent"):
                bundle = self.running(mode, change)
                receipt = self.receipt(bundle)
                items = {item["control"]: item for item in receipt["items"]}
                self.assertEqual([i for i in receipt["items"] if not i["matches"]], [])
                self.assertEqual(items["seccomp.mode"]["observed"], "2")
                self.assertEqual(items["capabilities.bounding"]["observed"], "0" * 16)
                self.assertEqual(receipt["mode"], mode)
                self.assertIn("verified", self.ok(self.verify(bundle)).out)

    def test_holds_what_the_kernel_says(self):
        bundle = self.running()
        items = {item["control"]: item["observed"] for item in self.receipt(bundle)["items"]}
        there = namespaces(bundle.pid())
        for kind, name in (("pid", "pid"), ("network", "net"), ("mount", "mnt"), ("time", "time")):
            inode = there[name].split(":")[1]
            self.assertEqual(items[f"namespace.{kind}"].split()[0], "own")
            self.assertIn(inode, items[f"namespace.{kind}"])
        self.assertIn(bundle.tag, items["cgroup"])
        self.assertRegex(items["seccomp.filter"], r"^[0-9a-f]{64}$")

    def test_mount_behind_a_symlink(self):
        """/var/run leads to /run in most images; what is mounted on /var/run/x is found, and judged."""
        def change(bundle):
            for name in ("run", "var"):
                (bundle.rootfs / name).mkdir(exist_ok=True)
            (bundle.rootfs / "var/run").symlink_to("../run")
            bundle.config["mounts"].append({"destination": "/var/run/x", "type": "tmpfs", "source": "tmpfs",
                                            "options": ["nosuid", "nodev"]})
        bundle = self.running(change=change)
        items = {item["control"]: item for item in self.receipt(bundle)["items"]}
        self.assertEqual(items["mount /var/run/x"]["observed"], "nosuid,nodev,noexec")
        self.in_container(bundle, "mount", "-o", "remount,bind,suid,nodev", "/run/x")
        self.assertEqual(self.verify(bundle).rc, DIFFERS)

    def test_unmasked_path(self):
        bundle = self.running()
        self.in_container(bundle, "umount", "/proc/keys")
        result = self.verify(bundle)
        self.assertEqual(result.rc, DIFFERS)
        self.assertIn("/proc/keys", result.out + result.err)

    def test_text(self):
        bundle = self.running()
        out = self.ok(bundle.call("receipt", bundle.id)).out
        self.assertIn("all enforced", out)
        self.assertIn("mode strict-agent", out)

    def test_no_receipt(self):
        bundle = self.bundle(["sleep", "60"])
        self.ok(bundle.create())
        self.fails(bundle.call("receipt", bundle.id), "no receipt")
        passthrough = self.running("passthrough")
        self.fails(passthrough.call("receipt", passthrough.id), "no receipt")

    def test_secrets_stay_out(self):
        bundle = self.bundle(["sleep", "60", ]).sh("sleep 60 # argv-secret")
        bundle.process["env"].append("TOKEN=env-secret")
        self.create_and_start(bundle)
        text = self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out
        self.assertNotIn("secret", text)

    def test_a_mount_made_writable_is_found(self):
        bundle = self.running()
        self.in_container(bundle, "/bin/mount", "-o", "remount,bind,rw", "/proc/sys")
        result = self.verify(bundle)
        self.assertEqual(result.rc, DIFFERS)
        self.assertIn("readonly /proc/sys", result.out)

    def test_a_mount_made_executable_is_found(self):
        bundle = self.running()
        self.in_container(bundle, "/bin/mount", "-o", "remount,bind,suid,dev,exec", "/dev/shm")
        result = self.verify(bundle)
        self.assertEqual(result.rc, DIFFERS)
        self.assertIn("mount /dev/shm", result.out)

    def test_a_mount_that_was_removed_is_found(self):
        bundle = self.running()
        self.in_container(bundle, "/bin/umount", "/dev/mqueue")
        result = self.verify(bundle)
        self.assertEqual(result.rc, DIFFERS)
        self.assertIn("/dev/mqueue", result.out)

    def test_a_mask_that_was_removed_is_found(self):
        bundle = self.running()
        covered = [item["control"].split()[1] for item in self.receipt(bundle)["items"]
                   if item["control"].startswith("masked ") and item["observed"] != "absent"]
        self.in_container(bundle, "/bin/umount", covered[0])
        result = self.verify(bundle)
        self.assertEqual(result.rc, DIFFERS, result)
        self.assertIn(covered[0], result.out)

    def test_an_edited_state_directory_is_found(self):
        for file in ("config.json",):
            bundle = self.running()
            path = bundle.root / bundle.id / file
            config = json.loads(path.read_text())
            config["hostname"] = "edited"
            path.write_text(json.dumps(config))
            result = self.verify(bundle)
            self.assertEqual(result.rc, DIFFERS, result)
            self.assertIn("digest", result.out)

    def test_verify_a_stopped_container(self):
        bundle = self.running()
        self.ok(bundle.kill())
        bundle.wait_stopped()
        self.fails(self.verify(bundle), "container not running")
        self.ok(bundle.call("receipt", bundle.id))

    # A createContainer hook runs with the runtime's rights in the container's mount namespace, with its mounts made;
    # entering that namespace anew makes the container's root the hook's.
    SABOTAGE = "nsenter --mount=/proc/self/ns/mnt /bin/mount -o remount,bind,suid,dev,exec /dev/shm"

    def test_strict_agent_kills_on_a_mismatch(self):
        bundle = self.bundle(mode="strict-agent").sh("echo ran; sleep 60").hook("createContainer", self.SABOTAGE)
        self.ok(bundle.create())
        result = self.fails(bundle.start(), "mount /dev/shm")
        self.assertIn("the kernel does not enforce what was planned", result.err)
        self.assertEqual(bundle.status(), "stopped")
        self.assertNotIn("ran", bundle.output(), "not one instruction of the workload")

    def test_strict_agent_run_kills_on_a_mismatch(self):
        bundle = self.bundle(mode="strict-agent").sh("echo ran").hook("createContainer", self.SABOTAGE)
        result = self.fails(bundle.run(), "mount /dev/shm")
        self.assertEqual(result.out, "")
        self.assertEqual(bundle.leftovers(), [])

    def test_agent_warns_on_a_mismatch(self):
        bundle = self.bundle(mode="agent").sh("echo ran").hook("createContainer", self.SABOTAGE)
        result = self.ok(bundle.run())
        self.assertEqual(result.out, "ran\n")
        self.assertIn("mount /dev/shm", result.err)

    def test_receipt_is_kept_when_it_does_not_match(self):
        bundle = self.bundle(["sleep", "60"], mode="agent").hook("createContainer", self.SABOTAGE)
        self.create_and_start(bundle)
        shown = bundle.call("receipt", bundle.id)
        self.assertEqual(shown.rc, DIFFERS)
        self.assertIn("1 NOT enforced", shown.out)

    def test_tracer_is_gone_after_start(self):
        bundle = self.running()
        self.assertEqual(nucleus_test.status_of(bundle.pid())["TracerPid"], "0")
        self.assertTrue(pathlib.Path(f"/proc/{bundle.pid()}/exe").exists())


if __name__ == "__main__":
    nucleus_test.main()
