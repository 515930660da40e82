"""What stands in for a masked path or a console must be the kernel's own device, whatever the image holds
(CVE-2025-31133, CVE-2025-52565), and what is masked stays closed."""
import os
import pathlib
import pty
import socket
import stat
import time

import escape
import nucleus_test
from nucleus_test import NucleusTest

MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kallsyms", "/proc/interrupts", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/kmsg", "/proc/kpagecount", "/proc/kpageflags",
          "/proc/kpagecgroup", "/sys/firmware", "/sys/devices/virtual/powercap", "/sys/fs/bpf", "/sys/kernel/debug",
          "/sys/kernel/tracing")


class ReplacedNull(NucleusTest):
    """CVE-2025-31133: the image's own /dev/null is what a careless runtime would mount over the paths it masks."""

    IMAGE_FILES = {"regular": lambda path: path.write_text("image\n"),
                   "symlink": lambda path: path.symlink_to("/proc/sys/kernel/core_pattern"),
                   "host-link": lambda path: path.symlink_to("/etc/hostname"),
                   "directory": lambda path: path.mkdir(),
                   "zero": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))}

    def test_image_null_never_masks(self):
        for mode in escape.MODES:
            for name, make in self.IMAGE_FILES.items():
                with self.subTest(mode=mode, image=name):
                    bundle = self.bundle(mode=mode).sh("for f in kcore keys timer_list; do stat -c '%t:%T' /proc/$f; "
                                                       "head -c 4 /proc/$f | wc -c; done; ls /sys/firmware | wc -l")
                    # No mount on /dev: the image's directory is the container's.
                    bundle.config["mounts"] = [m for m in bundle.config["mounts"]
                                               if not m["destination"].startswith("/dev")]
                    make(bundle.rootfs / "dev/null")
                    result = bundle.run()
                    if result.rc == 0:  # else refused, which is as good
                        self.assertEqual(result.out.split(), ["1:3", "0"] * 3 + ["0"], result.out)

    def test_mounted_null_never_masks(self):
        """The same through a volume on /dev/null."""
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.bundle(mode=mode).sh("head -c 4 /proc/kcore | wc -c; stat -c '%t:%T' /proc/keys")
                fake = bundle.dir / "fake"
                fake.write_text("fake\n")
                bundle.mount("/dev/null", fake)
                result = bundle.run()
                if result.rc == 0:
                    self.assertEqual(result.out.split(), ["0", "1:3"])


class Masked(NucleusTest):
    SCRIPT = ("for p in " + " ".join(MASKED) + "; do if [ -d $p ]; then echo $p dir $(ls -A $p 2>/dev/null | wc -l); "
              "elif [ -e $p ]; then echo $p file $(dd if=$p bs=16 count=1 2>/dev/null | wc -c); fi; done")

    def sizes(self, mode: str, change=None) -> dict:
        rows = (line.split() for line in self.ok(self.shell(self.SCRIPT, mode=mode, change=change)).out.splitlines())
        return {path: int(count) for path, _, count in rows}

    def test_control_they_hold_something_unmasked(self):
        sizes = self.sizes("passthrough", escape.unconfined)
        self.assertGreater(len([path for path, count in sizes.items() if count]), 4, sizes)

    def test_masked_paths_are_empty(self):
        for mode in escape.HARDENED:
            sizes = self.sizes(mode)
            self.assertIn("/proc/keys", sizes)
            self.assertEqual([path for path, count in sizes.items() if count], [], mode)

    def test_config_without_masks_has_ours(self):
        """A config that asks to unmask is a request, which no policy grants."""
        def bare(bundle):
            bundle.linux["maskedPaths"] = []
            bundle.linux["readonlyPaths"] = []
        sizes = self.sizes("agent", bare)
        self.assertEqual([path for path, count in sizes.items() if count], [])


class KernelFiles(NucleusTest):
    """Files that lead from a container to the host when they can be written."""

    TARGETS = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
               "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger",
               "/proc/sys/kernel/sysrq", "/sys/kernel/uevent_helper", "/proc/self/oom_adj", "/proc/fs/nfsd",
               "/proc/irq/default_smp_affinity", "/sys/power/state", "/sys/module/apparmor/parameters/enabled",
               "/proc/timer_list", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm",
               "/dev/net/tun")

    def test_none_can_be_opened_for_writing(self):
        before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
        for mode in escape.HARDENED:
            bundle = self.bundle(mode=mode)
            bundle.process["args"] = [escape.add_helper(bundle, "probe"), "open-write", *self.TARGETS]
            found = escape.outcomes(self.ok(bundle.run()).out)
            self.assertEqual(set(found), set(self.TARGETS))
            allowed = {path for path, outcome in found.items() if outcome == "ok"}
            # /proc/timer_list and the like are the null device: writable and without effect.
            self.assertLessEqual(allowed, {"/proc/timer_list", "/proc/sysrq-trigger", "/proc/self/oom_adj"}, mode)
        self.assertEqual(pathlib.Path("/proc/sys/kernel/core_pattern").read_text(), before)

    def test_control_core_pattern_can_be_opened_unconfined(self):
        bundle = self.bundle(mode="passthrough")
        escape.unconfined(bundle)
        bundle.process["args"] = [escape.add_helper(bundle, "probe"), "open-write", "/proc/sys/kernel/core_pattern"]
        self.assertIn("core_pattern ok", self.ok(bundle.run()).out)


class Cgroups(NucleusTest):
    """CVE-2022-0492, CVE-2023-25809: a cgroup file system that can be written, above all release_agent."""

    SCRIPT = ("for f in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs -o -name notify_on_release "
              "-o -name 'devices.allow'); do (echo 1 > $f) 2>/dev/null && echo WROTE $f; done; "
              "mkdir /sys/fs/cgroup/owned 2>/dev/null && echo MADE; "
              "for d in /sys/fs/cgroup/*; do mkdir $d/owned 2>/dev/null && echo MADE $d; done; "
              "grep -c ' /sys/fs/cgroup' /proc/self/mountinfo; grep ' /sys/fs/cgroup' /proc/self/mountinfo")

    def attack(self, mode: str, change=None) -> str:
        return self.ok(self.shell(self.SCRIPT, mode=mode, change=change)).out

    @staticmethod
    def writable(bundle):
        for mount in bundle.config["mounts"]:
            if mount["type"] in ("cgroup", "sysfs"):
                mount["options"] = [option for option in mount["options"] if option != "ro"]

    def test_cgroup_mount_is_read_only(self):
        for mode in escape.HARDENED:
            for change in (None, self.writable):
                out = self.attack(mode, change) if change is None or mode == "agent" else ""
                self.assertNotIn("WROTE", out)
                self.assertNotIn("MADE", out)
                for line in (line for line in out.splitlines() if " - " in line):
                    self.assertIn("ro", line.split()[5].split(","), line)

    def test_no_path_of_the_host_hierarchy_is_shown(self):
        """Without a cgroup namespace the container's own directory is all that is mounted."""
        def no_namespace(bundle):
            bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "cgroup"]
        for mode in escape.HARDENED:
            out = self.ok(self.shell("cat /proc/self/cgroup", mode=mode, change=no_namespace)).out
            self.assertNotIn("nucleus-test", out, "the namespace is added")


class Console(NucleusTest):
    """CVE-2025-52565: the terminal of the container comes from its own devpts, and is mounted by descriptor."""

    def with_terminal(self, bundle) -> tuple:
        """Runs with --console-socket; the result and the descriptor that came over it, or None."""
        path = str(bundle.dir / "console")
        bundle.process["terminal"] = True
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(5 * nucleus_test.PATIENCE)
            result = bundle.run_detached("--console-socket", path)
            if result.rc != 0:
                return result, None
            connection, _ = listener.accept()
            with connection:
                _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        self.addCleanup(os.close, fds[0])
        return result, fds[0]

    def read(self, master: int) -> str:
        text = b""
        while b"END" not in text:
            try:
                text += os.read(master, 4096)
            except OSError:
                break
        return text.decode()

    def test_console_is_a_terminal_of_the_containers_devpts(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.bundle(mode=mode).sh("stat -c 'console %t %A' /dev/console; tty; echo END")
                _, master = self.with_terminal(bundle)
                text = self.read(master)
                self.assertIn("console 88 c", text)  # major 136

    def test_console_target_in_the_image_leads_nowhere(self):
        victim = self.temp_dir() / "victim"
        victim.write_text("host\n")
        for mode in escape.MODES:
            for target in (str(victim), "/".join([".."] * 12) + str(victim), "/proc/sysrq-trigger", "/proc/self/fd/0",
                           "/dev/null", str(victim.parent / "missing")):
                with self.subTest(mode=mode, target=target), escape.host_unchanged(self, victim.parent):
                    bundle = self.bundle(mode=mode).sh("stat -c '%t' -L /dev/console; echo END")
                    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
                    os.symlink(target, bundle.rootfs / "dev/console")
                    _, master = self.with_terminal(bundle)
                    if master is not None:
                        self.read(master)
                    self.assertEqual(victim.read_text(), "host\n")

    def test_console_target_exchanged_meanwhile_leads_nowhere(self):
        """The race itself: the image's /dev/console is now a file, now a link out, while the terminal is mounted."""
        victim = self.temp_dir() / "victim"
        victim.write_text("host\n")
        for mode in ("passthrough", "agent"):
            bundle = self.bundle(mode=mode).sh("stat -c 'console %t' /dev/console; echo END")
            bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
            console = bundle.rootfs / "dev/console"
            console.write_text("")
            os.symlink("/".join([".."] * 12) + str(victim), bundle.rootfs / "dev/other")
            before = escape.host_mounts(), escape.tree(victim.parent)
            hit = tried = 0
            begin = time.monotonic()
            with escape.swapping(console, bundle.rootfs / "dev/other"):
                # Four seconds, and as long as it takes until the file was there once.
                while (spent := time.monotonic() - begin) < 4 or (
                        (tried <= 3 or hit == 0) and spent < 30 * nucleus_test.PATIENCE):
                    result = self.race_once(bundle)
                    tried += 1
                    hit += "console 88" in result
                    self.assertEqual((escape.host_mounts(), escape.tree(victim.parent)), before, f"{mode}: host changed")
            self.assertEqual(victim.read_text(), "host\n")
            self.assertGreater(tried, 3, "the race was hardly run")
            self.assertGreater(hit, 0, "the control: a run in which the file was there")

    def race_once(self, bundle) -> str:
        """What one container with a terminal printed; nothing if it was refused."""
        path = pathlib.Path(bundle.dir / "console")
        path.unlink(missing_ok=True)
        bundle.id = f"{bundle.tag}-{len(bundle.ids)}"
        _, master = self.with_terminal(bundle)
        return self.read(master) if master is not None else ""

    def test_fake_devpts_is_refused(self):
        """A directory, or a tmpfs with a ptmx of its own, in place of devpts."""
        for mode in escape.MODES:
            for kind in ("directory", "tmpfs", "bind"):
                with self.subTest(mode=mode, kind=kind):
                    bundle = self.bundle(mode=mode).sh("echo END")
                    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev/pts"]
                    fake = bundle.dir / "pts"
                    fake.mkdir()
                    os.mknod(fake / "ptmx", stat.S_IFCHR | 0o666, os.makedev(5, 2))
                    if kind == "tmpfs":
                        bundle.mount("/dev/pts", "tmpfs", "tmpfs", [])
                    elif kind == "bind":
                        bundle.mount("/dev/pts", fake)
                    result, master = self.with_terminal(bundle)
                    self.assertNotEqual(result.rc, 0)
                    self.assertIsNone(master)

    def test_host_devpts_bound_into_the_container_gives_no_host_terminal(self):
        """A bind of the host's devpts is a devpts: the container would get a terminal number of the host's."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        for mode in escape.HARDENED:
            bundle = self.bundle(mode=mode).sh(f"echo INJECTED > {os.ttyname(slave)}; ls /dev/pts; echo END")
            for mount in bundle.config["mounts"]:
                if mount["destination"] == "/dev/pts":
                    mount.update(type="bind", source="/dev/pts", options=["bind"])
            bundle.run()
            os.set_blocking(master, False)
            with self.assertRaises(BlockingIOError):
                os.read(master, 64)


if __name__ == "__main__":
    nucleus_test.main()
