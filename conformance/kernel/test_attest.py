"""attest create|verify|sign, and that a root file system that differs from its manifest in anything is not started: the error
names what differs.
"""
import base64
import json
import os
import pathlib
import shutil
import stat
import subprocess

import nucleus_test
from attest_test import V1, AttestTest, keys


class Differences(AttestTest):
    """Everything version 2 covers, changed one at a time."""

    def each(self, mode: str, manifest_options=(), changes=None):
        bundle = self.bundle(["true"], mode=mode)
        (bundle.rootfs / "etc/hard").write_text("x")
        os.link(bundle.rootfs / "etc/hard", bundle.rootfs / "etc/link")
        os.mkfifo(bundle.rootfs / "etc/pipe")
        os.mknod(bundle.rootfs / "etc/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        pin = self.manifest(bundle, *manifest_options)
        self.ok(bundle.run("--attest", pin))
        for text, change, undo in changes(bundle):
            with self.subTest(change=text):
                change()
                self.fails(bundle.run("--attest", pin), text)
                undo()
        self.ok(bundle.run("--attest", pin))

    def version_2(self, bundle):
        etc = bundle.rootfs / "etc"
        passwd = etc / "passwd"
        before = passwd.read_text()
        hidden = bundle.dir / "hidden"
        yield ('changed "etc/passwd": sha256', lambda: passwd.write_text(before.replace("root:x", "root:y")),
               lambda: passwd.write_text(before))
        yield (f'changed "etc/passwd": size {len(before)}, now {len(before) + 1}',
               lambda: passwd.write_text(before + "\n"), lambda: passwd.write_text(before))
        yield 'changed "etc/passwd": mode 0644, now 4755', lambda: passwd.chmod(0o4755), lambda: passwd.chmod(0o644)
        yield 'changed "tmp": mode 1777, now 0777', lambda: (bundle.rootfs / "tmp").chmod(0o777), (
            lambda: (bundle.rootfs / "tmp").chmod(0o1777))
        yield 'changed ".": mode 0755, now 0711', lambda: bundle.rootfs.chmod(0o711), (
            lambda: bundle.rootfs.chmod(0o755))
        yield 'uid 0, now 7', lambda: os.chown(passwd, 7, 0), lambda: os.chown(passwd, 0, 0)
        yield 'gid 0, now 7', lambda: os.chown(passwd, 0, 7), lambda: os.chown(passwd, 0, 0)
        yield 'extra "etc/shadow"', lambda: (etc / "shadow").touch(), (etc / "shadow").unlink
        yield 'extra "etc/new"', lambda: (etc / "new").mkdir(), (etc / "new").rmdir
        yield ('extra "etc/\\u000anew\\udcff"', lambda: os.mkdir(os.fsencode(etc) + b"/\nnew\xff"),
               lambda: os.rmdir(os.fsencode(etc) + b"/\nnew\xff"))
        yield 'missing "etc/group"', lambda: (etc / "group").rename(hidden), lambda: hidden.rename(etc / "group")
        yield ('changed "bin/sh": target "busybox", now "/bin/busybox"', lambda: self.relink(bundle, "/bin/busybox"),
               lambda: self.relink(bundle, "busybox"))
        yield ('changed "etc/null": rdev 1:3, now 1:5', lambda: self.renode(etc / "null", 5),
               lambda: self.renode(etc / "null", 3))
        yield ('changed "etc/pipe": type fifo, now file', lambda: self.replace(etc / "pipe", pathlib.Path.touch),
               lambda: self.replace(etc / "pipe", lambda path: os.mkfifo(path, 0o644)))

    def relink(self, bundle, target):
        path = bundle.rootfs / "bin/sh"
        self.replace(path, lambda _: path.symlink_to(target))

    def renode(self, path, minor):
        self.replace(path, lambda _: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor)))
        path.chmod(0o644)

    def replace(self, path, make):
        path.unlink()
        make(path)

    def test_agent(self):
        os.umask(0o022)
        self.each("agent", changes=self.version_2)

    def test_strict_agent(self):
        os.umask(0o022)
        self.each("strict-agent", changes=self.version_2)

    def test_passthrough_when_asked_on_the_command_line(self):
        self.each("passthrough", changes=lambda bundle: [
            ('extra "etc/shadow"', (bundle.rootfs / "etc/shadow").touch, (bundle.rootfs / "etc/shadow").unlink)])

    def test_attributes(self):
        bundle = self.bundle(["true"])
        busybox = bundle.rootfs / "bin/busybox"
        pin = self.manifest(bundle)
        capability = b"\x01\x00\x00\x02\x00\x04" + b"\x00" * 14  # cap_net_bind_service, cap_net_raw ... effective
        for name, value in (("user.note", b"x"), ("security.capability", capability)):
            try:
                os.setxattr(busybox, name, value)
            except OSError as error:
                self.skipTest(f"{name}: {error}")
            with self.subTest(name=name):
                self.fails(bundle.run("--attest", pin), f'changed "bin/busybox": xattr {name} none, now sha256:')
                os.removexattr(busybox, name)
        self.ok(bundle.run("--attest", pin))

    def test_version_1_covers_contents(self):
        def changes(bundle):
            etc = bundle.rootfs / "etc"
            passwd = etc / "passwd"
            before = passwd.read_text()
            yield ('changed "etc/passwd": sha256', lambda: passwd.write_text(before + "\n"),
                   lambda: passwd.write_text(before))
            yield 'extra "etc/shadow"', (etc / "shadow").touch, (etc / "shadow").unlink
            yield ('missing "etc/group"', lambda: (etc / "group").rename(bundle.dir / "group"),
                   lambda: (bundle.dir / "group").rename(etc / "group"))
        self.each("agent", ["--format", "v1"], changes)

    def test_version_1_as_nucleus_writes_it(self):
        """find -L: what a symlink leads to is listed under the symlink's name too."""
        bundle = self.bundle(["true"])
        shutil.rmtree(bundle.rootfs / "bin")
        (bundle.rootfs / "usr/bin/busybox").write_bytes(pathlib.Path(shutil.which("busybox")).read_bytes())
        (bundle.rootfs / "usr/bin/busybox").chmod(0o755)
        (bundle.rootfs / "usr/bin/true").symlink_to("busybox")
        (bundle.rootfs / "bin").symlink_to("/usr/bin")
        lines = []
        for path in ("bin/busybox", "bin/true", "etc/group", "etc/passwd", "usr/bin/busybox", "usr/bin/true"):
            inside = bundle.rootfs / ("usr/" * path.startswith("bin") + path)
            digest = subprocess.check_output(["sha256sum", inside.resolve()], text=True).split()[0]
            lines.append(f"{digest}\t{path}\n")
        (bundle.rootfs / V1).write_text("".join(lines))
        verified = self.ok(self.attest(bundle, "verify", bundle.rootfs))
        self.assertIn("neither pinned nor signed", verified.err)
        self.ok(bundle.run("--attest", bundle.rootfs / V1))
        (bundle.rootfs / "usr/bin/true").unlink()
        (bundle.rootfs / "usr/bin/true").symlink_to("/etc/passwd")
        self.assertIn('changed "bin/true"', self.attest(bundle, "verify", bundle.rootfs).out)
        self.fails(bundle.run("--attest", bundle.rootfs / V1), 'changed "usr/bin/true": sha256')


class Commands(AttestTest):
    def test_create_is_reproducible_and_complete(self):
        bundle = self.bundle()
        bundle.write()
        first = self.ok(self.attest(bundle, "create", bundle.rootfs)).out
        self.assertEqual(first, self.ok(self.attest(bundle, "create", "--bundle", bundle.path)).out)
        header, *entries = [json.loads(line) for line in first.splitlines()]
        self.assertEqual(header, {"format": "nucleus-rootfs", "version": 2, "entries": len(entries)})
        found = {"."} | {str(path.relative_to(bundle.rootfs)) for path in bundle.rootfs.rglob("*")}
        self.assertEqual({entry["path"] for entry in entries}, found)
        for entry in entries:
            info = (bundle.rootfs / entry["path"]).lstat()
            if entry["type"] != "symlink":
                self.assertEqual(int(entry["mode"], 8), stat.S_IMODE(info.st_mode), entry)

    def test_verify_tells_every_difference_with_a_status_for_ci(self):
        bundle = self.bundle()
        self.manifest(bundle)
        verify = ["verify", bundle.rootfs, "--manifest", bundle.dir / "manifest"]
        self.assertIn("verified: ", self.ok(self.attest(bundle, *verify)).out)
        (bundle.rootfs / "etc/group").unlink()
        for name in "abcdefgh":
            (bundle.rootfs / "etc" / name).touch()
        result = self.attest(bundle, *verify)
        self.assertEqual(result.rc, 2)
        extra = [f'extra "etc/{name}"' for name in "abcdefgh"]
        self.assertEqual(result.out.splitlines(), [*extra[:-1], 'missing "etc/group"', extra[-1]])
        (bundle.dir / "manifest").write_text("x\n")
        self.fails(self.attest(bundle, *verify), "manifest:1:1: expected the 64")

    def test_sign_and_verify(self):
        bundle = self.bundle()
        pin = self.manifest(bundle)
        path = bundle.dir / "manifest"
        private, public = keys(bundle.dir, "a")
        _, other = keys(bundle.dir, "b")
        self.ok(self.attest(bundle, "sign", path, "--key", private))
        raw = bundle.dir / "raw.sig"
        raw.write_bytes(base64.b64decode((bundle.dir / "manifest.sig").read_text()))
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", path, "-sigfile",
                        raw], check=True, stdout=subprocess.DEVNULL)
        verify = ["verify", bundle.rootfs, "-m", path]
        self.ok(self.attest(bundle, *verify, "--key", public))
        self.fails(self.attest(bundle, *verify, "--key", other), "not signed by key")
        self.fails(self.attest(bundle, "verify", bundle.rootfs, "-m", pin.replace("sha256:", "sha256:0")), "64 hex")
        private.chmod(0o640)
        self.fails(self.attest(bundle, "sign", path, "--key", private), "holds a secret")

    def test_wrong_usage(self):
        bundle = self.bundle()
        bundle.write()
        for argv in (["create"], ["create", "a", "b"], ["create", "a", "--bundle", "b"], ["sign", "a"], ["prove", "a"],
                     ["create", bundle.rootfs, "--format", "v3"], ["verify", bundle.rootfs]):
            result = self.attest(bundle, *argv)
            self.assertEqual(result.rc, 1, argv)
            self.assertNotEqual(result.err, "", argv)


if __name__ == "__main__":
    nucleus_test.main()
