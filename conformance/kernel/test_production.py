"""Mode production as a whole: a container runs, and each condition that is missing is named with the way to it."""
import os
import pathlib
import shutil
import subprocess

import nucleus_test
from attest_test import AttestTest, keys
from nucleus_test import Bundle


NET_RAW = b"\x01\x00\x00\x02\x00\x20" + b"\x00" * 14  # cap_net_raw, effective


class Production(AttestTest):
    def production(self) -> Bundle:
        return self.complete("id -u; touch /etc/x || echo read-only; touch /data/x && echo writable")

    def test_runs(self):
        bundle = self.production()
        pin = self.manifest(bundle)
        self.assertEqual(self.ok(bundle.run("--attest", pin)).out.split(), ["0", "read-only", "writable"])
        self.ok(bundle.run("--attest", pin))  # the first one left the tree as it was

    def huge(self, path: pathlib.Path, size: int) -> None:
        path.touch()
        os.truncate(path, size)

    def test_each_change_of_the_root(self):
        bundle = self.production()
        etc = bundle.rootfs / "etc"
        passwd = etc / "passwd"
        before, large = passwd.read_text(), 1 << 42
        pin = self.manifest(bundle)
        for text, change, undo in (
                ('changed "etc/passwd": sha256', lambda: passwd.write_text(before.replace("root:x", "root:y")),
                 lambda: passwd.write_text(before)),
                # Neither is read, so that nobody waits for the end of a terabyte of nothing.
                (f'changed "etc/passwd": size {len(before)}, now {large}', lambda: os.truncate(passwd, large),
                 lambda: passwd.write_text(before)),
                ('extra "etc/huge"', lambda: self.huge(etc / "huge", large), (etc / "huge").unlink),
                ('changed "etc/passwd": mode 0644, now 0646', lambda: passwd.chmod(0o646), lambda: passwd.chmod(0o644)),
                ('changed "etc/passwd": uid 100000, now 100001', lambda: os.chown(passwd, 100001, -1),
                 lambda: os.chown(passwd, 100000, -1)),
                ('extra "etc/shadow"', (etc / "shadow").touch, (etc / "shadow").unlink),
                ('missing "etc/group"', lambda: (etc / "group").rename(bundle.dir / "group"),
                 lambda: (bundle.dir / "group").rename(etc / "group")),
                ('changed "bin/busybox": xattr security.capability none, now sha256:',
                 lambda: os.setxattr(bundle.rootfs / "bin/busybox", "security.capability", NET_RAW),
                 lambda: os.removexattr(bundle.rootfs / "bin/busybox", "security.capability"))):
            with self.subTest(change=text):
                change()
                self.assertEqual(self.fails(bundle.run("--attest", pin), text).out, "")
                undo()
        self.ok(bundle.run("--attest", pin))

    def test_signed(self):
        bundle = self.production()
        path = self.manifest(bundle).partition("@")[0]
        private, public = keys(bundle.dir, "host")
        self.ok(self.attest(bundle, "sign", path, "--key", private))
        host = self.config(bundle, f'mode = "production"\nmode_floor = "production"\n'
                                   f'[attestation]\nkey = "{public}"\nmanifest = "{path}"\n')
        bundle.mode = ""
        self.ok(bundle.run(globals=host))
        (bundle.dir / "manifest.sig").unlink()
        self.fails(bundle.run(globals=host), "which has to sign manifests that are not pinned")

    def test_each_missing_condition(self):
        def pinned(bundle):
            return ["--attest", self.manifest(bundle)]

        def no_memory(bundle):
            del bundle.linux["resources"]["memory"]
            return pinned(bundle)

        def no_user_namespace(bundle):
            bundle.linux["namespaces"] = [entry for entry in bundle.linux["namespaces"] if entry["type"] != "user"]
            del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
            return pinned(bundle)

        def unpinned_set(bundle):
            shutil.copytree(nucleus_test.SOURCE / "policies/default", bundle.dir / "own",
                            ignore=shutil.ignore_patterns("policy.lock"))
            text = (bundle.dir / "own/policy.toml").read_text().replace('name = "default"', 'name = "own"')
            (bundle.dir / "own/policy.toml").write_text(text)
            subprocess.run(["chmod", "-R", "go-w", bundle.dir / "own"], check=True)
            return [*pinned(bundle), "--policy", bundle.dir / "own"]

        def granting_annotation(bundle):
            bundle.config["annotations"] = {"io.nucleus.grant": "capability:CAP_NET_ADMIN"}
            return pinned(bundle)

        for change, text in ((lambda bundle: [], "make one with `nucleus-oci attest create`"),
                             (lambda bundle: ["--attest", self.manifest(bundle).partition("@")[0]],
                              "neither pinned nor signed"),
                             (no_memory, "linux.resources.memory.limit is not set"),
                             (no_user_namespace, "control user-namespace"), (unpinned_set, "is not pinned"),
                             (granting_annotation, "io.nucleus.grant")):
            with self.subTest(missing=text):
                bundle = self.production()
                self.fails(bundle.run(*change(bundle)), text)

    def test_annotations_pin_only_where_the_host_trusts_them(self):
        bundle = self.production()
        bundle.config["annotations"] = {"io.nucleus.attest": self.manifest(bundle)}
        self.fails(bundle.run(), "neither pinned nor signed")
        self.ok(bundle.run(globals=self.config(bundle, "annotations_may_grant = true\n")))

    def test_a_missing_mount_point_is_not_made_in_the_attested_tree(self):
        bundle = self.production()
        (bundle.rootfs / "data").rmdir()
        pin = self.manifest(bundle)
        self.fails(bundle.run("--attest", pin), "has to hold /data already when its manifest is made")
        self.assertFalse((bundle.rootfs / "data").exists())

    def test_lockdown(self):
        bundle = self.production()
        pin = self.manifest(bundle)
        try:
            level = pathlib.Path("/sys/kernel/security/lockdown").read_text().partition("[")[2].partition("]")[0]
        except OSError:
            level = "unknown"
        for wanted in ("integrity", "confidentiality"):
            result = bundle.run("--attest", pin, globals=self.config(bundle, f'lockdown = "{wanted}"\n'))
            if level in (wanted, "confidentiality"):
                self.ok(result)
            else:
                self.fails(result, f'kernel lockdown is "{level}", the host configuration wants lockdown = "{wanted}"')
        self.fails(bundle.run(globals=self.config(bundle, 'lockdown = "total"\n')),
                   "expected none, integrity or confidentiality")


if __name__ == "__main__":
    nucleus_test.main()
