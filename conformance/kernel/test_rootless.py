"""The runtime in the hands of users who are not root: containers of their own, and what they must not reach."""
import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

import nucleus_test
import users
from nucleus_test import Bundle, NucleusTest, Result, attempts, libc, parse_status
from test_confinement import CAPABILITY_SETS, NOTHING, REFUSED

ALICE, BOB = 61234, 61235  # ids that no system gives to anybody
SUB_IDS = {ALICE: 200000000, BOB: 200100000}
SUB_COUNT = 65536
SETID_HELPER = pathlib.Path("/usr/bin/newuidmap")


def know_the_users(directory: pathlib.Path) -> None:
    """Gives the users names and sub-ids, in a mount namespace that only this process sees."""
    nucleus_test.own_mounts()
    passwd = "".join(f"user{uid}:x:{uid}:{uid}::/nonexistent:/bin/sh\n" for uid in SUB_IDS)
    ranges = "".join(f"user{uid}:{first}:{SUB_COUNT}\n" for uid, first in SUB_IDS.items())
    for name, text in (("passwd", passwd), ("subuid", ranges), ("subgid", ranges)):
        place, file = pathlib.Path("/etc") / name, directory / name
        file.write_text(place.read_text() + text)
        if libc.mount(str(file).encode(), str(place).encode(), None, 0x1000, None):  # MS_BIND
            raise OSError(ctypes.get_errno(), str(place))


class UserBundle(Bundle):
    """A bundle of a user's, whose containers have a user namespace that maps the user's id alone."""

    def __init__(self, user: int, args: list | None = None, **how):
        super().__init__(args, **how)
        self.user = user
        del self.linux["cgroupsPath"]
        self.user_namespace(user, 1)
        self.runtime_dir = self.dir / "xdg"
        self.runtime_dir.mkdir(mode=0o700)
        self.binary = str(self.dir / "nucleus-oci")
        shutil.copy(nucleus_test.NUCLEUS, self.binary)
        self.environment = {"XDG_RUNTIME_DIR": str(self.runtime_dir)}
        for path in (self.dir, *self.dir.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)

    def sub_ids(self) -> "UserBundle":
        """0 is the user, 1 and up are the user's sub-ids."""
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": self.user, "size": 1},
                               {"containerID": 1, "hostID": SUB_IDS[self.user], "size": SUB_COUNT}]
        return self

    def call(self, *argv, globals=(), binary: str | None = None, **how) -> Result:
        how = {"user": self.user, "group": self.user, "extra_groups": [], "env": self.environment, "cwd": "/", **how}
        return super().call(*argv, globals=globals, binary=self.binary, **how)

    def bare(self, *argv, **environment) -> Result:
        """A call without --root."""
        return nucleus_test.call([self.binary, *argv], user=self.user, group=self.user, extra_groups=[], cwd=self.path,
                                 env={**self.environment, **environment})

    def unshared(self, *argv, **environment) -> Result:
        """A call without --root by the root of a user namespace that has the user alone, as podman unshare makes it."""
        return nucleus_test.call(["unshare", "--user", "--map-root-user", "--mount", self.binary, *argv], user=self.user,
                                 group=self.user, extra_groups=[], cwd=self.path, out=self.dir / "unshared",
                                 env={**os.environ, **self.environment, **environment})


def setUpModule() -> None:
    if os.geteuid() != 0:
        return  # every test says so itself
    if not all(pathlib.Path("/etc", name).exists() for name in ("subuid", "subgid")):
        raise unittest.SkipTest("no /etc/subuid and /etc/subgid")
    if reason := users.no_user_namespaces(ALICE):
        raise unittest.SkipTest(reason)
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"nucleus-test-{os.getpid()}-users-"))
    unittest.addModuleCleanup(shutil.rmtree, directory)
    know_the_users(directory)


class UserTest(NucleusTest):
    def users(self, *args, user: int = ALICE, **how) -> UserBundle:
        made = UserBundle(user, *args, **how)
        self.addCleanup(self._close, made)
        return made

    def shell_of(self, script: str, *, user: int = ALICE, mode: str = "", change=None) -> Result:
        bundle = self.users(user=user, mode=mode).sh(script)
        if change:
            change(bundle)
        return bundle.run()


class Lifecycle(UserTest):
    def test_template_runs_as_it_is_written(self):
        """spec --rootless && run, in every mode that needs no attestation."""
        for mode in ("agent", "strict-agent", "passthrough"):
            bundle = self.users()
            self.ok(bundle.bare("spec", "--rootless"))
            bundle.config = json.loads((bundle.path / "config.json").read_text())
            bundle.process.update({"terminal": False, "args": ["id", "-u"]})
            bundle.mode = mode
            self.assertEqual(self.ok(bundle.run()).out, "0\n", mode)

    def test_create_start_exec_kill_delete(self):
        bundle = self.users(mode="agent").sh("echo started; exec sleep 100")
        self.ok(bundle.create())
        self.assertEqual(self.ok(bundle.exec("echo", "before the start")).out, "before the start\n")
        self.ok(bundle.start())
        bundle.wait_output("started", timeout=20)
        self.assertEqual(bundle.state()["owner"], str(ALICE))
        self.assertEqual(bundle.exec("sh", "-c", "exit 7").rc, 7)
        self.assertIn(bundle.id, self.ok(bundle.call("list")).out)
        self.fails(bundle.delete(), "is not stopped")
        self.ok(bundle.kill("KILL"))
        bundle.wait_stopped(timeout=20)
        self.ok(bundle.delete())

    def test_attested_root(self):
        """The manifest's ids are the user's, whatever they are called inside."""
        for mode in ("agent", "strict-agent"):
            for prepare in (lambda bundle: bundle, UserBundle.sub_ids):
                bundle = prepare(self.users(["true"], mode=mode))
                made = self.ok(bundle.call("attest", "create", bundle.rootfs, "-o", bundle.path / "manifest"))
                pin = made.err.strip()
                self.ok(bundle.run("--attest", pin))
                (bundle.rootfs / "etc/shadow").touch()
                self.fails(bundle.run("--attest", pin), 'extra "etc/shadow"')
                (bundle.rootfs / "etc/shadow").unlink()
                os.chown(bundle.rootfs / "etc/passwd", 0, ALICE)
                self.fails(bundle.run("--attest", pin), f'changed "etc/passwd": uid {ALICE}, now ')

    def test_processes_without_a_cgroup(self):
        bundle = self.create_and_start(self.users().sh("sleep 100 & exec sleep 101"))

        def processes() -> list:
            return json.loads(self.ok(bundle.call("ps", "--format", "json", bundle.id)).out)
        nucleus_test.wait_until(lambda: len(processes()) == 2, "both processes", 20)
        self.assertEqual(processes()[0], bundle.pid())
        self.ok(bundle.kill("KILL", "--all"))
        bundle.wait_stopped(timeout=20)

    def test_terminal(self):
        bundle = self.users().sh("tty; exit 3")
        bundle.process["terminal"] = True
        bundle.write()
        quoted = " ".join([bundle.binary, "--root", str(bundle.root), "run", "--bundle", str(bundle.path), bundle.id])
        bundle.ids.append(bundle.id)
        result = nucleus_test.call(["script", "-qec", quoted, "/dev/null"], user=ALICE, group=ALICE, extra_groups=[],
                                   env={**bundle.environment, "PATH": "/usr/bin:/bin"})
        self.assertEqual(result.rc, 3, result)
        self.assertIn("/dev/pts/0", result.out)

    def test_root_is_ephemeral(self):
        bundle = self.users().sh("echo x >/tmp/new && cat /tmp/new")
        self.assertEqual(self.ok(bundle.run()).out, "x\n")
        self.assertEqual(list((bundle.rootfs / "tmp").iterdir()), [])

    def test_oom_score(self):
        bundle = self.users(["cat", "/proc/self/oom_score_adj"])
        bundle.process["oomScoreAdj"] = 123
        self.assertEqual(self.ok(bundle.run()).out, "123\n")

    def test_binds(self):
        bundle = self.users().sh("cat /mnt/in/file; echo y >/mnt/in/file || echo refused")
        (bundle.dir / "volume").mkdir()
        (bundle.dir / "volume/file").write_text("from outside\n")
        bundle.mount("/mnt/in", bundle.dir / "volume", options=["bind", "ro"])
        self.assertEqual(self.ok(bundle.run()).out, "from outside\nrefused\n")

    def test_namespaces_of_another_container(self):
        """What a pod does: a second container in the first one's namespaces, the user's among them."""
        first = self.create_and_start(self.users().sh("exec sleep 100"))
        second = self.users().sh("readlink /proc/self/ns/user; readlink /proc/self/ns/net")
        for kind, name in (("user", "user"), ("pid", "pid"), ("network", "net"), ("ipc", "ipc")):
            second.namespace(kind, f"/proc/{first.pid()}/ns/{name}")
        del second.linux["uidMappings"], second.linux["gidMappings"]
        for mount in second.config["mounts"]:  # nobody says which groups a joined namespace has
            mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]
        shared = nucleus_test.namespaces(first.pid())
        self.assertEqual(self.ok(second.run()).out.split()[:2], [shared["user"], shared["net"]])

    def test_hooks_are_the_users(self):
        bundle = self.users(["true"])
        for kind in ("createRuntime", "poststart", "poststop"):
            bundle.hook(kind, f"id -u >{bundle.dir / kind}; exit 0")
        self.ok(bundle.run())
        for kind in ("createRuntime", "poststart", "poststop"):
            self.assertEqual((bundle.dir / kind).read_text(), f"{ALICE}\n", kind)

    def test_the_hosts_network_with_the_hosts_sysfs(self):
        """No user can mount a sysfs for a network that is not theirs: the host's is bound, read-only."""
        bundle = self.users().sh("ls /sys/class/net; touch /sys/x 2>/dev/null || echo refused")
        bundle.linux["namespaces"] = [entry for entry in bundle.linux["namespaces"] if entry["type"] != "network"]
        out = self.ok(bundle.run("--grant", "host-network")).out
        self.assertEqual(set(out.split()) - {"refused"}, set(os.listdir("/sys/class/net")))
        self.assertIn("refused", out)

    def test_the_hosts_sysfs_is_never_writable(self):
        """Not even where the config asks for it and nothing rewrites the config."""
        bundle = self.users(["cat", "/proc/self/mountinfo"], mode="passthrough")
        bundle.linux["namespaces"] = [entry for entry in bundle.linux["namespaces"] if entry["type"] != "network"]
        bundle.linux["readonlyPaths"] = []
        self.sysfs_of(bundle)["options"] = ["rw"]
        mounts = [line.split() for line in self.ok(bundle.run()).out.splitlines()]
        below_sys = {fields[4]: fields[5].split(",")[0] for fields in mounts if fields[4].split("/")[1:2] == ["sys"]}
        self.assertIn("/sys", below_sys)
        self.assertEqual(set(below_sys.values()), {"ro"}, below_sys)

    def test_no_sysfs_of_the_host_beside_a_network_of_its_own(self):
        """Something hides a part of this host's /sys, so the kernel gives the user no other: what the host's shows of its
        network stays out."""
        directory = "/sys/kernel"
        self.assertEqual(libc.mount(b"tmpfs", directory.encode(), b"tmpfs", 0, None), 0)
        self.addCleanup(libc.umount2, directory.encode(), 2)
        for mode in ("agent", "strict-agent", "passthrough"):
            bundle = self.users(["ls", "/sys/class/net"], mode=mode)
            result = self.fails(bundle.run(), "mount sysfs on /sys")
            self.assertEqual((result.out, bundle.leftovers()), ("", []), mode)

    @staticmethod
    def sysfs_of(bundle: Bundle) -> dict:
        return next(mount for mount in bundle.config["mounts"] if mount["destination"] == "/sys")


class Confined(UserTest):
    """Nothing of the confinement is missing because the runtime has no privilege."""

    def test_operations_refused(self):
        for mode in ("agent", "strict-agent"):
            bundle = self.users(["attempt"], mode=mode).add_attempt()
            done = attempts(self.ok(bundle.run()).out)
            self.assertEqual(set(done), set(REFUSED))
            self.assertEqual({name for name, result in done.items() if result == "ok"}, set(), mode)

    def test_operations_refused_in_exec(self):
        bundle = self.create_and_start(self.users(mode="strict-agent").add_attempt().sh("exec sleep 100"))
        done = attempts(self.ok(bundle.exec("attempt")).out)
        self.assertEqual(set(done), set(REFUSED))
        self.assertEqual({name for name, result in done.items() if result == "ok"}, set())

    def test_status_of_the_first_and_of_other_processes(self):
        bundle = self.create_and_start(self.users(mode="strict-agent").sh("exec sleep 100"))
        for status in (nucleus_test.status_of(bundle.pid()),
                       parse_status(self.ok(bundle.exec("cat", "/proc/self/status")).out)):
            self.assertEqual({name: status[name] for name in CAPABILITY_SETS}, dict.fromkeys(CAPABILITY_SETS, NOTHING))
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))

    def test_receipt(self):
        bundle = self.create_and_start(self.users(mode="strict-agent").sh("exec sleep 100"))
        receipt = json.loads(self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out)
        items = {item["control"]: item for item in receipt["items"]}
        self.assertEqual(items["seccomp.mode"]["observed"], "2")
        self.assertEqual([item for item in receipt["items"] if not item["matches"]], [])
        self.ok(bundle.call("receipt", "--verify", bundle.id))

    def test_a_file_just_written_does_not_run(self):
        result = self.shell_of("cp /bin/busybox /tmp/b && chmod 755 /tmp/b && /tmp/b true; echo rc=$?")
        self.assertEqual(result.out, "rc=126\n")

    def test_programs_cannot_be_replaced(self):
        self.assertNotEqual(self.shell_of("echo x >/bin/busybox").rc, 0)

    def test_init_is_closed_while_it_waits(self):
        """Its memory and descriptors, to the user's other processes too: it is not confined yet."""
        bundle = self.users().sh("exec sleep 100")
        self.ok(bundle.create())
        pid = bundle.pid()
        def closed():
            return os.stat(f"/proc/{pid}/fd").st_uid == 0  # what the kernel shows of a process that is not dumpable
        self.assertTrue(closed())
        for _ in range(2):
            self.ok(bundle.exec("true"))
            nucleus_test.wait_until(closed, "init to close again after `exec` looked at it")
        self.ok(bundle.start())
        self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, ALICE)


class SubIds(UserTest):
    def setUp(self):
        if reason := users.no_sub_ids(ALICE, SUB_IDS[ALICE], SUB_COUNT):
            self.skipTest(reason)

    def test_ids_come_from_the_users_ranges(self):
        bundle = self.users().sub_ids().sh("id -u; id -G; touch /tmp/x; stat -c %u:%g /tmp/x")
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
        self.assertEqual(self.ok(bundle.run()).out.split(), ["1000", "1000", "7", "1000:1000"])

    def test_seen_from_the_host(self):
        bundle = self.users(mode="strict-agent").sub_ids().sh("exec sleep 100")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.create_and_start(bundle)
        self.assertEqual(nucleus_test.status_of(bundle.pid())["Uid"].split()[0], str(SUB_IDS[ALICE] + 999))
        self.assertEqual(self.ok(bundle.exec("id", "-u", options=["--user", "5"])).out, "5\n")
        self.ok(bundle.call("receipt", "--verify", bundle.id))

    def test_group_lists_need_the_ranges(self):
        bundle = self.users(["id", "-G"])
        bundle.process["user"]["additionalGids"] = [0]
        self.assertNotEqual(bundle.run().rc, 0)

    def refused(self, bundle: UserBundle, *texts: str) -> None:
        result = self.fails(bundle.run())
        for text in texts:
            self.assertIn(text, result.err)
        self.assertEqual(bundle.leftovers(), [])

    def test_ids_of_the_host_and_of_others(self):
        for first, size in ((0, 1), (0, 65536), (BOB, 1), (SUB_IDS[BOB], 10), (SUB_IDS[ALICE], SUB_COUNT + 1),
                            (SUB_IDS[ALICE] - 1, 2)):
            bundle = self.users(["id"])
            bundle.user_namespace(first, size)
            self.refused(bundle, "/etc/subuid", str(ALICE))

    def test_groups_of_the_host(self):
        bundle = self.users(["id"])
        bundle.linux["gidMappings"][0]["hostID"] = 0
        self.refused(bundle, "/etc/subgid")

    def test_overlapping_ranges(self):
        bundle = self.users(["id"]).sub_ids()
        bundle.linux["uidMappings"][1]["containerID"] = 0
        self.fails(bundle.run())

    def test_helper_in_path_is_not_used(self):
        bundle = self.users(["id", "-u"]).sub_ids()
        fake = bundle.dir / "newuidmap"
        fake.write_text(f"#!/bin/sh\ntouch {bundle.dir}/fooled\nexec /usr/bin/newuidmap \"$@\"\n")
        fake.chmod(0o755)
        bundle.environment["PATH"] = str(bundle.dir)
        self.assertEqual(self.ok(bundle.run()).out, "0\n")
        self.assertFalse((bundle.dir / "fooled").exists())

    def test_helper_must_be_roots(self):
        """A helper that its owner can change decides nothing."""
        bundle = self.users(["id"]).sub_ids()
        fake = bundle.dir / "helper"
        shutil.copy(SETID_HELPER, fake)
        for owner, mode in ((ALICE, 0o755), (0, 0o775), (0, 0o757)):
            os.chown(fake, owner, 0)
            fake.chmod(mode)
            self.assertEqual(libc.mount(str(fake).encode(), str(SETID_HELPER).encode(), None, 0x1000, None), 0)
            try:
                self.refused(bundle, "must be a file of root's")
            finally:
                libc.umount2(str(SETID_HELPER).encode(), 2)


class StateRoots(UserTest):
    def created(self, bundle: UserBundle, id: str, **environment) -> Result:
        bundle.sh("exec sleep 100").write()
        out = bundle.dir / id
        return nucleus_test.call([bundle.binary, "create", id], user=bundle.user, group=bundle.user, extra_groups=[],
                                 cwd=bundle.path, env={**bundle.environment, **environment}, out=out)

    def owned(self, path: pathlib.Path, user: int, mode: int = 0o700) -> pathlib.Path:
        path.mkdir(mode=mode)
        path.chmod(mode)
        os.chown(path, user, user)
        return path

    def test_in_the_users_runtime_directory(self):
        bundle = self.users()
        self.ok(self.created(bundle, "mine"))
        self.assertTrue((bundle.runtime_dir / "nucleus/mine/state.json").exists())
        self.ok(bundle.bare("start", "mine"))
        self.ok(bundle.bare("delete", "--force", "mine"))

    def test_two_users_with_the_same_id(self):
        bundles = [self.users(user=ALICE), self.users(user=BOB)]
        for bundle in bundles:
            self.ok(self.created(bundle, "same"))
            self.ok(bundle.bare("start", "same"))
        pids = [json.loads(self.ok(bundle.bare("state", "same")).out)["pid"] for bundle in bundles]
        self.assertNotEqual(*pids)
        self.ok(bundles[0].bare("delete", "--force", "same"))
        self.assertEqual(json.loads(self.ok(bundles[1].bare("state", "same")).out)["status"], "running")
        self.ok(bundles[1].bare("delete", "--force", "same"))

    def test_a_containers_cgroup_of_the_same_name_is_not_the_users(self):
        """A user's container neither joins nor minds a cgroup that only root may change."""
        roots = self.create_and_start(self.bundle().sh("exec sleep 100"))
        bundle = self.users(["id", "-u"])
        bundle.linux["cgroupsPath"] = roots.linux["cgroupsPath"]
        self.assertEqual(self.ok(bundle.run()).out, "0\n")
        self.assertEqual(roots.status(), "running")

    def test_state_of_another_user(self):
        alice = self.users(user=ALICE)
        self.ok(self.created(alice, "hers"))
        bob = self.users(user=BOB)
        for words in (["state", "hers"], ["start", "hers"], ["kill", "hers"], ["delete", "--force", "hers"],
                      ["exec", "hers", "id"]):
            self.assertNotEqual(bob.bare("--root", str(alice.runtime_dir / "nucleus"), *words).rc, 0, words)
        self.assertEqual(json.loads(self.ok(alice.bare("state", "hers")).out)["status"], "created")
        self.ok(alice.bare("delete", "--force", "hers"))

    def fallback(self, bundle: UserBundle) -> pathlib.Path:
        """The user has one such directory: tests that use it take turns."""
        path = pathlib.Path(f"/tmp/nucleus-{bundle.user}")
        turn = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.addCleanup(os.close, turn)
        fcntl.flock(turn, fcntl.LOCK_EX)
        self.addCleanup(shutil.rmtree, path, True)
        self.assertFalse(path.exists(), "left by somebody else")
        return path

    def test_without_a_runtime_directory(self):
        bundle = self.users()
        path = self.fallback(bundle)
        bundle.write()
        self.ok(bundle.bare("explain", "--bundle", str(bundle.path), XDG_RUNTIME_DIR=""))
        self.assertEqual(json.loads(self.ok(bundle.bare("list", "--format", "json", XDG_RUNTIME_DIR="")).out), [])
        self.fails(bundle.bare("state", "mine", XDG_RUNTIME_DIR=""), "does not exist")
        self.assertFalse(path.exists(), "nothing was to be written")
        self.ok(self.created(bundle, "mine", XDG_RUNTIME_DIR=""))
        self.assertEqual((stat.S_IMODE(path.stat().st_mode), path.stat().st_uid), (0o700, ALICE))
        self.assertTrue((path / "mine/state.json").exists())
        self.ok(bundle.bare("delete", "--force", "mine", XDG_RUNTIME_DIR=""))

    def test_the_root_of_a_users_namespace_has_the_same_place(self):
        """It is called 0 there, as is that of every other user's."""
        bundle = self.users(["true"])
        path = self.fallback(bundle)
        bundle.user_namespace(0, 1)
        bundle.write()
        result = bundle.unshared("create", "--bundle", str(bundle.path), "mine", XDG_RUNTIME_DIR="/nosuch")
        self.assertFalse(pathlib.Path("/tmp/nucleus-0").exists(), result)
        self.assertTrue((path / "mine/state.json").exists(), result)
        self.ok(bundle.unshared("delete", "--force", "mine", XDG_RUNTIME_DIR="/nosuch"))

    def test_runtime_directories_that_are_not_the_users_alone(self):
        bundle = self.users()
        path = self.fallback(bundle)
        (bundle.dir / "link").symlink_to(bundle.runtime_dir)
        for bad in (self.owned(bundle.dir / "bobs", BOB, 0o777), self.owned(bundle.dir / "open", ALICE, 0o777),
                    bundle.dir / "link", bundle.dir / "nosuch", "relative"):
            result = self.ok(self.created(bundle, "mine", XDG_RUNTIME_DIR=str(bad)))
            self.assertIn(f"XDG_RUNTIME_DIR: {bad} is not a directory of user {ALICE}'s own", result.err)
            self.assertTrue((path / "mine/state.json").exists())
            self.ok(bundle.bare("delete", "--force", "mine", XDG_RUNTIME_DIR=str(bad)))

    def test_somebody_sits_on_the_last_resort(self):
        bundle = self.users()
        path = self.fallback(bundle)
        for prepare in (lambda: self.owned(path, BOB, 0o777), lambda: self.owned(path, ALICE, 0o755),
                        lambda: path.symlink_to(bundle.runtime_dir)):
            prepare()
            result = self.created(bundle, "mine", XDG_RUNTIME_DIR="")
            self.fails(result, "is not a directory that user")
            path.unlink() if path.is_symlink() else path.rmdir()

    def test_a_state_root_of_somebody_else(self):
        bundle = self.users()
        root = self.owned(bundle.dir / "bobs", BOB, 0o777)
        bundle.write()
        self.fails(bundle.bare("--root", str(root), "run", "mine"), "belongs to user")
        self.assertEqual(list(root.iterdir()), [])


class Cgroups(UserTest):
    NO_CGROUP = "this user may make it in no hierarchy"

    def test_agent_warns(self):
        bundle = self.users(["id", "-u"], mode="agent")
        bundle.linux["resources"]["memory"] = {"limit": 1 << 28}
        result = self.ok(bundle.run())
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertIn(self.NO_CGROUP, result.err)

    def test_strict_agent_fails_where_a_limit_was_asked_for(self):
        bundle = self.users(["id", "-u"], mode="strict-agent")
        self.assertIn(self.NO_CGROUP, self.ok(bundle.run()).err)
        bundle.linux["resources"]["pids"] = {"limit": 10}
        self.fails(bundle.run(), self.NO_CGROUP)

    def test_passthrough_is_silent_like_runc(self):
        self.assertEqual(self.ok(self.users(["true"], mode="passthrough").run()).err, "")

    def test_a_hierarchy_that_was_delegated(self):
        """A user may have been given one hierarchy and not the others: it is used, and cleaned up."""
        own = [line.split(":") for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()]
        path = next((path for _, names, path in own if names == "pids"), None)
        if path is None:
            self.skipTest("needs the pids hierarchy of cgroup v1")
        parent = nucleus_test.CGROUPS / "pids" / path.strip("/") / f"nucleus-test-{os.getpid()}-delegated"
        parent.mkdir()
        self.addCleanup(parent.rmdir)
        for file in (parent, *parent.iterdir()):
            os.chown(file, ALICE, ALICE)
        bundle = self.users(mode="agent").sh("exec sleep 100")
        bundle.linux["cgroupsPath"] = "/" + os.path.relpath(parent / "c", nucleus_test.CGROUPS / "pids")
        bundle.linux["resources"]["pids"] = {"limit": 17}
        self.create_and_start(bundle)
        self.assertEqual((parent / "c/pids.max").read_text(), "17\n")
        self.assertIn(str(bundle.pid()), (parent / "c/cgroup.procs").read_text().split())
        self.ok(bundle.delete("--force"))
        self.assertFalse((parent / "c").exists())


class RootInAUsersNamespace(UserTest):
    def test_roots_groups_stay_outside(self):
        """The namespace denies setgroups for ever: what root has when it enters, the container would have."""
        extra = {"extra_groups": [4242, 4243]}
        holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "sleep", "60"], user=ALICE, group=ALICE,
                                  extra_groups=[])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        deny = pathlib.Path(f"/proc/{holder.pid}/setgroups")
        nucleus_test.wait_until(lambda: deny.read_text() == "deny\n" and pathlib.Path(
            f"/proc/{holder.pid}/gid_map").read_text(), "the namespace")
        bundle = self.bundle(mode="passthrough").sh("grep Groups /proc/self/status; exec sleep 60")
        bundle.namespace("user", f"/proc/{holder.pid}/ns/user")
        for mount in bundle.config["mounts"]:
            mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]
        self.create_and_start(bundle, **extra)
        self.assertEqual(bundle.wait_output("Groups").split(), ["Groups:"])
        self.assertEqual(self.ok(bundle.exec("grep", "Groups", "/proc/self/status", **extra)).out.split(), ["Groups:"])
        # A list that cannot be had is refused, not left out.
        bundle = self.bundle(["true"], mode="passthrough").namespace("user", f"/proc/{holder.pid}/ns/user")
        bundle.process["user"]["additionalGids"] = [7]
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "devpts"]
        self.fails(bundle.run(**extra), "setgroups")


class Configuration(UserTest):
    def test_a_users_own(self):
        bundle = self.users(["true"])
        place = bundle.dir / "conf/nucleus"
        place.mkdir(parents=True)
        (place / "nucleus.toml").write_text('mode = "strict-agent"\n')
        bundle.environment["XDG_CONFIG_HOME"] = str(bundle.dir / "conf")
        bundle.write()
        self.assertIn("strict-agent", self.ok(bundle.call("explain", "--bundle", bundle.path)).out)
        os.chown(place / "nucleus.toml", BOB, BOB)
        self.fails(bundle.call("explain", "--bundle", bundle.path), "is owned by user")

    def test_inside_a_user_namespace_the_hosts_root_is_trusted_at_its_own_places(self):
        """Everybody outside of the namespace has one name there: root, whose packages lie in /usr/share, and BOB."""
        bundle = self.users(["true"])
        bundle.write()
        sets = bundle.dir / "sets"
        shutil.copytree(nucleus_test.SOURCE / "policies/default", sets / "mine", ignore=shutil.ignore_patterns("policy.lock"))
        policy = sets / "mine/policy.toml"
        policy.write_text(policy.read_text().replace('name = "default"', 'name = "mine"'))
        config = bundle.dir / "nucleus.toml"
        config.write_text(f'policy_dirs = ["/usr/share/nucleus/policies", "{sets}"]\n')
        os.chown(config, ALICE, ALICE)
        explain = ["--config", str(config), "explain", "--bundle", str(bundle.path), "--policy"]
        for owner in (BOB, 0):
            for path in (sets, *sets.rglob("*")):
                os.chown(path, owner, owner)
            self.fails(bundle.unshared(*explain, "mine"), "is owned by user 65534")
        shares = bundle.dir / "share"
        shutil.copytree(sets, shares / "nucleus/policies")
        if libc.mount(str(shares).encode(), b"/usr/share", None, 0x1000, None):  # MS_BIND
            raise OSError(ctypes.get_errno(), "/usr/share")
        self.addCleanup(libc.umount2, b"/usr/share", 2)
        self.assertIn("mine", self.ok(bundle.unshared(*explain, "mine")).out)
        self.fails(bundle.unshared(*explain, f"/usr/share/nucleus/../../..{sets}/mine"), "is owned by user 65534")
        os.chmod("/usr/share/nucleus/policies/mine/policy.toml", 0o664)
        self.fails(bundle.unshared(*explain, "mine"), "can be written by")


if __name__ == "__main__":
    nucleus_test.main()
