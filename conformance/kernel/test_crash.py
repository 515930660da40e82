"""Death and failure at every step of a launch: nothing is left that `delete --force` does not remove.

The runtime with fault points (fault.hpp) is killed, held or failed at each of the launcher's steps and each of init's
operations, whose number `plan` tells."""
import json
import os
import re
import subprocess
import unittest

import nucleus_test
from nucleus_test import NUCLEUS, NUCLEUS_FAULTS, NucleusTest, wait_until

LAUNCHER_STEPS = 10


@unittest.skipUnless(os.path.exists(NUCLEUS_FAULTS), "no build with fault points")
class Crash(NucleusTest):
    def setUp(self):
        self.made = self.bundle(["sleep", "60"], mode="strict-agent")
        self.made.binary = NUCLEUS_FAULTS
        self.made.linux["resources"]["memory"] = {"limit": 256 << 20}
        for kind in ("createRuntime", "createContainer", "startContainer"):
            self.made.hook(kind, "true")
        self.mark = self.made.dir / "mark"

    def plan(self) -> list:
        """Init's operations, as (phase, description)."""
        self.made.write()
        text = self.ok(self.made.call("plan", "--bundle", self.made.path, "--mode", self.made.mode)).out
        lines = re.findall(r"^ +(\d+)  (\S+) +(.*)$", text.split("init:\n", 1)[1], re.M)
        self.assertEqual([int(n) for n, _, _ in lines], list(range(1, len(lines) + 1)))
        self.assertGreater(len(lines), 20)
        return [(phase, description) for _, phase, description in lines]

    def environment(self, stage: str, index: int, what: str) -> dict:
        self.mark.unlink(missing_ok=True)
        return {**os.environ, "NUCLEUS_FAULT": f"{stage}:{index}:{what}", "NUCLEUS_FAULT_MARK": str(self.mark)}

    def delete_and_look(self, where: str) -> None:
        self.ok(self.made.call("delete", "--force", self.made.id, binary=NUCLEUS))
        self.assertEqual(self.made.leftovers(), [], where)
        self.assertTrue(self.mark.exists(), f"{where}: the fault was not reached")

    def test_launcher_killed_at_each_step(self):
        for index in range(LAUNCHER_STEPS):
            result = self.made.create(env=self.environment("create", index, "kill"))
            self.assertEqual(result.rc, -9, index)
            self.delete_and_look(f"create:{index}")
        self.ok(self.made.create(env=self.environment("create", LAUNCHER_STEPS, "kill")))
        self.assertFalse(self.mark.exists(), "there are more steps than this test knows")

    def test_launcher_fails_at_each_step(self):
        for index in range(LAUNCHER_STEPS - 1):
            self.fails(self.made.create(env=self.environment("create", index, "fail")), f"create:{index}")
            self.assertEqual(self.made.leftovers(), [], f"create:{index}")

    def before_start(self) -> list:
        """Indices of the operations that `create` performs."""
        return [i for i, (phase, _) in enumerate(self.plan()) if phase in self.create_phases(self.plan())]

    def create_phases(self, plan) -> set:
        phases = [phase for phase, _ in plan]
        return set(phases[:phases.index("wait") + 1])

    def test_launcher_killed_at_each_operation_of_init(self):
        for index in self.before_start():
            launcher = subprocess.Popen(
                [NUCLEUS_FAULTS, "--root", self.made.root, "create", "--bundle", self.made.path, "--mode",
                 self.made.mode, self.made.id],
                env=self.environment("init", index, "pause"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            self.made.ids = [self.made.id]
            wait_until(self.mark.exists, f"init:{index}")
            launcher.kill()
            launcher.wait()
            self.delete_and_look(f"init:{index}")

    def test_init_killed_at_each_operation(self):
        plan = self.plan()
        for index in self.before_start():
            result = self.made.create(env=self.environment("init", index, "kill"))
            self.fails(result, "ended during set-up (signal 9)")
            self.assertEqual(self.made.leftovers(), [], plan[index])
            self.assertTrue(self.mark.exists())

    def test_init_fails_at_each_operation_of_create(self):
        plan = self.plan()
        for index in self.before_start():
            phase, description = plan[index]
            if "[failure warns]" in description:
                continue
            result = self.made.create(env=self.environment("init", index, "fail"))
            self.fails(result, f"init op {index + 1}/{len(plan)} ({description})")
            self.assertEqual(self.made.leftovers(), [], plan[index])

    def test_init_fails_at_each_operation_of_start(self):
        plan = self.plan()
        self.made.sh("echo ran")
        for index in range(len(self.before_start()), len(plan)):
            result = self.made.run(env=self.environment("init", index, "fail"))
            self.fails(result, f"init op {index + 1}/{len(plan)} ({plan[index][1]})")
            self.assertEqual(result.out, "")
            self.assertEqual(self.made.leftovers(), [], plan[index])

    def test_starter_killed_at_each_operation_of_start(self):
        plan = self.plan()
        for index in range(len(self.before_start()), len(plan)):
            self.ok(self.made.create(env=self.environment("init", index, "pause")))
            starter = subprocess.Popen([NUCLEUS_FAULTS, "--root", self.made.root, "start", self.made.id],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(self.mark.exists, f"init:{index}")
            starter.kill()
            starter.wait()
            self.assertIn(self.made.state().get("status"), ("created", "running", "stopped"))
            self.delete_and_look(f"init:{index}")

    def test_runtime_killed_while_in_the_foreground(self):
        bundle = self.made
        bundle.write()
        bundle.ids = [bundle.id]
        runtime = subprocess.Popen([NUCLEUS, "--root", bundle.root, "run", "--bundle", bundle.path, bundle.id],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: bundle.state().get("status") == "running", "the container to run")
        runtime.kill()
        runtime.wait()
        self.mark.touch()
        self.delete_and_look("run")

    def test_user_namespace_and_failures(self):
        self.made.user_namespace()
        plan = self.plan()
        for index in range(len(plan)):
            if "[failure warns]" not in plan[index][1]:
                self.fails(self.made.run(env=self.environment("init", index, "fail")), f"init op {index + 1}/{len(plan)}")
                self.assertEqual(self.made.leftovers(), [], plan[index])

    def test_record_is_whole_at_every_moment(self):
        """`state` sees a whole record, or none, whatever moment the launcher died at."""
        for index in range(1, LAUNCHER_STEPS):
            self.made.create(env=self.environment("create", index, "kill"))
            result = self.made.call("state", self.made.id)
            self.assertEqual(result.rc, 0, index)
            self.assertIn(json.loads(result.out)["status"], ("creating", "created", "stopped"))
            self.delete_and_look(f"create:{index}")


if __name__ == "__main__":
    nucleus_test.main()
