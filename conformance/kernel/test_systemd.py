"""The systemd cgroup driver: scopes and what they say, their end, and hosts without systemd."""
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

import nucleus_test
from cgroup_drivers import SYSTEMD, SYSTEMD_DRIVER, V2
from nucleus_test import CGROUPS, NUCLEUS_FAULTS, NucleusTest, wait_until

SYSTEMD_CGROUP = SYSTEMD_DRIVER.globals


def reload_systemd() -> None:
    """In the lane's own virtual machine only: a reload is everybody's on a machine that does something else."""
    if not pathlib.Path("/opt/nucleus-vm/job").exists():
        raise unittest.SkipTest("systemd is reloaded in the virtual machine of conformance/vm only")
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def properties(unit: str) -> dict:
    text = subprocess.run(["systemctl", "show", unit], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@unittest.skipIf(SYSTEMD, "a host without systemd")
class NoSystemd(NucleusTest):
    def test_without_systemd_nothing_is_made(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            bundle = SYSTEMD_DRIVER.prepare(self.bundle(["true"], mode=mode))
            result = self.fails(bundle.create(globals=SYSTEMD_CGROUP), "systemd cannot be reached")
            self.assertNotIn("no such file", result.err.lower())  # engines take that for a missing program
            self.assertEqual(bundle.leftovers(), [])


@unittest.skipUnless(SYSTEMD, "systemd is not PID 1")
class Systemd(NucleusTest):
    def scope(self, bundle) -> str:
        return f"test-{bundle.tag}.scope"

    def prepared(self, args=("sleep", "60"), mode: str = "strict-agent", **resources):
        bundle = SYSTEMD_DRIVER.prepare(self.bundle(list(args), mode=mode))
        bundle.linux["resources"].update(resources)
        return bundle

    def started(self, *args, **resources):
        return self.create_and_start(self.prepared(*args, **resources), globals=SYSTEMD_CGROUP)

    def created_in(self, path: str, place: str):
        """A container with that cgroupsPath ("TAG" stands for the bundle's tag) lies in that cgroup."""
        bundle = self.bundle(["sleep", "60"])
        bundle.linux["cgroupsPath"] = path.replace("TAG", bundle.tag)
        self.create_and_start(bundle, globals=SYSTEMD_CGROUP)
        lines = pathlib.Path(f"/proc/{bundle.pid()}/cgroup").read_text().splitlines()
        for line in lines:
            self.assertTrue(line.endswith(":" + place.replace("TAG", bundle.tag)), line)
        self.ok(bundle.delete("--force"))

    def test_scope_says_what_the_config_says(self):
        bundle = self.started(memory={"limit": 64 << 20, "swap": 96 << 20}, pids={"limit": 33},
                              cpu={"shares": 512, "quota": 25000, "period": 100000})
        found = properties(self.scope(bundle))
        wanted = {"ActiveState": "active", "Transient": "yes", "Delegate": "yes", "Slice": "system.slice",
                  "TasksMax": "33", "TasksAccounting": "yes",
                  "MemoryAccounting": "yes", "CPUAccounting": "yes", "CPUQuotaPerSecUSec": "250ms",
                  "DevicePolicy": "strict", "DefaultDependencies": "no", "CollectMode": "inactive-or-failed",
                  "ControlGroup": f"/system.slice/{self.scope(bundle)}"}
        wanted |= {"MemoryMax": str(64 << 20), "MemorySwapMax": str(32 << 20), "CPUWeight": "20"} if V2 else {
            "MemoryLimit": str(64 << 20), "CPUShares": "512"}
        self.assertEqual({name: found.get(name) for name in wanted}, wanted)
        self.assertIn("/dev/char/1:3", found["DeviceAllow"])
        self.assertRegex(found["Description"], rf"^nucleus container {bundle.id} \([0-9a-f]{{32}}\)$")

    def test_limits_survive_a_reload(self):
        bundle = self.started(memory={"limit": 64 << 20}, pids={"limit": 33})
        reload_systemd()
        read = SYSTEMD_DRIVER.read
        self.assertEqual(read(bundle, "memory", "memory.limit_in_bytes", "memory.max"), str(64 << 20))
        self.assertEqual(read(bundle, "pids", "pids.max", "pids.max"), "33")
        self.ok(bundle.exec("true"))

    def test_update_reaches_the_unit(self):
        bundle = self.started(memory={"limit": 64 << 20}, pids={"limit": 33})
        self.ok(bundle.call("update", "--memory", str(80 << 20), "--pids-limit", "44", bundle.id))
        found = properties(self.scope(bundle))
        self.assertEqual((found["MemoryMax" if V2 else "MemoryLimit"], found["TasksMax"]), (str(80 << 20), "44"))
        reload_systemd()
        self.assertEqual(SYSTEMD_DRIVER.read(bundle, "pids", "pids.max", "pids.max"), "44")

    @unittest.skipIf(V2, "on v2 the rules are a program that systemd does not touch")
    def test_a_reload_opens_no_device(self):
        """systemd writes its own list again then, which cannot name a driver's every device: they are lost, not all open."""
        bundle = self.prepared(mode="passthrough")
        bundle.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"},
                                                {"allow": True, "type": "c", "major": 240, "access": "rwm"},
                                                {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}]
        self.create_and_start(bundle, globals=SYSTEMD_CGROUP)
        rules = SYSTEMD_DRIVER.directory(bundle, "devices") / "devices.list"
        before = set(rules.read_text().splitlines())
        self.assertIn("c 240:* rwm", before)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(set(rules.read_text().splitlines()), before - {"c 240:* rwm"})

    def test_places(self):
        self.created_in("system.slice:a:TAG", "/system.slice/a-TAG.scope")
        self.created_in(":a:TAG", "/system.slice/a-TAG.scope")
        self.created_in("nucltest-b.slice:a:TAG", "/nucltest.slice/nucltest-b.slice/a-TAG.scope")
        self.created_in("-.slice:a:TAG", "/a-TAG.scope")
        self.created_in("", "/system.slice/nucleus-TAG.scope")

    def test_gone_after_delete(self):
        bundle = self.started()
        self.ok(bundle.delete("--force"))
        self.assertEqual(properties(self.scope(bundle))["LoadState"], "not-found")
        self.assertEqual(bundle.leftovers(), [])

    def test_gone_after_its_process(self):
        bundle = self.prepared(["true"])
        self.ok(bundle.run(globals=SYSTEMD_CGROUP))
        self.assertEqual(properties(self.scope(bundle))["LoadState"], "not-found")

    def test_delete_of_what_systemd_stopped(self):
        bundle = self.started()
        subprocess.run(["systemctl", "stop", self.scope(bundle)], check=True)
        bundle.wait_stopped()
        self.ok(bundle.delete())
        self.assertEqual(bundle.leftovers(), [])

    def test_a_unit_that_exists_is_refused_and_left_alone(self):
        bundle = self.prepared()
        subprocess.run(["systemd-run", "--scope", "--quiet", f"--unit={self.scope(bundle)}", "sh", "-c",
                        "setsid sleep 60 </dev/null >/dev/null 2>&1 & sleep 0.2"], check=True)
        self.addCleanup(subprocess.run, ["systemctl", "stop", self.scope(bundle)], check=False)
        self.fails(bundle.create(globals=SYSTEMD_CGROUP), "already exists")
        self.ok(bundle.delete("--force"))
        self.assertEqual(properties(self.scope(bundle))["ActiveState"], "active")
        subprocess.run(["systemctl", "stop", self.scope(bundle)], check=True)

    def test_another_roots_container_of_the_same_name_is_left_alone(self):
        """One id and one cgroupsPath, two state roots: the name passes on when the first one's unit ends."""
        first, second = self.started(), self.prepared()
        second.id, second.linux["cgroupsPath"] = first.id, first.linux["cgroupsPath"]
        self.fails(second.create(globals=SYSTEMD_CGROUP), "already exists")
        self.ok(second.delete("--force"))
        self.assertEqual(first.status(), "running")
        self.ok(first.kill())
        first.wait_stopped()
        wait_until(lambda: properties(self.scope(first))["ActiveState"] == "inactive", "the unit's end")
        self.create_and_start(second, globals=SYSTEMD_CGROUP)
        self.fails(first.kill("KILL", "--all"), "not running")
        self.assertEqual(json.loads(self.ok(first.call("ps", "--format", "json", first.id)).out or "null"), None)
        self.ok(first.delete())
        self.ok(first.delete("--force"))
        self.assertEqual(second.status(), "running")
        self.assertEqual(properties(self.scope(first))["ActiveState"], "active")
        self.ok(second.exec("true"))
        self.ok(second.delete("--force"))
        self.assertEqual(properties(self.scope(first))["LoadState"], "not-found")

    def test_update_of_a_unit_that_says_something_else(self):
        bundle = self.started(pids={"limit": 33})
        record = bundle.root / bundle.id / "state.json"
        record.write_text(re.sub(r"\([0-9a-f]{32}\)", "(" + "0" * 32 + ")", record.read_text()))
        self.fails(bundle.call("update", "--pids-limit", "44", bundle.id), "not this container's any more")
        self.assertEqual(SYSTEMD_DRIVER.read(bundle, "pids", "pids.max", "pids.max"), "33")
        self.ok(bundle.kill())
        bundle.wait_stopped()

    def test_a_failed_unit_gives_its_name(self):
        bundle = self.prepared()
        subprocess.run(["systemd-run", "--quiet", "--scope", f"--unit={self.scope(bundle)}", "--property=RuntimeMaxSec=1",
                        "sleep", "60"], check=False)
        self.assertEqual(properties(self.scope(bundle))["ActiveState"], "failed")
        self.create_and_start(bundle, globals=SYSTEMD_CGROUP)
        self.assertEqual(properties(self.scope(bundle))["ActiveState"], "active")

    def test_roots_calls_are_not_on_the_bus(self):
        """Any user may send signals to any connection of the bus, so root's calls do not go over it."""
        monitor = subprocess.Popen(["busctl", "--system", "monitor", "org.freedesktop.systemd1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            time.sleep(3)  # it says nothing when it begins to listen
            bundle = self.started()
            self.ok(bundle.delete("--force"))
            subprocess.run(["busctl", "--system", "get-property", "org.freedesktop.systemd1",
                            "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Version"],
                           stdout=subprocess.DEVNULL, check=True)
            time.sleep(1)
        finally:
            monitor.terminate()
            seen = monitor.communicate()[0].decode(errors="replace")
        self.assertIn("Version", seen)  # it does see what goes over the bus
        self.assertFalse("StartTransientUnit" in seen)  # not assertNotIn: it would print all that was seen
        self.assertFalse("StopUnit" in seen)

    def test_a_refused_unit_leaves_nothing(self):
        bundle = self.prepared()
        bundle.linux["cgroupsPath"] = f"user:test:{bundle.tag}"
        self.fails(bundle.create(globals=SYSTEMD_CGROUP), "not the name of a slice")
        bundle.linux["cgroupsPath"] = f":test:{bundle.tag}.slice"
        self.fails(bundle.create(globals=SYSTEMD_CGROUP), "a slice holds no processes")
        bundle.linux["cgroupsPath"] = f"/{bundle.tag}"
        self.fails(bundle.create(globals=SYSTEMD_CGROUP), "expected cgroupsPath to be of format")
        self.assertEqual(bundle.leftovers(), [])

    def test_exec_needs_no_flag(self):
        bundle = self.started()
        own = self.ok(bundle.exec("cat", "/proc/self/cgroup")).out
        self.assertIn("0::/\n" if V2 else ":/\n", own)

    def test_pause_and_resume(self):
        bundle = self.started()
        self.ok(bundle.call("pause", bundle.id))
        self.assertEqual(bundle.status(), "paused")
        self.ok(bundle.call("resume", bundle.id))
        self.ok(bundle.exec("true"))

    def test_a_crash_at_any_step_leads_delete_to_the_unit(self):
        for step in range(9):
            bundle = self.prepared()
            bundle.create(globals=SYSTEMD_CGROUP, binary=NUCLEUS_FAULTS,
                          env={**os.environ, "NUCLEUS_FAULT": f"create:{step}:kill"})
            self.ok(bundle.delete("--force"))
            wait_until(lambda made=bundle: properties(self.scope(made))["LoadState"] == "not-found", "the unit's end")
            self.assertEqual(bundle.leftovers(), [])

    def test_annotations_set_no_property(self):
        bundle = self.prepared()
        bundle.config["annotations"] = {"org.systemd.property.PIDs": "[1]",
                                        "org.systemd.property.TimeoutStopUSec": "uint64 123000000"}
        self.create_and_start(bundle, globals=SYSTEMD_CGROUP)
        self.assertNotEqual(properties(self.scope(bundle))["TimeoutStopUSec"], "2min 3s")
        self.assertNotIn(self.scope(bundle), pathlib.Path("/proc/1/cgroup").read_text())

    def test_stats_where_engines_look(self):
        bundle = self.started()
        value = SYSTEMD_DRIVER.read(bundle, "memory", "memory.usage_in_bytes", "memory.current")
        self.assertGreater(int(value), 0)
        self.assertTrue((CGROUPS / ("" if V2 else "memory") / "system.slice").is_dir())


if __name__ == "__main__":
    nucleus_test.main()
