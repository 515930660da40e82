"""What the engines lane shares: private ground for engines, so that a test neither sees nor touches the machine's own
containers, and the runtime under test installed there as its package would install it.

    if __name__ == "__main__":
        engines.main()

starts the file again inside namespaces of its own (mount, pid, net, ipc, uts, cgroup). There /etc and /usr are overlays
whose changes go to memory; /run, /var/tmp, /mnt and the engines' storage are empty, but for this tree if it lies there;
cgroups start below one directory of the test's own (but see engine_cgroups). When the test ends, everything in the pid
namespace ends with it.

Environment: NUCLEUS_ENGINE_RUNTIME, the runtime's name: nucleus (default), runc or crun. NUCLEUS_TEST_INSTALLED, what
cmake --install made, where there is no cmake.
"""
import ctypes
import errno
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

import engine_cgroups
import nucleus_test
from engine_cgroups import mount
from nucleus_test import NucleusTest, Result, call, libc

RUNTIME = os.environ.get("NUCLEUS_ENGINE_RUNTIME", "nucleus")
BINARY = {"nucleus": "/usr/bin/nucleus-oci"}.get(RUNTIME, f"/usr/bin/{RUNTIME}")
IMAGE = "localhost/busybox:latest"
INSIDE = "NUCLEUS_ENGINES_INSIDE"
EMPTIED = ("/mnt", "/run", "/dev/shm", "/var/tmp", "/var/lib/containers")
DEADLINE = 60  # seconds for one call of an engine
CONFIGURATION = pathlib.Path("/etc/nucleus/nucleus.toml")
PR_SET_PDEATHSIG = 1
PF_KTHREAD = 0x00200000  # the kernel starts and ends such threads as it likes
OLDER = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # processes

CONTAINERS_CONF = """[containers]
# More than this process has cannot be given, and this host lacks CAP_SYS_RESOURCE.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "%s"
events_logger = "file"
[network]
network_backend = "netavark"
""" % engine_cgroups.MANAGER


# ---- from outside: namespaces ----

def _enter() -> int:
    """Runs this very command inside; returns its exit status."""
    ground = engine_cgroups.Ground()

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        ground.enter()

    # systemd is told process ids, which it reads as its own namespace has them.
    pids = [] if engine_cgroups.SYSTEMD else ["--pid", "--fork", "--kill-child", "--mount-proc"]
    # The shell is the namespace's init: it collects orphans while it waits for its child.
    argv = ["unshare", "--mount", "--propagation", "private", *pids, "--net", "--ipc", "--uts",
            "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv]
    try:
        return subprocess.call(argv, env={**os.environ, INSIDE: "1"}, preexec_fn=before_exec)
    finally:
        ground.remove()


# ---- from inside: file systems ----

def _run(*argv) -> None:
    subprocess.run([str(word) for word in argv], check=True, stdin=subprocess.DEVNULL)


def _overlay(path: str, upper: pathlib.Path) -> None:
    """Changes below path go to memory from here on."""
    for name in ("upper", "work"):
        (upper / name).mkdir(parents=True)
    mount("overlay", path, f"lowerdir={path},upperdir={upper}/upper,workdir={upper}/work")


def _kept() -> dict:
    """Path -> handle of what is shown again where an empty directory hides it: the way to systemd, and what tests are made
    of (this tree, the build)."""
    made_of = {nucleus_test.SOURCE, pathlib.Path(nucleus_test.NUCLEUS).resolve().parents[2],
               pathlib.Path(sys.prefix)}
    paths = [*engine_cgroups.SOCKETS, *(str(path) for path in made_of if any(map(path.is_relative_to, EMPTIED)))]
    return {path: os.open(path, os.O_PATH) for path in sorted(paths)}


def _private_files() -> None:
    kept = _kept()
    # A mount of its own, where no engine looks: /run is emptied next.
    memory = pathlib.Path(EMPTIED[0])
    mount("tmpfs", memory)
    for path in ("/etc", "/usr"):
        _overlay(path, memory / f".nucleus-{path.strip('/')}")
    for path in EMPTIED[1:]:
        os.makedirs(path, exist_ok=True)
        mount("tmpfs", path, "mode=1777" if path in ("/var/tmp", "/dev/shm") else "mode=755")
    for path, fd in kept.items():
        os.makedirs(path, exist_ok=True)
        _run("mount", "--no-canonicalize", "--rbind", f"/proc/{os.getpid()}/fd/{fd}", path)
        os.close(fd)
    engine_cgroups.mount_own()
    _run("ip", "link", "set", "lo", "up")


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pathlib.Path(path).write_text(text)


def _install() -> None:
    """The runtime as its package installs it, drop-ins and all, and a plain configuration of podman beside it."""
    shutil.rmtree("/etc/containers/containers.conf.d", ignore_errors=True)
    shutil.rmtree("/etc/nucleus", ignore_errors=True)
    _write("/etc/containers/containers.conf", CONTAINERS_CONF)
    _write("/etc/containers/policy.json", json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    _write("/etc/containers/registries.conf", "")
    ready = os.environ.get("NUCLEUS_TEST_INSTALLED")
    if ready:
        _run("cp", "-a", *pathlib.Path(ready).iterdir(), "/")
        return
    build = pathlib.Path(nucleus_test.NUCLEUS).resolve().parents[2]
    installed = subprocess.run(["cmake", "--install", build, "--prefix", "/usr", "--component", "runtime"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if installed.returncode != 0:
        raise RuntimeError(installed.stdout)


# ---- for the tests ----

def busybox_tar() -> pathlib.Path:
    """A root file system as a tar archive."""
    path = pathlib.Path("/run/busybox.tar")
    if not path.exists():
        nucleus_test.make_rootfs(pathlib.Path("/run/busybox"))
        _run("tar", "-C", "/run/busybox", "-cf", path, ".")
    return path


def engine(*argv, timeout: float = DEADLINE, **how) -> Result:
    """A call of an engine, from its name on."""
    return call(list(argv), timeout=timeout, **how)


def per_runtime(*, runc, crun, nucleus, because: str):
    """What is expected of the runtime under test, where the three do not agree. `compare` reads the reasons."""
    assert because, "a difference needs its reason"
    if path := os.environ.get("NUCLEUS_ENGINE_REASONS"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(because + "\n")
    return {"runc": runc, "crun": crun, "nucleus": nucleus}[RUNTIME]


def differs(*, others, nucleus, because: str):
    """What is expected of the runtime under test, where nucleus deliberately does otherwise than runc and crun."""
    return per_runtime(runc=others, crun=others, nucleus=nucleus, because=because)


def on_terminal(*argv, timeout: float = DEADLINE) -> Result:
    """A call of an engine with a terminal as stdin, stdout and stderr; all its output is in `out`."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(argv[0], [str(word) for word in argv])
    out, end = b"", time.monotonic() + timeout * nucleus_test.PATIENCE
    try:
        while select.select([master], [], [], max(0, end - time.monotonic()))[0]:
            piece = os.read(master, 4096)
            if not piece:
                break
            out += piece
        else:
            os.kill(pid, signal.SIGKILL)
            raise nucleus_test.Timeout(f"no end after {timeout} s: {argv}\n{out.decode(errors='replace')}")
    except OSError as error:
        if error.errno != errno.EIO:  # what the master says when the last process has closed the terminal
            raise
    finally:
        os.close(master)
        status = os.waitpid(pid, 0)[1]
    return Result(os.waitstatus_to_exitcode(status), out.decode(errors="replace"), "")


def configure(text: str) -> None:
    """Appends to the host configuration of nucleus-oci."""
    with open(CONFIGURATION, "a", encoding="utf-8") as file:
        file.write(text)


def block_device() -> str:
    """The host's first disk."""
    names = sorted(path.name for path in pathlib.Path("/sys/block").iterdir() if (path / "device").exists())
    if not names:
        raise unittest.SkipTest("no disk")
    return f"/dev/{names[0]}"


def remove_cgroup(name: str) -> None:
    """A cgroup parent that a test has named, below each hierarchy's top."""
    for top in engine_cgroups.hierarchies():
        engine_cgroups.remove(top / name)


def other_processes() -> list:
    """(pid, command line) of what runs in this pid namespace besides the test and what was there before it."""
    own = {1, os.getpid(), *OLDER}
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) not in own:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if fields[0] not in "ZX" and not int(fields[6]) & PF_KTHREAD:
                    found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            continue
    return found


class EngineTest(NucleusTest):
    """At the end of a test no process, cgroup or runtime state is left, or the test fails."""
    PATIENCE = 20  # seconds for monitors and helpers to end
    STATE_ROOTS = ("/run/nucleus", "/run/runc", "/run/crun")

    def setUp(self):
        self.addCleanup(CONFIGURATION.write_text, CONFIGURATION.read_text())  # what configure() appends is one test's
        self.addCleanup(self.check_nothing_left)

    def policy_set(self, name: str, grants=(), keep=()) -> None:
        """The set `default` with these grants and capabilities, as the administrator's own, for every container of this
        test."""
        made = pathlib.Path("/etc/nucleus/policies") / name
        shutil.copytree("/usr/share/nucleus/policies/default", made, ignore=shutil.ignore_patterns("policy.lock"))
        self.addCleanup(shutil.rmtree, made)
        for file, old, new in (("policy.toml", 'name = "default"', f'name = "{name}"'),
                               ("policy.toml", "grants = []", f"grants = {json.dumps(list(grants))}"),
                               ("caps.toml", "[bounding]\nkeep = []", f"[bounding]\nkeep = {json.dumps(list(keep))}")):
            (made / file).write_text((made / file).read_text().replace(old, new))
        configure(f'policy = "{name}"\n')

    def check_nothing_left(self) -> None:
        try:
            nucleus_test.wait_until(lambda: not other_processes(), "processes to end", self.PATIENCE)
        except AssertionError:
            self.fail(f"processes left behind: {other_processes()}")
        if engine_cgroups.SYSTEMD:  # which removes them when it hears of their end
            nucleus_test.wait_until(lambda: not engine_cgroups.of_containers(), "cgroups to go", self.PATIENCE)
        self.assertEqual(engine_cgroups.of_containers(), [], "cgroups left behind")
        left = [path for root in self.STATE_ROOTS if os.path.isdir(root) for path in os.listdir(root)
                if os.path.isdir(os.path.join(root, path))]
        self.assertEqual(left, [], "runtime state left behind")


def main() -> None:
    if os.geteuid() == 0 and INSIDE not in os.environ:
        sys.exit(_enter())
    if os.geteuid() == 0:
        _private_files()
        _install()
    nucleus_test.main()
