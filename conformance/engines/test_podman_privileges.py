"""What a podman command line may ask for beyond the defaults. In agent mode the request is dropped with a warning, which
podman keeps where it keeps the container's stderr; in strict-agent it is refused with the line that would grant it.
"""
import json
import os
import unittest

import engines
import nucleus_test
from engines import differs, per_runtime
from podman import NO_CAPS, NUCLEUS, PODMANS_CAPS, PodmanTest, podman

STRICT = "--annotation=io.nucleus.mode=strict-agent"
STATUS = "cat /proc/self/status"


class Requests(PodmanTest):
    def logged(self, script: str, *options) -> nucleus_test.Result:
        """Output and stderr as podman logged them; warnings of the runtime are there, too early for podman's terminal."""
        self.detached(script, *options)
        self.ok(podman("wait", "c"))
        logs = podman("logs", "c")
        self.ok(podman("rm", "--force", "c"))
        return logs

    def status(self, *options) -> dict:
        return nucleus_test.parse_status(self.logged(STATUS, *options).out)

    def refused_when_strict(self, *options, grant: str, **how) -> None:
        result = self.run_sh("true", STRICT, *options, **how)
        if NUCLEUS:
            self.refused(result, f"request {grant}", "(mode strict-agent)", f'add grants = ["{grant}"')
        else:
            self.ok(result)

    def test_default_capabilities(self):
        self.assertEqual(self.status()["CapBnd"], differs(others=PODMANS_CAPS, nucleus=NO_CAPS, because="no capabilities"))
        self.assertEqual(self.status("--cap-drop=all")["CapBnd"], NO_CAPS)

    def test_added_capability(self):
        logs = self.logged(STATUS, "--cap-add=SYS_ADMIN")
        held = int(nucleus_test.parse_status(logs.out)["CapEff"], 16) >> 21 & 1
        self.assertEqual(held, differs(others=1, nucleus=0, because="an added capability is a request to be granted"))
        if NUCLEUS:
            self.assertIn("warning: capabilities: /process/capabilities/bounding", logs.err)
        self.refused_when_strict("--cap-add=SYS_ADMIN", grant="capability:CAP_SYS_ADMIN")

    def test_granted_capability(self):
        self.policy_set("chowner", keep=["CAP_CHOWN"])
        status = self.status("--cap-add=CHOWN")
        self.assertEqual(status["CapEff"], differs(others=PODMANS_CAPS, nucleus="0" * 15 + "1",
                                                   because="what the policy keeps"))

    def test_privileged(self):
        self.detached("exec sleep 1000", "--privileged")
        status = nucleus_test.parse_status(self.inside(STATUS))
        devices = int(self.inside("ls /dev | wc -l"))
        writable = "/sys sysfs rw" in self.inside("cat /proc/mounts")
        seen = (status["CapEff"] == NO_CAPS, status["Seccomp"], devices > 30, writable)
        self.assertEqual(seen, differs(others=(False, "0", True, True), nucleus=(True, "2", False, False),
                                       because="--privileged is dropped, piece by piece"))

    def test_privileged_is_refused_when_strict(self):
        result = self.run_sh("true", STRICT, "--privileged")
        self.assertEqual(result.rc, differs(others=0, nucleus=126, because="strict-agent refuses what agent drops"))
        if NUCLEUS:
            self.refused(result, "capability:CAP_SYS_ADMIN", "(mode strict-agent)")

    def test_no_new_privileges(self):
        self.assertEqual(self.status("--security-opt=no-new-privileges")["NoNewPrivs"], "1")

    def test_seccomp_unconfined(self):
        logs = self.logged(STATUS, "--security-opt=seccomp=unconfined")
        self.assertEqual(nucleus_test.parse_status(logs.out)["Seccomp"],
                         differs(others="0", nucleus="2", because="seccomp=unconfined is a request to be granted"))
        if NUCLEUS:
            self.assertIn("seccomp-unconfined is not granted by policy default", logs.err)
        self.refused_when_strict("--security-opt=seccomp=unconfined", grant="seccomp-unconfined")

    def test_seccomp_profile(self):
        """The caller's own profile holds as well: what either forbids is forbidden."""
        profile = self.temp_dir() / "profile.json"
        profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}]}))
        out = self.logged("mkdir /tmp/d || true", f"--security-opt=seccomp={profile}").err
        self.assertIn("Cannot assign requested address", out)

    def test_mask_and_unmask(self):
        self.assertEqual(self.output("wc -c < /etc/passwd", "--security-opt=mask=/etc/passwd"), "0\n")
        lines = int(self.output("wc -l < /proc/timer_list", "--security-opt=unmask=ALL"))
        self.assertEqual(lines > 0, differs(others=True, nucleus=False, because="the policy's own masks stay"))

    @unittest.skipUnless(os.path.exists("/dev/fuse"), "no /dev/fuse")
    def test_device(self):
        logs = self.logged("test -c /dev/fuse && echo there || echo missing", "--device=/dev/fuse")
        self.assertEqual(logs.out, differs(others="there\n", nucleus="missing\n",
                                           because="a device is a request to be granted"))
        if NUCLEUS:
            self.assertIn("devices beyond the default ones are not granted by policy default", logs.err)
        self.refused_when_strict("--device=/dev/fuse", grant="device:/dev/fuse")

    @unittest.skipUnless(os.path.exists("/dev/fuse"), "no /dev/fuse")
    def test_granted_device(self):
        self.policy_set("fuser", grants=["device:/dev/fuse"])
        self.assertEqual(self.output("stat -c '%F %t:%T' /dev/fuse; : < /dev/fuse && echo opened", "--device=/dev/fuse"),
                         "character special file a:e5\nopened\n")

    def test_device_of_another_name_is_not_granted(self):
        self.policy_set("fuser", grants=["device:/dev/fuse"])
        out = self.logged("ls /dev/kmsg 2>/dev/null || echo missing", "--device=/dev/kmsg").out
        self.assertEqual(out, differs(others="/dev/kmsg\n", nucleus="missing\n", because="a grant is for one device"))

    def test_device_rule_without_a_device(self):
        script = "mknod /tmp/fuse c 10 229 && : < /tmp/fuse && echo opened || echo refused"
        self.assertEqual(self.logged(script, "--device-cgroup-rule=c 10:229 rwm", "--cap-add=MKNOD").out,
                         differs(others="opened\n", nucleus="refused\n", because="a device rule is a request to be granted"))

    def test_sysctl(self):
        self.assertEqual(self.output("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced",
                                     "--sysctl=net.ipv4.ip_forward=1", "--sysctl=kernel.shm_rmid_forced=1"), "1\n1\n")

    def test_systemd(self):
        """The mounts that systemd as first process wants; its cgroup tree stays read-only."""
        out = self.output("touch /run/x /tmp/x /run/lock/x /var/log/journal/x; mkdir /sys/fs/cgroup/systemd/x"
                          " 2>/dev/null && rmdir /sys/fs/cgroup/systemd/x && echo writable || echo read-only", "--systemd=always")
        self.assertEqual(out, differs(others="writable\n", nucleus="read-only\n", because="cgroups are read-only inside"))

    def test_hooks(self):
        directory = self.temp_dir()
        (directory / "hook.json").write_text(json.dumps({
            "version": "1.0.0", "when": {"always": True}, "stages": ["createRuntime", "poststop"],
            "hook": {"path": "/bin/sh", "args": ["sh", "-c", f"cat >> {directory}/heard; echo >> {directory}/heard"]}}))
        self.ok(self.run_sh("true", flags=[f"--hooks-dir={directory}"]))
        states = [json.loads(line) for line in (directory / "heard").read_text().splitlines()]
        first = per_runtime(runc="creating", crun="created", nucleus="creating", because="crun names the state that follows")
        self.assertEqual([state["status"] for state in states], [first, "stopped"])
        self.assertEqual(states[0]["id"], states[1]["id"])

    def test_failing_hook(self):
        directory = self.temp_dir()
        (directory / "hook.json").write_text(json.dumps({
            "version": "1.0.0", "when": {"always": True}, "stages": ["createRuntime"], "hook": {"path": "/bin/false"}}))
        self.assertNotEqual(self.run_sh("true", flags=[f"--hooks-dir={directory}"]).rc, 0)

    def test_personality(self):
        out = self.output("uname -m", "--personality=LINUX32")
        self.assertEqual(out, per_runtime(runc="x86_64\n", crun="i686\n", nucleus="i686\n",
                                          because="runc 1.1 does not know linux.personality"))

    def test_annotations_cannot_grant(self):
        """An image's author writes annotations too."""
        result = self.run_sh(STATUS, "--annotation=io.nucleus.mode=passthrough")
        self.assertEqual(result.rc, differs(others=0, nucleus=126, because="an annotation can only tighten"))
        result = self.run_sh("true", "--annotation=io.nucleus.policy=build")
        self.assertEqual(result.rc, differs(others=0, nucleus=126, because="an annotation can only tighten"))


if __name__ == "__main__":
    engines.main()
