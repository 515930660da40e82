"""Engine faults: what podman, its monitor or the disk do wrong at the worst moment. Whatever happens, nothing ran without
its confinement, and nothing is left that `podman rm --force` does not remove.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import unittest

import engine_cgroups
import engines
import nucleus_test
from engines import IMAGE, RUNTIME
from nucleus_test import NUCLEUS_FAULTS, wait_until
from podman import PodmanTest, podman

LAUNCHER_STEPS = 10  # after the eleventh and last only the exit status is missing: see Launcher
BEFORE_EXEC = 16  # operations at init's end that wait for `start`
EVERY = 8  # of init's operations; the kernel lane takes each of them, without podman
RUNTIME_ROOT = pathlib.Path("/run/nucleus")


class Faults(PodmanTest):
    def setUp(self):
        super().setUp()
        # Orphans go to the namespace's init, which collects them as a host's would.
        nucleus_test.libc.prctl(nucleus_test.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def remove(self, name: str = "c") -> None:
        """One rm --force is enough, and leaves nothing."""
        self.ok(podman("rm", "--force", "--time=0", name))
        self.check_nothing_left()


class Monitor(Faults):
    """What `podman rm --force` does without the monitor, seen with podman 4.3.1 and cgroup v1, and the same with runc 1.1.5,
    crun 1.8.1 and nucleus:

    - killed while the container runs, or together with it: podman ends the container and forgets it, and never calls the
      runtime's `delete`. No process stays. What does is one state, "stopped", and the container's cgroups, empty.
    - killed before `start`: podman calls `delete`, and nothing stays.
    - killed while the container is paused: the first call fails (125), the second, five seconds later, leaves nothing.

    What stays is the runtime's to remove when it is asked: `delete --force ID`."""

    def kill_monitor(self) -> None:
        os.kill(int(self.inspect("{{.State.ConmonPid}}")), signal.SIGKILL)

    def remove_for_good(self) -> None:
        identity = self.inspect("{{.Id}}")
        wait_until(lambda: podman("rm", "--force", "--time=0", "c").rc == 0, "the removal", 40)
        wait_until(lambda: not engines.other_processes(), "the container's processes to end", 20)
        self.assertEqual(self.ok(podman("ps", "--all", "--quiet")).out, "")
        state = nucleus_test.call([engines.BINARY, "state", identity])
        if state.rc == 0:
            self.assertEqual(json.loads(state.out)["status"], "stopped")
        for path in engine_cgroups.of_containers():
            self.assertEqual((pathlib.Path(path) / "cgroup.procs").read_text(), "", path)
        self.ok(nucleus_test.call([engines.BINARY, "delete", "--force", identity]))
        self.check_nothing_left()

    def test_killed_while_the_container_runs(self):
        self.detached()
        before = nucleus_test.status_of(self.pid())
        self.kill_monitor()
        after = nucleus_test.status_of(self.pid())
        for key in ("CapBnd", "NoNewPrivs", "Seccomp"):
            self.assertEqual(after[key], before[key], key)
        self.remove_for_good()

    def test_killed_before_start(self):
        self.ok(podman("create", "--name=c", "--network=none", IMAGE, "sh", "-c", "echo ran"))
        self.ok(podman("init", "c"))
        self.kill_monitor()
        self.remove_for_good()

    def test_killed_while_the_container_is_paused(self):
        self.detached()
        self.ok(podman("pause", "c"))
        self.kill_monitor()
        self.remove_for_good()

    def test_killed_with_the_container(self):
        self.detached()
        first = self.pid()
        self.kill_monitor()
        os.kill(first, signal.SIGKILL)
        self.remove_for_good()


class Launcher(Faults):
    """`create` is killed after its last step: the container waits for `start`, and only the exit status is wrong. conmon
    then reads what the runtime has to say until the container closes its stderr, which it does when it ends. podman waits
    for conmon and holds the container's lock, so `podman rm` waits as well. The same with runc, crun and nucleus: a
    container outlives the call that made it, so none can tell this end of `create` from a good one."""

    def setUp(self):
        super().setUp()
        runtime = pathlib.Path(engines.BINARY)
        genuine = runtime.with_name(f"{runtime.name}.genuine")
        runtime.rename(genuine)
        self.addCleanup(genuine.replace, runtime)
        runtime.write_text('#!/bin/sh\nfor word; do [ "$word" != create ] || '
                           f'{{ {genuine} "$@"; kill -9 $$; }}; done\nexec {genuine} "$@"\n')
        runtime.chmod(0o755)

    def test_killed_once_the_container_is_made(self):
        run = self.background("run", "--name=c", "--network=none", IMAGE, "sh", "-c", "echo ran")

        def made() -> list:
            states = nucleus_test.call([engines.BINARY, "list", "--format=json"]).out
            return [state for state in json.loads(states or "[]") or [] if state["status"] == "created"]
        identity = wait_until(made, "the container", 30)[0]["id"]
        with self.assertRaises(subprocess.TimeoutExpired):
            run.wait(3)
        self.ok(nucleus_test.call([engines.BINARY, "delete", "--force", identity]))
        self.assertNotEqual(run.wait(60 * nucleus_test.PATIENCE), 0)
        self.assertNotIn("ran", self.background_out.read_text())
        self.remove()


@unittest.skipUnless(RUNTIME == "nucleus" and os.path.exists(NUCLEUS_FAULTS), "needs the build with fault points")
class Runtime(Faults):
    """The runtime itself dies, as often as it has steps."""

    def setUp(self):
        super().setUp()
        self.fault = self.temp_dir() / "fault"
        wrapper = pathlib.Path(engines.BINARY)
        genuine = wrapper.with_name("nucleus-oci.genuine")
        wrapper.rename(genuine)
        self.addCleanup(genuine.replace, wrapper)
        wrapper.write_text("#!/bin/sh\nfor word; do case $word in create | start) "
                           f"NUCLEUS_FAULT=$(cat {self.fault}); export NUCLEUS_FAULT;; esac; done\n"
                           f'exec {NUCLEUS_FAULTS} "$@"\n')
        wrapper.chmod(0o755)

    def attempt(self, fault: str) -> nucleus_test.Result:
        self.fault.write_text(fault)
        result = podman("run", "--name=c", "--network=none", "--memory=64m", IMAGE, "sh", "-c", "echo ran")
        self.fault.write_text("")
        return result

    def check_died(self, fault: str) -> None:
        result = self.attempt(fault)
        self.assertNotEqual(result.rc, 0, fault)
        self.assertNotIn("ran", result.out, fault)
        self.remove()

    def operations(self) -> int:
        """How many operations init has, as a failing one says: "init op 6/80"."""
        result = self.attempt("init:5:fail")
        self.remove()
        return int(result.err.split("init op 6/")[1].split(" ")[0])

    def test_launcher_killed_at_each_step(self):
        for index in range(LAUNCHER_STEPS):
            self.check_died(f"create:{index}:kill")
        self.assertEqual(self.ok(self.attempt("")).out, "ran\n")

    def test_killed_while_init_works(self):
        """Launcher and init by turns, with init held at one of its operations before `start`."""
        for number, index in enumerate(range(0, self.operations() - BEFORE_EXEC, EVERY)):
            self.fault.write_text(f"init:{index}:pause")
            run = self.background("run", "--name=c", "--network=none", IMAGE, "sh", "-c", "echo ran")
            held = self.wait_process(lambda pid: nucleus_test.status_of(pid)["Name"] == "nucleus-fault", index)
            self.fault.write_text("")
            launcher = int(nucleus_test.status_of(held)["PPid"])
            os.kill((launcher, held)[number % 2], signal.SIGKILL)
            self.assertNotEqual(run.wait(60 * nucleus_test.PATIENCE), 0, index)
            self.assertNotIn("ran", self.background_out.read_text(), index)
            self.remove()

    @staticmethod
    def wait_process(fits, what) -> int:
        def search() -> int:
            for pid, _ in engines.other_processes():
                with contextlib.suppress(OSError):
                    if fits(pid):
                        return pid
            return 0
        return wait_until(search, f"a process held at {what}", 30)

    def test_init_fails(self):
        count = self.operations()
        for index in range(2, count, EVERY):
            result = self.attempt(f"init:{index}:fail")
            # An operation whose failure the mode lets pass; the last ones' warnings are for whoever says `start`.
            if "ran" in result.out and index < count - BEFORE_EXEC:
                self.assertIn("warning", podman("logs", "c").err)
            self.remove()


@unittest.skipUnless(RUNTIME == "nucleus", "where nucleus keeps its state")
class Disk(Faults):
    def test_no_room_for_state(self):
        RUNTIME_ROOT.mkdir(exist_ok=True)
        engines.mount("tmpfs", RUNTIME_ROOT, "size=64k,mode=700")
        try:
            with contextlib.suppress(OSError), open(RUNTIME_ROOT / "full", "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            result = podman("run", "--name=c", "--network=none", IMAGE, "sh", "-c", "echo ran")
            self.assertEqual(result.rc, 126)
            self.assertNotIn("ran", result.out)
            self.assertIn("No space left on device".lower(), result.err.lower())
            self.remove()
            (RUNTIME_ROOT / "full").unlink()
            self.assertEqual(self.output("echo ran"), "ran\n")
        finally:
            nucleus_test.libc.umount2(str(RUNTIME_ROOT).encode(), 2)

    def test_no_room_once_it_runs(self):
        RUNTIME_ROOT.mkdir(exist_ok=True)
        engines.mount("tmpfs", RUNTIME_ROOT, "size=512k,mode=700")
        try:
            self.detached()
            with contextlib.suppress(OSError), open(RUNTIME_ROOT / "full", "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            self.remove()
        finally:
            nucleus_test.libc.umount2(str(RUNTIME_ROOT).encode(), 2)


class Removal(Faults):
    def test_cgroup_that_is_not_empty(self):
        """A process that is not the container's sits in its cgroup. podman shows which, and forgets the container; the
        runtime does not, and deletes it when asked again."""
        identity = self.detached()
        with subprocess.Popen(["sleep", "1000"]) as foreign:
            (self.cgroup("cpu") / "cgroup.procs").write_text(str(foreign.pid))
            first = podman("rm", "--force", "--time=0", "c")
            foreign.kill()
        if RUNTIME == "nucleus":
            self.fails(first, f"libpod-{identity}: device or resource busy", rc=125)
        self.ok(nucleus_test.call([engines.BINARY, "delete", "--force", identity]))
        self.check_nothing_left()

    def test_two_at_once(self):
        for _ in range(4):
            self.detached()
            both = [subprocess.Popen(["podman", "--runtime", RUNTIME, "rm", "--force", "--time=0", "c"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for _ in range(2)]
            self.assertIn(0, [process.wait(60 * nucleus_test.PATIENCE) for process in both])
            self.assertEqual(self.ok(podman("ps", "--all", "--quiet")).out, "")
            self.check_nothing_left()

    def test_beside_a_delete_of_the_runtime(self):
        for _ in range(4):
            identity = self.detached()
            beside = subprocess.Popen([engines.BINARY, "delete", "--force", identity], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            removed = podman("rm", "--force", "--time=0", "c")
            self.assertEqual(beside.wait(60 * nucleus_test.PATIENCE), 0)
            if removed.rc != 0:  # the runtime took it away under podman's hands
                self.ok(podman("rm", "--force", "--time=0", "c"))
            self.check_nothing_left()

    def test_after_a_delete_of_the_runtime(self):
        identity = self.detached()
        self.ok(nucleus_test.call([engines.BINARY, "delete", "--force", identity]))
        self.remove()


if __name__ == "__main__":
    engines.main()
