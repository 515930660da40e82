"""Hooks: each kind once, at its moment, in its namespaces, with the state document on stdin."""
import json
import subprocess
import time

import nucleus_test
from nucleus_test import NucleusTest, namespaces

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# Prints one line: its kind, its namespaces, its root directory's entries of note, its argv and environment, its state.
PROBE = ("printf '{\"kind\":\"%s\",' KIND; for n in cgroup ipc mnt net pid time user uts; do "
         "printf '\"%s\":\"%s\",' $n $(readlink /proc/self/ns/$n); done; "
         "printf '\"variable\":\"%s\",\"state\":' \"$V\"; tr -d '\\n'; printf '}\\n'")


def probe(kind: str) -> dict:
    return {"path": "/bin/sh", "args": ["sh", "-c", PROBE.replace("KIND", kind)], "env": ["PATH=/usr/bin:/bin", "V=x y"]}


def reports(text: str) -> list:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Hooks(NucleusTest):
    def hooked(self, *kinds, **how):
        bundle = self.bundle(["sleep", "60"], **how)
        bundle.config["hooks"] = {kind: [probe(kind)] for kind in kinds}
        return bundle

    def test_each_kind_once_at_its_moment(self):
        for mode in ("agent", "passthrough"):
            bundle = self.hooked(*KINDS, mode=mode)
            self.ok(bundle.create())
            pid = bundle.pid()
            at_create = reports(bundle.output())
            self.assertEqual([r["kind"] for r in at_create], ["prestart", "createRuntime", "createContainer"])
            at_start = reports(self.ok(bundle.start()).out)
            self.assertEqual([r["kind"] for r in at_start], ["poststart"])
            inside = reports(bundle.wait_output("startContainer"))[3:]
            self.assertEqual([r["kind"] for r in inside], ["startContainer"])
            self.ok(bundle.kill())
            bundle.wait_stopped()
            at_delete = reports(self.ok(bundle.delete()).out)
            self.assertEqual([r["kind"] for r in at_delete], ["poststop"])
            self.check_states(at_create + inside + at_start + at_delete, bundle, pid)

    def check_states(self, all_reports, bundle, pid):
        expected = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
                    "startContainer": "created", "poststart": "running", "poststop": "stopped"}
        for report in all_reports:
            state, kind = report["state"], report["kind"]
            self.assertEqual((state["id"], state["status"], state["bundle"]),
                             (bundle.id, expected[kind], str(bundle.path)), kind)
            if kind != "poststop":
                self.assertEqual(state["pid"], pid, kind)
            self.assertEqual(report["variable"], "x y")

    def test_namespaces(self):
        bundle = self.hooked(*KINDS)
        self.ok(bundle.create())
        container, host = namespaces(bundle.pid()), namespaces()
        found = {r["kind"]: r for r in reports(bundle.output())}
        found.update({r["kind"]: r for r in reports(self.ok(bundle.start()).out)})
        found.update({r["kind"]: r for r in reports(bundle.wait_output("startContainer"))})
        self.ok(bundle.kill())
        bundle.wait_stopped()
        found.update({r["kind"]: r for r in reports(self.ok(bundle.delete()).out)})
        for kind in KINDS:
            here = {name: found[kind][name] for name in host}
            expected = container if kind in ("createContainer", "startContainer") else host
            if kind == "createContainer":  # the host's procfs, still there, shows the hook only if pids are shared
                here = {name: value for name, value in here.items() if value}
            self.assertEqual(here, {name: expected[name] for name in here}, kind)
            self.assertIn("mnt", here)

    def test_create_container_sees_the_host_and_start_container_the_rootfs(self):
        bundle = self.bundle(["sleep", "60"])
        (bundle.rootfs / "etc/inside").write_text("")
        script = "test -e /etc/inside && echo KIND inside || echo KIND outside"
        for kind in ("createContainer", "startContainer"):
            bundle.hook(kind, script.replace("KIND", kind))
        self.create_and_start(bundle)
        self.assertEqual(bundle.wait_output("startContainer").splitlines(),
                         ["createContainer outside", "startContainer inside"])

    def test_several_of_a_kind_in_order(self):
        bundle = self.bundle(["true"])
        for number in range(4):
            bundle.hook("createRuntime", f"echo {number}")
        self.assertEqual(self.ok(bundle.run()).out, "0\n1\n2\n3\n")

    def test_network_made_by_a_hook(self):
        """What createRuntime is for: plumbing the namespaces that /proc/PID/ns names."""
        bundle = self.bundle(["cat", "/proc/net/dev"])
        bundle.hook("createRuntime", "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); "
                    "nsenter -t $pid -n ip link add dummy7 type veth peer name dummy8")
        self.assertIn("dummy7", self.ok(bundle.run()).out)

    def test_failing_hook_fails_create(self):
        for kind in ("prestart", "createRuntime", "createContainer"):
            bundle = self.bundle(["true"]).hook(kind, "exit 3")
            result = self.fails(bundle.create(), "3")
            self.assertIn(f"error running {kind} hook #0", result.err)
            self.assertEqual(bundle.leftovers(), [], kind)

    def test_failing_start_hook_fails_start(self):
        bundle = self.bundle().sh("echo ran").hook("startContainer", "exit 3")
        self.ok(bundle.create())
        self.fails(bundle.start(), "startContainer hook #0")
        self.assertNotIn("ran", bundle.output())
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    def starting(self, kind: str, script: str):
        """A container whose `start` is held up by a hook, and that call."""
        bundle = self.bundle(["sleep", "60"]).hook(kind, script)
        self.ok(bundle.create())
        start = subprocess.Popen([bundle.binary, "--root", bundle.root, "start", bundle.id],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(start.wait)
        self.addCleanup(start.kill)
        return bundle, start

    def test_delete_ends_a_start_whose_hook_hangs(self):
        bundle, start = self.starting("startContainer", "echo hanging; sleep 60")
        bundle.wait_output("hanging")
        self.ok(bundle.delete("--force"))
        self.assertEqual(start.wait(20 * nucleus_test.PATIENCE), 1)
        self.assertEqual(bundle.leftovers(), [])

    def test_nobody_waits_for_poststart(self):
        mark = self.temp_dir() / "mark"
        bundle, start = self.starting("poststart", f"touch {mark}; sleep {3 * nucleus_test.PATIENCE}")
        nucleus_test.wait_until(mark.exists, "the poststart hook")
        self.assertEqual(bundle.status(), "running")
        self.ok(bundle.call("update", "--pids-limit", "50", bundle.id))
        self.ok(bundle.delete("--force"))
        self.assertIsNone(start.poll(), "the hook ended too early to show anything")
        self.assertEqual(start.wait(20 * nucleus_test.PATIENCE), 0)

    def test_failing_late_hooks_only_warn(self):
        bundle = self.bundle(["sleep", "60"]).hook("poststart", "exit 3").hook("poststop", "exit 4")
        self.ok(bundle.create())
        self.assertIn("poststart", self.ok(bundle.start()).err)
        self.assertEqual(bundle.status(), "running")
        self.assertIn("poststop", self.ok(bundle.delete("--force")).err)
        self.assertEqual(bundle.leftovers(), [])

    def test_missing_hook_program(self):
        bundle = self.bundle(["true"])
        bundle.config["hooks"] = {"createRuntime": [{"path": "/absent/hook"}]}
        self.fails(bundle.create(), "/absent/hook")
        self.assertEqual(bundle.leftovers(), [])

    def test_timeout_kills(self):
        bundle = self.bundle(["true"])
        mark = bundle.dir / "survived"
        bundle.hook("createRuntime", f"sleep {10 * nucleus_test.PATIENCE}; touch {mark}", timeout=1)
        begin = time.monotonic()
        self.fails(bundle.create(), "timed out")
        self.assertLess(time.monotonic() - begin, 8 * nucleus_test.PATIENCE)
        self.assertFalse(mark.exists())
        self.assertEqual([l for l in bundle.leftovers() if "sleep" not in l], [])

    def test_hook_gets_no_descriptors(self):
        bundle = self.bundle(["true"]).hook("createRuntime", "ls /proc/self/fd | sort -n | tr '\\n' ' '")
        self.assertLessEqual(set(self.ok(bundle.run()).out.split()), {"0", "1", "2", "3"})

    def test_hook_runs_in_what_directory(self):
        bundle = self.bundle(["true"]).hook("createRuntime", "pwd")
        self.assertEqual(self.ok(bundle.run(cwd=bundle.path)).out.strip(), str(bundle.path))

    def test_run_runs_them_all(self):
        bundle = self.hooked(*KINDS)
        bundle.process["args"] = ["true"]
        kinds = [r["kind"] for r in reports(self.ok(bundle.run()).out)]
        self.assertEqual(sorted(kinds), sorted(KINDS))
        self.assertEqual(kinds[-1], "poststop")


if __name__ == "__main__":
    nucleus_test.main()
