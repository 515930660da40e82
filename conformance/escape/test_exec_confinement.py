"""exec: joins everything that init is in, and is never less confined than init (CVE-2022-29162, CVE-2022-27650,
CVE-2026-30892)."""
import json
import os

import escape
import nucleus_test
from nucleus_test import NucleusTest

STATUS = "cat /proc/self/status"
CONFINEMENT = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters")


class Sleeping(NucleusTest):
    def sleeping(self, mode: str, change=None):
        bundle = self.bundle(["sleep", "60"], mode=mode)
        if change:
            change(bundle)
        self.ok(bundle.run_detached())
        return bundle

    def process_file(self, bundle, **fields):
        path = bundle.dir / "process.json"
        document = {"cwd": "/", "args": ["sh", "-c", STATUS], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]}
        path.write_text(json.dumps({**document, **fields}))
        return ["--process", path]

    def confinement(self, text: str) -> dict:
        status = nucleus_test.parse_status(text)
        return {key: status[key] for key in CONFINEMENT}


class Namespaces(Sleeping):
    def test_exec_is_in_every_namespace_and_cgroup_of_init(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.sleeping(mode, lambda b: b.namespace("time"))
                pid_file = bundle.dir / "pid"
                self.ok(bundle.exec("sleep", "60", options=["--detach", "--pid-file", pid_file],
                                    out=bundle.dir / "exec"))
                pid, init = int(pid_file.read_text()), bundle.pid()
                self.assertNotEqual(pid, init)
                self.assertEqual(nucleus_test.namespaces(pid), nucleus_test.namespaces(init))
                self.assertEqual(os.readlink(f"/proc/{pid}/ns/pid_for_children"),
                                 os.readlink(f"/proc/{init}/ns/pid_for_children"))
                for own, host in zip(*(nucleus_test.namespaces(p).items() for p in (pid, "self"))):
                    if own[0] not in ("user", "time"):
                        self.assertNotEqual(own, host)
                self.assertEqual(os.stat(f"/proc/{pid}/root/.").st_dev, os.stat(f"/proc/{init}/root/.").st_dev)
                self.assertEqual(self.cgroups(pid), self.cgroups(init))

    @staticmethod
    def cgroups(pid) -> list:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return sorted(file.read().splitlines())

    def test_exec_sees_no_process_of_the_host(self):
        for mode in escape.MODES:
            bundle = self.sleeping(mode)
            out = self.ok(bundle.exec("sh", "-c", "for p in /proc/[0-9]*; do cat $p/comm; done")).out.split()
            self.assertLessEqual(set(out), {"sleep", "sh", "cat"}, mode)


class NotWider(Sleeping):
    def assert_as_init(self, bundle, result) -> None:
        init = nucleus_test.status_of(bundle.pid())
        self.assertEqual(self.confinement(self.ok(result).out), {key: init[key] for key in CONFINEMENT})

    def test_exec_has_what_init_has(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.sleeping(mode)
                self.assert_as_init(bundle, bundle.exec("sh", "-c", STATUS))

    def test_process_file_that_asks_for_everything_gets_what_init_has(self):
        caps = {kind: escape.ALL_CAPABILITIES
                for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")}
        bundle = self.sleeping("agent")
        self.assert_as_init(bundle, bundle.exec(options=self.process_file(bundle, capabilities=caps,
                                                                         noNewPrivileges=False)))
        strict = self.sleeping("strict-agent")
        result = strict.exec(options=self.process_file(strict, capabilities=caps, noNewPrivileges=False))
        self.assertNotEqual(result.rc, 0)
        self.assertNotIn("CapEff", result.out)
        plain = strict.exec(options=self.process_file(strict, noNewPrivileges=False))
        self.assert_as_init(strict, plain)

    def test_cap_option_gives_nothing(self):
        bundle = self.sleeping("agent")
        self.assert_as_init(bundle, bundle.exec("sh", "-c", STATUS, options=["--cap", "CAP_SYS_ADMIN", "--cap", "CAP_CHOWN"]))
        strict = self.sleeping("strict-agent")
        result = strict.exec("sh", "-c", STATUS, options=["--cap", "CAP_SYS_ADMIN"])
        self.assertNotEqual(result.rc, 0)
        self.assertNotIn("CapEff", result.out)

    def test_cap_option_is_not_inheritable_in_passthrough(self):
        """CVE-2022-29162: names given to exec ended in the inheritable set."""
        bundle = self.sleeping("passthrough")
        status = nucleus_test.parse_status(self.ok(bundle.exec("sh", "-c", STATUS,
                                                               options=["--cap", "CAP_CHOWN"])).out)
        self.assertEqual(int(status["CapInh"], 16), 0)
        self.assertEqual(int(status["CapEff"], 16) & 1, 1, "control: the option is not ignored")

    def test_exec_cannot_execute_what_it_wrote(self):
        script = "cp /bin/busybox /tmp/echo && /tmp/echo EXECUTED"
        for mode in escape.HARDENED:
            bundle = self.sleeping(mode)
            result = bundle.exec("sh", "-c", script)
            self.assertNotEqual(result.rc, 0)
            self.assertNotIn("EXECUTED", result.out)
            self.assertIn("ermission denied", result.err)
        control = self.sleeping("passthrough").exec("sh", "-c", script)
        self.assertIn("EXECUTED", control.out, control.err)

    def test_exec_cannot_write_programs(self):
        for mode in escape.HARDENED:
            bundle = self.sleeping(mode)
            result = bundle.exec("sh", "-c", "echo x > /bin/new; echo x >> /bin/busybox")
            self.assertNotEqual(result.rc, 0)

    def test_exec_is_filtered(self):
        names = ["bpf_map", "userfault", "unshare_user", "ptrace_attach", "mount_tmpfs", "keyctl_session", "io_uring"]
        for mode in escape.HARDENED:
            bundle = self.sleeping(mode, lambda b: escape.add_helper(b, "probe"))
            found = escape.outcomes(self.ok(bundle.exec("/bin/probe", *names)).out)
            self.assertEqual(len(found), len(names))
            self.assertNotIn("ok", found.values(), mode)

    def test_root_user_and_groups_of_exec_gain_no_capability(self):
        bundle = self.sleeping("agent", lambda b: b.process.update(user={"uid": 1000, "gid": 1000}))
        status = nucleus_test.parse_status(self.ok(bundle.exec("sh", "-c", STATUS, options=["--user", "0:0"])).out)
        self.assertEqual(status["Uid"].split(), ["0"] * 4)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)


class Inheritable(Sleeping):
    def test_inheritable_set_is_empty_in_init_and_exec(self):
        def ask(bundle):
            bundle.process["capabilities"] = {kind: ["CAP_CHOWN", "CAP_KILL"] for kind in
                                              ("bounding", "effective", "permitted", "inheritable", "ambient")}
        for mode in escape.HARDENED:
            bundle = self.sleeping(mode, ask)
            self.assertEqual(int(nucleus_test.status_of(bundle.pid())["CapInh"], 16), 0)
            status = nucleus_test.parse_status(self.ok(bundle.exec("sh", "-c", STATUS)).out)
            self.assertEqual(int(status["CapInh"], 16), 0)


class UserOption(Sleeping):
    """Nothing but whole decimal numbers: what is not one must not become uid 0."""

    BAD = ("", ":", "0:", ":0", "-1", "+0", "4294967295", "4294967296", "18446744073709551616", "99999999999999999999",
           "0x0", "0 ", " 0", "00:x", "0;", "root", "nobody", "0root", "0\n", "1.0", "1e3", "0:0:0", "0:-1", "0:4294967295",
           "0:root", "٠", "１")

    def refused(self, result) -> None:
        self.assertEqual(result.rc, 255, result.err)
        self.assertTrue(result.out == "" or result.out.startswith("usage:"), result.out)

    def test_malformed_users_are_refused(self):
        for mode in ("agent", "passthrough"):
            bundle = self.sleeping(mode)
            for user in self.BAD:
                with self.subTest(mode=mode, user=user):
                    self.refused(bundle.exec("id", "-u", options=["--user", user]))

    def test_malformed_groups_are_refused(self):
        bundle = self.sleeping("agent")
        for group in ("", "-1", "4294967295", "root", "1 ", "4294967296"):
            with self.subTest(group=group):
                self.refused(bundle.exec("id", "-G", options=["--additional-gids", group]))

    def test_control_well_formed_users_arrive(self):
        bundle = self.sleeping("agent")
        for user, want in (("0", "0 0"), ("1000:1000", "1000 1000"), ("65534:5", "65534 5"), ("4294967294:7", "4294967294 7")):
            result = self.ok(bundle.exec("sh", "-c", "echo $(id -u) $(id -g)", options=["--user", user]))
            self.assertEqual(result.out.strip(), want)

    def test_invalid_ids_in_documents_are_refused(self):
        bundle = self.sleeping("agent")
        for user in ({"uid": -1, "gid": 0}, {"uid": 4294967295, "gid": 0}, {"uid": 4294967296, "gid": 0},
                     {"uid": "0", "gid": 0}, {"uid": 0, "gid": 1.5}, {"uid": 0, "gid": 0, "additionalGids": [-1]},
                     {"uid": True, "gid": 0}):
            with self.subTest(user=user):
                result = bundle.exec(options=self.process_file(bundle, user=user))
                self.assertNotEqual(result.rc, 0)
                self.assertEqual(result.out, "")


if __name__ == "__main__":
    nucleus_test.main()
