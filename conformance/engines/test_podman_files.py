"""Files in and out of podman's containers: roots, volumes, tmpfs, copies, changes and images made of them."""
import pathlib
import shutil
import subprocess

import engines
from engines import IMAGE, differs
from podman import LONG, NUCLEUS, PodmanTest, podman

EXECUTES = "cp /bin/busybox {0}/sh 2>/dev/null; if {0}/sh -c true 2>/dev/null; then echo executed; else echo refused; fi"
DROPPED_OVERLAY = "a mount of type overlay is a request to be granted"


class Roots(PodmanTest):
    def test_read_only(self):
        out = self.output("for d in / /etc /tmp /run /var/tmp; do touch $d/x 2>/dev/null && echo $d; done; true",
                          "--read-only")
        self.assertEqual(out.split(), ["/tmp", "/run", "/var/tmp"])

    def test_read_only_without_its_tmpfs(self):
        self.assertNotEqual(self.run_sh("touch /tmp/x", "--read-only", "--read-only-tmpfs=false").rc, 0)

    def test_content_of_the_image_below_a_tmpfs(self):
        """tmpcopyup: what the image has in /tmp is in the tmpfs as well."""
        self.detached("mkdir /tmp/d; echo kept > /tmp/d/file; chmod 600 /tmp/d/file")
        self.wait_status("exited")
        self.ok(podman("commit", "--quiet", "c", "localhost/with-tmp"))
        result = podman("run", "--rm", "--network=none", "--read-only", "localhost/with-tmp", "sh", "-c",
                        "cat /tmp/d/file; stat -c %a /tmp/d/file; touch /tmp/d/new")
        self.assertEqual(self.ok(result).out, "kept\n600\n")

    def test_root_from_a_directory(self):
        result = podman("run", "--rm", "--network=none", "--rootfs", "/run/busybox", "sh", "-c", "ls /bin/sh")
        self.assertEqual(self.ok(result).out, "/bin/sh\n")

    def test_set_user_id_programs_gain_nothing(self):
        out = self.output("cat /proc/self/status; grep ' / / ' /proc/self/mountinfo", "--user=1000")
        self.assertEqual(("NoNewPrivs:\t1" in out, ",nosuid" in out),
                         differs(others=(False, False), nucleus=(True, True), because="no_new_privs and a nosuid root"))


class Volumes(PodmanTest):
    def setUp(self):
        super().setUp()
        self.dir = self.temp_dir()
        (self.dir / "file").write_text("given\n")

    def test_bind(self):
        self.assertEqual(self.output("cat /v/file; echo made > /v/new", f"--volume={self.dir}:/v"), "given\n")
        self.assertEqual((self.dir / "new").read_text(), "made\n")

    def test_read_only_bind(self):
        for option in (f"--volume={self.dir}:/v:ro,Z", f"--mount=type=bind,src={self.dir},dst=/v,ro"):
            self.assertEqual(self.output("cat /v/file; ! touch /v/new 2>/dev/null", option), "given\n")

    def test_programs_in_a_volume(self):
        wanted = differs(others="executed\n", nucleus="refused\n", because="a writable volume is not executable")
        self.assertEqual(self.output(EXECUTES.format("/v"), f"--volume={self.dir}:/v"), wanted)
        self.assertEqual(self.output(EXECUTES.format("/v"), "--volume=named:/v:exec"), wanted)

    def test_programs_in_a_read_only_volume(self):
        shutil.copy("/bin/busybox", self.dir / "sh")
        self.assertEqual(self.output("if /v/sh -c true; then echo executed; fi", f"--volume={self.dir}:/v:ro"), "executed\n")

    def test_named_volume_outlives_its_container(self):
        self.output("echo kept > /v/file", "--volume=named:/v")
        self.assertEqual(self.output("cat /v/file", "--mount=type=volume,src=named,dst=/v"), "kept\n")

    def test_named_volume_starts_with_the_images_content(self):
        self.assertIn("passwd", self.output("ls /etc", "--volume=named:/etc"))

    def test_tmpfs(self):
        script = "dd if=/dev/zero of=/t/x bs=1M count=2 2>/dev/null; stat -c %s /t/x; stat -c %a /t"
        for option in ("--tmpfs=/t:size=1m,mode=1777", "--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777"):
            self.assertEqual(self.output(script, option), f"{1 << 20}\n1777\n")
        self.assertEqual(self.output(EXECUTES.format("/t"), "--tmpfs=/t"),
                         differs(others="executed\n", nucleus="refused\n", because="a writable tmpfs is not executable"))

    def test_volumes_of_another_container(self):
        self.detached(LONG, f"--volume={self.dir}:/v")
        self.assertEqual(self.output("cat /v/file", "--volumes-from=c"), "given\n")

    def test_secret(self):
        self.ok(podman("secret", "create", "word", self.dir / "file"))
        self.addCleanup(podman, "secret", "rm", "word")
        self.assertEqual(self.output("cat /run/secrets/word", "--secret=word"), "given\n")

    OVERLAY = "request mount-type:overlay is not granted by policy default"

    def overlaid(self, script: str, option: str) -> str:
        """What the script writes, with an overlay of podman's as a volume; "" when the overlay was dropped."""
        self.detached(script, option)
        self.ok(podman("wait", "c"))
        logs = podman("logs", "c")
        if NUCLEUS:
            self.assertIn(self.OVERLAY, logs.err)
        self.ok(podman("rm", "c"))
        return logs.out

    def test_image_as_a_volume(self):
        script = "ls /v/bin/sh && ! touch /v/x 2>/dev/null && echo read-only"
        self.assertEqual(self.overlaid(script, f"--mount=type=image,src={IMAGE},dst=/v"),
                         differs(others="/v/bin/sh\nread-only\n", nucleus="", because=DROPPED_OVERLAY))

    def test_overlaid_volume(self):
        out = self.overlaid("cat /v/file && echo changed > /v/file && cat /v/file", f"--volume={self.dir}:/v:O")
        self.assertEqual(out, differs(others="given\nchanged\n", nucleus="", because=DROPPED_OVERLAY))
        self.assertEqual((self.dir / "file").read_text(), "given\n")

    def test_sensitive_paths_of_the_host(self):
        """Dropped with a warning, which podman keeps where it keeps the container's stderr."""
        for path in ("/", "/etc", "/proc", "/sys", "/dev", "/run"):
            self.detached("ls -A /v", f"--volume={path}:/v")
            self.ok(podman("wait", "c"))
            logs = podman("logs", "c")
            seen = differs(others=True, nucleus=False, because="a bind of the host's own files is a request to be granted")
            self.assertEqual(bool(logs.out), seen, path)
            if NUCLEUS:
                self.assertIn(f"request bind:{path} is not granted by policy default", logs.err)
            self.ok(podman("rm", "--force", "c"))


class Copies(PodmanTest):
    def setUp(self):
        super().setUp()
        self.dir = self.temp_dir()
        (self.dir / "given").write_text("given\n")
        self.detached("mkdir /etc/made; echo made > /etc/made/file; chmod 600 /etc/made/file; rm /etc/group; "
                      f"echo ready; {LONG}")
        self.wait_logs("ready")

    def copy_both_ways(self, path: str) -> None:
        self.ok(podman("cp", self.dir / "given", f"c:{path}/given"))
        self.ok(podman("cp", f"c:{path}/given", self.dir / "back"))
        self.assertEqual((self.dir / "back").read_text(), "given\n")

    def test_copy_while_running(self):
        self.copy_both_ways("/tmp")
        self.assertEqual(self.inside("cat /tmp/given"), "given\n")

    def test_copy_into_a_volume_while_running(self):
        self.detached(LONG, "--volume=named:/v", name="d")
        self.ok(podman("cp", self.dir / "given", "d:/v/given"))
        self.assertEqual(self.inside("cat /v/given", name="d"), "given\n")

    def test_copy_when_stopped(self):
        self.ok(podman("stop", "c"))
        self.copy_both_ways("/etc")
        self.ok(podman("cp", "c:/etc/made", self.dir / "made"))
        self.assertEqual((self.dir / "made/file").read_text(), "made\n")
        self.assertEqual((self.dir / "made/file").stat().st_mode & 0o7777, 0o600)

    def test_diff(self):
        out = self.ok(podman("container", "diff", "c")).out.splitlines()
        for line in ("A /etc/made", "A /etc/made/file", "D /etc/group"):
            self.assertIn(line, out)

    def test_commit(self):
        self.ok(podman("commit", "--quiet", "c", "localhost/committed"))
        result = podman("run", "--rm", "--network=none", "localhost/committed", "cat", "/etc/made/file")
        self.assertEqual(self.ok(result).out, "made\n")

    def test_export(self):
        archive = self.dir / "export.tar"
        self.ok(podman("export", f"--output={archive}", "c"))
        out = subprocess.check_output(["tar", "-xOf", archive, "etc/made/file"], text=True)
        self.assertEqual(out, "made\n")

    def test_mounted_root(self):
        root = pathlib.Path(self.ok(podman("mount", "c")).out.strip())
        self.assertEqual((root / "etc/made/file").read_text(), "made\n")
        self.ok(podman("umount", "c"))


if __name__ == "__main__":
    engines.main()
