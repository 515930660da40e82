"""What the lanes that start containers share: a throw-away busybox bundle, calls of the runtime with a deadline, and a
teardown that shows that nothing is left. A test file holds unittest classes derived from NucleusTest and ends with

    if __name__ == "__main__":
        nucleus_test.main()

Environment: NUCLEUS_OCI and NUCLEUS_OCI_FAULTS, the binaries under test (default: build/release of this tree);
NUCLEUS_TEST_PATIENCE, a factor for time limits; NUCLEUS_TEST_PROGRAMS, a directory of compiled helper programs for
machines without a compiler.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NUCLEUS = os.environ.get("NUCLEUS_OCI", str(SOURCE / "build/release/runtime/cli/nucleus-oci"))
NUCLEUS_FAULTS = os.environ.get("NUCLEUS_OCI_FAULTS", str(SOURCE / "build/release/runtime/cli/nucleus-oci-faults"))
PATIENCE = float(os.environ.get("NUCLEUS_TEST_PATIENCE", "1"))  # how much slower than usual this machine is
DEADLINE = 20  # seconds for one call of the runtime, times PATIENCE
SKIPPED = 77   # exit status when every test was skipped, told to ctest
CGROUPS = pathlib.Path("/sys/fs/cgroup")
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000

# The system calls that unittest's own process needs and Python does not have.
libc = ctypes.CDLL(None, use_errno=True)


class Result(typing.NamedTuple):
    rc: int  # -N: killed by signal N
    out: str
    err: str


class Timeout(AssertionError):
    """A call of the runtime did not end in time; it was killed."""


def default_config() -> dict:
    """What `runc spec` writes, without the terminal and with a cgroup namespace."""
    caps = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {name: list(caps) for name in ("bounding", "effective", "permitted", "ambient")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "nucleus-test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


def make_rootfs(path: pathlib.Path) -> None:
    """A root file system around the host's static busybox (a copy: tests may attack it)."""
    for name in ("bin", "sbin", "etc", "dev", "proc", "sys", "tmp", "root", "var/tmp", "usr/bin", "home", "mnt"):
        (path / name).mkdir(parents=True)
    for name in ("tmp", "var/tmp"):
        (path / name).chmod(0o1777)
    busybox = shutil.which("busybox", path="/usr/bin:/bin")
    shutil.copy(busybox, path / "bin/busybox")
    for applet in subprocess.check_output([busybox, "--list"], text=True).split():
        if applet != "busybox":
            os.symlink("busybox", path / "bin" / applet)
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    (path / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")


def call(argv: list, *, timeout: float = DEADLINE, stdin=subprocess.DEVNULL, out: pathlib.Path | None = None,
         **popen) -> Result:
    """Runs argv with its output in files, so that a container that keeps them open cannot block the caller."""
    with contextlib.ExitStack() as stack:
        if out is None:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        else:
            streams = [stack.enter_context(open(f"{out}.{name}", "w+b")) for name in ("out", "err")]
        child = subprocess.Popen([str(a) for a in argv], stdin=stdin, stdout=streams[0], stderr=streams[1], **popen)
        try:
            rc = child.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise Timeout(f"no end after {timeout} s: {argv}\n{_text(streams[1])}") from None
        return Result(rc, _text(streams[0]), _text(streams[1]))


def _text(stream) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


def wait_until(condition, what: str, timeout: float = 10):
    """The first true value of condition(); AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.01)


def mounts_below(path) -> list:
    """Mount points at or below path in this process's mount namespace."""
    prefix = os.path.realpath(path)
    points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point == prefix or point.startswith(prefix + "/")]


def cgroups_named(name: str) -> list:
    """Cgroup directories whose name holds `name`, in every mounted hierarchy; not what lies in them, however deep it is."""
    found, waiting = [], [CGROUPS]
    while waiting:
        directory = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    (found if name in entry.name else waiting).append(entry.path)
    return found


def processes_named(name: str) -> list:
    """(pid, command line) of live processes whose cgroup path or command line holds `name`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if status not in "ZX" and (name in (entry / "cgroup").read_text() or name in command):
                found.append((int(entry.name), command))
    return found


def namespaces(pid="self") -> dict:
    """Namespace kind -> its identity, e.g. "pid" -> "pid:[4026531836]"."""
    return {kind: os.readlink(f"/proc/{pid}/ns/{kind}")
            for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")}


def status_of(pid) -> dict:
    """/proc/PID/status as a dictionary of stripped strings."""
    return parse_status(pathlib.Path(f"/proc/{pid}/status").read_text())


def parse_status(text: str) -> dict:
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


class Bundle:
    """A bundle in a directory of its own, with a state root of its own, and the containers made from it.

    `config` may be changed freely up to create() or run(), which write it. Every method that calls the runtime returns
    a Result. `mode` is the --mode of create and run ("" leaves it to the runtime's default, which is agent).
    """
    _count = 0

    def __init__(self, args: list | None = None, *, mode: str = "", config: dict | None = None):
        Bundle._count += 1
        self.tag = f"nucleus-test-{os.getpid()}-{Bundle._count:03}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=self.tag + "-"))
        self.root = self.dir / "state"
        self.path = self.dir / "bundle"
        self.rootfs = self.path / "rootfs"
        self.rootfs.mkdir(parents=True)
        make_rootfs(self.rootfs)
        self.config = config or default_config()
        self.config["linux"].setdefault("cgroupsPath", f"/{self.tag}")
        self.mode = mode
        self.id = self.tag
        self.ids = []
        self.binary = NUCLEUS
        if args is not None:
            self.process["args"] = list(args)

    # ---- the config ----
    @property
    def process(self) -> dict:
        return self.config["process"]

    @property
    def linux(self) -> dict:
        return self.config["linux"]

    def sh(self, script: str) -> "Bundle":
        """Makes the container's program a shell script."""
        self.process["args"] = ["sh", "-c", script]
        return self

    def mount(self, destination: str, source, kind: str = "bind", options=("bind",), **more) -> "Bundle":
        self.config["mounts"].append({"destination": destination, "type": kind, "source": str(source),
                                      "options": list(options), **more})
        return self

    def namespace(self, kind: str, path: str = "") -> "Bundle":
        """Adds or replaces a namespace of the config."""
        rest = [entry for entry in self.linux["namespaces"] if entry["type"] != kind]
        self.linux["namespaces"] = rest + [{"type": kind, **({"path": path} if path else {})}]
        return self

    def user_namespace(self, host: int = 100000, size: int = 65536) -> "Bundle":
        self.namespace("user")
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": host, "size": size}]
        return self

    def hook(self, kind: str, script: str, **more) -> "Bundle":
        """A shell script as a hook; runs with the host's /bin/sh unless `path` says otherwise."""
        entry = {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
        return self

    def compile(self, source: pathlib.Path, name: str) -> "Bundle":
        """Puts a static program made from a C file into the rootfs, as /bin/NAME."""
        ready = pathlib.Path(os.environ.get("NUCLEUS_TEST_PROGRAMS", "/nowhere")) / source.stem
        if ready.exists():
            shutil.copy(ready, self.rootfs / "bin" / name)
            return self
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise unittest.SkipTest("no C compiler")
        subprocess.run([compiler, "-static", "-O1", "-o", self.rootfs / "bin" / name, source], check=True)
        return self

    def add_attempt(self) -> "Bundle":
        """/bin/attempt, which tries forbidden operations: see attempt.c."""
        return self.compile(pathlib.Path(__file__).with_name("attempt.c"), "attempt")

    def write(self) -> None:
        (self.path / "config.json").write_text(json.dumps(self.config))

    # ---- the runtime ----
    def call(self, *argv, globals=(), binary: str | None = None, **how) -> Result:
        """nucleus-oci --root ROOT GLOBALS... ARGV..."""
        return call([binary or self.binary, "--root", self.root, *globals, *argv], **how)

    def _launch(self, verb: str, options, id, how) -> Result:
        id = id or self.id
        if id not in self.ids:
            self.ids.append(id)
        self.write()
        mode = ["--mode", self.mode] if self.mode else []
        return self.call(verb, "--bundle", self.path, *mode, *options, id, **how)

    def create(self, *options, id: str | None = None, **how) -> Result:
        """The container's output goes on into a file: see output()."""
        return self._launch("create", options, id, {"out": self.dir / (id or self.id), **how})

    def run(self, *options, id: str | None = None, **how) -> Result:
        return self._launch("run", options, id, how)

    def run_detached(self, *options, id: str | None = None, **how) -> Result:
        return self._launch("run", ["--detach", *options], id, {"out": self.dir / (id or self.id), **how})

    def start(self, id: str | None = None, **how) -> Result:
        return self.call("start", id or self.id, **how)

    def exec(self, *command, options=(), id: str | None = None, **how) -> Result:
        return self.call("exec", *options, id or self.id, *command, **how)

    def kill(self, signal_name="KILL", *options, id: str | None = None) -> Result:
        return self.call("kill", *options, id or self.id, signal_name)

    def delete(self, *options, id: str | None = None, **how) -> Result:
        return self.call("delete", *options, id or self.id, **how)

    def state(self, id: str | None = None) -> dict:
        """The state document; {} when `state` fails."""
        result = self.call("state", id or self.id)
        return json.loads(result.out) if result.rc == 0 else {}

    def status(self, id: str | None = None) -> str:
        reap()
        return self.state(id).get("status", "")

    def pid(self, id: str | None = None) -> int:
        return self.state(id).get("pid", 0)

    def output(self, id: str | None = None, stream: str = "out") -> str:
        """What a created or detached container has written so far."""
        return (self.dir / f"{id or self.id}.{stream}").read_text(errors="replace")

    def wait_stopped(self, id: str | None = None, timeout: float = 10) -> None:
        wait_until(lambda: self.status(id) == "stopped", "the container to stop", timeout)

    def wait_output(self, text: str, id: str | None = None, timeout: float = 10) -> str:
        wait_until(lambda: text in self.output(id), f"{text!r} in the container's output", timeout)
        return self.output(id)

    # ---- the end ----
    def leftovers(self) -> list:
        """What containers of this bundle have left on the host: state, cgroups, mounts, processes."""
        reap()
        found = [f"state {path}" for path in (self.root.iterdir() if self.root.exists() else ())
                 if path.is_dir() and (path.name in self.ids or (path / "state.json").exists())]
        found += [f"cgroup {path}" for path in cgroups_named(self.tag)]
        found += [f"mount {point}" for point in mounts_below(self.dir)]
        found += [f"process {pid} {command}" for pid, command in processes_named(self.tag)]
        return found

    def close(self) -> list:
        """Deletes all containers and the bundle; returns leftovers() as it was between the two."""
        for id in self.ids:
            with contextlib.suppress(Timeout, OSError):
                self.call("delete", "--force", id, binary=NUCLEUS)
        left = self.leftovers()
        for pid, _ in processes_named(self.tag):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for point in reversed(mounts_below(self.dir)):
            libc.umount2(point.encode(), 2)  # MNT_DETACH
        for path in reversed(cgroups_named(self.tag)):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if not mounts_below(self.dir):
            shutil.rmtree(self.dir, ignore_errors=True)
        return left


def own_mounts() -> None:
    """From here on nobody sees what this process mounts, nor it what others do: tests that run beside each other compare
    mount tables."""
    if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "mount namespace")


def reap() -> None:
    """Collects orphans: with subreaper() a container's init becomes a child of the test when the runtime ends."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attempts(text: str) -> dict:
    """What bin/attempt printed: operation -> "ok", an errno's name or "signal N"."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def subreaper() -> None:
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class NucleusTest(unittest.TestCase):
    """Bundles made with bundle() are deleted at the end of the test, which fails if anything of them is left."""

    def bundle(self, *args, **how) -> Bundle:
        made = Bundle(*args, **how)
        self.addCleanup(self._close, made)
        return made

    def _close(self, bundle: Bundle) -> None:
        self.assertEqual(bundle.close(), [], "left behind after delete --force")

    def temp_dir(self) -> pathlib.Path:
        path = pathlib.Path(tempfile.mkdtemp(prefix=f"nucleus-test-{os.getpid()}-"))
        self.addCleanup(shutil.rmtree, path, True)
        return path

    def ok(self, result: Result) -> Result:
        """The call succeeded."""
        self.assertEqual(result.rc, 0, f"stdout: {result.out}\nstderr: {result.err}")
        return result

    def fails(self, result: Result, text: str = "", rc: int = 1) -> Result:
        """The call failed with this status and said this on stderr."""
        self.assertEqual(result.rc, rc, f"stdout: {result.out}\nstderr: {result.err}")
        self.assertIn(text, result.err)
        return result

    def create_and_start(self, bundle: Bundle, *options, **how) -> Bundle:
        self.ok(bundle.create(*options, **how))
        self.ok(bundle.start())
        return bundle

    def shell(self, script: str, *, mode: str = "", change=None, options=()) -> Result:
        """One script in one container; change(bundle) may alter the config."""
        bundle = self.bundle(mode=mode).sh(script)
        if change:
            change(bundle)
        return bundle.run(*options)


def main() -> None:
    subreaper()
    if os.geteuid() == 0:
        own_mounts()
    program = unittest.main(exit=False)
    result = program.result
    if result.skipped and len(result.skipped) >= result.testsRun:
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
