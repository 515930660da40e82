"""System calls watched from outside: traces and the profiles made of them, the learning gate, denials that people see."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import nucleus_test
from nucleus_test import NUCLEUS, SOURCE, NucleusTest, call, wait_until

TRACED = pathlib.Path(__file__).with_name("traced.c")
KEEPS = ("unshare errno 38", "mount errno 38", "keyctl errno 38", "packet errno 97")


def records(path) -> list:
    """A trace's lines between its first and its last; the last one must be there."""
    lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    assert lines[0]["trace"] == 1 and lines[-1].get("end") is True, lines[-1:]
    return lines[1:-1]


def calls(path, verdict="allowed") -> dict:
    """Name -> how often, of one verdict."""
    out = {}
    for record in records(path):
        if record["verdict"] == verdict:
            out[record["syscall"]] = out.get(record["syscall"], 0) + record["count"]
    return out


def watchers() -> list:
    """Pids of all watchers here; those that have ended are collected first, as they may be left to us."""
    nucleus_test.reap()
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text() == "nucleus-watch\n":
                found.append(int(comm.parent.name))
        except OSError:
            pass
    return found


class WatchTest(NucleusTest):
    def setUp(self):
        self.out = self.temp_dir()
        self.trace_file = self.out / "trace.jsonl"

    def program(self, *names, **how):
        return self.bundle(["traced", *names], **how).compile(TRACED, "traced")

    def traced(self, *names, options=()):
        bundle = self.program(*names)
        bundle.write()
        result = self.ok(bundle.call("seccomp", "trace", "--bundle", bundle.path, "-o", self.trace_file, *options,
                                     bundle.id))
        return result.out.split("\n")[:-1]

    def config(self, text: str) -> tuple:
        path = self.out / "nucleus.toml"
        path.write_text(text)
        return "--config", path

    def pids(self, bundle) -> tuple:
        """(the holder, the worker)"""
        holder = json.loads((bundle.root / bundle.id / "watch.json").read_text())["watcher"]
        children = pathlib.Path(f"/proc/{holder}/task/{holder}/children").read_text().split()
        return holder, int(children[0])


class Trace(WatchTest):
    def test_from_the_execve_on_and_nothing_of_the_launch(self):
        self.assertEqual(self.traced("getpid", "unix", "fork"), ["getpid ok", "unix ok", "fork ok"])
        seen = calls(self.trace_file)
        first = records(self.trace_file)[0]
        self.assertEqual((first["syscall"], first["count"]), ("execve", 1))
        self.assertEqual((seen["getpid"], seen["getppid"], seen["exit_group"]), (1, 1, 2))
        self.assertTrue({"landlock_restrict_self", "capset", "setns", "pivot_root"}.isdisjoint(seen))
        unix = [r for r in records(self.trace_file) if r["syscall"] == "socket"]
        self.assertEqual(unix[0]["args"], [{"index": 0, "mask": 0xffffffff, "value": 1},
                                           {"index": 1, "mask": 15, "value": 1}])
        self.assertEqual(unix[0]["first"], "traced")
        self.assertEqual(oct(self.trace_file.stat().st_mode & 0o777), "0o600")

    def test_what_the_policy_denies_stays_denied(self):
        self.assertEqual(self.traced("flock", "getxattr", "unshare"),
                         ["flock errno 38", "getxattr errno 95", "unshare errno 38"])
        self.assertEqual(calls(self.trace_file, "denied"), {})
        self.assertNotIn("flock", calls(self.trace_file))

    def test_permissive_lets_through_but_for_the_floor(self):
        out = self.traced("getpid", "flock", "getitimer", "unshare", "mount", "keyctl", "packet",
                          options=["--permissive"])
        self.assertEqual(out, ["getpid ok", "flock ok", "getitimer ok", *KEEPS])
        learned = calls(self.trace_file, "learned")
        self.assertEqual((learned["flock"], learned["getitimer"]), (1, 1))
        self.assertLessEqual(set(learned), {"flock", "getitimer", "rseq"})  # the last is the C library's own
        self.assertIn("getpid", calls(self.trace_file))

    def generated_set(self, *options) -> pathlib.Path:
        path = self.out / "mine"
        if not path.exists():
            shutil.copytree(SOURCE / "policies/default", path)
        toml = (path / "policy.toml").read_text()
        (path / "policy.toml").write_text(toml.replace('name = "default"', 'name = "mine"'))
        self.ok(call([NUCLEUS, "seccomp", "generate", self.trace_file, "-o", path / "seccomp.json", "--lock", *options]))
        return path

    def test_the_profile_is_sufficient_and_minimal(self):
        names = ("getpid", "unix", "fork", "flock", "winsize")
        before = self.traced(*names, options=["--permissive"])
        path = self.generated_set()
        lock = {line.split()[1]: line.split()[0] for line in (path / "policy.lock").read_text().splitlines()}
        self.assertEqual(set(lock), {"caps.toml", "egress.toml", "landlock.toml", "policy.toml", "seccomp.json"})
        again = self.program(*names)
        self.assertEqual(self.ok(again.run("--policy", str(path))).out.splitlines(), before)
        self.assertEqual(self.ok(self.program("unix", "packet", "getitimer").run("--policy", str(path))).out,
                         "unix ok\npacket errno 97\ngetitimer errno 38\n")
        used = call([NUCLEUS, "seccomp", "coverage", path / "seccomp.json", self.trace_file])
        self.assertIn(used.rc, (0, 2))
        listed = {line.split()[1] for line in used.out.splitlines()}
        self.assertLessEqual(listed, {"restart_syscall", "rt_sigreturn", "sendmsg", "exit_group"})
        profile = json.loads((path / "seccomp.json").read_text())
        plain = next(r for r in profile["syscalls"] if r["action"] == "SCMP_ACT_ALLOW" and "args" not in r)
        for name in ("flock", "getppid", "execve"):
            plain["names"].remove(name)
            (path / "seccomp.json").write_text(json.dumps(profile))
            (path / "policy.lock").unlink(missing_ok=True)
            result = self.program(*names).run("--policy", str(path))
            if name != "getppid":  # its failure does not show
                self.assertNotEqual(result.out.splitlines(), before, name)
            plain["names"].append(name)

    def test_shells_and_pipes(self):
        bundle = self.bundle().sh("ls / | wc -l; for i in 1 2 3; do (echo $i) ; done; sleep 0.1 & wait; echo done")
        bundle.write()
        result = self.ok(bundle.call("seccomp", "trace", "--bundle", bundle.path, "-o", self.trace_file))
        self.assertTrue(result.out.endswith("1\n2\n3\ndone\n"), result.out)
        self.assertLessEqual({"execve", "wait4", "getdents64", "write"}, set(calls(self.trace_file)))

    def test_a_user_namespace_and_another_user(self):
        bundle = self.program("getpid").user_namespace()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.ok(bundle.run("--seccomp-trace", self.trace_file))
        self.assertEqual(calls(self.trace_file)["getpid"], 1)

    def test_create_and_start(self):
        bundle = self.program("getpid")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        bundle.wait_stopped()
        self.ok(bundle.delete())
        self.assertEqual(calls(self.trace_file)["getpid"], 1)

    def test_a_program_that_is_missing(self):
        bundle = self.bundle(["nothing-there"])
        self.assertNotEqual(bundle.run("--seccomp-trace", self.trace_file).rc, 0)
        self.assertEqual(bundle.leftovers(), [])

    def test_the_receipt_holds_and_says_so(self):
        bundle = self.program("loop", "getpid")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        receipt = json.loads(self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out)
        items = {item["control"]: item for item in receipt["items"]}
        self.assertIn("traced", items["seccomp.watch"]["observed"])
        self.assertTrue(items["seccomp.filter"]["matches"])
        self.ok(bundle.call("receipt", "--verify", bundle.id))

    def test_refused_where_it_may_not_be(self):
        for mode in ("strict-agent", "passthrough"):
            bundle = self.program("getpid", mode=mode)
            bundle.linux.setdefault("resources", {})["memory"] = {"limit": 64 << 20}
            self.assertNotEqual(bundle.run("--seccomp-trace", self.trace_file).rc, 0)
        self.assertFalse(self.trace_file.exists())

    def test_only_regular_files(self):
        link = self.out / "link"
        link.symlink_to(self.out / "elsewhere")
        fifo = self.out / "fifo"
        os.mkfifo(fifo)
        (self.out / "one").write_text("mine\n")
        os.link(self.out / "one", self.out / "two")
        for path in (link, fifo, self.out / "two", self.out):
            self.assertNotEqual(self.program("getpid").run("--seccomp-trace", path).rc, 0, path)
        self.assertEqual((self.out / "one").read_text(), "mine\n")
        self.assertFalse((self.out / "elsewhere").exists())

    def test_the_annotation_needs_the_hosts_directory(self):
        bundle = self.program("getpid")
        bundle.config["annotations"] = {"io.nucleus.seccomp.trace": "web.jsonl"}
        result = self.ok(bundle.run())
        self.assertIn("no trace_dir", result.err)
        where = self.config(f'trace_dir = "{self.out}"\n')
        bundle.write()
        self.ok(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where))
        self.assertEqual(calls(self.out / "web.jsonl")["getpid"], 1)
        before = (self.out / "web.jsonl").read_bytes()
        self.fails(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where), "there already")
        self.assertEqual((self.out / "web.jsonl").read_bytes(), before)
        for name in ("/etc/passwd", "../x", "a/b", ".hidden", "-o"):
            bundle.config["annotations"]["io.nucleus.seccomp.trace"] = name
            bundle.write()
            self.fails(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where), "a file's name")
        bundle.config["annotations"]["io.nucleus.seccomp.trace"] = "later.jsonl"
        bundle.process["args"] = ["nothing-there"]
        bundle.write()
        self.assertNotEqual(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where).rc, 0)
        self.assertFalse((self.out / "later.jsonl").exists())


class Hostile(WatchTest):
    def test_a_flood_fills_nothing_and_crowds_nobody_out(self):
        self.assertEqual(self.traced("flood", "getpid", "flock", "mount", options=["--permissive"]),
                         ["flood ok", "getpid ok", "flock ok", "mount errno 38"])
        self.assertLess(self.trace_file.stat().st_size, 1 << 20)
        self.assertGreater(json.loads(self.trace_file.read_text().splitlines()[-1])["lost"], 10000)
        self.assertEqual(calls(self.trace_file)["getpid"], 1)
        self.assertEqual(calls(self.trace_file, "learned")["flock"], 1)
        self.ok(call([NUCLEUS, "seccomp", "generate", self.trace_file]))

    def test_a_flood_of_denials(self):
        bundle = self.program("flood", "loop")
        bundle.process["args"] = ["sh", "-c", "traced flood; echo through; sleep 100"]
        self.create_and_start(bundle, "--seccomp-denials")
        bundle.wait_output("through", timeout=60)
        log = bundle.root / bundle.id / "seccomp.log"
        self.assertLess(log.stat().st_size, 1 << 20)
        self.ok(bundle.call("receipt", "--live", bundle.id))

    def test_a_name_forges_no_record(self):
        self.traced("forge", "getpid")
        record = next(r for r in records(self.trace_file) if r["syscall"] == "getpid")
        self.assertEqual(record["last"], '"}')  # up to the newline
        self.assertEqual(self.trace_file.read_text().count('"end"'), 1)

    def test_a_stopped_program_is_killed_in_the_middle_of_a_call(self):
        bundle = self.program("loop", "getpid", "flock")
        self.create_and_start(bundle, "--seccomp-denials")
        bundle.wait_output("flock errno 38")
        holder, worker = self.pids(bundle)
        os.kill(worker, signal.SIGSTOP)
        try:
            time.sleep(0.1)
            self.ok(bundle.kill())
            bundle.wait_stopped()
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_until(lambda: not {holder, worker} & set(watchers()), "the watchers to end", 10)


class Survival(WatchTest):
    def rounds(self, bundle) -> int:
        return bundle.output().count(".\n")

    def goes_on(self, bundle) -> None:
        before = self.rounds(bundle)
        wait_until(lambda: self.rounds(bundle) > before + 20, "the workload to go on", 20)

    def test_a_killed_worker_stops_nothing_and_loses_nothing(self):
        bundle = self.program("loop", "getpid", "flock")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        self.goes_on(bundle)
        holder, worker = self.pids(bundle)
        os.kill(worker, signal.SIGKILL)
        self.goes_on(bundle)
        text = bundle.output()
        self.assertNotIn("getpid errno", text)
        self.assertEqual(text.count("flock ok"), 0)
        rounds = self.rounds(bundle)
        self.ok(bundle.call("delete", "--force", bundle.id))
        self.assertGreaterEqual(calls(self.trace_file)["getpid"], rounds)
        nucleus_test.reap()
        self.assertFalse(pathlib.Path(f"/proc/{holder}").exists())

    def test_a_killed_holder_stops_nothing(self):
        bundle = self.program("loop", "getpid")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        holder, worker = self.pids(bundle)
        os.kill(holder, signal.SIGKILL)
        self.goes_on(bundle)
        self.ok(bundle.call("delete", "--force", bundle.id))
        wait_until(lambda: worker not in watchers(), "the worker to end", 10)
        self.assertNotIn("getpid errno", bundle.output())

    def test_with_both_gone_what_was_denied_stays_denied(self):
        bundle = self.program("loop", "getpid", "flock", "mount")
        self.create_and_start(bundle, "--seccomp-learn", "1h")
        self.goes_on(bundle)
        self.assertIn("flock ok", bundle.output())
        for pid in reversed(self.pids(bundle)):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: "flock errno 38" in bundle.output(), "the gate to be shut", 20)
        self.goes_on(bundle)
        tail = bundle.output()[-400:]
        self.assertNotIn("flock ok", tail)
        self.assertNotIn("mount ok", bundle.output())
        self.assertIn("getpid ok", tail)

    def test_the_killed_worker_of_a_gate_opens_nothing(self):
        bundle = self.program("loop", "getpid", "flock", "getxattr")
        self.create_and_start(bundle, "--seccomp-denials")
        self.goes_on(bundle)
        os.kill(self.pids(bundle)[1], signal.SIGKILL)
        self.goes_on(bundle)
        self.assertNotIn(" ok", bundle.output().replace("getpid ok", ""))
        self.assertEqual(set(re.findall(r"errno (\d+)", bundle.output())), {"38", "95"})

    def test_watchers_end_with_the_container_and_hold_nothing(self):
        bundle = self.program("loop", "getpid")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        own = self.pids(bundle)
        for pid in own:
            status = nucleus_test.status_of(pid)
            self.assertEqual((status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]),
                             ("0" * 16, "0" * 16, "1", "2"))
            links = set()
            for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    links.add(re.sub(r"^/proc/\d+/comm$", "/proc", os.readlink(fd)))  # while it asks for a name
            known = {"/dev/null", "anon_inode:seccomp notify", "anon_inode:[pidfd]", "/proc", str(self.trace_file)}
            self.assertLessEqual(links, known)
        self.ok(bundle.kill())
        wait_until(lambda: not set(own) & set(watchers()), "the watchers to end", 10)
        self.assertEqual(calls(self.trace_file).get("mount"), None)

    def test_signals_reach_a_watched_program(self):
        bundle = self.bundle().sh("trap 'echo caught' TERM; echo ready; while :; do sleep 0.05; done")
        self.create_and_start(bundle, "--seccomp-trace", self.trace_file)
        bundle.wait_output("ready")
        self.ok(bundle.kill("TERM"))
        bundle.wait_output("caught")


class Learning(WatchTest):
    def test_for_its_time_and_no_longer(self):
        bundle = self.program("loop", "flock", "unshare", "getxattr")
        self.create_and_start(bundle, "--seccomp-learn", "2s", "--seccomp-trace", self.trace_file)
        bundle.wait_output("flock ok")
        bundle.wait_output("flock errno 38", timeout=20)
        time.sleep(0.2)
        end = bundle.output()[-200:]
        self.assertNotIn("flock ok", end)
        self.ok(bundle.call("delete", "--force", bundle.id))
        self.assertEqual(set(calls(self.trace_file, "learned")) - {"rseq"}, {"flock", "getxattr"})
        self.assertLessEqual({"flock", "getxattr"}, set(calls(self.trace_file, "denied")))
        self.assertNotIn("unshare ok", bundle.output())
        made = json.loads(self.ok(call([NUCLEUS, "seccomp", "generate", self.trace_file])).out)
        allowed = next(r["names"] for r in made["syscalls"] if r["action"] == "SCMP_ACT_ALLOW")
        self.assertIn("flock", allowed)
        self.assertNotIn("unshare", allowed)

    def test_the_floor(self):
        bundle = self.program("unshare", "mount", "keyctl", "packet")
        self.assertEqual(self.ok(bundle.run("--seccomp-learn", "1m")).out.splitlines(), list(KEEPS))

    def test_exec_is_not_opened(self):
        bundle = self.program("loop", "flock")
        self.create_and_start(bundle, "--seccomp-learn", "1m")
        bundle.wait_output("flock ok")
        self.assertEqual(self.ok(bundle.exec("traced", "flock", "getxattr")).out, "flock errno 38\ngetxattr errno 95\n")

    def test_an_annotation_opens_nothing_by_itself(self):
        bundle = self.program("flock")
        bundle.config["annotations"] = {"io.nucleus.seccomp.learn": "1m"}
        result = self.ok(bundle.run())
        self.assertEqual(result.out, "flock errno 38\n")
        self.assertIn("annotations_may_learn", result.err)
        where = self.config("annotations_may_learn = true\n")
        bundle.write()
        self.assertEqual(self.ok(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where)).out, "flock ok\n")
        bundle.config["annotations"]["io.nucleus.mode"] = "strict-agent"
        bundle.write()
        self.fails(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where), "only for mode agent")

    def test_explain_says_so(self):
        bundle = self.program("flock")
        bundle.write()
        text = self.ok(call([NUCLEUS, "explain", "--bundle", bundle.path, "--seccomp-learn", "10m"])).out
        self.assertIn("let through for 600 s", text)


class Denials(WatchTest):
    def test_receipt_and_events_name_the_entry(self):
        bundle = self.program("loop", "getpid", "getxattr", "flock", mode="strict-agent")
        self.create_and_start(bundle, "--seccomp-denials")

        def denied() -> dict:
            out = self.ok(bundle.call("receipt", "--live", "--format", "json", bundle.id)).out
            return {item["control"]: item["observed"] for item in json.loads(out)["items"]}
        wait_until(lambda: {"seccomp.denied getxattr", "seccomp.denied flock"} <= set(denied()), "the denials", 20)
        text = denied()["seccomp.denied getxattr"]
        self.assertIn("errno 95", text)
        self.assertIn('{"names": ["getxattr"], "action": "SCMP_ACT_ALLOW"}', text)
        self.assertNotIn("seccomp.denied getpid", denied())
        self.assertIn("getxattr errno 95", bundle.output())
        self.assertIn("flock errno 38", bundle.output())
        path = self.out / "events"
        with open(path, "wb") as out:
            child = subprocess.Popen([NUCLEUS, "--root", bundle.root, "events", "--interval", "100ms", bundle.id],
                                     stdout=out, stdin=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        wait_until(lambda: '"syscall":"flock"' in path.read_text(), "the event", 20)
        events = [json.loads(line) for line in path.read_text().splitlines()]
        told = {e["data"]["syscall"]: e for e in events if e["type"] == "seccomp"}
        self.assertLessEqual({"getxattr", "flock"}, set(told))
        self.assertEqual((told["flock"]["id"], told["flock"]["data"]["verdict"]), (bundle.id, "denied"))
        self.assertEqual(told["flock"]["data"]["hint"], '{"names": ["flock"], "action": "SCMP_ACT_ALLOW"}')

    def test_off_unless_asked_for(self):
        bundle = self.program("loop", "flock")
        self.create_and_start(bundle)
        bundle.wait_output("flock errno 38")
        self.assertFalse((bundle.root / bundle.id / "seccomp.log").exists())
        self.assertFalse((bundle.root / bundle.id / "watch.json").exists())

    def test_the_host_and_the_annotation(self):
        where = self.config("seccomp_denials = true\n")
        bundle = self.program("flock", "getxattr", "unshare")
        bundle.write()
        result = self.ok(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where))
        self.assertEqual(result.out, "flock errno 38\ngetxattr errno 95\nunshare errno 38\n")
        bundle.config["annotations"] = {"io.nucleus.seccomp.denials": "false"}
        bundle.write()
        result = self.ok(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where))
        self.assertIn("does not count", result.err)
        bundle.config["annotations"] = {"io.nucleus.seccomp.denials": "maybe"}
        bundle.write()
        self.fails(bundle.call("run", "--bundle", bundle.path, bundle.id, globals=where), "true or false")


if __name__ == "__main__":
    nucleus_test.main()
