"""The texts and exit codes that engines and people know from runc, as tables. Every row is run with our runtime; a row that
does not say why runc differs is run with runc as well, which must agree.
"""
import datetime
import json
import shlex
import signal
import threading
import typing

import nucleus_test
import test_parity
from nucleus_test import NucleusTest

USAGE = "Incorrect Usage"


class Row(typing.NamedTuple):
    argv: str      # words; {id} is the container's name
    rc: int = 0
    err: str = ""  # part of stderr; "": stderr is empty
    out: str = ""  # part of stdout; "": stdout is empty
    differs: str = ""  # why runc says something else


def usage(argv: str, err: str, differs: str = "") -> Row:
    return Row(argv, 1, err, USAGE, differs)


NOBODY = [
    *(Row(f"{verb} {{id}}", 1, "container does not exist")
      for verb in ("state", "start", "kill", "delete", "pause", "resume", "checkpoint", "ps", "update", "events", "ps --format json",
                   "kill --all", "events --stats")),
    Row("exec {id} true", 255, "exec failed: container does not exist"),
    Row("kill {id} BOGUS", 1, "container does not exist"),
    Row("delete --force {id}"),
    Row("delete -f {id}"),
    Row("state /x", 1, "invalid container ID format"),
    Row("state ..", 1, "invalid container ID format"),
    Row("list", 0, out="ID "),
    Row("list --format json", 0, out="[]", differs="runc prints null; an empty list is a list"),
    Row("list --quiet"),
    Row("list --format xml", 1, "invalid format option"),
]

COMMAND_LINE = [
    usage("--bogus state x", "flag provided but not defined: -bogus"),
    usage("state --bogus x", "flag provided but not defined: -bogus"),
    usage("exec --bogus x", "flag provided but not defined: -bogus"),
    usage("create --bundle", "flag needs an argument: -bundle"),
    usage("--root", "flag needs an argument: -root"),
    Row("bogus", 3, "No help topic for 'bogus'"),
    Row("--log-format xml list", 1, "invalid log-format: xml"),
    usage("restore --lsm-mount-context", "flag needs an argument: -lsm-mount-context"),  # podman asks so
    Row("checkpoint --help", 0, out="--image-path"),  # and so
    Row("restore --help", 0, out="--image-path"),
    *(usage(verb, f'"{verb}" requires exactly 1 argument(s)')
      for verb in ("state", "create", "run", "start", "delete", "pause", "resume", "update", "events", "checkpoint",
                   "restore")),
    *(usage(f"{verb} x y", f'"{verb}" requires exactly 1 argument(s)')
      for verb in ("state", "create", "run", "start", "delete", "pause", "resume", "update", "events")),
    *(usage(f"{verb} x", f'"{verb}" requires exactly 0 argument(s)') for verb in ("spec", "features", "list")),
    *(usage(verb, f'"{verb}" requires a minimum of 1 argument(s)') for verb in ("kill", "exec", "ps")),
    usage("kill x KILL y", '"kill" requires a maximum of 2 argument(s)'),
    Row("help", 0, out="delete"),
    Row("--help", 0, out="delete"),
    Row("-h", 0, out="delete"),
    Row("help state", 0, out="state"),
    Row("--version", 0, out="spec: "),
    Row("-v", 0, out="spec: "),
    Row("features", 0, out='"ociVersionMin"'),
]

CREATED = [
    Row("state {id}", 0, out='"status": "created"'),
    Row("exec {id} echo inside", 0, out="inside"),
    Row("kill {id} 0"),
    Row("resume {id}", 1, "container not paused"),
    Row("create --bundle {bundle} {id}", 1, "container with given ID already exists"),
    Row("events --stats {id}", 0, out='"type":"stats"'),
    Row("update --pids-limit 100 {id}"),
    Row("delete {id}"),  # kills it
    Row("state {id}", 1, "container does not exist"),
]

RUNNING = [
    Row("state {id}", 0, out='"status": "running"'),
    Row("start {id}", 1, "cannot start an already running container"),
    Row("delete {id}", 1, "cannot delete container {id} that is not stopped: running"),
    Row("create --bundle {bundle} {id}", 1, "container with given ID already exists"),
    Row("run --bundle {bundle} {id}", 1, "container with given ID already exists"),
    Row("resume {id}", 1, "container not paused"),
    Row("kill {id} BOGUS", 1, 'unknown signal "BOGUS"',
        differs="runc 1.1 quotes the text of its logger: unknown signal \\\"BOGUS\\\""),
    Row("kill {id} 0"),
    Row("kill {id} SIGCONT"),
    Row("kill {id} cont"),
    Row("kill --all {id} 18"),
    Row("exec {id} sh -c 'exit 7'", 7),
    Row("exec {id} sh -c 'kill -9 $$'", 137),
    Row("exec {id} x", 255, 'exec: "x": executable file not found in $PATH'),
    Row("exec {id} /x", 255, 'exec: "/x": stat /x: no such file or directory'),
    Row("exec {id} /etc", 255, 'exec: "/etc": permission denied'),
    Row("ps --format xml {id}", 1, "invalid format option"),
    Row("ps --format json {id}", 0, out="["),
    Row("ps -f json {id}", 0, out="["),
    Row("list -q", 0, out="{id}"),
    Row("events --interval 0s {id}", 1, "duration interval must be greater than 0"),
    Row("events --interval x {id}", 1, 'invalid value "x" for flag -interval: parse error',
        differs="runc's parser takes it for wrong usage and adds the help"),
    Row("pause {id}"),
    Row("state {id}", 0, out='"status": "paused"'),
    Row("pause {id}", 1, "container not running"),
    Row("start {id}", 1, "cannot start a container in the paused state"),
    Row("exec {id} true", 255, "cannot exec in a paused container (use --ignore-paused to override)"),
    Row("delete {id}", 1, "cannot delete container {id} that is not stopped: paused"),
    Row("ps --format json {id}", 0, out="["),
    Row("resume {id}"),
    Row("resume {id}", 1, "container not paused"),
    Row("pause {id}"),
    Row("delete --force {id}"),
    Row("delete --force {id}"),
]

STOPPED = [
    Row("state {id}", 0, out='"pid": 0'),
    Row("state {id}", 0, out='"status": "stopped"'),
    Row("kill {id}", 1, "container not running"),
    Row("kill {id} 0", 1, "container not running"),
    Row("kill --all {id} KILL"),
    Row("start {id}", 1, "cannot start a container that has stopped"),
    Row("exec {id} true", 255, "cannot exec in a stopped container"),
    Row("ps --format json {id}", 0, out="null"),
    Row("events {id}", 1, "container with id {id} is not running"),
    Row("events --stats {id}", 1, "container with id {id} is not running"),
    Row("pause {id}", 1, "container not running"),
    Row("resume {id}", 1, "container not paused"),
    Row("update --pids-limit 100 {id}", 1, "container not running",
        differs="runc reports that it cannot write to a cgroup without processes, or nothing"),
    Row("create --bundle {bundle} {id}", 1, "container with given ID already exists"),
    Row("delete {id}"),
    Row("delete {id}", 1, "container does not exist"),
    Row("delete --force {id}"),
]

# How the program's name makes create fail, which engines turn into their exit codes 127 and 126.
PROGRAMS = [
    ("x", 'exec: "x": executable file not found in $PATH'),
    ("/x", 'exec: "/x": stat /x: no such file or directory'),
    ("/etc", 'exec: "/etc": permission denied'),
    ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
]

# engines.md, chapter 1: every option that an engine sends or runc documents. "name=" takes a value.
OPTIONS = {
    "": "root= log= log-format=text debug systemd-cgroup criu= rootless=true log-level=debug cgroup-manager=disabled",
    "create": "bundle= b= pid-file= console-socket= preserve-fds=0 no-new-keyring no-pivot",
    "run": "bundle= b= pid-file= console-socket= preserve-fds=0 no-new-keyring no-pivot detach d keep no-subreaper",
    "exec": "process= p= detach d tty t pid-file= console-socket= preserve-fds=0 cwd= env= e= user= u= "
            "additional-gids= g= process-label= apparmor= no-new-privs cap= c= ignore-paused",
    "kill": "all a",
    "delete": "force f",
    "ps": "format= f=",
    "list": "format= f= quiet q",
    "update": "resources= r= blkio-weight= cpu-period= cpu-quota= cpu-burst= cpu-share= cpu-rt-period= cpu-rt-runtime= "
              "cpuset-cpus= cpuset-mems= kernel-memory= kernel-memory-tcp= memory= memory-reservation= memory-swap= "
              "pids-limit= l3-cache-schema= mem-bw-schema=",
    "events": "stats interval=",
    "checkpoint": "image-path= work-path= parent-path= leave-running tcp-established ext-unix-sk shell-job lazy-pages "
                  "status-fd= page-server= file-locks pre-dump manage-cgroups-mode= empty-ns= auto-dedup",
    "restore": "console-socket= image-path= work-path= tcp-established ext-unix-sk shell-job file-locks "
               "manage-cgroups-mode= bundle= b= detach d pid-file= no-subreaper no-pivot empty-ns= auto-dedup lazy-pages "
               "lsm-profile= lsm-mount-context=",
    "spec": "bundle= b= rootless",
}


def spellings(option: str) -> list:
    """Every way to write one option of OPTIONS."""
    name, equals, value = option.partition("=")
    value = value or "1"
    dashes = ("-", "--")
    if not equals:
        return [[dash + name] for dash in dashes]
    return [words for dash in dashes for words in ([f"{dash}{name}={value}"], [dash + name, value])]


class Texts(NucleusTest):
    def kinds(self) -> list:
        """Ours in the default mode, ours as a plain runtime, and the real runc."""
        kinds = [nucleus_test.Bundle, test_parity.Passthrough]
        return kinds + ([test_parity.Runc] if test_parity.RUNC else [])

    def check(self, bundle, row: Row) -> None:
        is_runc = isinstance(bundle, test_parity.Runc)
        if is_runc and row.differs:
            return
        fill = {"id": bundle.id, "bundle": bundle.path}
        words = row.argv.format(**fill)
        result = bundle.call(*shlex.split(words))
        err = result.err.replace('\\"', '"')
        with self.subTest(runtime=type(bundle).__name__, argv=words, out=result.out[:200], err=err):
            self.assertEqual(result.rc, row.rc)
            for text, found in ((row.err.format(**fill), err), (row.out.format(**fill), result.out)):
                self.assertIn(text, found)
                self.assertTrue(text or not found, "should be silent")

    def table(self, rows: list, prepare) -> None:
        for kind in self.kinds():
            bundle = kind()
            self.addCleanup(self._close, bundle)
            bundle.write()
            prepare(bundle)
            for row in rows:
                self.check(bundle, row)

    def test_no_such_container(self):
        self.table(NOBODY, lambda bundle: None)

    def test_the_command_line(self):
        self.table(COMMAND_LINE, lambda bundle: None)

    def test_a_created_container(self):
        def prepare(bundle):
            bundle.process["args"] = ["sleep", "60"]
            self.ok(bundle.create())
        self.table(CREATED, prepare)

    def test_a_running_and_a_paused_container(self):
        def prepare(bundle):
            bundle.process["args"] = ["sleep", "60"]
            self.create_and_start(bundle)
        self.table(RUNNING, prepare)

    def test_a_stopped_container(self):
        def prepare(bundle):
            bundle.process["args"] = ["true"]
            self.create_and_start(bundle)
            bundle.wait_stopped()
        self.table(STOPPED, prepare)

    def test_create_finds_out_that_the_program_cannot_run(self):
        for kind in self.kinds():
            for name, text in PROGRAMS:
                bundle = kind()
                self.addCleanup(self._close, bundle)
                bundle.process["args"] = [name]
                for verb in (bundle.create, bundle.run):
                    result = verb()
                    with self.subTest(runtime=kind.__name__, program=name, err=result.err):
                        self.assertEqual(result.rc, 1)
                        self.assertIn(text, result.err.replace('\\"', '"'))

    def test_create_without_what_it_needs(self):
        for kind in self.kinds():
            bundle = kind()
            self.addCleanup(self._close, bundle)
            self.check(bundle, Row("create --bundle {bundle} {id}", 1, "JSON specification file config.json not found"))
            bundle.hook("createRuntime", "exit 3").write()
            self.check(bundle, Row("create --bundle {bundle} {id}", 1, "error running"))
            self.assertEqual(bundle.leftovers(), [])

    def test_the_status_of_run(self):
        for kind in self.kinds():
            bundle = kind()
            self.addCleanup(self._close, bundle)
            self.assertEqual(bundle.sh("exit 5").run().rc, 5, kind.__name__)

    def test_the_status_of_run_after_a_signal(self):
        for kind in self.kinds():
            bundle = kind()
            self.addCleanup(self._close, bundle)
            bundle.process["args"] = ["sleep", "60"]
            killer = threading.Thread(target=self.kill_when_running, args=(bundle,))
            killer.start()
            self.assertEqual(bundle.run().rc, 128 + signal.SIGKILL, kind.__name__)
            killer.join()

    def kill_when_running(self, bundle) -> None:
        nucleus_test.wait_until(lambda: bundle.state().get("status") == "running", "the container to run", 20)
        bundle.kill("KILL")


class CommandLine(NucleusTest):
    def test_every_option_in_every_spelling(self):
        bundle = self.bundle()
        for command, options in OPTIONS.items():
            for option in options.split():
                for words in spellings(option):
                    argv = [command, *words, "--help"] if command else [*words, "--help"]
                    result = nucleus_test.call([nucleus_test.NUCLEUS, *argv])
                    self.assertEqual((result.rc, result.err), (0, ""), argv)
                    self.assertIn("usage: nucleus-oci", result.out)
        self.assertEqual(bundle.leftovers(), [])

    def test_every_command_explains_itself(self):
        text = nucleus_test.call([nucleus_test.NUCLEUS, "--help"]).out
        commands = [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertIn("create", commands)
        for command in commands:
            for argv in ([command, "--help"], [command, "-h"], ["help", command]):
                result = nucleus_test.call([nucleus_test.NUCLEUS, *argv])
                self.assertEqual((result.rc, result.err), (0, ""), argv)
                self.assertIn(f"usage: nucleus-oci {command} ", result.out)

    def test_the_version(self):
        lines = nucleus_test.call([nucleus_test.NUCLEUS, "--version"]).out.splitlines()
        self.assertRegex(lines[0], r"^nucleus-oci version \d+\.\d+\.\d+")
        self.assertRegex(lines[-1], r"^spec: \d+\.\d+\.\d+")


class Log(NucleusTest):
    def log(self, bundle, *argv) -> tuple:
        path = bundle.dir / "log.json"
        path.unlink(missing_ok=True)
        result = bundle.call(*argv, globals=["--log", path, "--log-format=json"])
        return result, path.read_text() if path.exists() else ""

    def test_one_object_for_an_error(self):
        bundle = self.bundle(["/absent"])
        bundle.write()
        for argv in (("create", "--bundle", bundle.path, bundle.id), ("state", bundle.id), ("exec", bundle.id, "x"),
                     ("state",), ("bogus",), ("state", "--bogus", "x")):
            result, text = self.log(bundle, *argv)
            self.assertNotEqual(result.rc, 0)
            entry = json.loads(text)  # podman reads the file as one document
            self.assertEqual((sorted(entry), entry["level"]), (["level", "msg", "time"], "error"))
            datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
            self.assertEqual(result.err.splitlines()[-1], entry["msg"])

    def test_nothing_for_success_and_for_warnings(self):
        bundle = self.bundle(["sleep", "60"])
        bundle.process["capabilities"]["bounding"].append("CAP_SYS_ADMIN")  # dropped with a warning
        bundle.write()
        result, text = self.log(bundle, "run", "--detach", "--bundle", bundle.path, bundle.id)
        bundle.ids.append(bundle.id)
        self.ok(result)
        self.assertIn("warning: ", result.err)
        self.assertEqual(text, "")

    def test_a_log_that_cannot_be_written_hides_nothing(self):
        bundle = self.bundle()
        result = bundle.call("state", "nobody", globals=["--log", "/proc/absent/log"])
        self.fails(result, "container does not exist")


class Environment(NucleusTest):
    """podman calls kill, pause, resume, delete and state without PATH and with an empty XDG_RUNTIME_DIR."""

    def test_a_life_without_an_environment(self):
        for env in ({}, {"XDG_RUNTIME_DIR": ""}):
            bundle = self.bundle(["sleep", "60"])
            self.ok(bundle.create(env=env))
            for verb in ("start", "state", "pause", "resume", "ps"):
                self.ok(bundle.call(verb, bundle.id, env=env))
            self.ok(bundle.call("exec", bundle.id, "true", env=env))
            self.ok(bundle.call("update", "--pids-limit=90", bundle.id, env=env))
            self.ok(bundle.call("events", "--stats", bundle.id, env=env))
            self.ok(bundle.call("kill", bundle.id, "KILL", env=env))
            bundle.wait_stopped()
            self.ok(bundle.call("delete", "--force", bundle.id, env=env))

    def listen(self, pid: str, *options) -> nucleus_test.Result:
        bundle = self.bundle().sh("echo fds=$LISTEN_FDS pid=$LISTEN_PID; ls -l /proc/self/fd | grep -c note; true")
        bundle.write()
        note = bundle.dir / "note"
        note.touch()
        words = [str(word) for word in (bundle.binary, "--root", bundle.root, "run", "--bundle", bundle.path, *options,
                                        bundle.id)]
        bundle.ids.append(bundle.id)
        script = f'exec 3<"$0" 4<"$0" 5<"$0"; LISTEN_FDS=2 LISTEN_PID={pid} exec "$@"'
        return self.ok(nucleus_test.call(["sh", "-c", script, note, *words]))

    def test_sockets_of_the_caller_go_in(self):
        self.assertEqual(self.listen("$$").out.split(), ["fds=2", "pid=1", "2"])
        self.assertEqual(self.listen("$$", "--preserve-fds", "1").out.split(), ["fds=2", "pid=1", "3"])

    def test_sockets_meant_for_another_process_do_not(self):
        self.assertEqual(self.listen("1").out.split(), ["fds=", "pid=", "0"])


if __name__ == "__main__":
    nucleus_test.main()
