"""update: limits of a running container change, whole or not at all, and never widen its confinement."""
import json
import pathlib
import unittest

import nucleus_test
from nucleus_test import CGROUPS, NucleusTest

V2 = (CGROUPS / "cgroup.controllers").exists()
UNLIMITED = "max" if V2 else "9223372036854771712"
MEMORY = "memory.max" if V2 else "memory.limit_in_bytes"


class Update(NucleusTest):
    def started(self, mode="", **resources):
        bundle = self.bundle(["sleep", "60"], mode=mode)
        bundle.linux["resources"].update(resources)
        return self.create_and_start(bundle)

    def update(self, bundle, *options, **how):
        return bundle.call("update", *options, bundle.id, **how)

    def document(self, bundle, resources) -> pathlib.Path:
        path = bundle.dir / "resources.json"
        path.write_text(resources if isinstance(resources, str) else json.dumps(resources))
        return path

    def value(self, bundle, controller: str, file: str) -> str:
        name = bundle.linux["cgroupsPath"].lstrip("/")
        return ((CGROUPS / name if V2 else CGROUPS / controller / name) / file).read_text().strip()

    def test_by_options(self):
        bundle = self.started()
        result = self.ok(self.update(bundle, "--memory", "64m", "--pids-limit=20", "--cpu-quota", "30000",
                                     "--cpu-period", "60000"))
        self.assertEqual((result.out, result.err), ("", ""))
        self.assertEqual(self.value(bundle, "memory", MEMORY), str(64 << 20))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "20")
        if V2:
            self.assertEqual(self.value(bundle, "cpu", "cpu.max"), "30000 60000")
        else:
            self.assertEqual(self.value(bundle, "cpu", "cpu.cfs_quota_us"), "30000")

    def test_by_file_in_both_spellings(self):
        bundle = self.started()
        for limit, spelling in ((30, "--resources={}"), (31, "--resources {}"), (32, "-r {}")):
            path = self.document(bundle, {"pids": {"limit": limit}})
            self.ok(self.update(bundle, *spelling.format(path).split()))
            self.assertEqual(self.value(bundle, "pids", "pids.max"), str(limit))

    def test_by_stdin(self):
        bundle = self.started()
        with open(self.document(bundle, {"pids": {"limit": 44}}), encoding="utf-8") as file:
            self.ok(self.update(bundle, "--resources", "-", stdin=file))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "44")

    def test_raising_and_lowering_memory_with_swap(self):
        """v1: neither may ever pass the other, so the order of writing matters."""
        bundle = self.started(memory={"limit": 64 << 20, "swap": 64 << 20})
        for limit in (256 << 20, 32 << 20):
            self.ok(self.update(bundle, "--memory", str(limit), "--memory-swap", str(limit)))
            self.assertEqual(self.value(bundle, "memory", MEMORY), str(limit))

    def test_the_limit_bites(self):
        bundle = self.bundle().sh("while ! [ -e /tmp/go ]; do sleep 0.05; done; "
                                  "for i in 1 2 3 4 5 6 7 8; do sleep 30 & done; echo all")
        self.create_and_start(bundle)
        self.ok(self.update(bundle, "--pids-limit", "4"))
        bundle.exec("touch", "/tmp/go")
        bundle.wait_stopped()
        self.assertNotIn("all", bundle.output())

    def test_one_bad_value_takes_all_back(self):
        bundle = self.started(memory={"limit": 96 << 20})
        before = self.value(bundle, "memory", MEMORY)
        result = self.update(bundle, "--memory", "64m", "--cpuset-cpus", "4000")
        self.fails(result, "cpuset.cpus")
        self.assertEqual(self.value(bundle, "memory", MEMORY), before)
        self.ok(self.update(bundle, "--pids-limit", "5"))  # and the refused ones are not remembered
        self.assertEqual(self.value(bundle, "memory", MEMORY), before)

    def test_the_next_update_starts_from_the_last(self):
        bundle = self.started(cpu={"quota": 20000, "period": 100000})
        self.ok(self.update(bundle, "--cpu-quota", "40000"))
        self.ok(self.update(bundle, "--cpu-period", "50000"))
        found = self.value(bundle, "cpu", "cpu.max") if V2 else " ".join(
            self.value(bundle, "cpu", file) for file in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
        self.assertEqual(found, "40000 50000")

    def test_zero_means_not_set(self):
        bundle = self.started(memory={"limit": 96 << 20})
        path = self.document(bundle, {"memory": {"limit": 0, "swap": 0}, "cpu": {"shares": 0}, "pids": {"limit": 0}})
        self.ok(self.update(bundle, "-r", path))
        self.assertEqual(self.value(bundle, "memory", MEMORY), str(96 << 20))

    def test_processes_stay_limited(self):
        bundle = self.started(pids={"limit": 100})
        result = self.ok(self.update(bundle, "--pids-limit", "-1"))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "512")
        self.assertIn("pids", result.err)

    def test_passthrough_may_lift_everything(self):
        bundle = self.started(mode="passthrough", pids={"limit": 100}, memory={"limit": 96 << 20})
        self.ok(self.update(bundle, "--pids-limit", "-1"))
        self.ok(self.update(bundle, "--memory-swap", "-1", "--memory", "-1"))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "max")
        self.assertEqual(self.value(bundle, "memory", MEMORY), UNLIMITED)

    def test_devices_are_not_for_update(self):
        bundle = self.started()
        path = self.document(bundle, {"devices": [{"allow": True, "access": "rwm"}], "pids": {"limit": 50}})
        before = "" if V2 else self.value(bundle, "devices", "devices.list")
        self.ok(self.update(bundle, "-r", path))
        self.assertEqual("" if V2 else self.value(bundle, "devices", "devices.list"), before)
        self.assertNotIn("a *:* rwm", before)

    def test_rather_no_change_than_an_oom_kill(self):
        bundle = self.bundle().sh("dd if=/dev/zero of=/dev/shm/full bs=1M count=30 2>/dev/null; echo ready; sleep 60")
        self.create_and_start(bundle)
        bundle.wait_output("ready", timeout=30)
        path = self.document(bundle, {"memory": {"limit": 8 << 20, "checkBeforeUpdate": True}})
        self.fails(self.update(bundle, "-r", path), "more than the new limit")
        self.assertEqual(bundle.status(), "running")

    def test_a_paused_and_a_created_container(self):
        bundle = self.bundle(["sleep", "60"])
        self.ok(bundle.create())
        self.ok(self.update(bundle, "--pids-limit", "60"))
        self.ok(bundle.start())
        self.ok(bundle.call("pause", bundle.id))
        self.ok(self.update(bundle, "--pids-limit", "61"))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "61")
        self.assertEqual(bundle.status(), "paused")

    def test_a_stopped_container(self):
        bundle = self.create_and_start(self.bundle(["true"]))
        bundle.wait_stopped()
        self.fails(self.update(bundle, "--pids-limit", "5"), "container not running")

    def test_broken_requests_change_nothing(self):
        bundle = self.started(pids={"limit": 77})
        for text, said in (("{", "resources.json"), ("[]", "expected object"), ('{"pids":{"limit":"5"}}', "pids.limit"),
                           ('{"pids":{"limit":-7}}', "pids.limit"), ('{"PIDS":{"limit":5}}', "PIDS"),
                           ('{"unified":{"../x":"1"}}', "not a file name"), ('{"pids":{"limit":1,"limit":2}}', "duplicate")):
            self.fails(self.update(bundle, "-r", self.document(bundle, text)), said)
        for options in (["--memory", "lots"], ["--pids-limit", "5x"], ["--blkio-weight", "70000"],
                        ["--l3-cache-schema", "x"], ["-r", "/nowhere/at/all"]):
            self.fails(self.update(bundle, *options))
        self.assertEqual(self.value(bundle, "pids", "pids.max"), "77")

    @unittest.skipIf(V2, "the files of cgroup v1")
    def test_podmans_document(self):
        """What podman writes into the file of `update --resources=`."""
        bundle = self.started()
        text = '{"memory":{"limit":134217728,"swap":268435456},"cpu":{"shares":512,"quota":0,"period":0}}'
        self.ok(self.update(bundle, f"--resources={self.document(bundle, text)}"))
        self.assertEqual(self.value(bundle, "memory", "memory.memsw.limit_in_bytes"), "268435456")
        self.assertEqual(self.value(bundle, "cpu", "cpu.shares"), "512")


if __name__ == "__main__":
    nucleus_test.main()
