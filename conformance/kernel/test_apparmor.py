"""AppArmor, where the host has it: the profile of config.json holds for the container's first process and for every later
one, and one that the host does not know stops the container. The lane in a virtual machine has it."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import nucleus_test
from nucleus_test import NucleusTest

PARSER = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
ENABLED = pathlib.Path("/sys/module/apparmor/parameters/enabled")
NAME = f"nucleus-test-{os.getpid()}"
# Everything but one file that is readable otherwise.
PROFILE = f"""profile {NAME} flags=(attach_disconnected,mediate_deleted) {{
  file, network, capability, signal, ptrace, unix, mount, umount, pivot_root,
  deny /etc/group rw,
}}
"""
LOOK = "cat /proc/self/attr/apparmor/current; cat /etc/passwd >/dev/null && echo allowed; cat /etc/group"


@unittest.skipUnless(PARSER and ENABLED.exists() and ENABLED.read_text().startswith("Y"), "needs AppArmor")
class AppArmor(NucleusTest):
    def setUp(self):
        self.parse("--replace")
        self.addCleanup(self.parse, "--remove")

    def parse(self, verb: str) -> None:
        subprocess.run([PARSER, "--skip-cache", verb], input=PROFILE, text=True, check=True)

    def confined(self, script: str, mode: str, profile: str = NAME):
        bundle = self.bundle(mode=mode).sh(script)
        bundle.process["apparmorProfile"] = profile
        return bundle

    def assert_confined(self, result) -> None:
        self.assertEqual(result.out.splitlines(), [f"{NAME} (enforce)", "allowed"], result.err)
        self.assertIn("Permission denied", result.err)

    def test_first_process(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            with self.subTest(mode):
                self.assert_confined(self.confined(LOOK, mode).run())

    def test_without_a_profile_the_file_can_be_read(self):
        result = self.shell(LOOK, mode="strict-agent")
        self.assertEqual(result.out.splitlines()[:2], ["unconfined", "allowed"])
        self.assertEqual(result.rc, 0, result.err)

    def test_later_processes(self):
        """Whatever profile they ask for."""
        bundle = self.create_and_start(self.confined("sleep 60", "strict-agent"))
        self.assert_confined(bundle.exec("sh", "-c", LOOK))
        self.assert_confined(bundle.exec("sh", "-c", LOOK, options=("--apparmor", "unconfined")))
        document = bundle.dir / "process.json"
        document.write_text(json.dumps({"args": ["sh", "-c", LOOK], "cwd": "/", "user": {"uid": 0, "gid": 0},
                                        "env": ["PATH=/bin"], "apparmorProfile": "unconfined"}))
        self.assert_confined(bundle.call("exec", "--process", document, bundle.id))

    def test_unknown_profile(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            with self.subTest(mode):
                bundle = self.confined("echo ran", mode, profile="no-such-profile")
                result = self.fails(bundle.run(), "(AppArmor profile no-such-profile): the host has no such AppArmor profile")
                self.assertNotIn("ran", result.out)
                self.assertNotIn("no such file or directory", result.err)


if __name__ == "__main__":
    nucleus_test.main()
