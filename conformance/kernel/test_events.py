"""events: one JSON object a line, in runc's shape, until the container ends."""
import json
import subprocess
import unittest

import nucleus_test
from nucleus_test import CGROUPS, NucleusTest

V2 = (CGROUPS / "cgroup.controllers").exists()
# Fills memory in the container's own tmpfs, whose pages are charged to its cgroup.
HOG = "sleep 1; (head -c 64m /dev/zero | tail >/dev/null) ; sleep 30"


class Events(NucleusTest):
    def started(self, script="while :; do :; done", **resources):
        bundle = self.bundle().sh(script)
        bundle.linux["resources"].update(resources)
        return self.create_and_start(bundle)

    def stats(self, bundle) -> dict:
        result = self.ok(bundle.call("events", "--stats", bundle.id))
        self.assertEqual((result.err, result.out.count("\n")), ("", 1))
        event = json.loads(result.out)
        self.assertEqual((event["type"], event["id"]), ("stats", bundle.id))
        return event["data"]

    def watch(self, bundle, *options) -> tuple:
        """`events` in the background: the process and the file it writes to."""
        path = bundle.dir / "events.out"
        with open(path, "wb") as out:
            child = subprocess.Popen([bundle.binary, "--root", bundle.root, "events", *options, bundle.id],
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child, path

    def test_statistics_are_the_cgroups(self):
        data = self.stats(self.started(memory={"limit": 64 << 20}, pids={"limit": 33}))
        self.assertEqual(data["memory"]["usage"]["limit"], 64 << 20)
        self.assertGreater(data["memory"]["usage"]["usage"], 0)
        self.assertEqual(data["pids"]["limit"], 33)
        self.assertGreaterEqual(data["pids"]["current"], 1)
        self.assertIn("cpus", data["cpuset"])

    def test_processor_time_grows(self):
        bundle = self.started()
        first = self.stats(bundle)["cpu"]["usage"].get("total", 0)
        nucleus_test.wait_until(lambda: self.stats(bundle)["cpu"]["usage"].get("total", 0) > first + 1_000_000,
                                "the container's processor time to grow", 20)

    def test_the_members_are_runcs(self):
        data = self.stats(self.started())
        self.assertEqual(sorted(data), ["blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory",
                                        "network_interfaces", "pids"])
        self.assertEqual(sorted(data["memory"]), sorted(["usage", "swap", "kernel", "kernelTCP", "raw"]
                                                        + (["cache"] if "cache" in data["memory"] else [])))

    def test_goes_on_until_the_end(self):
        bundle = self.started()
        child, path = self.watch(bundle, "--interval", "50ms")
        nucleus_test.wait_until(lambda: path.read_text().count("\n") >= 3, "three lines", 20)
        self.ok(bundle.kill())
        self.assertEqual(child.wait(20 * nucleus_test.PATIENCE), 0)
        self.assertTrue(all(json.loads(line)["type"] == "stats" for line in path.read_text().splitlines()))

    @unittest.skipUnless(V2 or (CGROUPS / "memory/memory.oom_control").exists(), "needs the memory controller")
    def test_an_oom_kill_is_told(self):
        bundle = self.bundle().sh(HOG)
        bundle.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
        self.create_and_start(bundle)
        _, path = self.watch(bundle, "--interval=1h")
        nucleus_test.wait_until(lambda: json.dumps({"type": "oom", "id": bundle.id}, separators=(",", ":"))
                                in path.read_text(), "the event of the OOM kill", 30)

    def test_a_stopped_container(self):
        bundle = self.create_and_start(self.bundle(["true"]))
        bundle.wait_stopped()
        for options in ((), ("--stats",)):
            self.fails(bundle.call("events", *options, bundle.id), f"container with id {bundle.id} is not running")

    def test_bad_intervals(self):
        bundle = self.started()
        self.fails(bundle.call("events", "--interval", "0s", bundle.id), "duration interval must be greater than 0")
        self.fails(bundle.call("events", "--interval", "zz", bundle.id),
                   'invalid value "zz" for flag -interval: parse error')


if __name__ == "__main__":
    nucleus_test.main()
