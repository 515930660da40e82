"""Attacks on the kernel's surface from inside a container, each performed for real by probe.c."""
import socket

import escape
import nucleus_test
from nucleus_test import NucleusTest

# Outcomes that mean "the call did nothing for the attacker".
REFUSED = {"EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "EINVAL"}
KILLED = "killed 31"  # SIGSYS

GROUPS = {
    "other processes": ["ptrace_attach", "ptrace_traceme", "vm_read", "pidfd_getfd_of_sibling", "kcmp_self"],
    "namespaces": ["unshare_user", "unshare_mount", "clone_user", "clone3_user", "setns_self"],
    "mounts": ["mount_tmpfs", "mount_proc", "remount_rw", "bind_root", "umount_proc_sys", "fsopen_tmpfs",
               "open_tree_clone", "mount_setattr_root", "chroot_tmp"],
    "devices and handles": ["mknod_disk", "mknod_mem", "open_by_handle", "name_to_handle", "memfd_exec"],
    "sockets": ["packet_socket", "alg_socket", "vsock_socket", "raw_socket", "netlink_audit", "netlink_netfilter",
                "netlink_xfrm"],
    "terminals": ["tiocsti", "tioclinux", "tiocsti_upper_half"],
    "kernel": ["bpf_map", "bpf_load", "keyctl_session", "add_key_user", "userfault", "io_uring", "perf_event", "fanotify",
               "syslog_read", "modify_ldt_read", "no_aslr", "vmsplice_pipe", "iopl_3", "set_hostname", "swapoff_nothing",
               "acct_off", "settime", "quotactl_nothing", "reboot_bad_magic"],
}
KILLERS = ["kexec_load_bad", "kexec_file_bad", "init_module_bad", "finit_module_bad", "delete_module_bad"]

# The errno that proves the filter, not the kernel, said no: these calls would otherwise work, or fail differently.
BY_FILTER = {"ptrace_traceme": "ENOSYS", "userfault": "ENOSYS", "io_uring": "ENOSYS", "bpf_map": "ENOSYS",
             "keyctl_session": "ENOSYS", "perf_event": "ENOSYS", "tiocsti_upper_half": "ENOSYS", "tioclinux": "ENOSYS",
             "clone3_user": "ENOSYS", "unshare_user": "ENOSYS", "mount_tmpfs": "ENOSYS", "fsopen_tmpfs": "ENOSYS",
             "name_to_handle": "ENOSYS", "no_aslr": "ENOSYS", "swapoff_nothing": "ENOSYS", "acct_off": "ENOSYS"}

# Works without any defence on every kernel that these tests run on.
WORKS_UNCONFINED = ["ptrace_attach", "vm_read", "unshare_mount", "mount_tmpfs", "fsopen_tmpfs", "chroot_tmp", "mknod_disk",
                    "packet_socket", "raw_socket", "keyctl_session", "userfault", "bpf_map", "set_hostname"]


class Probes(NucleusTest):
    def refused(self, group: str) -> None:
        names = GROUPS[group]
        for mode in escape.HARDENED:
            found = escape.probe(self, mode, *names)
            for name in names:
                with self.subTest(mode=mode, attack=name):
                    self.assertIn(found.get(name, "no outcome"), REFUSED | {KILLED})
                    self.assertEqual(found[name], BY_FILTER.get(name, found[name]))

    def test_control_attacks_work_without_a_defence(self):
        found = escape.probe(self, "passthrough", "all", change=escape.unconfined)
        self.assertEqual({name: found.get(name) for name in WORKS_UNCONFINED},
                         {name: "ok" for name in WORKS_UNCONFINED})
        for name in KILLERS:
            self.assertNotIn("killed", found[name], "invalid arguments alone kill nobody")

    def test_other_processes(self):
        self.refused("other processes")

    def test_namespaces(self):
        self.refused("namespaces")

    def test_mounts(self):
        self.refused("mounts")

    def test_devices_and_handles(self):
        self.refused("devices and handles")

    def test_sockets(self):
        self.refused("sockets")

    def test_terminals(self):
        self.refused("terminals")

    def test_kernel(self):
        self.refused("kernel")

    def test_exploit_indicators_kill(self):
        for mode in escape.HARDENED:
            found = escape.probe(self, mode, *KILLERS)
            self.assertEqual(found, {name: KILLED for name in KILLERS}, mode)

    def test_other_entries_of_the_kernel_do_not_pass_the_filter(self):
        """A filter for x86_64 must stop i386 calls and the x32 numbers as well."""
        for mode in escape.HARDENED:
            found = escape.probe(self, mode, "int80_getpid", "x32_getpid")
            for name, outcome in found.items():
                self.assertIn(outcome, REFUSED | {KILLED, "killed 11"}, f"{mode}: {name}")
            self.assertEqual(len(found), 2)

    def test_setuid_is_refused(self):
        for mode in escape.HARDENED:
            self.assertIn(escape.probe(self, mode, "setuid_other")["setuid_other"], REFUSED)

    def test_privileged_config_gains_nothing_in_agent_mode(self):
        """All that --privileged adds is dropped: every probe is refused as before."""
        names = [name for group in GROUPS.values() for name in group]
        found = escape.probe(self, "agent", *names, change=self.privileged)
        self.assertEqual({name: outcome for name, outcome in found.items() if outcome not in REFUSED | {KILLED}}, {})
        self.assertEqual(len(found), len(names))

    def test_privileged_config_is_refused_in_strict_agent_mode(self):
        bundle = self.bundle(mode="strict-agent").sh("echo ran")
        self.privileged(bundle)
        result = bundle.run()
        self.assertNotEqual(result.rc, 0)
        self.assertNotIn("ran", result.out)

    @staticmethod
    def privileged(bundle) -> None:
        escape.unconfined(bundle)
        bundle.linux.pop("seccomp", None)

    def test_config_that_allows_every_call_widens_nothing(self):
        """The config's profile is intersected with ours, never put in its place."""
        def allow_all(bundle):
            bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}
        names = ["bpf_map", "userfault", "keyctl_session", "unshare_user", "ptrace_attach", "mount_tmpfs"]
        found = escape.probe(self, "agent", *names, change=allow_all)
        self.assertEqual({name: outcome for name, outcome in found.items() if outcome == "ok"}, {})
        self.assertEqual(len(found), len(names))


class AbstractSocket(NucleusTest):
    """CVE-2020-15257: a service of the host on a socket without a path."""

    def setUp(self):
        self.name = f"nucleus-escape-{id(self)}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("\0" + self.name)
        self.listener.listen()
        self.addCleanup(self.listener.close)

    def outcome(self, mode: str, change=None) -> str:
        bundle = self.bundle(mode=mode)
        bundle.process["args"] = [escape.add_helper(bundle, "probe"), "connect-abstract", self.name]
        if change:
            change(bundle)
        return escape.outcomes(self.ok(bundle.run()).out)[self.name]

    def test_control_reachable_from_the_host_network(self):
        def host_network(bundle):
            bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "network"]
            bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/sys"]
        self.assertEqual(self.outcome("passthrough", host_network), "ok")

    def test_unreachable(self):
        for mode in escape.MODES:
            self.assertEqual(self.outcome(mode), "ECONNREFUSED", mode)


if __name__ == "__main__":
    nucleus_test.main()
