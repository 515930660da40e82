"""What the engines lane shares: private ground for engines, so that a test neither sees nor touches the machine's own
containers, and the runtime under test installed there as its package would install it.

    if __name__ == "__main__":
        engines.main()

starts the file again inside namespaces of its own (mount, pid, net, ipc, uts, and cgroup where the hierarchies are v1).
There /etc and /usr are overlays whose changes go to memory; /run, /var/tmp and the engines' storage are empty; cgroups
start below one directory of the test's own. When the test ends, everything in the pid namespace ends with it.

Environment: NUCLEUS_ENGINE_RUNTIME, the runtime's name: nucleus (default), runc or crun.
"""
import ctypes
import errno
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

import nucleus_test
from nucleus_test import NucleusTest, Result, call, libc

RUNTIME = os.environ.get("NUCLEUS_ENGINE_RUNTIME", "nucleus")
BINARY = {"nucleus": "/usr/bin/nucleus-oci"}.get(RUNTIME, f"/usr/bin/{RUNTIME}")
IMAGE = "localhost/busybox:latest"
INSIDE = "NUCLEUS_ENGINES_INSIDE"
DEADLINE = 60  # seconds for one call of an engine
PR_SET_PDEATHSIG = 1
CGROUP_PREFIX = "nucleus-engines-"  # and the process that owns it

CONTAINERS_CONF = """[containers]
# More than this process has cannot be given, and this host lacks CAP_SYS_RESOURCE.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


# ---- from outside: namespaces and cgroups ----

def _v1_hierarchies() -> dict:
    """Mount point -> mount options of the cgroup v1 hierarchies."""
    lines = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    return {pathlib.Path(fields[1]): fields[3] for fields in lines if fields[2] == "cgroup"}


def _own_cgroups(name: str) -> list:
    """A new directory in each v1 hierarchy, ready for processes."""
    made = []
    for hierarchy in _v1_hierarchies():
        path = hierarchy / name
        path.mkdir()
        made.append(path)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (path / file).exists():
                (path / file).write_text((hierarchy / file).read_text())
    return made


def _rmdir(path) -> bool:
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def _remove_cgroups(tops: list) -> None:
    for top in tops:
        for path, *_ in os.walk(top, topdown=False):
            for _ in range(100):  # the kernel lets go of ended processes a little later
                if _rmdir(path):
                    break
                time.sleep(0.02)


def _abandoned_cgroups() -> list:
    """Those of earlier tests that were killed together with the process that would have removed them."""
    return [path for hierarchy in _v1_hierarchies() for path in hierarchy.glob(CGROUP_PREFIX + "*")
            if not pathlib.Path("/proc", path.name.removeprefix(CGROUP_PREFIX)).exists()]


def _enter() -> int:
    """Runs this very command inside; returns its exit status."""
    _remove_cgroups(_abandoned_cgroups())
    cgroups = _own_cgroups(f"{CGROUP_PREFIX}{os.getpid()}")

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for path in cgroups:
            (path / "cgroup.procs").write_text(str(os.getpid()))

    # The shell is the namespace's init: it collects orphans while it waits for its child.
    argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
            "--ipc", "--uts", *(["--cgroup"] if cgroups else []),
            "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv]
    try:
        return subprocess.call(argv, env={**os.environ, INSIDE: "1"}, preexec_fn=before_exec)
    finally:
        _remove_cgroups(cgroups)


# ---- from inside: file systems ----

def _run(*argv) -> None:
    subprocess.run([str(word) for word in argv], check=True, stdin=subprocess.DEVNULL)


def mount(kind: str, target, options: str = "") -> None:
    """A file system of its own, at target; goes with the mount namespace at the latest."""
    if libc.mount(kind.encode(), str(target).encode(), kind.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), f"mount {kind} {options}", str(target))


def _overlay(path: str, upper: pathlib.Path) -> None:
    """Changes below path go to memory from here on."""
    for name in ("upper", "work"):
        (upper / name).mkdir(parents=True)
    mount("overlay", path, f"lowerdir={path},upperdir={upper}/upper,workdir={upper}/work")


def _mount_cgroups() -> None:
    """The v1 hierarchies again, as the new cgroup namespace sees them. The v2 tree beside them stays away: crun does not
    take the mixture, and no controller is there."""
    hierarchies = _v1_hierarchies()
    if not hierarchies:
        return
    top = pathlib.Path("/sys/fs/cgroup")
    links = {path.name: os.readlink(path) for path in top.iterdir() if path.is_symlink()}
    libc.umount2(str(top).encode(), 2)  # MNT_DETACH
    mount("tmpfs", top, "mode=755")
    for path, options in hierarchies.items():
        path.mkdir()
        own = [word for word in options.split(",") if word not in ("rw", "relatime", "nosuid", "nodev", "noexec")]
        mount("cgroup", path, ",".join(word for word in own if not word.startswith("release_agent=")))
    for name, target in links.items():
        (top / name).symlink_to(target)


def _private_files() -> None:
    # A mount of its own, where no engine looks: /run is emptied next.
    memory = pathlib.Path("/mnt")
    mount("tmpfs", memory)
    for path in ("/etc", "/usr"):
        _overlay(path, memory / path.strip("/"))
    for path in ("/run", "/dev/shm", "/var/tmp", "/var/lib/containers"):
        os.makedirs(path, exist_ok=True)
        mount("tmpfs", path, "mode=1777" if path in ("/var/tmp", "/dev/shm") else "mode=755")
    _mount_cgroups()
    _run("ip", "link", "set", "lo", "up")


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pathlib.Path(path).write_text(text)


def _install() -> None:
    """The runtime as its package installs it, drop-ins and all, and a plain configuration of podman beside it."""
    build = pathlib.Path(nucleus_test.NUCLEUS).resolve().parents[2]
    shutil.rmtree("/etc/containers/containers.conf.d", ignore_errors=True)
    shutil.rmtree("/etc/nucleus", ignore_errors=True)
    _write("/etc/containers/containers.conf", CONTAINERS_CONF)
    _write("/etc/containers/policy.json", json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    _write("/etc/containers/registries.conf", "")
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
    out, end = b"", time.monotonic() + timeout
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
    with open("/etc/nucleus/nucleus.toml", "a", encoding="utf-8") as file:
        file.write(text)


def block_device() -> str:
    """The host's first disk."""
    names = sorted(path.name for path in pathlib.Path("/sys/block").iterdir() if (path / "device").exists())
    if not names:
        raise unittest.SkipTest("no disk")
    return f"/dev/{names[0]}"


def remove_cgroup(name: str) -> None:
    """A cgroup parent that a test has named, below each hierarchy's top."""
    for top in list(_v1_hierarchies()) or [nucleus_test.CGROUPS]:
        _remove_cgroups([top / name])


def other_processes() -> list:
    """(pid, command line) of what runs in this pid namespace besides the test."""
    own = {1, os.getpid()}
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) not in own:
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state not in "ZX":
                    found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            continue
    return found


def _kept_by_engines(hierarchy: pathlib.Path, path: str) -> bool:
    """What engines keep for the next container: podman its parents, containerd one for a namespace of its own. And the
    cgroups of pods in the hierarchy that has no controller, which podman forgets, whatever the runtime."""
    if path in (".", "libpod_parent", "libpod_parent/conmon", "default"):
        return True
    return hierarchy.name == "systemd" and re.fullmatch("libpod_parent/[0-9a-f]{64}", path) is not None


def container_cgroups() -> list:
    """Cgroups that engines and runtimes made and that engines do not keep."""
    return [path for hierarchy in _v1_hierarchies() for path, *_ in os.walk(hierarchy)
            if not _kept_by_engines(hierarchy, os.path.relpath(path, hierarchy))]


class EngineTest(NucleusTest):
    """At the end of a test no process, cgroup or runtime state is left, or the test fails."""
    PATIENCE = 20  # seconds for monitors and helpers to end
    STATE_ROOTS = ("/run/nucleus", "/run/runc", "/run/crun")

    def setUp(self):
        self.addCleanup(self.check_nothing_left)

    def policy_set(self, name: str, grants=(), keep=()) -> None:
        """The set `default` with these grants and capabilities, as the administrator's own, for every container of this
        test."""
        made = pathlib.Path("/etc/nucleus/policies") / name
        shutil.copytree("/usr/share/nucleus/policies/default", made)
        self.addCleanup(shutil.rmtree, made)
        for file, old, new in (("policy.toml", 'name = "default"', f'name = "{name}"'),
                               ("policy.toml", "grants = []", f"grants = {json.dumps(list(grants))}"),
                               ("caps.toml", "[bounding]\nkeep = []", f"[bounding]\nkeep = {json.dumps(list(keep))}")):
            (made / file).write_text((made / file).read_text().replace(old, new))
        configuration = pathlib.Path("/etc/nucleus/nucleus.toml")
        self.addCleanup(configuration.write_text, configuration.read_text())
        configure(f'policy = "{name}"\n')

    def check_nothing_left(self) -> None:
        try:
            nucleus_test.wait_until(lambda: not other_processes(), "processes to end", self.PATIENCE)
        except AssertionError:
            self.fail(f"processes left behind: {other_processes()}")
        self.assertEqual(container_cgroups(), [], "cgroups left behind")
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
