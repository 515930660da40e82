"""CVE-2024-21626: descriptors of host directories that reach the container, as such or as its working directory."""
import contextlib
import os
import shutil

import escape
import nucleus_test
from nucleus_test import NucleusTest, call

DESCRIPTORS = range(3, 31)
LIST = "for fd in /proc/self/fd/*; do printf '%s -> %s\\n' \"${fd##*/}\" \"$(readlink $fd)\"; done"


LEAK = f"for fd in {{{DESCRIPTORS.start}..{DESCRIPTORS.stop - 1}}}; do eval \"exec $fd</\"; done\n"


def leaky(bundle):
    """From now on this bundle's runtime is started with descriptors 3..30 of the host's root, not close-on-exec."""
    script = bundle.dir / "leaky"
    script.write_text(f'#!/bin/bash\n{LEAK}exec {bundle.binary} "$@"\n')
    script.chmod(0o755)
    bundle.binary = str(script)
    return bundle


class Leak(NucleusTest):
    def listed(self, text: str) -> dict:
        """Descriptor -> target; the shell's own of the directory it lists reads as nothing."""
        lines = (line.split(" -> ", 1) for line in text.splitlines() if " -> " in line)
        return {int(fd): target for fd, target in lines if fd.isdigit() and target}

    def test_control_descriptors_do_reach_a_plain_child(self):
        result = call(["bash", "-c", LEAK + "exec sh -c '" + LIST.replace("'", "'\\''") + "'"])
        self.assertEqual(sorted(fd for fd, target in self.listed(result.out).items() if target == "/"), list(DESCRIPTORS))

    def test_run_passes_none(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                result = self.ok(leaky(self.bundle(mode=mode)).sh(LIST).run())
                self.assertEqual([fd for fd in self.listed(result.out) if fd > 2], [], result.out)

    def test_exec_passes_none(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(["sleep", "60"], mode=mode))
                self.ok(bundle.run_detached())
                result = self.ok(bundle.exec("sh", "-c", LIST))
                self.assertEqual([fd for fd in self.listed(result.out) if fd > 2], [], result.out)

    def test_init_and_created_process_hold_no_directory(self):
        """While `create` waits, a process with the container's root sees what the waiting init holds."""
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(["sleep", "60"], mode=mode))
                self.ok(bundle.create())
                for stage in ("created", "running"):
                    targets = [os.readlink(f"/proc/{bundle.pid()}/fd/{fd}")
                               for fd in os.listdir(f"/proc/{bundle.pid()}/fd") if int(fd) > 2]
                    self.assertEqual([t for t in targets if not t.startswith(("socket:", "anon_inode:[landlock"))], [], stage)
                    if stage == "created":
                        self.ok(bundle.start())
                nucleus_test.wait_until(lambda: sorted(os.listdir(f"/proc/{bundle.pid()}/fd")) == ["0", "1", "2"],
                                        "only three descriptors in the running container")


class WorkingDirectory(NucleusTest):
    """Every number is tried: which of them the runtime itself has open is its own affair."""

    def refused(self, result) -> None:
        self.assertNotEqual(result.rc, 0, f"a working directory outside the container: {result.out}")
        self.assertEqual(result.out, "")

    def paths(self):
        for fd in DESCRIPTORS:
            yield f"/proc/self/fd/{fd}"
            yield f"/proc/self/fd/{fd}/.."

    def test_cwd_of_the_config_through_a_descriptor_is_refused(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(mode=mode)).sh("pwd; ls -la .")
                for fd in DESCRIPTORS:
                    bundle.process["cwd"] = f"/proc/self/fd/{fd}"
                    self.refused(bundle.run(id=f"{bundle.id}-{fd}"))

    def test_cwd_through_a_symlink_of_the_image_is_refused(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(mode=mode)).sh("pwd; ls -la .")
                for fd in DESCRIPTORS:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(bundle.rootfs / "work")
                    os.symlink(f"/proc/self/fd/{fd}", bundle.rootfs / "work")
                    bundle.process["cwd"] = "/work"
                    self.refused(bundle.run(id=f"{bundle.id}-{fd}"))

    def test_cwd_of_exec_through_a_descriptor_is_refused(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(["sleep", "60"], mode=mode))
                self.ok(bundle.run_detached())
                for path in self.paths():
                    self.refused(bundle.exec("sh", "-c", "pwd; ls -la .", options=["--cwd", path]))


class Program(NucleusTest):
    """The third way in: the program itself lies behind a descriptor of the runtime's own."""

    UP = "/../../../../../../../.."

    def host_program(self) -> str:
        """A static program on the host that no rootfs has, by its path from the host's root."""
        path = self.temp_dir() / "host-only"
        shutil.copy(shutil.which("busybox"), path)
        os.symlink("host-only", path.parent / "echo")
        return str(path.parent / "echo")

    def test_program_behind_a_descriptor_is_refused(self):
        program = self.host_program()
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(["sleep", "60"], mode=mode))
                self.ok(bundle.run_detached())
                for fd in DESCRIPTORS:
                    result = bundle.exec(f"/proc/self/fd/{fd}{self.UP}{program}", "ESCAPED")
                    self.assertNotIn("ESCAPED", result.out, f"descriptor {fd}")
                    self.assertNotEqual(result.rc, 0)

    def test_program_behind_a_descriptor_is_refused_by_run(self):
        program = self.host_program()
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = leaky(self.bundle(mode=mode))
                for fd in DESCRIPTORS:
                    bundle.process["args"] = [f"/proc/self/fd/{fd}{self.UP}{program}", "ESCAPED"]
                    result = bundle.run(id=f"{bundle.id}-{fd}")
                    self.assertNotIn("ESCAPED", result.out, f"descriptor {fd}")
                    self.assertNotEqual(result.rc, 0)


class PreservedDescriptors(NucleusTest):
    def test_only_the_preserved_ones_arrive(self):
        result = self.ok(leaky(self.bundle()).sh(LIST).run("--preserve-fds", "1"))
        found = {fd for fd in Leak.listed(self, result.out) if fd > 2}
        self.assertEqual(found, {3})


if __name__ == "__main__":
    nucleus_test.main()
