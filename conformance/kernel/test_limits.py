"""Limits by what they do to the workload, with every cgroup driver of this machine."""
import os
import pathlib
import time
import unittest

import nucleus_test
from cgroup_drivers import CONTROLLERS, V2, each_driver
from nucleus_test import NucleusTest, wait_until

MIB = 1 << 20


def counters(text: str) -> dict:
    """The "name value" lines of cpu.stat and its like."""
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def block_device_of(path: pathlib.Path) -> str:
    """"MAJOR:MINOR" of the whole disk that holds the path; "" when no disk does."""
    number = path.stat().st_dev
    place = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not place.exists():
        return ""
    disk = place.resolve()
    return ((disk.parent if (disk / "partition").exists() else disk) / "dev").read_text().strip()


class Limits(NucleusTest):
    def limited(self, driver, script: str, mode: str = "strict-agent", **resources):
        bundle = driver.prepare(self.bundle(mode=mode).sh(script))
        bundle.linux["resources"].update(resources)
        return bundle

    @each_driver
    def test_memory(self, driver):
        hungry = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo ${#x}"
        bundle = self.limited(driver, hungry, memory={"limit": 24 * MIB, "swap": 24 * MIB})
        self.assertEqual(bundle.run(globals=driver.globals, timeout=60).rc, 137)

    @each_driver
    def test_an_oom_kill_is_counted_where_engines_look(self, driver):
        bundle = self.limited(driver, "(x=$(head -c 100000000 /dev/zero | tr '\\0' x)); echo survived; sleep 60",
                              memory={"limit": 24 * MIB, "swap": 24 * MIB})
        self.ok(bundle.create(globals=driver.globals))
        self.ok(bundle.start())
        bundle.wait_output("survived", timeout=60)
        events = counters(driver.read(bundle, "memory", "memory.oom_control", "memory.events"))
        self.assertGreater(events["oom_kill"], 0)

    @each_driver
    def test_pids(self, driver):
        script = "i=0; while [ $i -lt 10 ]; do sleep 5 & i=$((i+1)); done; echo all"
        refused = self.limited(driver, script, pids={"limit": 5}).run(globals=driver.globals)
        self.assertIn("fork", refused.err)
        self.assertNotIn("all", refused.out)
        self.assertIn("all", self.ok(self.limited(driver, script, pids={"limit": 50}).run(globals=driver.globals)).out)

    @each_driver
    def test_one_process_is_a_limit_that_a_container_can_have(self, driver):
        bundle = self.limited(driver, "echo alone; (echo child) || echo refused", pids={"limit": 1})
        self.assertIn("alone", bundle.run(globals=driver.globals).out)
        self.assertNotIn("child", bundle.run(globals=driver.globals).out)

    @each_driver
    def test_cpu_quota_throttles(self, driver):
        bundle = self.limited(driver, "while :; do :; done", cpu={"quota": 5000, "period": 50000})
        self.ok(bundle.create(globals=driver.globals))
        self.ok(bundle.start())

        def throttled():
            return counters(driver.read(bundle, "cpu", "cpu.stat", "cpu.stat"))["nr_throttled"] > 2
        wait_until(throttled, "throttled periods", 60)

    @each_driver
    def test_cpuset(self, driver):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            self.skipTest("one processor")
        for cpu in (allowed[0], allowed[-1]):
            bundle = self.limited(driver, "grep Cpus_allowed_list /proc/self/status", cpu={"cpus": str(cpu)})
            self.assertEqual(self.ok(bundle.run(globals=driver.globals)).out.split(), ["Cpus_allowed_list:", str(cpu)])

    @each_driver
    def test_io_throttle(self, driver):
        bundle = self.limited(driver, "cat /data/file | wc -c")
        data = bundle.dir / "data"
        data.mkdir()
        device = block_device_of(data)
        if not device:
            self.skipTest("temporary files are on no block device")
        bundle.mount("/data", data)
        size = 3 * MIB
        with open(data / "file", "wb") as file:
            file.write(os.urandom(size))
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        major, minor = map(int, device.split(":"))
        bundle.linux["resources"]["blockIO"] = {
            "throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": MIB}]}
        begin = time.monotonic()
        self.assertEqual(self.ok(bundle.run(globals=driver.globals, timeout=60)).out.strip(), str(size))
        self.assertGreater(time.monotonic() - begin, 2)

    @each_driver
    def test_device_list(self, driver):
        """Without the confinement's own defences: what the cgroup alone refuses."""
        script = ("echo x >/dev/null && echo null; head -c 1 /dev/zero | wc -c; "
                  "rm -f /tmp/k; mknod /tmp/k c 10 229 && { exec 5<>/tmp/k; } && echo opened; true")
        bundle = self.limited(driver, script, mode="passthrough")
        caps = ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]
        bundle.process["capabilities"] = {name: caps for name in ("bounding", "effective", "permitted")}
        result = bundle.run(globals=driver.globals)
        self.assertEqual(result.out.split()[:2], ["null", "1"])
        self.assertNotIn("opened", result.out)
        self.assertIn("Operation not permitted", result.err)
        if not pathlib.Path("/sys/dev/char/10:229").exists():
            return  # no such driver to open
        bundle.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "minor": 229,
                                                     "access": "rwm"})
        self.assertIn("opened", bundle.run(globals=driver.globals).out)

    @each_driver
    def test_hugetlb_and_its_reservations(self, driver):
        if "hugetlb" not in CONTROLLERS or not pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB").exists():
            self.skipTest("no controller for huge pages of 2 MB")
        bundle = self.limited(driver, "sleep 60", hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
        self.ok(bundle.create(globals=driver.globals))
        for v1, v2 in (("limit_in_bytes", "max"), ("rsvd.limit_in_bytes", "rsvd.max")):
            self.assertEqual(driver.read(bundle, "hugetlb", f"hugetlb.2MB.{v1}", f"hugetlb.2MB.{v2}"), str(4 * MIB))

    @unittest.skipUnless(V2, "files of cgroup v2")
    @each_driver
    def test_unified(self, driver):
        bundle = self.limited(driver, "sleep 60", unified={"memory.high": str(64 * MIB), "cgroup.max.depth": "3",
                                                           "memory.oom.group": "1"})
        self.ok(bundle.create(globals=driver.globals))
        for file, value in (("memory.high", str(64 * MIB)), ("cgroup.max.depth", "3"), ("memory.oom.group", "1")):
            self.assertEqual((driver.directory(bundle, "") / file).read_text().strip(), value)

    @each_driver
    def test_unified_moves_no_process(self, driver):
        for file in ("cgroup.procs", "cgroup.kill", "cgroup.freeze", "cgroup.subtree_control"):
            bundle = self.limited(driver, "true", mode="passthrough", unified={file: "1"})
            self.fails(bundle.create(globals=driver.globals), "not a limit")

    @unittest.skipIf(V2, "a host with cgroup v1")
    def test_unified_is_not_dropped_in_silence_on_v1(self):
        bundle = self.bundle(["true"], mode="strict-agent")
        bundle.linux["resources"]["unified"] = {"memory.high": "67108864"}
        self.fails(bundle.create(), "memory.high is not there on this host")


if __name__ == "__main__":
    nucleus_test.main()
