"""Death and failure at every step of a launch: nothing is left that `delete --force` does not remove.

The runtime with fault points (fault.hpp) is killed, held or failed at each of the launcher's steps and each of init's
operations, whose number `plan` tells."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import unittest

import nucleus_test
from nucleus_test import NUCLEUS, NUCLEUS_FAULTS, NucleusTest, wait_until

LAUNCHER_STEPS = 11


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
        # A child that had not joined the cgroup yet dies of its launcher's death, perhaps a moment later.
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.made.leftovers(), "nothing to be left", 5)
        self.assertEqual(self.made.leftovers(), [], where)

    def held(self, where: str) -> int:
        """The pid of init once it stands still at the fault point: there it takes that name."""
        def search():
            for pid, _ in nucleus_test.processes_named(self.made.tag):
                with contextlib.suppress(OSError):
                    if pathlib.Path(f"/proc/{pid}/comm").read_text() == "nucleus-fault\n":
                        return pid
            return 0
        return wait_until(search, where)

    def launch(self, verb: str, index: int, *arguments) -> subprocess.Popen:
        """A call of the runtime whose init stops at an operation."""
        self.made.write()
        self.made.ids = [self.made.id]
        return subprocess.Popen([NUCLEUS_FAULTS, "--root", self.made.root, verb, *arguments, self.made.id],
                                env=self.environment("init", index, "pause"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def create_held(self, index: int) -> subprocess.Popen:
        return self.launch("create", index, "--bundle", self.made.path, "--mode", self.made.mode)

    def test_launcher_killed_at_each_step(self):
        for index in range(LAUNCHER_STEPS):
            result = self.made.create(env=self.environment("create", index, "kill"))
            self.assertEqual(result.rc, -9, index)
            self.assertTrue(self.mark.exists())
            self.delete_and_look(f"create:{index}")
        self.ok(self.made.create(env=self.environment("create", LAUNCHER_STEPS, "kill")))
        self.assertFalse(self.mark.exists(), "there are more steps than this test knows")

    def test_launcher_fails_at_each_step(self):
        for index in range(LAUNCHER_STEPS - 1):
            self.fails(self.made.create(env=self.environment("create", index, "fail")), f"create:{index}")
            self.assertEqual(self.made.leftovers(), [], f"create:{index}")

    def before_start(self) -> range:
        """Indices of the operations that `create` performs."""
        phases = [phase for phase, _ in self.plan()]
        return range(phases.index("wait") + 1)

    def test_launcher_killed_at_each_operation_of_init(self):
        for index in self.before_start():
            launcher = self.create_held(index)
            self.held(f"init:{index}")
            launcher.kill()
            launcher.wait()
            self.delete_and_look(f"init:{index}")

    def test_init_killed_at_each_operation(self):
        for index in self.before_start():
            launcher = self.create_held(index)
            os.kill(self.held(f"init:{index}"), 9)
            self.assertEqual(launcher.wait(20 * nucleus_test.PATIENCE), 1)
            self.assertEqual(self.made.leftovers(), [], f"init:{index}")

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
            starter = self.launch("start", index)
            self.held(f"init:{index}")
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
