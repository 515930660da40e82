"""exec: exit statuses, options, and that it is confined as init is."""
import concurrent.futures
import json
import os

import nucleus_test
from nucleus_test import NucleusTest, namespaces, parse_status, reap, status_of


class Exec(NucleusTest):
    def running(self, **how):
        return self.create_and_start(self.bundle(["sleep", "60"], **how))

    def test_exit_status_passes_through(self):
        bundle = self.running()
        for code in (0, 1, 7, 126, 127, 254, 255):
            result = bundle.exec("sh", "-c", f"exit {code}")
            self.assertEqual((result.rc, result.err), (code, ""))
        self.assertEqual(bundle.exec("sh", "-c", "kill -TERM $$").rc, 128 + 15)
        self.assertEqual(bundle.exec("sh", "-c", "kill -KILL $$").rc, 128 + 9)

    def test_output(self):
        result = self.running().exec("sh", "-c", "echo out; echo err >&2")
        self.assertEqual((result.rc, result.out, result.err), (0, "out\n", "err\n"))

    def test_own_failures(self):
        bundle = self.running()
        self.fails(bundle.exec("absent"), 'exec: "absent": executable file not found in $PATH', rc=255)
        self.fails(bundle.exec("/bin/absent"), 'exec: "/bin/absent": stat /bin/absent: no such file or directory', rc=255)
        self.fails(bundle.exec("/etc"), 'exec: "/etc": permission denied', rc=255)
        self.assertEqual(bundle.exec().rc, 255)
        self.assertEqual(bundle.exec("pwd", options=["--cwd", "/etc/passwd/x"]).rc, 255)

    def test_in_created_container(self):
        bundle = self.bundle(["sleep", "60"])
        self.ok(bundle.create())
        self.assertEqual(self.ok(bundle.exec("echo", "early")).out, "early\n")
        self.assertEqual(bundle.status(), "created")
        self.ok(bundle.start())

    def test_in_stopped_container(self):
        bundle = self.running()
        self.ok(bundle.kill())
        bundle.wait_stopped()
        self.fails(bundle.exec("true"), "cannot exec in a stopped container", rc=255)

    def test_joins_every_namespace_and_the_cgroup(self):
        for change in (lambda b: b, lambda b: b.user_namespace()):
            bundle = change(self.bundle(["sleep", "60"], mode="strict-agent"))
            self.create_and_start(bundle)
            file = bundle.dir / "execpid"
            self.ok(bundle.exec("sleep", "60", options=["--detach", "--pid-file", file], out=bundle.dir / "exec"))
            pid = int(file.read_text())
            self.assertEqual(namespaces(pid), namespaces(bundle.pid()))
            with open(f"/proc/{pid}/cgroup") as own, open(f"/proc/{bundle.pid()}/cgroup") as init:
                self.assertEqual(own.read(), init.read())
            self.assertEqual(os.readlink(f"/proc/{pid}/root"), "/")
            self.assertEqual(status_of(pid)["PPid"], str(os.getpid()), "orphaned to the caller")
            self.assertEqual(os.stat(f"/proc/{pid}/root/").st_ino, os.stat(f"/proc/{bundle.pid()}/root/").st_ino)

    def test_is_confined_as_init(self):
        for mode in ("agent", "strict-agent"):
            bundle = self.running(mode=mode)
            init = status_of(bundle.pid())
            own = parse_status(self.ok(bundle.exec("cat", "/proc/self/status")).out)
            for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
                self.assertEqual(own[key], init[key], key)
            self.assertEqual(own["Seccomp_filters"], init["Seccomp_filters"])
            self.assertEqual(bundle.exec("sh", "-c", "cp /bin/busybox /tmp/busybox && chmod 755 /tmp/busybox && /tmp/busybox true").rc, 126)

    def process_file(self, bundle, **fields):
        caps = ["CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_CHOWN", "CAP_KILL"]
        process = {"args": ["cat", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"],
                   "user": {"uid": 0, "gid": 0}, "noNewPrivileges": False,
                   "capabilities": {name: caps for name in ("bounding", "effective", "permitted", "inheritable",
                                                            "ambient")}, **fields}
        path = bundle.dir / "process.json"
        path.write_text(json.dumps(process))
        return path

    def test_process_file_cannot_widen(self):
        bundle = self.running()
        result = self.ok(bundle.exec(options=["--process", self.process_file(bundle)]))
        status = parse_status(result.out)
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[key], 16), 0, key)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertIn("CAP_SYS_ADMIN", result.err)

    def test_process_file_that_widens_is_refused_in_strict_agent(self):
        bundle = self.running(mode="strict-agent")
        self.fails(bundle.exec(options=["--process", self.process_file(bundle)]), "CAP_SYS_ADMIN", rc=255)

    def test_process_file_in_passthrough(self):
        bundle = self.running(mode="passthrough")
        status = parse_status(self.ok(bundle.exec(options=["--process", self.process_file(bundle)])).out)
        self.assertNotEqual(int(status["CapEff"], 16), 0)

    def test_process_file_is_honoured(self):
        bundle = self.running()
        file = self.process_file(bundle, args=["sh", "-c", "pwd; id -u; id -g; echo $A"], cwd="/etc",
                                 env=["PATH=/bin", "A=1"], user={"uid": 12, "gid": 13}, capabilities={})
        self.assertEqual(self.ok(bundle.exec(options=["--process", file])).out, "/etc\n12\n13\n1\n")

    def test_broken_process_file(self):
        bundle = self.running()
        file = bundle.dir / "bad.json"
        for text in ("", "{", "[]", '{"args": []}', '{"args": "x", "cwd": "/"}', '{"args": ["true"], "cwd": "rel"}'):
            file.write_text(text)
            self.assertEqual(bundle.exec(options=["--process", file]).rc, 255, text)

    def test_options(self):
        bundle = self.running()
        self.assertEqual(self.ok(bundle.exec("pwd", options=["--cwd", "/home"])).out, "/home\n")
        self.assertEqual(self.ok(bundle.exec("id", "-u", options=["--user", "33"])).out, "33\n")
        out = self.ok(bundle.exec("id", options=["-u", "33:44", "-g", "55"])).out
        self.assertIn("uid=33 gid=44", out)
        self.assertIn("55", out)
        self.assertEqual(self.ok(bundle.exec("sh", "-c", "echo $A$B", options=["-e", "A=1", "--env", "B=2"])).out, "12\n")
        for bad in ("root", "-1", "4294967295", "99999999999999999999", "0x0", " 0", "0 ", "1:2:3", "", ":", "1:"):
            self.assertEqual(bundle.exec("true", options=["--user", bad]).rc, 255, bad)

    def test_detached_exit_status_reaches_the_caller(self):
        bundle = self.running()
        file = bundle.dir / "execpid"
        self.ok(bundle.exec("sh", "-c", "sleep 0.1; exit 5", options=["--detach", "--pid-file", file],
                            out=bundle.dir / "exec"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(int(file.read_text()), 0)[1]), 5)

    def test_ends_with_the_container(self):
        bundle = self.running()
        file = bundle.dir / "execpid"
        self.ok(bundle.exec("sleep", "60", options=["-d", "--pid-file", file], out=bundle.dir / "exec"))
        self.ok(bundle.delete("--force"))
        reap()
        self.assertFalse(os.path.exists(f"/proc/{file.read_text()}"))

    def test_many_at_once(self):
        bundle = self.running()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda i: bundle.exec("sh", "-c", f"echo {i}; exit {i}"), range(40)))
        self.assertEqual([(r.rc, r.out) for r in results], [(i, f"{i}\n") for i in range(40)])


if __name__ == "__main__":
    nucleus_test.main()
