"""Profiles made of what real servers do: enough for doing it again, and with nothing in them that is not used."""
import hashlib
import json
import os
import pathlib
import time

import nucleus_test
from nucleus_test import NUCLEUS, NucleusTest, call

ROOT = pathlib.Path(os.environ.get("NUCLEUS_WORKLOAD_ROOT", "/nowhere"))
# Allowed whether or not they are seen: the kernel makes a program call two of them, and by the others the runtime tells of a
# launch that fails.
ADDED = {"exit_group", "restart_syscall", "rt_sigreturn", "sendmsg"}
# Calls that these servers make and whose failure they bear.
BORNE = {"getegid", "getgid", "getppid", "set_robust_list", "set_tid_address"}

NGINX = ("error_log stderr; pid /tmp/nginx.pid; events {} http { access_log off; client_body_temp_path /tmp/b; "
         "proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; "
         "server { listen 8080; root /var/www/html; } }")
NODE = ("require('http').createServer((q, r) => { let got = ''; q.on('data', (d) => got += d); "
        "q.on('end', () => r.end('served ' + got)); }).listen(8080, '127.0.0.1'); "
        "process.on('SIGTERM', () => process.exit(0))")



def pinned(path: pathlib.Path) -> tuple:
    return "--policy-file", f"seccomp={path}@sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


class Server(NucleusTest):
    """A server as one that no one knows: traced, given a profile, and run again with it."""
    SCRIPT, EXERCISE, PHRASE = "", "", ""  # what it is, what is asked of it, and what is in the answer
    SET, STOP, USER = "default", "TERM", 0
    NEEDS = {"execve", "openat", "bind", "listen"}  # with one of them denied it is no server

    def setUp(self):
        if not (ROOT / "usr/bin/psql").exists():
            self.skipTest("no root file system with the workloads (lanes/workload_root)")
        self.place = self.temp_dir()
        self.profile = self.place / "seccomp.json"

    def launch(self, mode: str, *options):
        """(the bundle, what went wrong)"""
        bundle = self.bundle(mode=mode).sh(self.SCRIPT)
        bundle.config["root"]["path"] = str(ROOT)
        bundle.config["annotations"] = {"io.nucleus.rootfs": "ephemeral"}  # the root is everybody's
        bundle.process["user"] = {"uid": self.USER, "gid": self.USER}
        bundle.process["env"].append("HOME=/tmp")
        made = bundle.create("--policy", self.SET, *options)
        started = bundle.start() if made.rc == 0 else made
        return bundle, started.err if started.rc else ""

    def use(self, bundle, patience: float) -> str:
        """It is asked until it answers, by a program beside it that only shares its network. What went wrong."""
        end = time.monotonic() + patience * nucleus_test.PATIENCE
        while True:
            state = bundle.state()
            if state.get("status") != "running":
                return "it ended: " + bundle.output(stream="err")
            got = call(["nsenter", "-t", state["pid"], "-n", "chroot", ROOT, "timeout", str(patience), "sh", "-c",
                        self.EXERCISE], timeout=patience + 5)
            if got.rc == 0 and self.PHRASE in got.out:
                return ""
            if time.monotonic() > end:
                return f"no answer: {got.out}{got.err}{bundle.output(stream='err')}"
            time.sleep(0.05)

    def stop(self, bundle) -> str:
        self.ok(bundle.kill(self.STOP))
        try:
            bundle.wait_stopped(timeout=5)
        except AssertionError:
            return "it does not end"
        return ""

    def exercise(self, mode: str, *options, patience: float = 20) -> str:
        """From its start to its end, which has to come when it is asked for. What went wrong."""
        bundle, wrong = self.launch(mode, *options)
        try:
            return wrong or self.use(bundle, patience) or self.stop(bundle)
        finally:
            self.ok(bundle.call("delete", "--force", bundle.id))

    def allowed(self) -> set:
        return {name for rule in json.loads(self.profile.read_text())["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"
                for name in rule["names"]}

    def without(self, names: set) -> tuple:
        """The option for the profile in which these are not allowed."""
        profile = json.loads(self.profile.read_text())
        for rule in profile["syscalls"]:
            if rule["action"] == "SCMP_ACT_ALLOW":
                rule["names"] = [name for name in rule["names"] if name not in names]
        profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
        path = self.place / "less.json"
        path.write_text(json.dumps(profile))
        return pinned(path)

    def learn(self) -> None:
        trace = self.place / "first.trace"
        self.assertEqual(self.exercise("agent", "--seccomp-trace", trace), "")
        self.ok(call([NUCLEUS, "seccomp", "generate", trace, "--policy", self.SET, "--output", self.profile]))

    def again(self) -> dict:
        """What a trace of the same once more does not use of the profile, and what it has beyond it."""
        trace = self.place / "again.trace"
        self.assertEqual(self.exercise("agent", *pinned(self.profile), "--seccomp-trace", trace), "")
        return json.loads(call([NUCLEUS, "seccomp", "coverage", "--format", "json", self.profile, trace]).out)

    def prove(self) -> None:
        self.learn()
        self.assertEqual(self.exercise("strict-agent", *pinned(self.profile)), "", "sufficient")
        use = self.again()
        self.assertEqual(use["missing"], [])
        self.assertTrue(ADDED & set(use["unused"]), "what is not used is told")
        by_chance = set(use["unused"]) - ADDED  # what hung on who was faster
        self.assertLessEqual(len(by_chance), 3, f"minimal, but for {by_chance}: all else is used again")
        self.assertLess(len(self.allowed()), 90)
        for name in sorted(self.NEEDS):
            self.assertIn(name, self.allowed())
            self.assertNotEqual(self.exercise("strict-agent", *self.without({name}), patience=3), "", name)
        self.denials()

    def denials(self) -> None:
        """What is left out and does not break it is missed all the same, and people can see it."""
        left_out = BORNE & self.allowed()
        bundle, wrong = self.launch("strict-agent", *self.without(left_out), "--seccomp-denials")
        self.assertEqual(wrong or self.use(bundle, 20), "")

        def denied() -> set:
            receipt = json.loads(self.ok(bundle.call("receipt", "--live", "--format", "json", bundle.id)).out)
            return {item["control"].removeprefix("seccomp.denied ") for item in receipt["items"]}
        nucleus_test.wait_until(lambda: left_out <= denied(), f"denials of {left_out}")
        self.assertEqual(self.stop(bundle), "")


class Nginx(Server):
    SCRIPT = f"echo '{NGINX}' > /tmp/nginx.conf; exec nginx -c /tmp/nginx.conf -g 'daemon off;'"
    EXERCISE, PHRASE, USER = "curl -sSfi http://127.0.0.1:8080/", "Server: nginx", 33
    NEEDS = Server.NEEDS | {"setsockopt", "pwrite64"}

    def test_nginx(self):
        self.prove()


class Redis(Server):
    SCRIPT = "cd /tmp && exec redis-server --appendonly yes"
    EXERCISE = ("redis-cli set k v && redis-cli get k && redis-cli bgsave && sleep 0.2 && redis-cli bgrewriteaof && "
                "sleep 0.2 && redis-cli info persistence")
    PHRASE = "aof_last_bgrewrite_status:ok"
    NEEDS = Server.NEEDS | {"epoll_create"}

    def test_redis(self):
        self.prove()


class Postgres(Server):
    SET, STOP = "postgres", "INT"
    SCRIPT = ("PATH=$PATH:/usr/lib/postgresql/15/bin; D=/tmp/data; initdb -A trust -U postgres -D $D >/dev/null && "
              "exec postgres -D $D -k /tmp")
    EXERCISE = ("psql -h 127.0.0.1 -U postgres -v ON_ERROR_STOP=1 -At -c 'drop table if exists t' -c 'create table t (x int)' "
                "-c 'insert into t select generate_series(1, 20000)' -c 'select sum(x) from t' -c checkpoint "
                "-c 'vacuum full t' -c 'drop table t'")
    PHRASE = "200010000"
    NEEDS = Server.NEEDS | {"shmget", "fsync"}

    def setUp(self):
        super().setUp()
        users = (line.split(":") for line in (ROOT / "etc/passwd").read_text().splitlines())
        self.USER = next(int(user[2]) for user in users if user[0] == "postgres")

    def test_postgres(self):
        self.prove()


class Python(Server):
    SCRIPT = "echo hello > /tmp/page; exec python3 -m http.server 8080 --bind 127.0.0.1 --directory /tmp"
    EXERCISE, PHRASE, STOP = "curl -sSf http://127.0.0.1:8080/page http://127.0.0.1:8080/", "hello", "INT"
    NEEDS = Server.NEEDS | {"getdents64", "poll"}

    def test_python(self):
        self.prove()


class Node(Server):
    SCRIPT = f'exec node -e "{NODE}"'
    EXERCISE, PHRASE, SET = "curl -sSf -d body http://127.0.0.1:8080/", "served body", "agent"
    NEEDS = Server.NEEDS | {"epoll_create1", "futex"}

    def test_node(self):
        self.prove()


if __name__ == "__main__":
    nucleus_test.main()
