"""events: what a container uses, its OOM kills, and the end of the stream with the container."""
import json
import shutil
import subprocess
import unittest

import nucleus_test
from nucleus_test import CGROUPS, NucleusTest

V2 = (CGROUPS / "cgroup.controllers").exists()


def shape(value):
    """A document's members without their values."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    return type(value).__name__


class Events(NucleusTest):
    def started(self, script="sleep 60", mode="", **resources):
        bundle = self.bundle(mode=mode).sh(script)
        bundle.linux["resources"].update(resources)
        return self.create_and_start(bundle)

    def stats(self, bundle) -> dict:
        result = self.ok(bundle.call("events", "--stats", bundle.id))
        self.assertEqual((result.out.count("\n"), result.err), (1, ""))
        return json.loads(result.out)

    def follow(self, bundle, *options):
        """`events` in the background, its output in a file."""
        path = bundle.dir / "events"
        with open(path, "wb") as out:
            child = subprocess.Popen([bundle.binary, "--root", bundle.root, "events", *options, bundle.id],
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child, path

    def test_what_is_used(self):
        bundle = self.started("dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; sleep 60 & echo ready; wait",
                              memory={"limit": 96 << 20}, pids={"limit": 44})
        bundle.wait_output("ready", timeout=30)
        event = self.stats(bundle)
        self.assertEqual((event["type"], event["id"]), ("stats", bundle.id))
        data = event["data"]
        self.assertEqual(data["memory"]["usage"]["limit"], 96 << 20)
        self.assertGreater(data["memory"]["usage"]["usage"], 20 << 20)
        self.assertEqual(data["pids"], {"current": 2, "limit": 44})
        self.assertGreater(data["cpu"]["usage"]["total"], 0)
        self.assertGreaterEqual(data["memory"]["cache"], 20 << 20)

    def test_throttling_is_counted(self):
        bundle = self.started("while true; do :; done", cpu={"quota": 5000, "period": 50000})
        nucleus_test.wait_until(lambda: self.stats(bundle)["data"]["cpu"]["throttling"]["throttledPeriods"] > 0,
                                "a throttled period", 30)

    @unittest.skipIf(V2 or not shutil.which("runc"), "compares with runc on v1")
    def test_the_shape_is_runcs(self):
        ours = shape(self.stats(self.started())["data"])
        bundle = self.bundle(["sleep", "60"])
        bundle.write()
        runc = ["runc", "--root", bundle.dir / "runc"]
        self.ok(nucleus_test.call([*runc, "run", "--detach", "--bundle", bundle.path, bundle.id], out=bundle.dir / "out"))
        self.addCleanup(nucleus_test.call, [*runc, "delete", "--force", bundle.id])
        theirs = shape(json.loads(self.ok(nucleus_test.call([*runc, "events", "--stats", bundle.id])).out)["data"])
        self.assertEqual(set(ours), set(theirs) - {"cpuset", "intel_rdt"})
        for name in ("cpu", "memory", "pids", "blkio"):
            for member, value in theirs[name].items():
                if isinstance(value, dict):
                    self.assertLessEqual(set(value), set(ours[name][member]), f"{name}.{member}")
                elif member not in ("ioServiceTimeRecursive", "ioWaitTimeRecursive"):
                    self.assertEqual(ours[name].get(member), value, f"{name}.{member}")

    def test_the_stream_ends_with_the_container(self):
        bundle = self.started()
        child, path = self.follow(bundle, "--interval", "50ms")
        nucleus_test.wait_until(lambda: path.read_text().count("\n") >= 3, "three lines", 20)
        self.ok(bundle.kill("KILL"))
        self.assertEqual(child.wait(20), 0)
        self.assertEqual({json.loads(line)["type"] for line in path.read_text().splitlines()}, {"stats"})

    def test_an_oom_kill_is_reported(self):
        script = ("while ! [ -e /tmp/go ]; do sleep 0.05; done; "
                  "sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1'; echo survived; sleep 60")
        bundle = self.started(script, memory={"limit": 24 << 20, "swap": 24 << 20})
        _, path = self.follow(bundle, "--interval=1m")
        nucleus_test.wait_until(lambda: "stats" in path.read_text(), "the first line", 20)
        self.ok(bundle.exec("touch", "/tmp/go"))
        bundle.wait_output("survived", timeout=60)
        nucleus_test.wait_until(lambda: '"oom"' in path.read_text(), "the oom event", 20)
        self.assertIn({"type": "oom", "id": bundle.id}, [json.loads(line) for line in path.read_text().splitlines()])

    def test_a_stopped_container(self):
        bundle = self.started("true")
        bundle.wait_stopped()
        for options in ([], ["--stats"]):
            self.fails(bundle.call("events", *options, bundle.id), f"container with id {bundle.id} is not running")

    def test_intervals(self):
        bundle = self.started()
        for text in ("0s", "-1s", "5", "x", "1e9h", ""):
            self.fails(bundle.call("events", "--interval", text, bundle.id), "duration interval must be greater than 0")


if __name__ == "__main__":
    nucleus_test.main()
