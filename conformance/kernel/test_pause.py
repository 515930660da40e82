"""pause and resume, and every other command on a paused container."""
import time

import nucleus_test
from nucleus_test import NucleusTest

TICKING = "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"


class Pause(NucleusTest):
    def ticking(self):
        bundle = self.create_and_start(self.bundle().sh(TICKING))
        bundle.wait_output("3\n")
        return bundle

    def paused(self):
        bundle = self.ticking()
        self.ok(bundle.call("pause", bundle.id))
        return bundle

    def test_nothing_moves_until_resume(self):
        bundle = self.paused()
        self.assertEqual(bundle.status(), "paused")
        before = bundle.output()
        time.sleep(0.3)
        self.assertEqual(bundle.output(), before)
        self.ok(bundle.call("resume", bundle.id))
        self.assertEqual(bundle.status(), "running")
        nucleus_test.wait_until(lambda: bundle.output() != before, "the container to go on")

    def test_success_is_silent(self):
        bundle = self.ticking()
        for verb in ("pause", "resume"):
            result = self.ok(bundle.call(verb, bundle.id))
            self.assertEqual((result.out, result.err), ("", ""))

    def test_twice(self):
        bundle = self.paused()
        self.fails(bundle.call("pause", bundle.id), "container not running")
        self.ok(bundle.call("resume", bundle.id))
        self.fails(bundle.call("resume", bundle.id), "container not paused")

    def test_a_stopped_container(self):
        bundle = self.create_and_start(self.bundle(["true"]))
        bundle.wait_stopped()
        self.fails(bundle.call("pause", bundle.id), "container not running")
        self.fails(bundle.call("resume", bundle.id), "container not paused")

    def test_a_created_container_waits_frozen(self):
        bundle = self.bundle(["echo", "started"])
        self.ok(bundle.create())
        self.ok(bundle.call("pause", bundle.id))
        self.assertEqual(bundle.status(), "paused")
        self.fails(bundle.start(), "cannot start a container in the paused state")
        self.ok(bundle.call("resume", bundle.id))
        self.assertEqual(bundle.status(), "created")
        self.ok(bundle.start())
        bundle.wait_output("started")

    def test_exec_is_refused_unless_asked(self):
        bundle = self.paused()
        self.fails(bundle.exec("true"), "cannot exec in a paused container (use --ignore-paused to override)", rc=255)
        self.ok(bundle.call("resume", bundle.id))
        self.ok(bundle.exec("true"))

    def test_kill_ends_a_paused_container(self):
        bundle = self.paused()
        self.ok(bundle.kill("KILL"))
        bundle.wait_stopped()

    def test_kill_all_ends_a_paused_container(self):
        bundle = self.paused()
        self.ok(bundle.kill("KILL", "--all"))
        bundle.wait_stopped()

    def test_delete_wants_force(self):
        bundle = self.paused()
        self.fails(bundle.delete(), f"cannot delete container {bundle.id} that is not stopped: paused")
        self.ok(bundle.delete("--force"))
        self.assertEqual(bundle.leftovers(), [])

    def test_an_unknown_container(self):
        bundle = self.bundle(["true"])
        for verb in ("pause", "resume"):
            self.fails(bundle.call(verb, "nobody"), "container does not exist")


if __name__ == "__main__":
    nucleus_test.main()
