"""podman run: how a container starts, what it sees of its caller, how it ends and with which status."""
import os
import pathlib
import socket

import engines
import nucleus_test
import podman as lane
from engines import IMAGE, RUNTIME, engine
from podman import PodmanTest, podman


class Statuses(PodmanTest):
    def test_program_ends_well_or_with_a_status(self):
        self.assertEqual(self.output("echo fine"), "fine\n")
        self.assertEqual(self.run_sh("exit 3").rc, 3)

    def test_missing_program_is_127(self):
        for program in ("nosuch", "/nosuch"):
            result = podman("run", "--rm", "--network=none", IMAGE, program)
            self.fails(result, "OCI runtime attempted to invoke a command that was not found", rc=127)

    def test_program_that_cannot_be_executed_is_126(self):
        for program in ("/etc", "/etc/passwd"):
            self.fails(podman("run", "--rm", "--network=none", IMAGE, program), "OCI permission denied", rc=126)

    def test_killed_program_is_128_and_the_signal(self):
        self.detached()
        self.ok(podman("kill", "--signal=KILL", "c"))
        self.assertEqual(self.ok(podman("wait", "c")).out.strip(), "137")

    def test_detached_logs_wait(self):
        self.detached("echo out; echo err >&2; exit 7")
        self.assertEqual(self.ok(podman("wait", "c")).out.strip(), "7")
        logs = self.ok(podman("logs", "c"))
        self.assertEqual((logs.out, logs.err), ("out\n", "err\n"))

    def test_removed_at_its_end(self):
        self.detached("true", "--rm")
        nucleus_test.wait_until(lambda: not self.ok(podman("ps", "--all", "--quiet")).out, "the removal", 30)

    def test_create_start_attach(self):
        self.ok(podman("create", "--name=c", "--network=none", "--interactive", IMAGE, "sh", "-c",
                       "read x; echo got $x; exit 6"))
        self.assertEqual(self.status(), "created")
        with open(self.temp_dir() / "input", "w+b") as file:
            file.write(b"words\n")
            file.seek(0)
            result = podman("start", "--attach", "--interactive", "c", stdin=file)
        self.assertEqual((result.rc, result.out), (6, "got words\n"))

    def test_attach_to_a_running_container(self):
        self.detached("while ! test -e /tmp/go; do sleep 0.05; done; echo went; exit 8")

        def connected() -> bool:  # the monitor's listening end, and the one of this connection
            return pathlib.Path("/proc/net/unix").read_text().count("/attach\n") >= 2

        attached = self.background("attach", "c")
        nucleus_test.wait_until(connected, "podman to be attached")
        self.inside("touch /tmp/go")
        attached.wait(30 * nucleus_test.PATIENCE)
        self.assertEqual(self.background_out.read_text().strip(), "went")


class Settings(PodmanTest):
    def test_user_environment_working_directory_hostname(self):
        out = self.output("id -u; id -g; echo $WORD; pwd; hostname", "--user=12:34", "--env=WORD=hello",
                          "--workdir=/tmp", "--hostname=here")
        self.assertEqual(out, "12\n34\nhello\n/tmp\nhere\n")

    def test_supplementary_groups(self):
        self.assertEqual(self.output("id -G", "--user=12:34", "--group-add=56"), "34 56\n")

    def test_umask(self):
        self.assertEqual(self.output("umask", "--umask=0077"), "0077\n")

    def test_stdin_and_stdout_are_the_callers(self):
        path = self.temp_dir() / "input"
        path.write_bytes(b"line\n" * 20000)
        with open(path, "rb") as file:
            result = self.run_sh("cat; echo err >&2", "--interactive", stdin=file)
        self.assertEqual((result.out, result.err), ("line\n" * 20000, "err\n"))

    def test_terminal(self):
        result = engines.on_terminal("podman", "--runtime", RUNTIME, "run", "--rm", "--network=none", "--tty", "--interactive",
                                     IMAGE, "sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && exit 4")
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 4)

    def test_init(self):
        out = self.output("cat /proc/1/comm; ps -o pid,args | grep -c '[p]odman-init --'", "--init")
        self.assertEqual(out.splitlines()[0], "podman-init")

    def test_descriptors_handed_down(self):
        with open(self.temp_dir() / "given", "w+b") as file:
            file.write(b"through a descriptor\n")
            file.seek(0)
            result = self.run_sh("cat <&3; for fd in /proc/self/fd/*; do echo ${fd##*/}; done", "--preserve-fds=1",
                                 preexec_fn=lambda: os.dup2(os.dup(file.fileno()), 3), close_fds=False)
        self.assertEqual(self.ok(result).out, "through a descriptor\n0\n1\n2\n3\n4\n")

    def test_no_other_descriptors(self):
        self.assertLessEqual(set(self.output("for fd in /proc/self/fd/*; do echo ${fd##*/}; done").split()), set("0123"))

    def test_ready_message_of_the_container(self):
        """--sdnotify=container: the workload itself speaks to the socket; the service manager hears it through conmon."""
        heard = pathlib.Path(self.temp_dir() / "notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
            service_manager.bind(str(heard))
            service_manager.settimeout(30 * nucleus_test.PATIENCE)
            self.ok(podman("run", "--detach", "--name=c", "--network=none", "--sdnotify=container", IMAGE, "sh", "-c",
                           f"test -S $NOTIFY_SOCKET && echo socket; {lane.LONG}",
                           env={**os.environ, "NOTIFY_SOCKET": str(heard)}))
            self.wait_logs("socket")
            self.assertIn(b"MAINPID=", service_manager.recv(4096))


class Runtime(PodmanTest):
    def test_the_container_remembers_its_runtime(self):
        self.detached()
        self.assertEqual(self.inspect("{{.OCIRuntime}}"), RUNTIME)
        self.assertEqual(self.ok(engine("podman", "exec", "c", "echo", "still here")).out, "still here\n")

    def test_info(self):
        self.assertIn(engines.BINARY, self.ok(podman("info", "--format", "{{.Host.OCIRuntime.Path}}")).out)

    def test_runtime_flag(self):
        log = self.temp_dir() / "log"
        self.ok(self.run_sh("true", flags=[f"--runtime-flag=log={log}", "--runtime-flag=debug"]))


if __name__ == "__main__":
    engines.main()
