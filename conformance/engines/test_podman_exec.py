"""podman exec: another process in a container, which never gets more than the first one has."""
import os
import pathlib

import engines
import nucleus_test
from engines import RUNTIME, differs
from podman import NO_CAPS, PODMANS_CAPS, PodmanTest, podman

STATUS = "cat /proc/self/status"


class Exec(PodmanTest):
    def setUp(self):
        super().setUp()
        self.detached()

    def test_status_and_streams(self):
        result = self.exec("sh", "-c", "echo out; echo err >&2; exit 4")
        self.assertEqual((result.rc, result.out, result.err), (4, "out\n", "err\n"))

    def test_missing_program_is_127(self):
        self.fails(self.exec("nosuch"), "OCI runtime attempted to invoke a command that was not found", rc=127)

    def test_program_that_cannot_be_executed_is_126(self):
        self.fails(self.exec("/etc"), "OCI permission denied", rc=126)

    def test_missing_working_directory(self):
        result = self.exec("true", options=["--workdir=/nosuch"])
        self.assertIn(result.rc, {"crun": (126, 127)}.get(RUNTIME, (127,)))

    def test_user_environment_working_directory(self):
        out = self.inside("id -u; id -g; echo $WORD; pwd", "--user=12:34", "--env=WORD=hello", "--workdir=/tmp")
        self.assertEqual(out, "12\n34\nhello\n/tmp\n")

    def test_input(self):
        path = self.temp_dir() / "input"
        path.write_bytes(b"line\n" * 20000)
        with open(path, "rb") as file:
            result = self.exec("cat", options=["--interactive"], stdin=file)
        self.assertEqual(self.ok(result).out, "line\n" * 20000)

    def test_terminal(self):
        result = engines.on_terminal("podman", "--runtime", RUNTIME, "exec", "--interactive", "--tty", "c", "sh", "-c",
                                     "tty; stty size; exit 9")
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 9)

    def test_detached(self):
        self.ok(self.exec("sh", "-c", "touch /tmp/made; exec sleep 1000", options=["--detach"]))
        nucleus_test.wait_until(lambda: self.exec("test", "-e", "/tmp/made").rc == 0, "the detached process", 30)
        self.assertIn("sleep 1000", self.inside("ps"))

    def test_not_in_a_paused_or_stopped_container(self):
        self.ok(podman("pause", "c"))
        self.fails(self.exec("true"), "container state improper", rc=255)
        self.ok(podman("unpause", "c"))
        self.ok(podman("stop", "c"))
        self.fails(self.exec("true"), "container state improper", rc=255)

    def test_same_namespaces_cgroup_and_root(self):
        """Seen from outside: a confined container does not show its first process's root."""
        self.ok(self.exec("sleep", "1000", options=["--detach"]))
        first = self.pid()
        other = nucleus_test.wait_until(lambda: [pid for pid, words in engines.other_processes() if words == "sleep 1000 "],
                                        "the other process", 30)[0]
        for look in (nucleus_test.namespaces, lambda pid: pathlib.Path(f"/proc/{pid}/cgroup").read_text(),
                     lambda pid: os.stat(f"/proc/{pid}/root/.")[1:3]):
            self.assertEqual(look(other), look(first))

    def test_confined_like_the_first_process(self):
        status = nucleus_test.parse_status(self.inside(STATUS))
        init = nucleus_test.parse_status(self.inside("cat /proc/1/status"))
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
            self.assertEqual(status[key], init[key], key)
        wanted = differs(others=(PODMANS_CAPS, "0"), nucleus=(NO_CAPS, "1"),
                         because="no capabilities, no_new_privs always on")
        self.assertEqual((status["CapBnd"], status["NoNewPrivs"]), wanted)

    def test_privileged_is_clamped(self):
        """podman asks the runtime for every capability the host has, whatever the container was given."""
        status = nucleus_test.parse_status(self.inside(STATUS, "--privileged"))
        held = [status[key] != NO_CAPS for key in ("CapPrm", "CapEff", "CapBnd")]
        wanted = differs(others=[True] * 3, nucleus=[False] * 3,
                         because="exec --privileged gives nothing that the container's policy does not grant")
        self.assertEqual((held, status["Seccomp"]), (wanted, "2"))

    def test_privileged_in_a_privileged_container(self):
        self.detached("exec sleep 1000", "--privileged", name="p")
        status = nucleus_test.parse_status(self.inside(STATUS, "--privileged", name="p"))
        wanted = differs(others=(False, "0"), nucleus=(True, "2"), because="--privileged itself is dropped by the policy")
        self.assertEqual((status["CapEff"] == NO_CAPS, status["Seccomp"]), wanted)



if __name__ == "__main__":
    engines.main()
