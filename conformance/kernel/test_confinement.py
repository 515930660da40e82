"""What the workload finds inside, in agent and strict-agent mode, against the same bundle without the rewrite."""
import os
import subprocess

import nucleus_test
from nucleus_test import Bundle, NucleusTest, attempts, namespaces, parse_status

CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
NOTHING = "0000000000000000"
# Every operation of attempt.c. Those that this host's root may do itself are the positive control.
REFUSED = ("unshare_user", "unshare_mount", "unshare_net", "clone_user", "clone3_user", "setns", "mount", "umount",
           "fsopen", "open_tree", "pivot_root", "chroot", "ptrace", "process_vm_readv", "bpf", "keyctl", "add_key",
           "af_packet", "af_alg", "af_vsock", "raw_socket", "netlink_netfilter", "tiocsti", "mknod",
           "open_by_handle_at", "perf_event_open", "io_uring_setup", "userfaultfd", "sethostname", "clock_settime")


class Confinement(NucleusTest):
    def status_in(self, mode: str) -> dict:
        bundle = self.bundle(["cat", "/proc/self/status"], mode=mode)
        bundle.process["noNewPrivileges"] = False
        return parse_status(self.ok(bundle.run()).out)

    def test_no_capabilities_seccomp_and_no_new_privileges(self):
        for mode in ("agent", "strict-agent"):
            status = self.status_in(mode)
            self.assertEqual({name: status[name] for name in CAPABILITY_SETS}, dict.fromkeys(CAPABILITY_SETS, NOTHING))
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"), mode)
        plain = self.status_in("passthrough")
        self.assertNotEqual(plain["CapEff"], NOTHING)
        self.assertEqual((plain["Seccomp"], plain["NoNewPrivs"]), ("0", "0"))

    def test_agent_is_the_default_mode(self):
        status = self.status_in("")
        self.assertEqual((status["CapBnd"], status["Seccomp"]), (NOTHING, "2"))

    def own_namespaces(self, bundle: Bundle) -> set:
        self.create_and_start(bundle.sh("sleep 60"))
        here, there = namespaces(), namespaces(bundle.pid())
        return {kind for kind in here if here[kind] != there[kind]}

    def test_seven_namespaces_of_its_own(self):
        for mode in ("agent", "strict-agent"):
            bundle = self.bundle(mode=mode)
            bundle.linux["namespaces"] = [{"type": kind} for kind in ("pid", "network", "ipc", "mount")]
            self.assertEqual(self.own_namespaces(bundle), set(namespaces()) - {"user"}, mode)

    def test_eight_namespaces_with_a_user_namespace(self):
        for mode in ("agent", "strict-agent"):
            bundle = self.bundle(mode=mode).user_namespace()
            (bundle.rootfs / "etc/readable").write_text("from the rootfs\n")
            self.assertEqual(self.own_namespaces(bundle), set(namespaces()), mode)
            self.assertEqual(self.ok(bundle.exec("cat", "/etc/readable")).out, "from the rootfs\n")
            mapping = self.ok(bundle.exec("cat", "/proc/self/uid_map")).out.split()
            self.assertEqual(mapping, ["0", "100000", "65536"])
            self.assertEqual(nucleus_test.status_of(bundle.pid())["Uid"].split()[0], "100000")

    def test_operations_refused(self):
        for mode in ("agent", "strict-agent"):
            bundle = self.bundle(["attempt"], mode=mode).add_attempt()
            done = attempts(self.ok(bundle.run()).out)
            self.assertEqual(set(done), set(REFUSED))
            self.assertEqual({name for name, result in done.items() if result == "ok"}, set(), mode)

    def test_the_same_operations_succeed_unconfined(self):
        """The positive control: what this host's root may do in namespaces of its own."""
        bundle = self.bundle().add_attempt()
        done = attempts(subprocess.run(["unshare", "-mpnfui", "--mount-proc", bundle.rootfs / "bin/attempt"],
                                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20 * nucleus_test.PATIENCE).stdout)
        working = {name for name, result in done.items() if result == "ok"}
        self.assertLessEqual({"unshare_user", "mount", "ptrace", "bpf", "keyctl", "af_packet", "fsopen"}, working, done)

    def test_the_same_operations_refused_in_exec(self):
        bundle = self.create_and_start(self.bundle(mode="strict-agent").add_attempt().sh("sleep 60"))
        done = attempts(self.ok(bundle.exec("attempt", options=["--cap", "CAP_AUDIT_WRITE"])).out)
        self.assertEqual(set(done), set(REFUSED))
        self.assertEqual({name for name, result in done.items() if result == "ok"}, set())

    def test_operations_refused_with_a_user_namespace(self):
        bundle = self.bundle(["attempt"], mode="strict-agent").add_attempt().user_namespace()
        done = attempts(self.ok(bundle.run()).out)
        self.assertEqual({name for name, result in done.items() if result == "ok"}, set())

    def tree(self, bundle: Bundle) -> list:
        return sorted(str(path.relative_to(bundle.rootfs)) for path in bundle.rootfs.rglob("*"))

    def test_writing_to_the_root_leaves_no_trace(self):
        script = "echo x >/etc/new && echo y >>/etc/passwd && rm /etc/group && mkdir /home/d && cat /etc/new"
        for mode in ("agent", "strict-agent"):
            bundle = self.bundle(mode=mode).sh(script)
            before, passwd = self.tree(bundle), (bundle.rootfs / "etc/passwd").read_text()
            self.assertEqual(self.ok(bundle.run()).out, "x\n")
            self.assertEqual(self.tree(bundle), before, mode)
            self.assertEqual((bundle.rootfs / "etc/passwd").read_text(), passwd)

    def test_writing_to_the_root_stays_in_passthrough(self):
        bundle = self.bundle(mode="passthrough").sh("echo x >/etc/new")
        self.ok(bundle.run())
        self.assertEqual((bundle.rootfs / "etc/new").read_text(), "x\n")

    def test_a_user_namespace_does_not_change_that(self):
        bundle = self.bundle(mode="strict-agent").user_namespace().sh("echo x >/tmp/new && cat /tmp/new")
        before = self.tree(bundle)
        self.assertEqual(self.ok(bundle.run()).out, "x\n")
        self.assertEqual(self.tree(bundle), before)

    def test_a_file_just_written_does_not_run(self):
        script = ("cp /bin/busybox /tmp/busybox && chmod 755 /tmp/busybox && "
                  "{ /tmp/busybox true; echo rc=$?; }; "
                  "printf '#!/bin/sh\\necho ran' >/tmp/script; chmod 755 /tmp/script; /tmp/script")
        for mode in ("agent", "strict-agent"):
            result = self.shell(script, mode=mode)
            self.assertEqual(result.out, "rc=126\n", f"{mode}: {result}")
            self.assertEqual(result.rc, 126)
        self.assertEqual(self.shell(script, mode="passthrough").out, "rc=0\nran\n")

    def test_programs_cannot_be_replaced(self):
        for target in ("/bin/busybox", "/bin/new", "/usr/bin/new", "/sbin/new"):
            self.assertNotEqual(self.shell(f"echo x >{target}").rc, 0, target)

    def test_a_sensitive_bind_is_refused_or_dropped(self):
        secret = "/etc/shadow"
        strict = self.bundle(["true"], mode="strict-agent").mount("/mnt/s", secret, options=["bind", "ro"])
        self.fails(strict.run(), "bind")
        agent = self.bundle(["ls", "/mnt"], mode="agent").mount("/mnt/s", secret, options=["bind", "ro"])
        result = self.ok(agent.run())
        self.assertEqual(result.out, "")
        self.assertIn("/etc/shadow", result.err)

    def test_host_network_needs_a_grant(self):
        def without_network(bundle):
            bundle.linux["namespaces"] = [e for e in bundle.linux["namespaces"] if e["type"] != "network"]
        for mode in ("agent", "strict-agent"):
            result = self.shell("true", mode=mode, change=without_network)
            self.assertTrue(result.rc != 0 and "network" in result.err, result)
        inside = self.shell("readlink /proc/self/ns/net", change=without_network, options=["--grant", "host-network"])
        self.assertEqual(self.ok(inside).out.strip(), namespaces()["net"])

    def test_environment_of_the_runtime_stays_out(self):
        bundle = self.bundle(["env"])
        result = self.ok(bundle.run(env={**os.environ, "NUCLEUS_SECRET": "x"}))
        self.assertNotIn("NUCLEUS_SECRET", result.out)


if __name__ == "__main__":
    nucleus_test.main()
