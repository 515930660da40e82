"""policy list|show|lint|lock|digest, and what a lock and a pin mean when a container starts."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import nucleus_test
from nucleus_test import NUCLEUS, NucleusTest, Result, call

FILES = ("caps.toml", "egress.toml", "landlock.toml", "policy.toml", "seccomp.json")


class PolicyTest(NucleusTest):
    def setUp(self):
        super().setUp()
        self.dirs = self.temp_dir()
        self.dirs.chmod(0o755)
        self.config = self.dirs / "nucleus.toml"
        self.config.write_text(f'policy_dirs = ["{self.dirs}"]\nmode_floor = "agent"\n')
        self.config.chmod(0o644)

    def set(self, name: str, **files) -> pathlib.Path:
        """The default set as the administrator's own, unlocked, with some files exchanged."""
        path = self.dirs / name
        shutil.copytree(nucleus_test.SOURCE / "policies/default", path, ignore=shutil.ignore_patterns("policy.lock"))
        (path / "policy.toml").write_text(f'name = "{name}"\ndescription = "a set of our own"\n')
        for key, text in files.items():
            (path / key.replace("_", ".")).write_text(text)
        for entry in (path, *path.iterdir()):
            entry.chmod(0o755 if entry.is_dir() else 0o644)
            os.chown(entry, 0, 0)
        return path

    def policy(self, *words) -> Result:
        return call([NUCLEUS, "--config", self.config, "policy", *words])

    def run_with(self, name: str, mode: str) -> Result:
        bundle = self.bundle(mode=mode).sh("echo ran")
        return bundle.run("--policy", name, globals=("--config", str(self.config)))


class Command(PolicyTest):
    def test_list(self):
        self.set("mine")
        self.set("default", caps_toml='[bounding]\nkeep = ["CHOWN"]\n', policy_toml="")
        self.set("broken", caps_toml="[bounding")
        result = self.fails(self.policy("list"), rc=2)
        rows = {line.split()[0]: line for line in result.out.splitlines()[1:]}
        self.assertLessEqual({"agent", "broken", "build", "default", "entrypoint", "mine", "postgres", "redis", "sshd",
                              "web"}, set(rows))
        self.assertIn(str(self.dirs / "mine"), rows["mine"])
        self.assertIn(str(self.dirs / "default"), rows["default"], "the administrator's wins")
        self.assertIn("built in", rows["web"])
        self.assertRegex(rows["broken"], r"UNUSABLE: .*/broken/caps.toml:1:\d+: ")
        found = {row["name"]: row for row in json.loads(self.policy("list", "--format", "json").out)}
        self.assertEqual(set(found), set(rows))
        self.assertRegex(found["mine"]["digest"], "^sha256:[0-9a-f]{64}$")
        self.assertIn("error", found["broken"])

    def test_show_has_file_and_line_of_everything(self):
        self.set("mine", caps_toml='[bounding]\nkeep = [\n  "CHOWN",\n  "SETUID"]\n',
                 policy_toml='name = "mine"\ngrants = [\n"device:/dev/fuse"]\n',
                 egress_toml='allow = [\n"192.0.2.0/24:443"]\n',
                 landlock_toml='[[rules]]\npath = "/usr"\naccess = ["execute", "read"]\n')
        text = self.ok(self.policy("show", "mine")).out
        for what, place in (("device:/dev/fuse", "policy.toml:3"), ("bounding CAP_SETUID", "caps.toml:4"),
                            ("192.0.2.0/24:443", "egress.toml:2"), ("/usr: read execute", "landlock.toml:2")):
            self.assertRegex(text, rf"{what} +\[policy mine \({place}\)\]")
        self.assertIn("\n  SCMP_ACT_KILL_PROCESS (6)\n", text)
        document = json.loads(self.ok(self.policy("--format=json", "show", "mine")).out)
        self.assertEqual(document["capabilities"]["bounding"][1],
                         {"name": "CAP_SETUID", "origin": "policy mine (caps.toml:4)"})
        self.assertIn("read", document["seccomp"]["SCMP_ACT_ALLOW"])

    def test_digest_is_what_sha256sum_says(self):
        path = self.set("mine")
        lines = subprocess.run(["sha256sum", *FILES], cwd=path, stdout=subprocess.PIPE, check=True).stdout
        sum_of_lines = subprocess.run(["sha256sum"], input=lines, stdout=subprocess.PIPE, check=True).stdout
        pin = self.ok(self.policy("digest", "mine")).out.strip()
        self.assertEqual(pin, "mine@sha256:" + sum_of_lines.decode().split()[0])
        self.ok(self.policy("lock", "mine"))
        self.assertEqual((path / "policy.lock").read_bytes(), lines)
        self.assertEqual(self.ok(self.policy("digest", "mine")).out.strip(), pin, "locking changes no pin")
        self.assertIn("ran", self.ok(self.run_with(pin, "strict-agent")).out)

    def test_lock_check(self):
        path = self.set("mine")
        self.assertIn("missing", self.fails(self.policy("lock", "--check", "mine"), rc=2).out)
        self.assertFalse((path / "policy.lock").exists())
        self.ok(self.policy("lock", "mine"))
        self.ok(self.policy("lock", "--check", "mine"))
        (path / "caps.toml").write_text("[ambient]\n")
        self.assertIn("out of date", self.fails(self.policy("lock", "--check", "mine"), rc=2).out)
        self.fails(self.policy("show", "mine"), "caps.toml: its digest is sha256:")
        self.ok(self.policy("lock", path))
        self.ok(self.policy("show", "mine"))
        self.fails(self.policy("lock", "web"), "is built in")

    def test_lint(self):
        self.set("mine", caps_toml='[bounding]\nkeep = ["SYS_ADMIN"]\n')
        result = self.fails(self.policy("lint", "mine"), rc=2)
        self.assertIn("warning policy mine (caps.toml:2): CAP_SYS_ADMIN", result.out)
        self.ok(self.policy("lint", "--allow", "powerful-capability", "mine"))
        self.fails(self.policy("lint", "--allow", "typo", "mine"), "no rule is called typo")
        self.assertEqual(json.loads(self.policy("lint", "-f", "json", "mine").out)[0]["findings"][0]["rule"],
                         "powerful-capability")
        self.set("broken", egress_toml='allow = ["0.0.0.0/0"]')
        self.fails(self.policy("lint", "broken"), "egress.toml:1:10: ", rc=1)
        self.ok(self.policy("lint", "agent", "web", "redis", "postgres", "entrypoint", "sshd", "default"))

    def test_usage(self):
        self.fails(self.policy("lst"), "there is list, show, lint, lock and digest, not lst")
        self.fails(self.policy("list", "web"), "takes no set")
        self.fails(self.policy("show", "nonesuch"), "is neither in")
        self.assertIn("usage: nucleus-oci policy lint", self.ok(self.policy("lint", "--help")).out)
        self.assertTrue(self.ok(self.policy("digest")).out.startswith("default@sha256:"))


class AtStart(PolicyTest):
    """A changed byte in any file, or in the lock, is refused and named, and nothing runs."""

    def refused(self, name: str, mode: str, *phrases: str) -> None:
        result = self.fails(self.run_with(name, mode))
        self.assertNotIn("ran", result.out)
        for phrase in phrases:
            self.assertIn(phrase, result.err)

    def test_changed_files(self):
        path = self.set("mine")
        pin = self.ok(self.policy("lock", "mine")).out.strip()
        for mode in ("agent", "strict-agent"):
            self.assertIn("ran", self.ok(self.run_with(pin, mode)).out)
        for file in FILES:
            good = (path / file).read_text()
            (path / file).write_text(good + "\n")
            for mode in ("agent", "strict-agent", "production"):
                for name in (pin, "mine"):
                    with self.subTest(file=file, mode=mode, name=name):
                        self.refused(name, mode, f"mine/{file}: its digest is sha256:")
            (path / file).write_text(good)
        lock = (path / "policy.lock").read_text()
        (path / "policy.lock").write_text(lock.replace(lock[0], "0" if lock[0] != "0" else "1", 1))
        self.refused(pin, "strict-agent", "caps.toml: its digest is", "policy.lock:1")
        (path / "policy.lock").write_text(lock[:-1])
        self.refused(pin, "agent", "policy.lock:5:")

    def test_who_changes_files_and_lock_alike_meets_the_pin(self):
        path = self.set("mine")
        pin = self.ok(self.policy("lock", "mine")).out.strip()
        (path / "caps.toml").write_text('[bounding]\nkeep = ["SYS_ADMIN"]\n')
        self.ok(self.policy("lock", "mine"))
        self.refused(pin, "strict-agent", "its digest is sha256:", "pinned is")
        self.refused("mine", "strict-agent", "is not pinned")

    def test_a_lock_that_others_may_write(self):
        path = self.set("mine")
        self.ok(self.policy("lock", "mine"))
        (path / "policy.lock").chmod(0o666)
        self.refused("mine", "agent", "policy.lock: can be written by its group or by others")


class SingleFiles(PolicyTest):
    """--policy-file and the annotations io.nucleus.KIND."""
    CAPS = '[bounding]\nkeep = ["CHOWN"]\n'

    def file(self, name: str, text: str) -> str:
        path = self.dirs / name
        path.write_text(text)
        path.chmod(0o644)
        return f"{path}@sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def bounding(self, *options, annotation: str = "", mode: str = "strict-agent") -> Result:
        bundle = self.bundle(mode=mode).sh("grep CapBnd /proc/self/status; touch /etc/x && echo wrote")
        bundle.process["capabilities"]["bounding"].append("CAP_CHOWN")
        if annotation:
            bundle.config["annotations"] = {"io.nucleus.caps": annotation}
        return bundle.run(*options, globals=("--config", str(self.config)))

    def test_the_kernel_has_what_the_pinned_file_says(self):
        self.assertIn("0000000000000000", self.ok(self.bounding()).out)
        caps = self.file("caps", self.CAPS)
        self.assertIn("0000000000000001", self.ok(self.bounding("--policy-file", f"caps={caps}")).out)
        landlock = self.file("landlock", '[[rules]]\npath = "/"\naccess = ["read", "execute"]\n')
        self.assertIn("wrote", self.bounding().out)
        self.assertNotIn("wrote", self.bounding("--policy-file", f"landlock={landlock}").out)

    def test_a_changed_byte(self):
        caps = self.file("caps", self.CAPS)
        (self.dirs / "caps").write_text(self.CAPS + "\n")
        for mode in ("agent", "strict-agent"):
            self.fails(self.bounding("--policy-file", f"caps={caps}", mode=mode), "/caps: SHA-256 is")

    def test_annotations(self):
        caps = self.file("caps", self.CAPS)
        self.fails(self.bounding(annotation=caps), "annotations_may_grant")
        self.config.write_text(self.config.read_text() + "annotations_may_grant = true\n")
        self.assertIn("0000000000000001", self.ok(self.bounding(annotation=caps)).out)
        self.config.write_text(self.config.read_text().replace(f'"{self.dirs}"', '"/etc/nucleus/policies"'))
        self.fails(self.bounding(annotation=caps), "is not below /etc/nucleus/policies")

    def test_explain_names_the_file_and_who_chose_it(self):
        caps = self.file("caps", self.CAPS)
        bundle = self.bundle(mode="strict-agent")
        bundle.write()
        result = bundle.call("--config", self.config, "explain", "--bundle", bundle.path, "--policy-file", f"caps={caps}")
        self.assertIn(f"caps.toml by --policy-file caps ({self.dirs}/caps)", self.ok(result).out)


if __name__ == "__main__":
    nucleus_test.main()
