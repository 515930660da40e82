"""From an unknown program to a pinned profile: the session of README.md, as it stands there."""
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

import nucleus_test
from nucleus_test import NUCLEUS, SOURCE, NucleusTest, call, wait_until

README = SOURCE / "README.md"
HEADING = "## From an unknown program to a pinned profile"


def commands() -> list:
    """The lines that the reader types."""
    session = re.search(re.escape(HEADING) + r"\n.*?```console\n(.*?)```", README.read_text(), re.DOTALL)[1]
    return [line.removeprefix("# ") for line in session.splitlines()]


class Session(NucleusTest):
    """In a directory with a bundle `web`, a server that nobody has a profile for. `nucleus-oci` is found by PATH."""

    def setUp(self):
        self.server = self.bundle().sh("echo ready; exec busybox httpd -f -p 8080 -h /www")
        (self.server.rootfs / "www").mkdir()
        (self.server.rootfs / "www/index.html").write_text("served\n")
        self.server.write()
        self.place = self.server.dir
        self.server.path.rename(self.place / "web")
        self.server.ids.append("web")
        tools = self.temp_dir()
        (tools / "nucleus-oci").write_text(f'#!/bin/sh\nexec {shlex.quote(NUCLEUS)} --root {self.server.root} "$@"\n')
        (tools / "nucleus-oci").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}

    def type(self, *lines: str) -> subprocess.Popen:
        """Into one shell, whose last command takes its place, as Ctrl-C would reach it."""
        script = "\n".join([*lines[:-1], f"exec {lines[-1]}"])
        with open(self.place / "typed.out", "wb") as out, open(self.place / "typed.err", "wb") as err:
            shell = subprocess.Popen(["sh", "-euc", script], cwd=self.place, env=self.environment,
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.kill)
        return shell

    def used(self, shell: subprocess.Popen) -> str:
        """What the server answers; then it is stopped."""
        def answer() -> str:
            self.assertIsNone(shell.poll(), (self.place / "typed.err").read_text())
            if self.server.status("web") != "running":
                return ""
            return call(["nsenter", "-t", self.server.pid("web"), "-n", "busybox", "wget", "-q", "-O", "-",
                         "http://127.0.0.1:8080/"]).out
        text = wait_until(answer, "an answer", 20)
        self.ok(self.server.kill("KILL", id="web"))
        self.assertEqual(shell.wait(20), 128 + signal.SIGKILL)
        return text

    def test_three_commands(self):
        trace, generate, run = commands()  # no more, and no fewer
        self.assertEqual(self.used(self.type(trace)), "served\n")
        self.assertEqual(self.used(self.type(generate, run)), "served\n")
        profile = self.place / "web.json"
        allowed = {name for rule in json.loads(profile.read_text())["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"
                   for name in rule["names"]}
        shipped = json.loads((SOURCE / "policies/default/seccomp.json").read_text())
        most = {name for rule in shipped["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
        self.assertLessEqual(allowed, most, "a trace widens nothing")
        self.assertLess(len(allowed), 70)
        self.assertLessEqual({"execve", "bind", "accept", "listen"}, allowed)
        # In force is this file.
        pin = f"{profile}@sha256:{hashlib.sha256(profile.read_bytes()).hexdigest()}"
        shell = self.type(f"pin={pin}", run)
        wait_until(lambda: self.server.status("web") == "running", "the container", 20)
        result = self.server.exec("sh", "-c", "mkdir /tmp/x", id="web")
        self.assertIn("not implemented", result.err)
        self.ok(self.server.kill("KILL", id="web"))
        shell.wait(20)
        profile.write_text(profile.read_text().replace("SCMP_ACT_ALLOW", "SCMP_ACT_ALLOW ", 1))
        shell = self.type(f"pin={pin}", run)
        self.assertEqual(shell.wait(20), 1)
        self.assertIn("web.json", (self.place / "typed.err").read_text())


if __name__ == "__main__":
    nucleus_test.main()
