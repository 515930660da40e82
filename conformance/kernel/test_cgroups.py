"""Cgroups of this host (v1, hybrid or v2): limits written, biting, and gone afterwards."""
import json
import os
import pathlib
import unittest

import nucleus_test
from nucleus_test import CGROUPS, NucleusTest

V2 = (CGROUPS / "cgroup.controllers").exists()


@unittest.skipUnless(CGROUPS.exists(), "no cgroups")
class Cgroups(NucleusTest):
    def directory(self, bundle, controller: str) -> pathlib.Path:
        path = bundle.linux["cgroupsPath"].lstrip("/")
        return CGROUPS / path if V2 else CGROUPS / controller / path

    def limited(self, args=("sleep", "60"), mode: str = "strict-agent", **resources):
        bundle = self.bundle(list(args), mode=mode)
        bundle.linux["resources"].update(resources)
        return bundle

    def files(self, bundle, wanted: dict) -> dict:
        found = {}
        for name, (controller, v1, v2) in wanted.items():
            found[name] = (self.directory(bundle, controller) / (v2 if V2 else v1)).read_text().strip()
        return found

    def test_disabled_means_no_cgroup_and_no_strict_mode(self):
        disabled = ("--cgroup-manager", "disabled")
        bundle = self.limited(mode="agent", pids={"limit": 33})
        made = self.ok(bundle.create(globals=disabled))
        self.assertIn("nothing limits processes", bundle.output(stream="err"), made)
        self.assertEqual(nucleus_test.cgroups_named(bundle.tag), [])
        self.ok(bundle.start())
        self.ok(bundle.kill("KILL"))
        bundle.wait_stopped()
        self.ok(bundle.delete())
        refused = self.limited(pids={"limit": 33}).create(globals=disabled)
        self.assertEqual(refused.rc, 1)
        self.assertIn("mode strict-agent needs a cgroup", refused.err)
        self.fails(bundle.call("list", globals=("--cgroup-manager", "x")), "invalid cgroup-manager: x")

    def test_limits_are_written(self):
        bundle = self.limited(memory={"limit": 64 << 20}, pids={"limit": 33},
                              cpu={"shares": 512, "quota": 50000, "period": 100000})
        self.ok(bundle.create())
        found = self.files(bundle, {"memory": ("memory", "memory.limit_in_bytes", "memory.max"),
                                    "pids": ("pids", "pids.max", "pids.max")})
        self.assertEqual(found, {"memory": str(64 << 20), "pids": "33"})
        cpu = self.directory(bundle, "cpu")
        quota = (cpu / "cpu.max").read_text().split() if V2 else [
            (cpu / name).read_text().strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
        self.assertEqual(quota, ["50000", "100000"])
        if not V2:
            self.assertEqual((cpu / "cpu.shares").read_text().strip(), "512")

    def test_init_is_in_every_hierarchy(self):
        bundle = self.create_and_start(self.limited())
        lines = pathlib.Path(f"/proc/{bundle.pid()}/cgroup").read_text().splitlines()
        for line in lines:
            if V2 or not line.startswith("0::"):  # a hybrid host's unified hierarchy has no controllers
                self.assertTrue(line.endswith(bundle.linux["cgroupsPath"]), line)

    def test_five_hundred_and_twelve_processes_by_default(self):
        bundle = self.limited()
        self.ok(bundle.create())
        self.assertEqual((self.directory(bundle, "pids") / "pids.max").read_text().strip(), "512")

    def test_absolute_path_is_honoured(self):
        bundle = self.bundle(["sleep", "60"])
        bundle.linux["cgroupsPath"] = f"/{bundle.tag}/nested/deep"
        self.create_and_start(bundle)
        directory = self.directory(bundle, "memory")
        self.assertIn(str(bundle.pid()), (directory / "cgroup.procs").read_text().split())
        self.ok(bundle.delete("--force"))
        self.assertFalse(directory.exists())
        self.remove_parents(bundle)

    def remove_parents(self, bundle):
        """Directories above the container's own are not the runtime's to remove."""
        for top in nucleus_test.cgroups_named(bundle.tag):
            for path, *_ in os.walk(top, topdown=False):
                os.rmdir(path)

    def own_cgroup(self, controller: str) -> str:
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if controller in names.split(",") or (V2 and not names):
                return path
        return "/"

    def test_relative_path_starts_at_our_own(self):
        """Below it; on v2 beside it, because a cgroup with processes hands no controllers down."""
        bundle = self.bundle(["sleep", "60"])
        bundle.linux["cgroupsPath"] = f"{bundle.tag}"
        self.create_and_start(bundle)
        own = self.own_cgroup("pids").rstrip("/")
        own = own.rpartition("/")[0] if V2 else own
        text = pathlib.Path(f"/proc/{bundle.pid()}/cgroup").read_text()
        self.assertIn(f":{own}/{bundle.tag}", text)

    def test_no_path_at_all(self):
        bundle = self.bundle(["sleep", "60"])
        del bundle.linux["cgroupsPath"]
        self.create_and_start(bundle)
        text = pathlib.Path(f"/proc/{bundle.pid()}/cgroup").read_text()
        self.assertIn(f"/{bundle.id}\n", text)

    def test_gone_after_delete(self):
        bundle = self.create_and_start(self.limited(memory={"limit": 64 << 20}))
        self.assertNotEqual(nucleus_test.cgroups_named(bundle.tag), [])
        self.ok(bundle.delete("--force"))
        self.assertEqual(nucleus_test.cgroups_named(bundle.tag), [])

    def test_gone_after_run_that_leaves_processes_behind(self):
        bundle = self.bundle().sh("setsid sleep 60 & setsid sleep 60 & exit 0")
        self.ok(bundle.run())
        self.assertEqual(bundle.leftovers(), [])

    def test_a_cgroup_that_exists_is_used(self):
        bundle = self.limited()
        directory = self.directory(bundle, "memory")
        directory.mkdir()
        self.create_and_start(bundle)
        self.assertIn(str(bundle.pid()), (directory / "cgroup.procs").read_text().split())

    def test_limit_that_the_kernel_refuses(self):
        bad = {"cpu": {"quota": 1, "period": 100000}}
        strict = self.limited(**bad)
        self.fails(strict.create(), "cpu")
        self.assertEqual(strict.leftovers(), [])
        agent = self.limited(["true"], mode="agent", **bad)
        self.assertIn("cgroup", self.ok(agent.run()).err)

    def test_stats_where_engines_look(self):
        """Engines read usage below cgroupsPath themselves."""
        bundle = self.create_and_start(self.limited())
        name = "memory.current" if V2 else "memory.usage_in_bytes"
        self.assertGreater(int((self.directory(bundle, "memory") / name).read_text()), 0)
        pids = json.loads(self.ok(bundle.call("ps", "--format", "json", bundle.id)).out)
        self.assertEqual(pids, [bundle.pid()])


if __name__ == "__main__":
    nucleus_test.main()
