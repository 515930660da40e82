"""podman of a user who is not root: the runtime is root only in the user namespace that podman made. Networks are left out:
slirp4netns needs /dev/net/tun, which not every host gives to users."""
import json
import os
import pathlib
import shutil

import engines
import nucleus_test
import users
from engines import IMAGE, RUNTIME, EngineTest, differs, engine
from nucleus_test import Result, parse_status
from podman import LONG, NO_CAPS, PODMANS_CAPS

USER = 61234
FIRST_SUB_ID = 200000000
BUILD_PROFILE = """
[[profile]]
name = "build"
id = "buildah-buildah*"
bundle_below = "/var/tmp"
policy = "build"
"""


def add_the_user() -> pathlib.Path:
    """Known to the system, with sub-ids and a home; the lane's /etc and /run are its own."""
    home = pathlib.Path("/run/home")
    if home.exists():
        return home
    for file, line in (("passwd", f"user:x:{USER}:{USER}::{home}:/bin/sh"), ("group", f"user:x:{USER}:"),
                       ("subuid", f"user:{FIRST_SUB_ID}:65536"), ("subgid", f"user:{FIRST_SUB_ID}:65536")):
        with open(f"/etc/{file}", "a", encoding="utf-8") as out:
            out.write(line + "\n")
    for path in (home, pathlib.Path(f"/run/user/{USER}"), home / ".config", home / ".config/containers"):
        path.mkdir(parents=True, mode=0o700)
        os.chown(path, USER, USER)
    (home / ".config/containers/storage.conf").write_text('[storage]\ndriver = "vfs"\n')
    return home


class RootlessTest(EngineTest):
    STATE_ROOTS = (*EngineTest.STATE_ROOTS, *(f"/run/user/{USER}/{name}" for name in ("nucleus", "runc", "crun")))

    def setUp(self):
        super().setUp()
        self.home = add_the_user()
        if reason := users.no_sub_ids(USER, FIRST_SUB_ID, 65536):
            self.skipTest(reason)
        self.addCleanup(self._remove_everything)
        self.ok(self.podman("import", "--quiet", engines.busybox_tar(), IMAGE))

    def _remove_everything(self) -> None:
        for words in (["pod", "rm", "--force", "--all", "--time=0"], ["rm", "--force", "--all", "--time=0"]):
            nucleus_test.wait_until(lambda: self.podman(*words).rc == 0, " ".join(words), 20)
        self.ok(self.podman("system", "migrate"))  # ends the process that keeps the user namespace

    def as_user(self, *argv, **how) -> Result:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "XDG_RUNTIME_DIR": f"/run/user/{USER}"}
        return engine(*argv, user=USER, group=USER, extra_groups=[], cwd=self.home, env=environment, **how)

    def podman(self, *words, **how) -> Result:
        return self.as_user("podman", "--runtime", RUNTIME, *words, **how)

    def run_sh(self, script: str, *options) -> Result:
        return self.podman("run", "--rm", "--network=none", *options, IMAGE, "sh", "-c", script)

    def output(self, script: str, *options) -> str:
        return self.ok(self.run_sh(script, *options)).out

    def detached(self, script: str = LONG, *options, name: str = "c") -> str:
        return self.ok(self.podman("run", "--detach", f"--name={name}", "--network=none", *options, IMAGE, "sh", "-c",
                                   script)).out.strip()

    def inspect(self, template: str, name: str = "c") -> str:
        return self.ok(self.podman("inspect", "--format", template, name)).out.strip()


class Run(RootlessTest):
    def test_status_and_streams(self):
        result = self.run_sh("echo out; echo err >&2; exit 7")
        self.assertEqual((result.rc, result.out), (7, "out\n"))
        self.assertIn("err\n", result.err)

    def test_ids(self):
        self.assertEqual(self.output("id -u; id -g").split(), ["0", "0"])
        self.assertEqual(self.output("id -u; id -g", "--user=12:34").split(), ["12", "34"])

    def test_ids_seen_from_the_host(self):
        self.detached(LONG, "--user=12")
        status = nucleus_test.status_of(int(self.inspect("{{.State.Pid}}")))
        self.assertEqual(status["Uid"].split()[0], str(FIRST_SUB_ID + 11))

    def test_confined(self):
        status = parse_status(self.output("cat /proc/self/status"))
        wanted = differs(others=(PODMANS_CAPS, "0"), nucleus=(NO_CAPS, "1"),
                         because="no capabilities, no_new_privs always on")
        self.assertEqual((status["CapBnd"], status["NoNewPrivs"]), wanted)
        self.assertEqual(status["Seccomp"], "2")

    def test_keep_id(self):
        self.assertEqual(self.output("id -u; id -g", "--userns=keep-id").split(), [str(USER), str(USER)])

    def test_volume(self):
        volume = self.home / "volume"
        volume.mkdir()
        self.addCleanup(shutil.rmtree, volume)
        (volume / "in").write_text("from outside\n")
        for path in (volume, volume / "in"):
            os.chown(path, USER, USER)
        self.assertEqual(self.output("cat /v/in; echo inside >/v/out", f"-v{volume}:/v"), "from outside\n")
        self.assertEqual(((volume / "out").read_text(), (volume / "out").stat().st_uid), ("inside\n", USER))
        self.assertNotEqual(self.run_sh("echo x >/v/in", f"-v{volume}:/v:ro").rc, 0)

    def test_read_only(self):
        out = self.output("for d in / /etc /tmp /run; do touch $d/x 2>/dev/null && echo $d; done; true", "--read-only")
        self.assertEqual(out.split(), ["/tmp", "/run"])

    def test_init(self):
        self.assertIn("podman-init", self.output("tr '\\0' ' ' </proc/1/cmdline", "--init"))

    def test_terminal(self):
        words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", "-i", "PATH=/usr/bin:/bin",
                 f"HOME={self.home}", f"XDG_RUNTIME_DIR=/run/user/{USER}", "podman", "--runtime", RUNTIME, "run", "--rm",
                 "-it", "--network=none", IMAGE, "sh", "-c", "tty; exit 9"]
        os.chdir(self.home)
        result = engines.on_terminal(*words)
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 9)

    def test_missing_program_is_127(self):
        self.assertEqual(self.podman("run", "--rm", "--network=none", IMAGE, "nosuch").rc, 127)

    def test_receipt(self):
        if RUNTIME != "nucleus":
            self.skipTest("a receipt of nucleus-oci")
        id = self.detached()
        receipt = json.loads(self.ok(self.as_user("podman", "unshare", engines.BINARY, "receipt", "--format", "json", id)).out)
        self.assertEqual([item for item in receipt["items"] if not item["matches"]], [])
        self.ok(self.as_user("podman", "unshare", engines.BINARY, "receipt", "--verify", id))


class Lifecycle(RootlessTest):
    def test_exec_logs_stop(self):
        self.detached("echo ready; " + LONG)
        nucleus_test.wait_until(lambda: "ready" in self.podman("logs", "c").out, "the container's output", 30)
        result = self.podman("exec", "c", "sh", "-c", "echo inside; exit 5")
        self.assertEqual((result.rc, result.out), (5, "inside\n"))
        status = parse_status(self.ok(self.podman("exec", "--privileged", "c", "cat", "/proc/self/status")).out)
        self.assertEqual(status["CapEff"] == NO_CAPS,
                         differs(others=False, nucleus=True, because="exec --privileged gives nothing"))
        self.ok(self.podman("stop", "c"))
        self.assertEqual(self.inspect("{{.State.ExitCode}}"), "5")
        self.ok(self.podman("start", "c"))
        self.ok(self.podman("kill", "c"))
        nucleus_test.wait_until(lambda: self.inspect("{{.State.Status}}") == "exited", "the end", 30)
        self.ok(self.podman("rm", "c"))

    def test_remove_by_force(self):
        self.detached()
        self.ok(self.podman("rm", "--force", "--time=0", "c"))

    def test_created_and_removed(self):
        self.ok(self.podman("create", "--name=c", "--network=none", IMAGE, "true"))
        self.ok(self.podman("init", "c"))
        self.ok(self.podman("rm", "--force", "c"))

    def test_pod(self):
        self.ok(self.podman("pod", "create", "--name=p", "--network=none"))
        self.detached(LONG, "--pod=p", name="first")
        self.detached("hostname >/tmp/h; " + LONG, "--pod=p", name="second")
        links = [self.ok(self.podman("exec", name, "readlink", "/proc/self/ns/ipc")).out for name in ("first", "second")]
        self.assertEqual(*links)
        self.ok(self.podman("pod", "stop", "--time=1", "p"))
        self.ok(self.podman("pod", "rm", "--force", "p"))

    def test_build(self):
        engines.configure(BUILD_PROFILE)
        context = self.home / "context"
        context.mkdir()
        self.addCleanup(shutil.rmtree, context)
        (context / "Containerfile").write_text(f"FROM {IMAGE}\nRUN echo made >/etc/made && chown 12:34 /etc/made\n")
        for path in (context, context / "Containerfile"):
            os.chown(path, USER, USER)
        self.ok(self.podman("build", "--network=none", "--isolation=oci", "--tag=localhost/made", context))
        self.assertEqual(self.ok(self.podman("run", "--rm", "--network=none", "localhost/made", "stat", "-c", "%u:%g",
                                             "/etc/made")).out, "12:34\n")


if __name__ == "__main__":
    engines.main()
