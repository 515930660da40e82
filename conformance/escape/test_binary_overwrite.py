"""CVE-2019-5736: a container makes the runtime execute itself, or watches it enter, and overwrites the host's binary."""
import os
import shutil

import escape
import nucleus_test
from nucleus_test import NucleusTest, call


class EntryPoint(NucleusTest):
    """The container's own program is the runtime's, which the kernel would find through /proc/self/exe."""

    def attacked(self, mode: str, change) -> tuple:
        bundle = self.bundle(mode=mode)
        binary = escape.private_binary(bundle)
        change(bundle)
        before = escape.digest(binary)
        result = bundle.run()
        self.assertEqual(escape.digest(binary), before, f"{mode}: the runtime's binary was overwritten")
        return result, bundle

    def hardened_refuses(self, change) -> None:
        for mode in escape.HARDENED:
            with self.subTest(mode=mode):
                result, _ = self.attacked(mode, change)
                self.assertNotEqual(result.rc, 0, result.out)
                self.assertNotIn("nucleus-oci version", result.out, "the runtime was executed inside the container")

    @staticmethod
    def program(*args):
        def change(bundle):
            bundle.process["args"] = list(args)
        return change

    @staticmethod
    def script(bundle):
        (bundle.rootfs / "bin/entry").write_text("#!/proc/self/exe --version\n")
        (bundle.rootfs / "bin/entry").chmod(0o755)
        bundle.process["args"] = ["/bin/entry"]

    @staticmethod
    def link(bundle):
        os.symlink("/proc/self/exe", bundle.rootfs / "bin/entry")
        bundle.process["args"] = ["/bin/entry", "--version"]

    def test_proc_self_exe_as_program_does_not_run_in_hardened_modes(self):
        self.hardened_refuses(self.program("/proc/self/exe", "--version"))

    def test_script_with_proc_self_exe_as_interpreter_does_not_run(self):
        self.hardened_refuses(self.script)

    def test_symlink_to_proc_self_exe_does_not_run(self):
        self.hardened_refuses(self.link)

    def test_proc_thread_self_and_pid_one_do_not_run(self):
        for path in ("/proc/1/exe", "/proc/thread-self/exe", "/proc/self/task/1/exe"):
            self.hardened_refuses(self.program(path, "--version"))

    def test_passthrough_executes_a_copy_that_cannot_be_written(self):
        """Without Landlock the runtime's image can be executed; what runs there must not be the host's file."""
        for change in (self.program("/proc/self/exe", "--version"), self.script, self.link):
            result, _ = self.attacked("passthrough", change)
            self.assertIn("nucleus-oci version", result.out, "the attack's precondition: " + result.err)

    def test_passthrough_with_every_capability_cannot_write_the_running_image(self):
        """The container's program is the runtime's image, waiting in `create`; a sibling opens it for writing."""
        bundle = self.bundle(mode="passthrough")
        binary = escape.private_binary(bundle)
        before = escape.digest(binary)
        escape.unconfined(bundle)
        self.ok(bundle.create())
        image = f"/proc/{bundle.pid()}/exe"
        with self.assertRaises(OSError) as caught:
            os.close(os.open(image, os.O_WRONLY))
        self.assertIn(os.strerror(caught.exception.errno), ("Read-only file system", "Text file busy"))
        self.ok(bundle.delete("--force"))
        self.assertEqual(escape.digest(binary), before)


class Watcher(NucleusTest):
    """Somebody inside waits for the runtime to come in by exec and opens its image."""

    ROUNDS = 12

    def watched(self, mode: str, change=None) -> tuple:
        bundle = self.bundle(mode=mode)
        binary = escape.private_binary(bundle)
        bundle.process["args"] = [escape.add_helper(bundle, "overwriter"), "8"]
        if change:
            change(bundle)
        before = escape.digest(binary)
        self.ok(bundle.run_detached())
        bundle.wait_output("watching")
        for _ in range(self.ROUNDS):
            bundle.exec("/bin/true")
            bundle.exec("/proc/self/exe", "--version")
        bundle.wait_stopped(timeout=15)
        return bundle.output(), before == escape.digest(binary)

    def test_exec_in_hardened_modes_shows_no_image_of_the_runtime(self):
        for mode in escape.HARDENED:
            with self.subTest(mode=mode):
                output, same = self.watched(mode)
                self.assertIn("end", output)
                self.assertNotIn("held", output)
                self.assertNotIn("overwritten", output)
                self.assertTrue(same)

    def test_exec_in_passthrough_with_every_capability_leaves_the_binary_alone(self):
        output, same = self.watched("passthrough", escape.unconfined)
        self.assertNotIn("overwritten", output)
        self.assertTrue(same, output)


class Control(NucleusTest):
    """That the watcher's attack works where nobody defends: a plain program that enters with nsenter."""

    def test_overwriter_overwrites_an_undefended_program(self):
        target = self.temp_dir() / "busybox"  # the overwriter looks for "nucleus" in the path
        shutil.copy(shutil.which("busybox"), target)
        before = escape.digest(target)
        script = (f"mount -t proc proc /proc; {escape.HELPERS}/overwriter {15 * nucleus_test.PATIENCE} & "
                  f"{target} sleep {2 * nucleus_test.PATIENCE}; wait")
        result = call(["unshare", "--mount", "--pid", "--fork", "bash", "-c", script])
        self.assertNotEqual(escape.digest(target), before, result.out + result.err)


if __name__ == "__main__":
    nucleus_test.main()
