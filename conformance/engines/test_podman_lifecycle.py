"""What podman does with a container once it runs: signals, pauses, restarts, checks of its health, a look inside."""
import pathlib
import time

import engines
import nucleus_test
from engines import IMAGE, differs
from podman import LONG, PodmanTest, podman


class Signals(PodmanTest):
    def test_stop_asks_first(self):
        self.detached()
        self.ok(podman("stop", "--time=20", "c"))
        self.assertEqual(self.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 5")

    def test_stop_then_kills(self):
        self.detached("trap '' TERM; while :; do sleep 0.05; done")
        self.ok(podman("stop", "--time=1", "c"))
        self.assertEqual(self.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 137")

    def test_stop_signal_of_the_container(self):
        self.detached("trap 'exit 6' USR1; while :; do sleep 0.05; done", "--stop-signal=USR1")
        self.ok(podman("stop", "--time=20", "c"))
        self.assertEqual(self.inspect("{{.State.ExitCode}}"), "6")

    def test_kill_sends_the_signal(self):
        self.detached("trap 'echo heard' USR1; echo ready; while :; do sleep 0.05; done")
        self.wait_logs("ready")
        self.ok(podman("kill", "--signal=USR1", "c"))
        self.wait_logs("heard")
        self.assertEqual(self.status(), "running")

    def test_kill_of_a_container_that_ended(self):
        self.detached("true")
        self.wait_status("exited")
        self.fails(podman("kill", "c"), "can only kill running containers", rc=125)

    def test_timeout_of_a_run(self):
        self.assertEqual(self.run_sh("sleep 1000", "--timeout=1").rc, 255)

    def test_signal_proxied_from_podman(self):
        attached = self.background("run", "--rm", "--name=c", "--network=none", IMAGE, "sh", "-c", f"echo ready; {LONG}")
        nucleus_test.wait_until(lambda: "ready" in self.background_out.read_text(), "the container", 30)
        attached.terminate()
        self.assertEqual(attached.wait(30 * nucleus_test.PATIENCE), 5)


class Pausing(PodmanTest):
    def count(self) -> int:
        """How far the container has counted, read from outside."""
        path = pathlib.Path(f"/proc/{self.pid()}/root/tmp/count")
        nucleus_test.wait_until(path.exists, "a count")
        return int(path.read_text())

    def test_pause_and_unpause(self):
        self.detached("cd /tmp; i=0; while :; do i=$((i + 1)); echo $i > new; mv new count; done")
        self.count()
        self.ok(podman("pause", "c"))
        self.assertEqual(self.status(), "paused")
        frozen = self.count()
        time.sleep(0.3)
        self.assertEqual(self.count(), frozen)
        self.ok(podman("unpause", "c"))
        nucleus_test.wait_until(lambda: self.count() > frozen, "the count to go on", 30)

    def test_twice(self):
        self.detached()
        self.ok(podman("pause", "c"))
        self.fails(podman("pause", "c"), "container state improper", rc=125)
        self.ok(podman("unpause", "c"))
        self.fails(podman("unpause", "c"), "is not paused", rc=125)

    def test_removal_while_paused(self):
        self.detached()
        self.ok(podman("pause", "c"))
        self.ok(podman("rm", "--force", "--time=0", "c"))


class Restarts(PodmanTest):
    def test_start_again_keeps_the_root(self):
        self.detached("cat /etc/mark; echo before > /etc/mark; exit 3")
        self.wait_status("exited")
        self.ok(podman("start", "c"))
        self.wait_logs("before")

    def test_restart(self):
        self.detached()
        first = self.pid()
        self.ok(podman("restart", "--time=0", "c"))
        self.assertEqual(self.status(), "running")
        self.assertNotEqual(self.pid(), first)

    def test_policy_on_failure(self):
        self.detached("echo run; exit 1", "--restart=on-failure:2")
        nucleus_test.wait_until(lambda: self.ok(podman("logs", "c")).out == "run\n" * 3, "three runs", 40)
        self.wait_status("exited")
        self.assertEqual(self.inspect("{{.RestartCount}} {{.State.ExitCode}}"), "2 1")

    def test_policy_always(self):
        self.detached("echo run; sleep 0.1", "--restart=always")
        nucleus_test.wait_until(lambda: self.ok(podman("logs", "c")).out.count("run") >= 3, "three runs", 40)

    def test_rename(self):
        self.detached()
        self.ok(podman("rename", "c", "d"))
        self.assertEqual(self.inside("echo here", name="d"), "here\n")
        self.ok(podman("stop", "--time=20", "d"))


class Checkpoints(PodmanTest):
    def test_checkpoint_works_or_leaves_the_container_running(self):
        """criu's part: it does not work on every kernel, and is not everywhere."""
        self.detached()
        result = podman("container", "checkpoint", "c")
        if result.rc == 0:
            self.ok(podman("container", "restore", "c"))
        else:
            self.assertRegex(result.err, "(?i)criu|does not support checkpoint/restore")
        self.assertEqual(self.status(), "running")
        self.assertEqual(self.inside("echo here"), "here\n")


class Health(PodmanTest):
    def test_check(self):
        self.detached(LONG, "--health-cmd=test -e /tmp/fine", "--health-interval=disable")
        self.fails(podman("healthcheck", "run", "c"), "")
        self.inside("touch /tmp/fine")
        self.ok(podman("healthcheck", "run", "c"))
        self.assertEqual(self.inspect("{{.State.Health.Status}}"), "healthy")


class Looking(PodmanTest):
    def test_top(self):
        self.detached()
        rows = self.ok(podman("top", "c", "pid", "user", "comm", "capeff", "seccomp")).out.splitlines()
        self.assertIn(["1", "root", "sh"], [row.split()[:3] for row in rows])
        caps = differs(others="CHOWN", nucleus="none", because="no capabilities")
        self.assertIn(caps, rows[1].split()[3])
        self.assertEqual(rows[1].split()[4], "filter")

    def test_top_with_the_images_ps(self):
        self.detached()
        self.assertIn("1 sh", self.ok(podman("top", "c", "-o", "pid,comm")).out)

    def test_stats(self):
        self.detached(LONG, "--memory=64m")
        out = self.ok(podman("stats", "--no-stream", "--format", "{{.PIDs}}|{{.MemUsage}}|{{.CPUNano}}", "c")).out
        pids, memory, cpu = out.strip().split("|")
        self.assertGreaterEqual(int(pids), 1)
        self.assertTrue(memory.endswith("/ 67.11MB"), memory)
        self.assertGreater(int(cpu), 0)

    def test_logs_follow(self):
        self.detached("while ! test -e /tmp/go; do sleep 0.05; done; echo later")
        follower = self.background("logs", "--follow", "c")
        self.inside("touch /tmp/go")
        self.assertEqual(follower.wait(30 * nucleus_test.PATIENCE), 0)
        self.assertEqual(self.background_out.read_text(), "later\n")

    def test_events(self):
        self.detached("true")
        self.wait_status("exited")
        out = self.ok(podman("events", "--stream=false", "--filter=container=c", "--format", "{{.Status}}")).out
        for status in ("create", "init", "start", "died"):
            self.assertIn(status, out.split())

    def test_process_and_cgroup_of_the_engine(self):
        """The engine reads statistics and kills from the cgroup it asked for: it has to be the container's."""
        identity = self.detached()
        self.assertEqual(self.cgroup("memory").name, f"libpod-{identity}")
        self.assertIn(str(self.pid()), (self.cgroup("memory") / "cgroup.procs").read_text().split())


if __name__ == "__main__":
    engines.main()
