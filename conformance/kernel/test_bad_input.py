"""Bad input from the command line to the disk: one clear line on stderr that names file and place, status 1, quick, and
nothing created. The JSON gate's own cases are in oci/broken_config_test.cpp; here the whole runtime meets them.
"""
import json
import os
import pathlib
import re
import socket
import time

import nucleus_test
from nucleus_test import Bundle, NucleusTest

SLOW = 5  # seconds, times PATIENCE; a refusal takes milliseconds, a loaded machine excuses more
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def make_socket(path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


class BadInputTest(NucleusTest):
    def one_line(self, result, phrase: str, rc: int = 1) -> None:
        self.fails(result, phrase, rc=rc)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertTrue(result.err.endswith("\n") and result.err.strip().isprintable(), repr(result.err))

    def nothing_made(self, bundle: Bundle) -> None:
        entries = sorted(path.name for path in bundle.root.iterdir() if path.name != "~receipts") if bundle.root.is_dir() else []
        self.assertEqual(entries, [])
        self.assertEqual(bundle.leftovers(), [])

    def refused(self, bundle: Bundle, phrase: str, *argv, rc: int = 1, verbs=("create", "run"), **how) -> None:
        for verb in verbs:
            with self.subTest(phrase, verb=verb):
                words = argv or (verb, "--bundle", bundle.path, bundle.id)
                begin = time.monotonic()
                result = bundle.call(*words, **how)
                self.assertLess(time.monotonic() - begin, SLOW * nucleus_test.PATIENCE)
                self.one_line(result, phrase, rc)
                self.nothing_made(bundle)
            if argv:
                break


class Configs(BadInputTest):
    def texts(self, cases: dict, verbs=("create",)) -> None:
        """config.json as bytes or text; the phrase that the error holds."""
        bundle = self.bundle()
        for phrase, text in cases.items():
            data = text if isinstance(text, bytes) else text.encode()
            (bundle.path / "config.json").write_bytes(data)
            self.refused(bundle, phrase, verbs=verbs)

    def changed(self, cases: list, mode: str = "") -> None:
        """(phrase, change(bundle)): a config that is good but for the change."""
        for phrase, change in cases:
            bundle = self.bundle(["true"])
            change(bundle)
            bundle.write()
            options = ["--mode", mode] if mode else []
            self.refused(bundle, phrase, "create", *options, "--bundle", bundle.path, bundle.id)

    def test_not_json(self):
        good = json.dumps(nucleus_test.default_config())
        self.texts({
            "config.json": "",
            "config.json:1:": "{",
            "config.json:2:3": '{\n  nonsense}',
            "config.json: expected object": "[]",
            "duplicate": good[:-1] + ', "hostname": "again"}',
            "config.json:1:16: invalid UTF-8": b'{"ociVersion": \xff\xfe"1.0.2"}',
            "NUL": good.replace('"nucleus-test"', '"a\\u0000b"'),
            "config.json:1:321: nested deeper": nested(10000),
            "config.json:1": good + good,
        })

    def test_huge(self):
        bundle = self.bundle()
        with (bundle.path / "config.json").open("wb") as file:
            file.truncate(100 << 20)
        self.refused(bundle, "config.json: larger than")
        (bundle.path / "config.json").write_text('{"ociVersion": "' + "1" * (100 << 20) + '"}')
        self.refused(bundle, "config.json: larger than")

    def test_many_and_long_values(self):
        self.changed([
            ("process.args", lambda b: b.process.update(args="sh")),
            ("annotations", lambda b: b.config.update(annotations={"a": 1})),
        ])
        bundle = self.bundle(["true"])
        bundle.config["annotations"] = {f"key{i}": "x" * 100 for i in range(20000)}
        bundle.process["args"] = ["true"] + ["x" * 1000] * 1000
        begin = time.monotonic()
        self.ok(bundle.run())
        self.assertLess(time.monotonic() - begin, 4 * SLOW * nucleus_test.PATIENCE)  # three megabytes

    def test_wrong_types_and_values(self):
        self.changed([
            ("config.json: process.user.uid", lambda b: b.process.update(user={"uid": "0", "gid": 0})),
            ("config.json: process.user.uid", lambda b: b.process.update(user={"uid": -1, "gid": 0})),
            ("config.json: process.cwd", lambda b: b.process.update(cwd="tmp")),
            ("config.json: process.args", lambda b: b.process.update(args=[])),
            ("config.json: process.args[0]", lambda b: b.process.update(args=[""])),
            ("config.json: process.env[0]", lambda b: b.process.update(env=["=x"])),
            ("config.json: process.rlimits[0].type", lambda b: b.process.update(
                rlimits=[{"type": "RLIMIT_NONE", "soft": 1, "hard": 1}])),
            ("config.json: process.rlimits[0].soft", lambda b: b.process.update(
                rlimits=[{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}])),
            ("config.json: process.oomScoreAdj", lambda b: b.process.update(oomScoreAdj=5000)),
            ('config.json: process.capabilities.bounding[0]: unknown capability "CAP_FLY"',
             lambda b: b.process.update(capabilities={"bounding": ["CAP_FLY"]})),
            ("config.json: root.path", lambda b: b.config["root"].update(path="")),
            ("config.json: hostname", lambda b: b.config.update(hostname="x" * 65)),
            ("config.json: ociVersion", lambda b: b.config.update(ociVersion="latest")),
            ("config.json: mounts[7].destination", lambda b: b.mount("/a/../../etc", "/tmp")),
            ("config.json: mounts[7].destination", lambda b: b.mount("relative", "/tmp")),
            ("config.json: mounts[7].options", lambda b: b.mount("/mnt", "/tmp", options=["bind", "readonly"])),
            ("config.json: mounts[7].options[0]", lambda b: b.mount("/mnt", "t", "tmpfs", ["size=1,exec"])),
            ("config.json: mounts[7].type", lambda b: b.mount("/mnt", "x", "a/b", [])),
            ("config.json: linux.namespaces", lambda b: b.linux["namespaces"].append({"type": "pid"})),
            ("config.json: linux.namespaces", lambda b: b.namespace("moon")),
            ("config.json: linux.namespaces", lambda b: b.namespace("network", "relative/path")),
            ("config.json: linux.uidMappings", lambda b: b.namespace("user")),
            ("config.json: linux.rootfsPropagation", lambda b: b.linux.update(rootfsPropagation="sideways")),
            ("config.json: linux.devices[0]", lambda b: b.linux.update(
                devices=[{"path": "/dev/x", "type": "z", "major": 1, "minor": 1}])),
            ("config.json: linux.cgroupsPath", lambda b: b.linux.update(cgroupsPath="/a/../../b")),
            ("config.json: linux.resources.memory.limit", lambda b: b.linux["resources"].update(
                memory={"limit": "1G"})),
            ("config.json: linux.seccomp.defaultAction", lambda b: b.linux.update(
                seccomp={"defaultAction": "SCMP_ACT_SHRUG"})),
            ("config.json: linux.seccomp.syscalls[0]", lambda b: b.linux.update(
                seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]})),
            ("config.json: hooks.prestart[0].path", lambda b: b.config.update(hooks={"prestart": [{"path": "x"}]})),
            ("differs from", lambda b: b.config.update(Process={})),
            ("io.nucleus.moed", lambda b: b.config.update(annotations={"io.nucleus.moed": "agent"})),
            ("io.nucleus.mode", lambda b: b.config.update(annotations={"io.nucleus.mode": "lax"})),
        ])

    def test_what_the_config_names(self):
        def loop(b, name):
            (b.rootfs / name).symlink_to(name)

        def cyclic_root(b):
            (b.path / "loop").symlink_to("loop")
            b.config["root"]["path"] = "loop"

        def cyclic_target(b):
            loop(b, "loop")
            b.mount("/loop/x", "tmpfs", "tmpfs", [])

        def cyclic_cwd(b):
            loop(b, "loop")
            b.process["cwd"] = "/loop"

        def cyclic_program(b):
            loop(b, "loop")
            b.process["args"] = ["/loop"]

        cases = [
            ("nonesuch", lambda b: b.config["root"].update(path="nonesuch")),
            ("config.json is not a directory", lambda b: b.config["root"].update(path="config.json")),
            ("oop", cyclic_root),
            ("/loop", cyclic_target),
            ("/loop", cyclic_cwd),
            ("/loop", cyclic_program),
            ('exec: "nonesuch": executable file not found in $PATH', lambda b: b.process.update(args=["nonesuch"])),
            ("/none/such", lambda b: b.process.update(args=["/none/such"])),
            ("/etc", lambda b: b.process.update(args=["/etc"])),
            ("/none/such", lambda b: b.namespace("network", "/none/such")),
            ("/etc/passwd", lambda b: b.namespace("network", "/etc/passwd")),
            ("/none/such", lambda b: b.config.update(hooks={"createRuntime": [{"path": "/none/such"}]})),
            ("/etc/passwd", lambda b: b.process.update(cwd="/etc/passwd")),
        ]
        self.changed(cases)
        self.changed([*cases, ("nonesuchfs", lambda b: b.mount("/mnt", "x", "nonesuchfs", [])),
                      ("/none/such", lambda b: b.mount("/mnt", "/none/such"))], mode="passthrough")

    def test_unknown_system_calls_are_left_to_newer_kernels(self):
        """A profile is written for many kernels, so what it allows may be unknown; what it denies may not be misspelt."""
        rule = {"names": ["open_the_pod_bay_doors"]}
        bundle = self.bundle(["true"])
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{**rule, "action": "SCMP_ACT_ALLOW"}]}
        self.ok(bundle.run())
        bundle.linux["seccomp"]["syscalls"] = [{**rule, "action": "SCMP_ACT_ERRNO"}]
        bundle.write()
        self.refused(bundle, 'config.json: linux.seccomp.syscalls[0].names[0]: unknown system call')
        bundle.mode = "passthrough"
        self.ok(bundle.run())

    def test_unknown_properties_are_ignored(self):
        bundle = self.bundle(["true"])
        bundle.config["x"] = bundle.linux["y"] = bundle.process["z"] = {"deep": [1, None, {}]}
        self.ok(bundle.run())


class Files(BadInputTest):
    def test_config_that_is_no_file(self):
        for make, phrase in ((os.mkfifo, "not a regular file"), (os.mkdir, "not a regular file"),
                             (lambda path: os.symlink("config.json", path), "config.json"),
                             (lambda path: os.symlink("/dev/zero", path), "not a regular file"),
                             (lambda path: os.symlink("/nonesuch", path), "config.json not found"),
                             (make_socket, "config.json"),
                             (lambda path: None, "JSON specification file config.json not found")):
            bundle = self.bundle()
            make(bundle.path / "config.json")
            self.refused(bundle, phrase)

    def test_bundle_that_is_none(self):
        bundle = self.bundle()
        for path in ("/none/such", "/etc/passwd", "", "a" * 5000):
            self.refused(bundle, "bundle", "create", "--bundle", path, bundle.id)

    def test_pid_file_and_console_socket(self):
        bundle = self.bundle(["true"])
        bundle.write()
        self.refused(bundle, "pid file: open /none/such/", "create", "--pid-file", "/none/such/pid", "--bundle", bundle.path,
                     bundle.id)
        self.refused(bundle, "console", "create", "--console-socket", "/none/such", "--bundle", bundle.path, bundle.id)
        bundle.process["terminal"] = True
        bundle.write()
        self.refused(bundle, "/none/such", "create", "--console-socket", "/none/such", "--bundle", bundle.path,
                     bundle.id)
        self.refused(bundle, "console socket", "create", "--bundle", bundle.path, bundle.id)


class CommandLine(BadInputTest):
    def test_ids(self):
        bundle = self.bundle(["true"])
        bundle.write()
        for id, phrase in (("", "container id cannot be empty"), ("a/b", "invalid container ID format"),
                           ("/", "invalid container ID format"), (".", "invalid container ID format"),
                           ("..", "invalid container ID format"), ("../x", "invalid container ID format"),
                           ("x" * 256, "invalid container ID format"), ("a b", "invalid container ID format"),
                           ("é", "invalid container ID format"), ("a\nb", "invalid container ID format")):
            for words in (("create", "--bundle", bundle.path), ("run", "--bundle", bundle.path), ("state",), ("start",),
                          ("kill",), ("delete",), ("delete", "--force"), ("ps",), ("receipt",)):
                with self.subTest(id, words=words[0]):
                    result = bundle.call(*words, id)
                    self.one_line(result, phrase)
            self.assertIn(phrase, bundle.call("exec", id, "true").err)
            self.nothing_made(bundle)

    def test_flags_commands_and_arguments(self):
        bundle = self.bundle(["true"])
        bundle.write()
        path = bundle.path
        for phrase, rc, *words in (
                ("flag provided but not defined: -nonsense", 1, "create", "--nonsense", "x"),
                ("flag provided but not defined: -x", 1, "state", "-x", "y"),
                ("flag needs an argument: -bundle", 1, "create", "--bundle"),
                ("No help topic for 'frobnicate'", 3, "frobnicate"),
                ('"state" requires exactly 1 argument(s)', 1, "state"),
                ('"create" requires exactly 1 argument(s)', 1, "create", "--bundle", path),
                ('"create" requires exactly 1 argument(s)', 1, "create", "--bundle", path, "a", "b"),
                ('"start" requires exactly 1 argument(s)', 1, "start"),
                ('"kill" requires a minimum of 1 argument(s)', 1, "kill"),
                ('"delete" requires exactly 1 argument(s)', 1, "delete"),
                ("preserve-fds", 1, "create", "--preserve-fds", "many", "--bundle", path, "x"),
                ("preserve-fds", 1, "create", "--preserve-fds", "-1", "--bundle", path, "x"),
                ('unknown mode "lax"', 1, "create", "--mode", "lax", "--bundle", path, "x"),
                ("nonesuch", 1, "create", "--policy", "nonesuch", "--bundle", path, "x"),
                ('grant "everything"', 1, "create", "--grant", "everything", "--bundle", path, "x"),
                ("invalid format", 1, "explain", "--format", "xml", "--bundle", path),
                ("--no-pivot", 1, "create", "--no-pivot", "--bundle", path, "x")):
            with self.subTest(phrase, words=words):
                self.one_line(bundle.call(*words), phrase, rc)
                self.nothing_made(bundle)
        self.one_line(bundle.call("state", "x", globals=["--log-format", "xml"]), "invalid log-format: xml")
        self.one_line(bundle.call("state", "x", globals=["--bogus"]), "flag provided but not defined: -bogus")

    def test_signals(self):
        bundle = self.create_and_start(self.bundle(["sleep", "60"]))
        for name in ("BOGUS", "65", "-1", "", "SIG", "9x", "RTMIN-1", "RTMAX+1"):
            self.one_line(bundle.call("kill", bundle.id, name), f'unknown signal "{name}"')
        self.assertEqual(bundle.status(), "running")

    def test_exec_users_and_processes(self):
        bundle = self.bundle(["sleep", "60"])
        self.create_and_start(bundle)
        for user in ("-1", "4294967295", "4294967296", "1:", ":1", "1:2:3", "nonesuch", "0x0", " 0", "1 ", "0\n"):
            with self.subTest(user=user):
                self.one_line(bundle.exec("true", options=["--user", user]), "user", rc=255)
        process = bundle.dir / "process.json"
        for text in ("", "[]", '{"args":["true"]}', '{"args":[],"cwd":"/"}', '{"args":["true"],"cwd":"x"}',
                     '{"args":["true"],"cwd":"/","args":["sh"]}', nested(10000)):
            with self.subTest(text=text[:40]):
                process.write_text(text)
                self.one_line(bundle.exec(options=["--process", process]), "process.json", rc=255)
        os.unlink(process)
        os.mkfifo(process)
        self.one_line(bundle.exec(options=["--process", process]), "process.json", rc=255)
        self.one_line(bundle.exec(options=["--process", "/none/such"]), "/none/such", rc=255)
        self.assertEqual(bundle.status(), "running")


class StateRoot(BadInputTest):
    COMMANDS = ("state", "start", "kill", "delete", "exec", "ps", "receipt")

    def in_private_mounts(self, bundle: Bundle, setup: str, *argv):
        """Runs the runtime in a mount namespace where `setup` was done to its state root."""
        bundle.root.mkdir(mode=0o711, exist_ok=True)
        return nucleus_test.call(["unshare", "--mount", "--propagation", "private", "sh", "-euc",
                                  f'cd /; {setup}; exec "$@"', "sh", nucleus_test.NUCLEUS, "--root", bundle.root, *argv])

    def test_full_disk(self):
        bundle = self.bundle(["true"])
        bundle.write()
        tmpfs = f"mount -t tmpfs -o size=16k,mode=711 tmpfs {bundle.root}"
        for fill in ("", f"; head -c 8192 /dev/zero >{bundle.root}/fill", f"; head -c 16384 /dev/zero >{bundle.root}/fill"):
            result = self.in_private_mounts(bundle, f"{tmpfs}{fill}; trap 'ls {bundle.root}' EXIT; set -- env \"$@\"",
                                            "create", "--bundle", bundle.path, bundle.id)
            with self.subTest(fill):
                self.one_line(result, "no space left on device")
                self.assertIn(str(bundle.root), result.err)
                self.assertEqual(bundle.leftovers(), [])

    def test_nothing_is_left_on_a_full_disk(self):
        bundle = self.bundle(["true"])
        bundle.write()
        script = (f"mount -t tmpfs -o size=16k,mode=711 tmpfs {bundle.root}; "
                  f"{nucleus_test.NUCLEUS} --root {bundle.root} create --bundle {bundle.path} {bundle.id} || true; "
                  f"ls {bundle.root}; set -- true")
        result = self.in_private_mounts(bundle, script)
        self.assertEqual(result.out, "")
        self.assertIn("no space left on device", result.err)

    def test_readonly(self):
        bundle = self.bundle(["true"])
        bundle.write()
        for mount in (f"mount -t tmpfs -o ro tmpfs {bundle.root}",):
            result = self.in_private_mounts(bundle, mount, "create", "--bundle", bundle.path, bundle.id)
            self.one_line(result, "read-only file system")
            self.assertEqual(bundle.leftovers(), [])

    def test_root_that_is_a_file(self):
        bundle = self.bundle(["true"])
        bundle.write()
        bundle.root.write_text("")
        self.one_line(bundle.call("create", "--bundle", bundle.path, bundle.id), str(bundle.root))
        for command in ("state", "start", "delete", "ps"):
            self.one_line(bundle.call(command, bundle.id), "")
        bundle.root.unlink()

    def test_root_that_others_may_write(self):
        bundle = self.bundle(["true"])
        bundle.write()
        bundle.root.mkdir()
        bundle.root.chmod(0o777)
        self.one_line(bundle.call("create", "--bundle", bundle.path, bundle.id), str(bundle.root))
        bundle.root.chmod(0o711)

    def damaged(self, name: str, damage) -> None:
        bundle = self.bundle(["sleep", "60"])
        self.create_and_start(bundle)
        pid = bundle.pid()
        damage(bundle.root / bundle.id / name)
        for command in self.COMMANDS:
            if name != "state.json" and command not in ("exec", "receipt"):
                continue
            arguments = ["true"] if command == "exec" else []
            options = ["--verify"] if command == "receipt" else []
            with self.subTest(command):
                result = bundle.call(command, *options, bundle.id, *arguments)
                self.assertNotEqual(result.rc, 0)
                self.assertEqual(len(result.err.splitlines()), 1, result.err)
                self.assertIn(name, result.err)
        self.ok(bundle.delete("--force"))
        self.assertFalse((bundle.root / bundle.id).exists())
        nucleus_test.wait_until(lambda: nucleus_test.reap() or not pathlib.Path(f"/proc/{pid}").exists(),
                                "the container's end")
        self.assertEqual(bundle.leftovers(), [])

    DAMAGES = {
        "empty": lambda path: path.write_text(""),
        "cut": lambda path: path.write_text(path.read_text()[:-20]),
        "garbage": lambda path: path.write_bytes(b"\0\xff\n" * 100),
        "array": lambda path: path.write_text("[]"),
        "object": lambda path: path.write_text("{}"),
    }

    def test_damaged_state(self):
        for name, damage in self.DAMAGES.items():
            with self.subTest(name):
                self.damaged("state.json", damage)

    def test_damaged_confinement(self):
        for name, damage in self.DAMAGES.items():
            with self.subTest(name):
                self.damaged("confinement.json", damage)

    def test_damage_before_start(self):
        """A start that cannot read what to enforce starts nothing."""
        for name, damage in self.DAMAGES.items():
            bundle = self.bundle().sh("echo ran")
            self.ok(bundle.create())
            damage(bundle.root / bundle.id / "confinement.json")
            with self.subTest(name):
                self.one_line(bundle.start(), "confinement.json")
                self.assertEqual(bundle.output(), "")
                self.ok(bundle.delete("--force"))

    def test_list_goes_on_past_damage(self):
        bundle = self.bundle(["sleep", "60"])
        bundle.linux["cgroupsPath"] = f"/{bundle.tag}a"
        self.ok(bundle.create(id=bundle.id + "a"))
        bundle.linux["cgroupsPath"] = f"/{bundle.tag}b"
        self.ok(bundle.create(id=bundle.id + "b"))
        (bundle.root / (bundle.id + "a") / "state.json").write_text("{")
        result = bundle.call("list", "--quiet")
        self.assertIn(bundle.id + "b", result.out)


class Unprivileged(BadInputTest):
    def readable(self) -> Bundle:
        bundle = self.bundle(["true"])
        bundle.write()
        for path in (bundle.dir, bundle.path, bundle.rootfs):
            path.chmod(0o755)
        return bundle

    def nobody(self, bundle: Bundle, *argv, root: str = "/run/nucleus"):
        binary = bundle.dir / "nucleus-oci"
        if not binary.exists():
            binary.write_bytes(pathlib.Path(nucleus_test.NUCLEUS).read_bytes())
            binary.chmod(0o755)
        return nucleus_test.call([*NOBODY, binary, "--root", root, *argv], env={})

    def test_explain_and_plan_need_no_root(self):
        bundle = self.readable()
        self.assertIn("tightened", self.ok(self.nobody(bundle, "explain", "--bundle", bundle.path)).out)
        self.ok(self.nobody(bundle, "explain", "--format", "config", "--bundle", bundle.path))
        self.ok(self.nobody(bundle, "check"))
        self.ok(self.nobody(bundle, "features"))

    def test_run_says_why_not(self):
        bundle = self.readable()
        state = bundle.dir / "mine"
        state.mkdir()
        os.chown(state, 65534, 65534)
        result = self.nobody(bundle, "run", "--bundle", bundle.path, bundle.id, root=str(state))
        self.assertEqual(result.rc, 1)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertIn("rootless container requires user namespaces", result.err)
        self.assertEqual(list(state.iterdir()), [])
        result = self.nobody(bundle, "run", "--bundle", bundle.path, bundle.id, root=str(bundle.root))
        self.assertEqual(result.rc, 1)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)

    def test_config_without_permission(self):
        bundle = self.readable()
        (bundle.path / "config.json").chmod(0o600)
        self.one_line(self.nobody(bundle, "explain", "--bundle", bundle.path), "config.json")
        bundle.dir.chmod(0o700)
        self.assertNotEqual(self.nobody(bundle, "explain", "--bundle", bundle.path).rc, 0)


class Log(BadInputTest):
    def entries(self, path: pathlib.Path) -> list:
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def test_one_object_for_an_error_and_none_for_success(self):
        bundle = self.bundle(["sleep", "60"])
        for name, words in (("state", ["state", "nonesuch"]), ("create", ["create", "--bundle", "/none/such", "x"]),
                            ("exec", ["exec", "nonesuch", "true"]), ("flag", ["state", "--nonsense"]),
                            ("command", ["frobnicate"]), ("count", ["state"])):
            with self.subTest(name):
                log = bundle.dir / f"log-{name}"
                result = bundle.call(*words, globals=["--log", log, "--log-format", "json"])
                entries = self.entries(log)
                self.assertEqual(len(entries), 1)
                self.assertEqual(set(entries[0]), {"level", "msg", "time"})
                self.assertEqual(entries[0]["level"], "error")
                self.assertRegex(entries[0]["time"], RFC3339)
                self.assertEqual(result.err, entries[0]["msg"] + "\n")

    def test_errors_are_appended(self):
        bundle = self.bundle()
        log = bundle.dir / "log"
        for _ in range(3):
            bundle.call("state", "nonesuch", globals=["--log", log, "--log-format", "json"])
        self.assertEqual([entry["msg"] for entry in self.entries(log)], ["container does not exist"] * 3)
        self.assertFalse(log.stat().st_mode & 0o022)

    def test_text_format(self):
        bundle = self.bundle()
        log = bundle.dir / "log"
        bundle.call("state", "nonesuch", globals=["--log", log])
        self.assertRegex(log.read_text(), r'^time="[^"]+" level=error msg="container does not exist"\n$')

    def test_hostile_text_stays_json(self):
        bundle = self.bundle()
        log = bundle.dir / "log"
        bundle.process["args"] = ['quote" back\\slash \u001b[31m\n\t', "x"]
        bundle.write()
        result = bundle.call("create", "--bundle", bundle.path, bundle.id,
                             globals=["--log", log, "--log-format", "json"])
        entries = self.entries(log)
        self.assertEqual(len(entries), 1)
        self.assertIn(bundle.process["args"][0], entries[0]["msg"])
        self.one_line(result, "\\x1b[31m\\n\\x09")  # neither a second line nor a sequence that the terminal obeys

    def test_silence_of_success(self):
        bundle = self.bundle(["sleep", "60"], mode="strict-agent")
        log = bundle.dir / "log"
        how = {"globals": ["--log", log, "--log-format", "json", "--debug"][:4]}
        for name, call in (("create", lambda: bundle.create(**how)), ("start", lambda: bundle.start(**how)),
                           ("kill", lambda: bundle.call("kill", bundle.id, "KILL", **how)),
                           ("delete", lambda: (bundle.wait_stopped(), bundle.delete(**how))[1])):
            with self.subTest(name):
                result = self.ok(call())
                self.assertEqual((result.out, result.err), ("", ""))
        self.assertFalse(log.exists())

    def test_warnings_stay_out_of_the_log(self):
        bundle = self.bundle(["true"], mode="agent")
        bundle.process["capabilities"]["bounding"].append("CAP_SYS_ADMIN")
        log = bundle.dir / "log"
        result = self.ok(bundle.run(globals=["--log", log, "--log-format", "json"]))
        self.assertIn("CAP_SYS_ADMIN", result.err)
        self.assertFalse(log.exists())

    def test_log_that_cannot_be_written(self):
        bundle = self.bundle()
        for path in ("/none/such/log", "/", "/dev/full"):
            result = bundle.call("state", "nonesuch", globals=["--log", path, "--log-format", "json"])
            self.one_line(result, "container does not exist")
        fifo = bundle.dir / "fifo"
        os.mkfifo(fifo)
        self.one_line(bundle.call("state", "nonesuch", globals=["--log", fifo], timeout=SLOW), "container does not exist")


if __name__ == "__main__":
    nucleus_test.main()
