"""What the shipped policy sets are for: each workload runs under podman with its set, pinned and in strict-agent mode, and is
exercised for real. All of them live in one Debian root file system, made once (lanes/workload_root).

engines/workloads runs them and writes conformance/workloads.md.
"""
import json
import os
import pathlib
import re
import time

import engines
import nucleus_test
import podman
from engines import EngineTest, engine
from nucleus_test import Result

ROOT = os.environ.get("NUCLEUS_WORKLOAD_ROOT", "")
RESULTS = os.environ.get("NUCLEUS_WORKLOAD_RESULTS", "")

THING = """set -e
mkdir -p /tmp/thing/DEBIAN /tmp/thing/usr/bin /tmp/thing/var/lib/thing
printf 'Package: thing\\nVersion: 1\\nArchitecture: all\\nDescription: thing\\nMaintainer: nobody <nobody@localhost>\\n' \\
  > /tmp/thing/DEBIAN/control
printf '#!/bin/sh\\nset -e\\nid thing >/dev/null 2>&1 || useradd --system thing\\nchown thing:thing /var/lib/thing\\n' \\
  > /tmp/thing/DEBIAN/postinst
printf '#!/bin/sh\\necho thing works\\n' > /tmp/thing/usr/bin/thing
chmod 755 /tmp/thing/DEBIAN/postinst /tmp/thing/usr/bin/thing
dpkg-deb --root-owner-group --build /tmp/thing /tmp/thing.deb >/dev/null
"""
PYTHON = """
import asyncio, http.server, json, multiprocessing, os, shutil, sqlite3, subprocess, tempfile, threading, urllib.request
lock = multiprocessing.Lock()
def child(queue):
    with lock:
        queue.put(os.getpid())
queue = multiprocessing.Queue()
process = multiprocessing.Process(target=child, args=(queue,)); process.start()
assert queue.get() == process.pid; process.join()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
db = sqlite3.connect("/workspace/x.db"); db.execute("create table t (x)"); db.execute("insert into t values (7)")
db.commit(); assert db.execute("select x from t").fetchone() == (7,)
assert subprocess.run(["sh", "-c", "echo sub"], capture_output=True, text=True).stdout == "sub\\n"
async def main():
    p = await asyncio.create_subprocess_exec("true"); assert await p.wait() == 0
asyncio.run(main())
shutil.copytree("/etc/default", "/workspace/copied"); shutil.disk_usage("/")
open("/workspace/tool", "w").write("#!/usr/bin/python3\\nprint('made and run')\\n"); os.chmod("/workspace/tool", 0o755)
print(subprocess.run(["/workspace/tool"], capture_output=True, text=True).stdout, end="")
"""
NODE = """
const fs = require("fs"), http = require("http"), {execFileSync} = require("child_process");
const {Worker} = require("worker_threads");
fs.copyFileSync("/etc/passwd", "/workspace/copied");
const watcher = fs.watch("/workspace", () => {});
const server = http.createServer((q, r) => r.end("served")).listen(0, "127.0.0.1", async () => {
  const text = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();
  new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", {eval: true}).on("message", (n) => {
    console.log(text, n, execFileSync("echo", ["child"]).toString().trim());
    process.exit(0);
  });
});
"""


class WorkloadTest(EngineTest):
    SET = ""

    def setUp(self):
        super().setUp()
        if not podman.NUCLEUS:
            self.skipTest("the sets are nucleus's")
        if not pathlib.Path(ROOT, "usr/bin/psql").exists():
            self.skipTest("no root file system with the workloads (lanes/workload_root)")
        engines.configure("annotations_may_grant = true\n")
        self.addCleanup(self._remove)

    def _remove(self) -> None:
        nucleus_test.wait_until(lambda: podman.podman("rm", "--force", "--all", "--time=0").rc == 0, "podman rm", 20)

    def _run(self, script: str, options, engine_options, policy: str) -> Result:
        policy = policy or self.SET
        pin = self.ok(engine(engines.BINARY, "policy", "digest", policy)).out.strip()
        started = time.monotonic()
        result = podman.podman("run", *engine_options, "--network=none", f"--annotation=io.nucleus.policy={pin}",
                               "--annotation=io.nucleus.mode=strict-agent", *options, "--rootfs", f"{ROOT}:O", "sh", "-c",
                               script)
        self.took = time.monotonic() - started
        self.policy = policy
        return result

    def record(self, caps: str) -> None:
        """For engines/workloads."""
        if RESULTS:
            name = self.id().rsplit(".test_", 1)[1]
            with open(RESULTS, "a", encoding="utf-8") as file:
                file.write(json.dumps({"workload": name, "set": self.policy, "caps": caps,
                                       "milliseconds": round(self.took * 1000)}) + "\n")

    def job(self, script: str, *phrases: str, options=(), policy: str = "") -> Result:
        """The workload is over when its script is."""
        result = self._run(f"grep CapBnd /proc/self/status >&2; {script}", options, ["--rm"], policy)
        self.ok(result)
        for phrase in phrases:
            self.assertIn(phrase, result.out)
        self.record(re.search(r"CapBnd:\s*(\w+)", result.err)[1])
        return result

    def service(self, script: str, exercise: str, *phrases: str, options=(), policy: str = "", user: str = "") -> str:
        """The workload is exercised by a process of the same container, until it answers; returns its answer."""
        self.ok(self._run(script, options, ["--detach", "--name=c"], policy))
        end = time.monotonic() + 30 * nucleus_test.PATIENCE
        while True:
            result = podman.podman("exec", *(["--user", user] if user else []), "c", "sh", "-c", exercise)
            if result.rc == 0 or time.monotonic() > end:
                break
            time.sleep(0.3)
        logs = podman.podman("logs", "c")
        self.assertEqual(result.rc, 0, f"{result.out}{result.err}\n{logs.out}{logs.err}")
        for phrase in phrases:
            self.assertIn(phrase, result.out)
        self.record(self.ok(podman.podman("exec", "c", "sed", "-n", "s/^CapBnd:\\s*//p", "/proc/1/status")).out.strip())
        return result.out

    def stops(self, seconds: float = 5) -> None:
        """It ends by itself when it is asked to."""
        started = time.monotonic()
        self.ok(podman.podman("stop", "--time=20", "c"))
        self.assertLess(time.monotonic() - started, seconds * nucleus_test.PATIENCE)


class Web(WorkloadTest):
    SET = "web"
    GET = "curl --silent --show-error --fail --include http://127.0.0.1:%d/ | head -c 4000"

    def test_httpd_of_busybox_on_port_80(self):
        self.service("mkdir /tmp/www && echo hello > /tmp/www/index.html && exec busybox httpd -f -p 80 -h /tmp/www",
                     self.GET % 80, "hello")

    def test_nginx_as_debian_starts_it(self):
        self.service("exec nginx -g 'daemon off;'", self.GET % 80, "Server: nginx")
        self.ok(podman.podman("exec", "c", "nginx", "-s", "reload"))
        self.ok(podman.podman("exec", "c", "sh", "-c", self.GET % 80))
        self.ok(podman.podman("exec", "c", "nginx", "-s", "quit"))

    def test_nginx_as_its_image_starts_it(self):
        configuration = ("user www-data; worker_processes auto; error_log /dev/stderr; pid /run/nginx.pid; "
                         "events { worker_connections 64; } http { access_log /dev/stdout; client_body_buffer_size 1k; "
                         "server { listen 80; root /var/www/html; location /up { dav_methods PUT; root /tmp/up; } } }")
        self.service(f"mkdir -p /tmp/up /var/lib/nginx/body; chown -R www-data /tmp/up; echo '{configuration}' > /tmp/nginx.conf;"
                     " exec nginx -c /tmp/nginx.conf -g 'daemon off;'", self.GET % 80, "Server: nginx")

    def test_nginx_as_a_user(self):
        configuration = ("error_log stderr; pid /tmp/nginx.pid; events {} http { access_log off; "
                         "client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path "
                         "/tmp/u; scgi_temp_path /tmp/s; server { listen 8080; root /var/www/html; } }")
        self.service(f"echo '{configuration}' > /tmp/nginx.conf; exec nginx -c /tmp/nginx.conf -g 'daemon off;'",
                     self.GET % 8080, "Server: nginx", options=["--user=www-data"], policy="default")

    def test_apache_httpd(self):
        self.service(". /etc/apache2/envvars; mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR; exec apache2 -D FOREGROUND",
                     self.GET % 80, "Server: Apache")
        self.stops()


class Redis(WorkloadTest):
    SET = "redis"
    EXERCISE = ("redis-cli set k v && redis-cli get k && redis-cli bgsave && sleep 0.3 && redis-cli bgrewriteaof && "
                "sleep 0.3 && redis-cli info persistence")
    SAVED = ("OK\nv\n", "rdb_last_bgsave_status:ok", "aof_last_bgrewrite_status:ok")

    def test_redis_as_it_is_started(self):
        self.service("cd /tmp && exec redis-server --appendonly yes", self.EXERCISE, *self.SAVED, policy="default")

    def test_redis_with_an_entry_point(self):
        self.service("mkdir -p /var/lib/data && cd /var/lib/data && find . ! -user redis -exec chown redis '{}' + && exec gosu redis redis-server --appendonly yes",
                     self.EXERCISE + " && stat -c 'by %U' /var/lib/data/dump.rdb", *self.SAVED, "by redis")
        self.stops()


class Postgres(WorkloadTest):
    SET = "postgres"
    BIN = "PATH=$PATH:/usr/lib/postgresql/15/bin; export PATH; "
    EXERCISE = ("psql -h /tmp -U postgres -v ON_ERROR_STOP=1 -Atc \"create table t (x int)\" -c \"insert into t select "
                "generate_series(1, 20000)\" -c \"select sum(x) from t\" -c checkpoint -c \"vacuum full t\" -c \"drop table t\" "
                "-c \"set statement_timeout = '5s'\" -c \"select 'done'\"")
    SERVE = "initdb -U postgres -D $D >/dev/null && exec postgres -D $D -k /tmp"

    def test_postgres_as_a_user(self):
        self.service(f"{self.BIN} D=/var/lib/postgresql/data; {self.SERVE}", self.EXERCISE, "200010000", "done",
                     options=["--user=postgres"])

    def test_postgres_with_an_entry_point(self):
        self.service(f"{self.BIN} D=/var/lib/data; mkdir -p $D && chmod 700 $D && chown -R postgres $D && export D && "
                     f"exec gosu postgres sh -c '{self.SERVE}'", self.EXERCISE, "200010000", "done")
        self.stops()


class Agent(WorkloadTest):
    SET = "agent"

    def setUp(self):
        super().setUp()
        self.workspace = self.temp_dir()
        self.options = ["--volume", f"{self.workspace}:/workspace", "--workdir=/workspace"]

    def in_workspace(self, script: str, *phrases: str, **how) -> Result:
        return self.job(script, *phrases, options=self.options, **how)

    def test_python(self):
        (self.workspace / "work.py").write_text(PYTHON)
        self.in_workspace("python3 work.py", "made and run")

    def test_node(self):
        (self.workspace / "work.js").write_text(NODE)
        self.in_workspace("node work.js", "served 42 child")

    def test_git(self):
        self.in_workspace("set -e; export HOME=/workspace; git config --global user.email a@b; git config --global user.name a; "
                          "git init -q one; cd one; for i in 1 2 3; do echo $i > f; git add f; git commit -qm $i; done; "
                          "git gc -q; cd ..; git clone -q one two; git clone -q --no-hardlinks file:///workspace/one three; "
                          "cd three; git log --oneline | wc -l; git checkout -q -b x; git rebase -q HEAD~1; git fsck", "3\n")

    def test_curl_and_a_shell(self):
        self.in_workspace("echo hello > page; python3 -m http.server 8000 --bind 127.0.0.1 2>/dev/null & "
                          "curl --silent --fail --retry 30 --retry-connrefused --retry-delay 1 http://127.0.0.1:8000/page "
                          "-o got; cat got; kill $!", "hello\n")

    def test_compiler_in_the_workspace(self):
        (self.workspace / "x.c").write_text('#include <stdio.h>\nint main(void) { puts("compiled and run"); return 0; }\n')
        build = "gcc -O1 -o x x.c && ./x"
        self.in_workspace(build, "compiled and run")
        denied = self._run(build, self.options, ["--rm"], "default")
        self.assertNotEqual(denied.rc, 0)
        self.assertNotIn("compiled and run", denied.out, "the default set has nothing both writable and executable")

    def test_ping(self):
        self.in_workspace("ping -c 1 -W 2 127.0.0.1", "1 received")

    def test_sudo_cannot_work(self):
        result = self._run("sudo -n id", [], ["--rm", "--user=www-data"], "agent")
        self.assertNotEqual(result.rc, 0)
        self.assertRegex(result.err, "no new privileges|must be owned by uid 0")
        self.record("0" * 16)


class EntryPoint(WorkloadTest):
    SET = "entrypoint"

    def test_su(self):
        self.job("su www-data -s /bin/sh -c 'id -un; touch /tmp/mine' && stat -c 'by %U' /tmp/mine", "www-data\nby www-data\n")

    def test_gosu(self):
        self.job("mkdir /var/lib/own && chown www-data /var/lib/own && chmod 700 /var/lib/own && exec gosu www-data sh "
                 "-c 'touch /var/lib/own/x && id -un && grep CapEff /proc/self/status'", "www-data\nCapEff:\t0000000000000000\n")

    def test_setpriv(self):
        self.job("install -d -o redis -m 750 /var/lib/own && exec setpriv --reuid=redis --regid=redis --init-groups "
                 "--inh-caps=-all sh -c 'touch /var/lib/own/x; id -un'", "redis\n")

    def test_tar_with_owners(self):
        self.job("mkdir /tmp/in /tmp/out && touch /tmp/in/a && chown 1234:5678 /tmp/in/a && chmod 640 /tmp/in/a && "
                 "tar -C /tmp/in -cf /tmp/t.tar . && tar -C /tmp/out --same-owner -xf /tmp/t.tar && "
                 "stat -c '%u:%g %a' /tmp/out/a", "1234:5678 640")


class Build(WorkloadTest):
    SET = "build"

    def test_apt_install(self):
        self.job(THING + "apt-get install --yes /tmp/thing.deb >/dev/null && thing && stat -c '%U' /var/lib/thing",
                 "thing works\nthing\n")

    def test_dpkg_with_owners(self):
        self.job(THING + "dpkg --install /tmp/thing.deb >/dev/null && dpkg --purge thing >/dev/null && ! command -v thing && "
                 "echo gone", "gone\n")

    def test_useradd(self):
        self.job("useradd --create-home alice && su alice -c 'id -un; touch ~/mine' && stat -c 'home of %U' /home/alice/mine",
                 "alice\nhome of alice\n")


class Sshd(WorkloadTest):
    SET = "sshd"
    SERVE = ("set -e; mkdir -p /run/sshd /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /tmp/key; "
             "cp /tmp/key.pub /root/.ssh/authorized_keys; %s exec /usr/sbin/sshd -D -e -o UsePAM=%s")
    LOGIN = ("ssh -p 22 -i /tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
             "-o ConnectTimeout=5 %s@127.0.0.1 %s")

    def test_sshd_login_as_root(self):
        self.service(self.SERVE % ("", "no"), self.LOGIN % ("root", "'id -un; echo $SSH_CONNECTION'"), "root\n127.0.0.1")

    def test_sshd_login_as_user(self):
        user = ("install -D -m 600 /tmp/key.pub /var/www/.ssh/authorized_keys; chown -R www-data /var/www/.ssh; sed -i 's,/usr/sbin/nologin,/bin/sh,' /etc/passwd;")
        self.service(self.SERVE % (user, "no"), self.LOGIN % ("www-data", "'id -un'"), "www-data\n")
        self.assertIn("www-data", self.ok(podman.podman("exec", "c", "sh", "-c", self.LOGIN %
                                                        ("-tt www-data", "'tty; id -un'"))).out)


if __name__ == "__main__":
    engines.main()
