"""create, start, state, kill, delete, run, list, ps: states, texts and exit statuses as engines expect them of runc."""
import json
import os
import pathlib
import signal
import subprocess
import time

import nucleus_test
from nucleus_test import NucleusTest, reap, status_of, wait_until


class Lifecycle(NucleusTest):
    def sleeper(self, **how):
        return self.bundle(["sleep", "60"], **how)

    def running(self, **how):
        return self.create_and_start(self.sleeper(**how))

    def stopped(self):
        bundle = self.create_and_start(self.bundle(["true"]))
        bundle.wait_stopped()
        return bundle

    def test_created_running_stopped(self):
        for mode in ("passthrough", "agent", "strict-agent"):
            bundle = self.sleeper(mode=mode)
            created = self.ok(bundle.create())
            self.assertEqual(created.out, "")
            self.assertEqual(bundle.status(), "created")
            self.assertEqual(self.ok(bundle.start()).out, "")
            self.assertEqual(bundle.status(), "running")
            self.ok(bundle.kill())
            bundle.wait_stopped()
            self.assertEqual(self.ok(bundle.delete()).out, "")
            self.assertEqual(bundle.leftovers(), [])

    def test_state_document(self):
        bundle = self.sleeper()
        bundle.config["annotations"] = {"org.example.key": "value"}
        self.ok(bundle.create())
        state = bundle.state()
        self.assertEqual((state["id"], state["status"], state["bundle"]), (bundle.id, "created", str(bundle.path)))
        self.assertEqual(state["rootfs"], str(bundle.rootfs))
        self.assertEqual(state["annotations"]["org.example.key"], "value")
        self.assertEqual(state["owner"], "root")
        self.assertIn("ociVersion", state)
        self.assertIn("created", state)
        self.assertTrue(os.path.exists(f"/proc/{state['pid']}"))
        self.ok(bundle.kill())
        bundle.wait_stopped()
        self.assertEqual(bundle.state()["pid"], 0)

    def test_create_runs_nothing_of_the_workload(self):
        bundle = self.bundle().sh("echo ran; sleep 60")
        self.ok(bundle.create())
        time.sleep(0.1)
        self.assertEqual(bundle.output(), "")
        self.ok(bundle.start())
        bundle.wait_output("ran")

    def test_container_that_does_not_exist(self):
        bundle = self.bundle()
        for verb in (["state"], ["start"], ["kill"], ["delete"], ["ps"]):
            self.fails(bundle.call(*verb, "absent"), "container does not exist")
        self.fails(bundle.exec("true", id="absent"), "exec failed: container does not exist", rc=255)
        silent = self.ok(bundle.call("delete", "--force", "absent"))
        self.assertEqual((silent.out, silent.err), ("", ""))

    def test_id_that_exists(self):
        bundle = self.running()
        self.fails(bundle.create(), "container with given ID already exists")
        self.assertEqual(bundle.status(), "running")

    def test_invalid_ids(self):
        bundle = self.bundle()
        bundle.write()
        for bad in ("a/b", "../x", ".", "..", "a b", "x" * 1025, "a\nb"):
            self.fails(bundle.call("create", "--bundle", bundle.path, bad), "invalid container ID format")
        self.fails(bundle.call("create", "--bundle", bundle.path, ""), "container id cannot be empty")
        self.assertEqual(bundle.leftovers(), [])

    def test_missing_bundle(self):
        bundle = self.bundle()
        result = bundle.call("create", "--bundle", bundle.dir, bundle.id)
        self.fails(result, "JSON specification file config.json not found")
        self.assertEqual(bundle.leftovers(), [])

    def test_start_twice(self):
        bundle = self.running()
        self.fails(bundle.start(), "cannot start an already running container")
        self.assertEqual(bundle.status(), "running")

    def test_start_stopped(self):
        self.fails(self.stopped().start(), "cannot start a container that has stopped")

    def test_two_starts_at_once(self):
        bundle = self.bundle().sh("echo ran; sleep 60")
        self.ok(bundle.create())
        starts = [subprocess.Popen([bundle.binary, "--root", bundle.root, "start", bundle.id],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
        codes = sorted(start.wait(20 * nucleus_test.PATIENCE) for start in starts)
        self.assertEqual(codes, [0, 1, 1, 1])
        self.assertEqual(bundle.wait_output("ran"), "ran\n")

    def test_delete_running(self):
        bundle = self.running()
        self.fails(bundle.delete(), f"cannot delete container {bundle.id} that is not stopped: running")
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    def test_delete_created(self):
        bundle = self.sleeper()
        self.ok(bundle.create())
        self.ok(bundle.delete())
        self.assertEqual(bundle.leftovers(), [])

    def test_delete_takes_every_process(self):
        bundle = self.create_and_start(self.bundle().sh("for i in 1 2 3; do setsid sleep 60 & done; exec sleep 60"))
        wait_until(lambda: len(json.loads(bundle.call("ps", "--format", "json", bundle.id).out)) == 4, "processes")
        self.ok(bundle.delete("-f"))
        self.assertEqual(bundle.leftovers(), [])

    def test_kill_by_name_and_number(self):
        script = "for s in HUP USR1 USR2 TERM; do trap \"echo got $s\" $s; done; echo ready; while :; do sleep 0.02; done"
        bundle = self.create_and_start(self.bundle().sh(script))
        bundle.wait_output("ready")
        for spelled, got in (("HUP", "HUP"), ("SIGUSR1", "USR1"), (int(signal.SIGUSR2), "USR2"), ("term", "TERM")):
            self.ok(bundle.kill(spelled))
            bundle.wait_output(f"got {got}")
        self.assertEqual(self.ok(bundle.kill(0)).err, "")
        self.assertEqual(bundle.status(), "running")
        for bad in ("BOGUS", "65", "-1", "SIG", ""):
            self.fails(bundle.call("kill", "--", bundle.id, bad), f"unknown signal \"{bad}\"")

    def test_kill_without_a_signal_is_term(self):
        bundle = self.create_and_start(self.bundle().sh("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"))
        bundle.wait_output("ready")
        self.ok(bundle.call("kill", bundle.id))
        bundle.wait_stopped()

    def test_kill_stopped(self):
        bundle = self.stopped()
        self.fails(bundle.kill(), "container not running")
        self.fails(bundle.kill(0), "container not running")
        self.ok(bundle.kill("KILL", "--all"))

    def test_kill_created(self):
        bundle = self.sleeper()
        self.ok(bundle.create())
        self.ok(bundle.kill())
        bundle.wait_stopped()
        self.fails(bundle.start(), "cannot start a container that has stopped")

    def test_kill_all(self):
        script = "trap '' TERM; (trap 'echo child; exit' TERM; echo ready; while :; do sleep 0.02; done) & wait; sleep 60"
        bundle = self.create_and_start(self.bundle().sh(script))
        bundle.wait_output("ready")
        self.ok(bundle.kill("TERM", "--all"))
        bundle.wait_output("child")

    def test_ps(self):
        bundle = self.create_and_start(self.bundle().sh("sleep 61 & exec sleep 62"))
        pids = wait_until(lambda: (lambda p: p if len(p) == 2 else None)(
            json.loads(bundle.call("ps", "--format", "json", bundle.id).out)), "two processes")
        self.assertEqual(pids[0], bundle.pid())
        table = self.ok(bundle.call("ps", bundle.id)).out
        self.assertIn("sleep 62", table)
        self.assertEqual(len(table.splitlines()), 3)
        self.assertIn("PID", self.ok(bundle.call("ps", bundle.id, "-o", "pid,comm")).out)

    def test_ps_stopped(self):
        self.assertEqual(self.ok((b := self.stopped()).call("ps", "--format", "json", b.id)).out.strip(), "null")

    def test_list(self):
        bundle = self.sleeper()
        del bundle.linux["cgroupsPath"]
        for name in ("one", "two"):
            self.ok(bundle.create(id=f"{bundle.tag}-{name}"))
        self.ok(bundle.start(id=f"{bundle.tag}-two"))
        rows = json.loads(self.ok(bundle.call("list", "--format", "json")).out)
        self.assertEqual({row["id"]: row["status"] for row in rows},
                         {f"{bundle.tag}-one": "created", f"{bundle.tag}-two": "running"})
        quiet = self.ok(bundle.call("list", "-q")).out.split()
        self.assertEqual(sorted(quiet), sorted(bundle.ids))
        self.assertEqual(len(self.ok(bundle.call("list")).out.splitlines()), 3)

    def test_list_of_an_empty_root(self):
        self.assertEqual(self.ok(self.bundle().call("list", "--format", "json")).out.strip(), "[]")

    def test_pid_file(self):
        bundle = self.sleeper()
        file = bundle.dir / "pid"
        self.ok(bundle.create("--pid-file", file))
        self.assertEqual(int(file.read_text()), bundle.pid())
        self.assertEqual([p.name for p in bundle.dir.glob("*pid*")], ["pid"])

    def test_pid_file_that_cannot_be_written(self):
        bundle = self.sleeper()
        self.assertEqual(bundle.create("--pid-file", bundle.dir / "absent/pid").rc, 1)
        self.assertEqual(bundle.leftovers(), [])

    def test_init_belongs_to_the_caller_after_create(self):
        bundle = self.bundle().sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done")
        self.ok(bundle.create())
        pid = bundle.pid()
        self.assertEqual(status_of(pid)["PPid"], str(os.getpid()))
        self.ok(bundle.start())
        self.assertEqual(status_of(pid)["PPid"], str(os.getpid()))
        bundle.wait_output("ready")
        self.ok(bundle.kill("TERM"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 7)

    def test_run_passes_the_exit_status_on(self):
        bundle = self.bundle()
        for code in (0, 1, 2, 3, 42, 100, 125, 126, 127, 128, 137, 200, 254, 255):
            result = bundle.sh(f"exit {code}").run()
            self.assertEqual((result.rc, result.err), (code, ""))
        self.assertEqual(bundle.leftovers(), [])

    def run_in_background(self, script: str):
        """A `run` that goes on, once its program said "ready"."""
        bundle = self.bundle().sh(script)
        bundle.write()
        bundle.ids.append(bundle.id)
        with open(bundle.dir / f"{bundle.id}.out", "wb") as out:
            runtime = subprocess.Popen([bundle.binary, "--root", bundle.root, "run", "--bundle", bundle.path,
                                        bundle.id], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        bundle.wait_output("ready")
        return bundle, runtime

    def test_run_reports_a_signal_as_128_plus(self):
        bundle, runtime = self.run_in_background("echo ready; exec sleep 60")
        os.kill(bundle.pid(), signal.SIGKILL)
        self.assertEqual(runtime.wait(20 * nucleus_test.PATIENCE), 128 + 9)
        self.assertEqual(bundle.leftovers(), [])

    def test_run_forwards_signals(self):
        bundle, runtime = self.run_in_background("trap 'echo got term; exit 9' TERM; echo ready; "
                                                 "while :; do sleep 0.02; done")
        runtime.terminate()
        self.assertEqual(runtime.wait(20 * nucleus_test.PATIENCE), 9)
        self.assertIn("got term", bundle.output())

    def test_run_detached(self):
        bundle = self.sleeper()
        file = bundle.dir / "pid"
        self.ok(bundle.run_detached("--pid-file", file))
        self.assertEqual(bundle.status(), "running")
        self.assertEqual(int(file.read_text()), bundle.pid())
        self.assertEqual(status_of(bundle.pid())["PPid"], str(os.getpid()))

    def test_run_keep(self):
        bundle = self.bundle(["true"])
        self.ok(bundle.run("--keep"))
        self.assertEqual(bundle.status(), "stopped")
        self.ok(bundle.delete())

    def test_run_leaves_nothing(self):
        bundle = self.bundle(["true"])
        self.ok(bundle.run())
        self.assertEqual(bundle.leftovers(), [])
        self.fails(bundle.call("state", bundle.id), "container does not exist")

    def test_run_own_failure(self):
        bundle = self.bundle(["/absent"])
        self.assertEqual(bundle.run().rc, 1)
        self.assertEqual(bundle.leftovers(), [])

    def test_missing_executable_fails_create(self):
        cases = {"nothing-of-that-name": 'exec: "nothing-of-that-name": executable file not found in $PATH',
                 "/bin/absent": 'exec: "/bin/absent": stat /bin/absent: no such file or directory',
                 "/etc": 'exec: "/etc": permission denied',
                 "/etc/passwd": 'exec: "/etc/passwd": permission denied'}
        for program, text in cases.items():
            bundle = self.bundle([program])
            self.fails(bundle.create(), text)
            self.assertEqual(bundle.leftovers(), [], program)

    def test_missing_working_directory_is_made(self):
        for mode in ("agent", "passthrough"):
            bundle = self.bundle(["pwd"], mode=mode)
            bundle.process["cwd"] = "/home/new/deep"
            self.assertEqual(self.ok(bundle.run()).out, "/home/new/deep\n")

    def test_working_directory_that_cannot_be(self):
        bundle = self.bundle(["pwd"])
        bundle.process["cwd"] = "/etc/passwd/x"
        self.fails(bundle.create(), 'chdir to cwd ("/etc/passwd/x") set in config.json failed')
        self.assertEqual(bundle.leftovers(), [])

    def test_user_and_groups(self):
        bundle = self.bundle(["id"])
        bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}
        out = self.ok(bundle.run()).out
        self.assertIn("uid=1000 gid=1001", out)
        self.assertIn("groups=5,7", out)

    def test_log_file_gets_one_error(self):
        bundle = self.bundle(["/absent"])
        log = bundle.dir / "log.json"
        bundle.write()
        result = bundle.call("create", "--bundle", bundle.path, bundle.id, globals=["--log", log, "--log-format=json"])
        entry = json.loads(log.read_text())
        self.assertEqual(entry["level"], "error")
        self.assertIn("no such file or directory", entry["msg"])
        self.assertIn(entry["msg"], result.err)
        self.assertRegex(entry["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

    def test_unknown_command_and_options(self):
        bundle = self.bundle()
        self.assertEqual(bundle.call("frobnicate").rc, 3)
        self.fails(bundle.call("state"), '"state" requires exactly 1 argument(s)')
        self.fails(bundle.call("create", "--bogus", "x"), "flag provided but not defined: -bogus")
        self.fails(bundle.call("create", "--bundle"), "flag needs an argument")

    def test_environment_of_engines(self):
        """podman calls delete, kill and state with an empty XDG_RUNTIME_DIR and without PATH."""
        bundle = self.running()
        poor = {"XDG_RUNTIME_DIR": ""}
        self.ok(bundle.call("state", bundle.id, env=poor))
        self.ok(bundle.call("kill", bundle.id, "9", env=poor))
        bundle.wait_stopped()
        self.ok(bundle.call("delete", "--force", bundle.id, env=poor))

    def test_pid_that_was_taken_by_another_process(self):
        """A record whose start time does not match is a dead container, whatever now has its pid."""
        bundle = self.running()
        files = [p for p in (bundle.root / bundle.id).iterdir() if p.suffix == ".json" and '"pid"' in p.read_text()]
        record = json.loads(files[0].read_text())
        init = record["pid"]
        record["pid"] = os.getpid()
        files[0].write_text(json.dumps(record))
        self.assertEqual(bundle.status(), "stopped")
        self.fails(bundle.kill(), "container not running")
        record["pid"] = init
        files[0].write_text(json.dumps(record))
        self.assertEqual(bundle.status(), "running")

    def test_other_root_does_not_see_it(self):
        bundle = self.running()
        other = self.temp_dir()
        result = nucleus_test.call([bundle.binary, "--root", other, "state", bundle.id])
        self.fails(result, "container does not exist")
        self.assertEqual(list(pathlib.Path(other).iterdir()), [])


if __name__ == "__main__":
    nucleus_test.main()
