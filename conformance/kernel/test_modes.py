"""The table of controls and modes (hardening/modes.hpp, semantics.md "Modes"), kept by the program: each control is made to
fail in each mode, and the container does not start, or starts with a warning, or starts, as the table says.
"""
import errno
import re
import resource
import shutil
import subprocess

import nucleus_test
from attest_test import AttestTest
from injection import at, without_call, without_capability, without_cgroups
from nucleus_test import Bundle

MODES = ("passthrough", "agent", "strict-agent", "production")
CAP_SYS_RESOURCE = 24


def table() -> dict:
    """Control -> mode -> off, warn or fail, as the program is compiled."""
    text = (nucleus_test.SOURCE / "hardening/modes.hpp").read_text()
    rows = re.findall(r'^\s+\{Control::\w+,\s+"([a-z-]+)",\s+\{(.*?)\}\}', text, re.MULTILINE)
    return {name: dict(zip(MODES, re.split(r",\s*", words), strict=True)) for name, words in rows}


class Modes(AttestTest):
    """A method for each control: (options and keywords for `run`, what the error or warning says) of a failure of it."""

    def confinement(self, bundle: Bundle):
        return [], {"preexec_fn": without_call("capset", errno.ENOSYS)}, "capset"

    def seccomp_install(self, bundle: Bundle):
        return [], {"preexec_fn": without_call("seccomp", errno.ENOSYS)}, "seccomp"

    def landlock(self, bundle: Bundle):
        return [], {"preexec_fn": without_call("landlock_create_ruleset", errno.ENOSYS)}, "this kernel has no Landlock"

    def egress(self, bundle: Bundle):
        return [], {"binary": nucleus_test.NUCLEUS_FAULTS, **at("egress:2")}, "egress"

    def beyond_policy(self, bundle: Bundle):
        for sets in bundle.process["capabilities"].values():
            sets.append("CAP_SYS_ADMIN")
        return [], {}, "CAP_SYS_ADMIN"

    def host_namespace(self, bundle: Bundle):
        bundle.linux["namespaces"] = [entry for entry in bundle.linux["namespaces"] if entry["type"] != "network"]
        return [], {}, "host-network"

    def unpinned_policy(self, bundle: Bundle):
        own = bundle.dir / "own"
        shutil.copytree(nucleus_test.SOURCE / "policies/default", own, ignore=shutil.ignore_patterns("policy.lock"))
        policy = own / "policy.toml"
        policy.write_text(policy.read_text().replace('name = "default"', 'name = "own"'))
        subprocess.run(["chmod", "-R", "go-w", own], check=True)
        return ["--policy", own], {}, "is not pinned"

    def annotation_grant(self, bundle: Bundle):
        bundle.config["annotations"] = {"io.nucleus.grant": "sysctl:net.core.somaxconn"}
        return [], {"globals": self.config(bundle, "annotations_may_grant = true\n")}, "io.nucleus.grant"

    def rootfs_attestation(self, bundle: Bundle):
        bundle.pin = None
        return [], {}, "runs only an attested rootfs"

    def memory_limit(self, bundle: Bundle):
        del bundle.linux["resources"]["memory"]
        return [], {}, "linux.resources.memory.limit is not set"

    def cgroup_limits(self, bundle: Bundle):
        bundle.linux["resources"]["cpu"] = {"quota": 1, "period": 100000}  # less than the kernel allows
        return [], {}, "cpu"

    def rlimit_raise(self, bundle: Bundle):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": hard + 1, "hard": hard + 1}]
        return [], {"preexec_fn": without_capability(CAP_SYS_RESOURCE)}, "RLIMIT_NOFILE"

    def mount_state(self, bundle: Bundle):
        bundle.write()
        options = ["--attest", bundle.pin, "--mode", bundle.mode]
        plan = self.ok(bundle.call("plan", "--bundle", bundle.path, *options)).out
        number = int(re.search(r"^ *(\d+) +paths +mask /proc/keys", plan, re.MULTILINE)[1])
        return [], {"binary": nucleus_test.NUCLEUS_FAULTS, **at(f"init:{number - 1}")}, "mask /proc/keys"

    def receipt_mismatch(self, bundle: Bundle):
        bundle.hook("createContainer", "nsenter --mount=/proc/self/ns/mnt /bin/mount -o remount,bind,suid,dev,exec /dev/shm")
        return [], {}, "mount /dev/shm"

    def user_namespace(self, bundle: Bundle):
        bundle.linux["namespaces"] = [entry for entry in bundle.linux["namespaces"] if entry["type"] != "user"]
        del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
        return [], {}, "the container's root would be the host's root"

    def failing(self, mode: str, inject):
        """What the container, from which nothing else is missing, does with the failure; and the words for it."""
        bundle = self.complete("echo ran", mode)
        bundle.pin = self.manifest(bundle)
        options, how, text = inject(bundle)
        attest = ["--attest", bundle.pin] if bundle.pin else []
        return bundle.run(*attest, *options, **how), text

    def check_row(self, control: str):
        for mode in MODES[1:]:
            wanted = table()[control][mode]
            with self.subTest(mode=mode, wanted=wanted):
                result, text = self.failing(mode, getattr(self, control.replace("-", "_")))
                if wanted == "fail":
                    self.fails(result, text)
                    self.assertEqual(result.out, "", "nothing of the workload ran")
                    continue
                self.assertEqual(self.ok(result).out, "ran\n")
                self.assertEqual(text in result.err, wanted == "warn", result.err)

    def each_of(self, inject, wanted: dict):
        """What is no row of the table: mode -> the words of the error, or None where the container runs."""
        for mode in MODES[1:]:
            with self.subTest(mode=mode):
                result, _ = self.failing(mode, inject)
                if wanted[mode]:
                    self.fails(result, wanted[mode])
                    self.assertEqual(result.out, "")
                else:
                    self.ok(result)

    def test_a_wrong_pin_of_a_policy_always_fails(self):
        def inject(bundle):
            return ["--policy", f"default@sha256:{'0' * 64}"], {}, ""
        self.each_of(inject, dict.fromkeys(MODES, "0" * 64))

    def test_a_root_that_differs_always_fails(self):
        def inject(bundle):
            (bundle.rootfs / "etc/shadow").touch()
            return [], {}, ""
        self.each_of(inject, dict.fromkeys(MODES, 'extra "etc/shadow"'))

    def test_a_kernel_that_is_not_locked_down_fails_when_asked(self):
        def inject(bundle):
            return [], {"globals": self.config(bundle, 'lockdown = "confidentiality"\n')}, ""
        level = subprocess.run(["cat", "/sys/kernel/security/lockdown"], capture_output=True, text=True, check=False).stdout
        wanted = None if "[confidentiality]" in level else 'wants lockdown = "confidentiality"'
        self.each_of(inject, dict.fromkeys(MODES, wanted))

    def test_a_host_without_cgroups(self):
        """They are limits that cannot be applied."""
        for mode, (status, text) in {"agent": (0, "nothing limits processes"), "strict-agent": (1, "needs a cgroup"),
                                     "production": (1, "needs a cgroup")}.items():
            with self.subTest(mode=mode):
                bundle = self.complete("echo ran", mode)
                bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "cgroup"]
                bundle.pin = self.manifest(bundle)
                result = bundle.run("--attest", bundle.pin, preexec_fn=without_cgroups)
                self.assertEqual((result.rc, result.out), (status, "ran\n" if status == 0 else ""), result.err)
                self.assertIn(text, result.err)

    def test_only_production_makes_the_root_read_only(self):
        for mode in MODES[1:]:
            bundle = self.complete("touch /etc/new && echo written", mode)
            result = bundle.run("--attest", self.manifest(bundle))
            self.assertEqual("written" in result.out, mode != "production", result)

    def test_without_a_failure(self):
        for mode in MODES[1:]:
            result, _ = self.failing(mode, lambda bundle: ([], {}, ""))
            self.assertEqual(self.ok(result).out, "ran\n")
            self.assertEqual(result.err, "")


def _row(control: str):
    return lambda self: self.check_row(control)


for _control in table():
    setattr(Modes, f"test_{_control.replace('-', '_')}", _row(_control))


if __name__ == "__main__":
    nucleus_test.main()
