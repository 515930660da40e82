"""containerd's shim (io.containerd.runc.v2) on the runtime, driven by ctr."""
import contextlib
import os
import pathlib
import subprocess
import time
import tomllib

import engines
import nucleus_test
from containerd_instance import Containerd
from engines import EngineTest, differs
from nucleus_test import Result

CTR_CAPS = "00000000a80425fb"  # containerd's default set
NO_CAPS = "0" * 16
WAITING = 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
CGROUP = pathlib.Path("/sys/fs/cgroup")


class ContainerdTest(EngineTest):
    STATE_ROOTS = ("/run/containerd/runc/default",)

    def setUp(self):
        super().setUp()
        self.containerd = Containerd()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        for id in self.containerd.tasks():
            self.containerd.task("kill", "--all", "--signal", "KILL", id)
            self.containerd.task("delete", "--force", id)
        for id in self.containerd.ctr("containers", "ls", "--quiet").out.split():
            self.containerd.ctr("containers", "delete", id)
        self.containerd.stop()
        # containerd keeps one cgroup for its namespace; a container's below it would be found afterwards.
        for path in CGROUP.glob("*/default"):
            with contextlib.suppress(OSError):
                path.rmdir()

    def run_ok(self, *command, options=(), id: str = "c1") -> Result:
        return self.ok(self.containerd.run(id, *command, options=options))

    def detached(self, id: str = "c1", script: str = WAITING, options=()) -> pathlib.Path:
        """Starts a container whose shell says "ready" when it is; returns the file that the shim writes its output to."""
        out = self.temp_dir() / id
        options = ["--detach", "--log-uri", f"file://{out}", *options]
        self.ok(self.containerd.ctr(*self.containerd.run_argv(id, "sh", "-c", script, options=options)))
        nucleus_test.wait_until(lambda: out.exists() and "ready" in out.read_text(), "the container to be ready", 20)
        return out

    def wait_for_status(self, status: str, id: str = "c1") -> None:
        nucleus_test.wait_until(lambda: self.containerd.status(id) == status, f"{id} to be {status}", 20)

    def exec(self, *command, options=(), id: str = "c1") -> Result:
        return self.containerd.task("exec", "--exec-id", "e1", *options, id, *command)

    def refused(self, result: Result, *texts) -> None:
        """nucleus says no in these words; the others do as they are told."""
        self.assertEqual(result.rc, differs(others=0, nucleus=1, because="; ".join(texts)), result.err)
        if engines.RUNTIME == "nucleus":
            for text in texts:
                self.assertIn(text, result.err)


class Run(ContainerdTest):
    def test_output_and_exit_status(self):
        result = self.containerd.run("c1", "sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((result.rc, result.out), (3, "out\n"))
        self.assertIn("err\n", result.err)

    def test_missing_program(self):
        for program, text in (("/no/such", "no such file or directory"), ("nosuch", "not found in $path")):
            result = self.fails(self.containerd.run("c1", program))
            self.assertIn("OCI runtime create failed", result.err)
            self.assertIn(text, result.err.lower())

    def test_options(self):
        directory = self.temp_dir()
        result = self.run_ok("sh", "-c", "pwd; echo $GREETING; touch /mounted/x; touch /x 2>/dev/null || echo read-only",
                             options=["--cwd=/tmp", "--env=GREETING=hello", "--read-only",
                                      f"--mount=type=bind,src={directory},dst=/mounted,options=rbind:rw"])
        self.assertEqual(result.out, "/tmp\nhello\nread-only\n")
        self.assertTrue((directory / "x").exists())

    def test_terminal(self):
        argv = self.containerd.run_argv("c1", "sh", "-c", "tty; exit 6", options=["--rm", "--tty"])
        result = engines.on_terminal("ctr", "--address", "/run/containerd-test.sock", *argv)
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 6)

    def test_limits_are_where_the_engine_reads_them(self):
        self.detached(options=["--memory-limit=67108864", "--cpus=0.5"])
        for file, value in (("memory/default/c1/memory.limit_in_bytes", "67108864"),
                            ("cpu/default/c1/cpu.cfs_quota_us", "50000")):
            self.assertEqual((CGROUP / file).read_text().strip(), value)
        metrics = self.ok(self.containerd.task("metrics", "c1")).out
        self.assertRegex(metrics, r"memory.limit_in_bytes +67108864 ")
        self.assertRegex(metrics, r"pids.current +[12] ")

    def test_cgroup_where_it_was_asked_for(self):
        self.detached(options=["--cgroup=/elsewhere"])
        self.assertTrue((CGROUP / "pids/elsewhere/tasks").read_text().strip())

    def test_out_of_memory_is_an_event(self):
        events = self.temp_dir() / "events"
        with open(events, "wb") as out:
            watch = subprocess.Popen(["ctr", "--address", "/run/containerd-test.sock", "events"], stdout=out)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)

        def listens() -> bool:  # ctr does not say when it does
            self.ok(self.containerd.ctr("namespaces", "label", "default", f"asked={time.monotonic_ns()}"))
            return "/namespaces/update" in events.read_text()
        nucleus_test.wait_until(listens, "an event", 20)
        # The first process stays: with its end the shim may forget what it was about to say.
        hungry = """sh -c 'x=$(head -c 100000000 /dev/zero | tr "\\0" x)'; echo ready $?; exec sleep 1000"""
        out = self.detached(script=hungry, options=["--memory-limit=20000000"])
        self.assertIn("ready 137\n", out.read_text())
        nucleus_test.wait_until(lambda: '/tasks/oom {"container_id":"c1"}' in events.read_text(), "the event", 20)

    def test_user_namespace(self):
        result = self.run_ok("cat", "/proc/self/uid_map",
                             options=["--uidmap=0:100000:65536", "--gidmap=0:100000:65536"])
        self.assertEqual(result.out.split(), ["0", "100000", "65536"])

    def test_namespace_by_path(self):
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", "own"])
        subprocess.run(["ip", "netns", "add", "own"], check=True)
        subprocess.run(["ip", "-n", "own", "link", "add", "marker", "type", "veth"], check=True)
        result = self.run_ok("ls", "/sys/class/net", options=["--with-ns=network:/run/netns/own"])
        self.assertIn("marker", result.out.split())

    def test_two_at_once(self):
        for id in ("c1", "c2"):
            self.detached(id)
        self.assertEqual({id: status for id, (_, status) in self.containerd.tasks().items()},
                         {"c1": "RUNNING", "c2": "RUNNING"})
        self.ok(self.containerd.task("kill", "c1"))
        self.wait_for_status("STOPPED", "c1")
        self.assertEqual(self.containerd.status("c2"), "RUNNING")


class Confinement(ContainerdTest):
    STATUS = ("cat", "/proc/self/status")

    def test_default(self):
        status = nucleus_test.parse_status(self.run_ok(*self.STATUS).out)
        self.assertEqual(status["CapBnd"], differs(others=CTR_CAPS, nucleus=NO_CAPS, because="narrowed defaults"))
        self.assertEqual(status["Seccomp"], differs(others="0", nucleus="2", because="ctr sends no profile"))
        self.assertEqual(status["NoNewPrivs"], "1")

    def test_new_privileges(self):
        status = nucleus_test.parse_status(self.run_ok(*self.STATUS, options=["--allow-new-privs"]).out)
        self.assertEqual(status["NoNewPrivs"], differs(others="0", nucleus="1", because="not granted by policy"))

    def test_privileged_is_dropped_with_a_warning(self):
        result = self.run_ok("sh", "-c", "grep CapBnd /proc/self/status; ls /dev", options=["--privileged"])
        every = differs(others=True, nucleus=False, because="law 1, agent mode")
        self.assertEqual(NO_CAPS not in result.out and "kmsg" in result.out, every)
        if engines.RUNTIME == "nucleus":
            self.assertIn("warning: capabilities: /process/capabilities/bounding", result.err)
            self.assertIn("warning: devices: /linux/devices", result.err)

    def test_privileged_is_refused_in_strict_agent(self):
        result = self.containerd.run("c1", "true", options=["--privileged", "--annotation=io.nucleus.mode=strict-agent"])
        self.refused(result, "request capability:CAP_DAC_READ_SEARCH", "refused by rule", "mode strict-agent")

    def test_strict_agent(self):
        self.detached(options=["--annotation=io.nucleus.mode=strict-agent"])
        self.assertEqual(self.ok(self.exec("id", "-u")).out, "0\n")

    def test_host_namespaces_are_refused(self):
        self.refused(self.containerd.run("c1", "true", options=["--net-host"]),
                     'add grants = ["host-network"] to policy.toml of policy set "default"')
        for kind, path in (("network", "net"), ("pid", "pid")):
            self.refused(self.containerd.run("c1", "true", options=[f"--with-ns={kind}:/proc/1/ns/{path}"]),
                         f"request host-{kind}", "is, or cannot be told from, the host's namespace")

    def test_a_container_named_like_a_build(self):
        """ctr lets its user choose the id, and its containers have no annotations: the bundle tells them from builds."""
        engines.configure('[[profile]]\nname = "build"\nid = "buildah-buildah*"\nbundle_below = "/var/tmp"\n'
                          'policy = "build"\n')
        status = nucleus_test.parse_status(self.run_ok(*self.STATUS, id="buildah-buildah1").out)
        self.assertEqual(status["CapBnd"], differs(others=CTR_CAPS, nucleus=NO_CAPS, because="not buildah's bundle"))


class Task(ContainerdTest):
    def test_exec(self):
        self.detached()
        result = self.exec("sh", "-c", "id -u; pwd; grep CapEff /proc/self/status; exit 4",
                           options=["--user=77", "--cwd=/tmp"])
        self.assertEqual((result.rc, result.out), (4, f"77\n/tmp\nCapEff:\t{NO_CAPS}\n"))

    def test_exec_on_a_terminal(self):
        self.detached()
        result = engines.on_terminal("ctr", "--address", "/run/containerd-test.sock", "tasks", "exec", "--tty",
                                     "--exec-id=e1", "c1", "sh", "-c", "tty; exit 4")
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 4)

    def test_exec_of_a_missing_program(self):
        self.detached()
        self.assertIn("OCI runtime exec failed", self.fails(self.exec("/no/such")).err)
        self.ok(self.exec("true"))

    def test_ps_names_init_and_exec(self):
        self.detached()
        init = self.containerd.tasks()["c1"][0]
        self.ok(self.exec("sleep", "1000", options=["--detach"]))
        nucleus_test.wait_until(lambda: len([p for p in self.containerd.pids("c1") if self.runs(p, "sleep\0001000")]) == 1,
                                "the exec process among the container's", 20)
        self.assertIn(init, self.containerd.pids("c1"))
        self.ok(self.containerd.task("kill", "--exec-id=e1", "--signal=KILL", "c1"))
        nucleus_test.wait_until(lambda: not [p for p in self.containerd.pids("c1") if self.runs(p, "sleep\0001000")],
                                "the exec process to end", 20)
        self.assertEqual(self.containerd.status("c1"), "RUNNING")

    @staticmethod
    def runs(pid: int, text: str) -> bool:
        try:
            return text in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return False

    def test_kill_and_exit_status(self):
        self.detached()
        self.ok(self.containerd.task("kill", "c1"))
        self.wait_for_status("STOPPED")
        self.assertIn("process already finished", self.fails(self.containerd.task("kill", "c1")).err)
        self.assertIn("exit code 5", self.containerd.task("delete", "c1").err)

    def test_killed_by_a_signal(self):
        self.detached()
        self.ok(self.containerd.task("kill", "--signal=KILL", "c1"))
        self.wait_for_status("STOPPED")
        self.assertIn("exit code 137", self.containerd.task("delete", "c1").err)

    def test_kill_all(self):
        self.detached(script="sleep 1000 & echo ready; wait")
        pids = self.containerd.pids("c1")
        self.assertEqual(len(pids), 2)
        self.ok(self.containerd.task("kill", "--all", "--signal=KILL", "c1"))
        self.wait_for_status("STOPPED")
        nucleus_test.wait_until(lambda: not [pid for pid in pids if self.runs(pid, "sleep")], "all of them to end", 20)

    def test_pause_and_resume(self):
        out = self.detached(script="echo ready; while :; do echo tick; sleep 0.02; done")
        self.ok(self.containerd.task("pause", "c1"))
        self.assertEqual(self.containerd.status("c1"), "PAUSED")
        size = os.path.getsize(out)
        time.sleep(0.3)
        self.assertLessEqual(os.path.getsize(out) - size, 10, "at most what was on its way")
        self.assertIn("paused", self.fails(self.exec("true")).err)
        self.ok(self.containerd.task("resume", "c1"))
        self.assertEqual(self.containerd.status("c1"), "RUNNING")
        self.ok(self.exec("true"))
        nucleus_test.wait_until(lambda: os.path.getsize(out) > size + 10, "it to go on", 20)

    def test_delete_while_paused(self):
        self.detached()
        self.ok(self.containerd.task("pause", "c1"))
        self.containerd.task("delete", "--force", "c1")
        self.assertNotIn("c1", self.containerd.tasks())

    def test_checkpoint_and_restore(self):
        """Dumped while it runs, into containerd's own store, and brought back under another name. The saved spec names
        the cgroup of the first: that one must be gone, since two containers in one cgroup are one to kill."""
        self.detached()
        dumped = self.containerd.ctr("containers", "checkpoint", "--image", "--task", "c1", "localhost/saved:1")
        if dumped.rc != 0:
            self.assertIn(f"{engines.BINARY} did not terminate successfully", dumped.err)
            self.skipTest("criu is not here, or does not work on this kernel")
        self.assertEqual(self.containerd.status("c1"), "RUNNING")
        self.ok(self.containerd.task("kill", "--signal", "SIGKILL", "c1"))
        self.wait_for_status("STOPPED")
        self.ok(self.containerd.task("delete", "c1"))
        self.ok(self.containerd.ctr("containers", "restore", "--live", "c2", "localhost/saved:1"))
        self.assertEqual(self.containerd.status("c2"), "RUNNING")
        self.ok(self.exec("true", id="c2"))
        self.ok(self.containerd.task("kill", "--signal", "SIGKILL", "c2"))
        self.wait_for_status("STOPPED", "c2")

    def test_checkpoint_and_exit(self):
        self.detached()
        images = self.temp_dir() / "image"
        if self.containerd.task("checkpoint", "--exit", "--image-path", images, "c1").rc != 0:
            self.skipTest("criu is not here, or does not work on this kernel")
        self.wait_for_status("STOPPED")
        self.assertTrue((images / "inventory.img").exists())

    def test_failing_checkpoint_leaves_the_container_running(self):
        """Where criu cannot dump; containerd pauses the container before and resumes it afterwards."""
        self.detached()
        result = self.containerd.task("checkpoint", "--image-path", self.temp_dir() / "image", "c1")
        if result.rc == 0:
            self.skipTest("criu works here")
        self.assertIn(f"{engines.BINARY} did not terminate successfully", result.err)
        self.wait_for_status("RUNNING")
        self.ok(self.exec("true"))

    def test_containerd_restarted(self):
        for kill in (False, True):
            id = f"c{int(kill)}"
            self.detached(id)
            self.containerd.stop(kill)
            self.containerd.start()
            self.assertEqual(self.containerd.status(id), "RUNNING")
            self.ok(self.exec("true", id=id))
            self.ok(self.containerd.task("kill", id))
            self.wait_for_status("STOPPED", id)

    def test_shim_killed(self):
        """containerd notices, and has the runtime delete the container by force."""
        self.detached()
        shims = [pid for pid, command in engines.other_processes() if "containerd-shim" in command]
        self.assertEqual(len(shims), 1)
        os.kill(shims[0], 9)
        nucleus_test.wait_until(lambda: "c1" not in self.containerd.tasks(), "the task to be gone", 20)
        nucleus_test.wait_until(lambda: not set(os.listdir(self.STATE_ROOTS[0])) - {"~receipts"}, "its state to be gone", 20)

    def test_systemd_driver_without_systemd(self):
        result = self.fails(self.containerd.run("c1", "true", options=["--runc-systemd-cgroup",
                                                                       "--cgroup=system.slice:ctr:c1"]))
        self.assertIn("OCI runtime create failed", result.err)


class DropIn(EngineTest):
    def test_kubernetes_plugin_knows_the_runtime_by_name(self):
        """The installed file, imported as its own text says; without crictl no pod can be made here."""
        if engines.RUNTIME != "nucleus":
            self.skipTest("it names nucleus")
        config = self.temp_dir() / "config.toml"
        config.write_text('version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n')
        dump = tomllib.loads(self.ok(engines.engine("containerd", "--config", config, "config", "dump")).out)
        runtimes = dump["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
        self.assertEqual(runtimes["nucleus"]["runtime_type"], "io.containerd.runc.v2")
        self.assertEqual(runtimes["nucleus"]["options"]["BinaryName"], engines.BINARY)
        self.assertIn("runc", runtimes, "what Debian's configuration has stays")


if __name__ == "__main__":
    engines.main()
