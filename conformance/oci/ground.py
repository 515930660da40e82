"""A place of its own for one run: namespaces (mount, pid, IPC, UTS and, with cgroup v1, cgroup) of its own.

The programs use names that every run shares (/cgrouptest, the host's /sys/fs/cgroup) and leave processes and containers
behind when they fail. Here each hierarchy starts at a directory of the run's own, and the end of the pid namespace ends
every process. The network is the host's: one program wants a second interface, and none sends. Where the hierarchy is v2
alone it stays as it is: a process in the namespace's root would forbid controllers.
"""
import ctypes
import os
import pathlib
import pickle
import signal
import time

from nucleus_test import libc

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000)
MS_REC, MS_PRIVATE, MS_BIND, MNT_DETACH = 0x4000, 0x40000, 0x1000, 2
PR_SET_PDEATHSIG = 1


def _call(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target, kind: str, flags: int = 0) -> None:
    _call(f"mount {target}", libc.mount(source.encode(), str(target).encode(), kind.encode(), flags, None))


def hierarchies() -> list:
    """Mount points of the cgroup hierarchies; none where v2 stands alone."""
    lines = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    found = [(fields[2], pathlib.Path(fields[1])) for fields in lines if fields[2] in ("cgroup", "cgroup2")]
    return [path for _, path in found] if any(kind == "cgroup" for kind, _ in found) else []


def _make_cgroups(name: str) -> dict:
    """Hierarchy -> a new directory in it that can take processes."""
    made = {}
    for top in hierarchies():
        path = made[top] = top / name
        path.mkdir()
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (top / file).exists():
                (path / file).write_text((top / file).read_text())
    return made


def _remove_cgroups(paths) -> list:
    """Removes what is there; returns the directories that stayed."""
    end = time.monotonic() + 10
    for top in paths:
        for path, *_ in os.walk(top, topdown=False):
            while time.monotonic() < end:  # the kernel lets go of ended processes a little later
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.02)
    return [str(path) for path in paths if path.exists()]


def _enter(cgroups: dict, hide_unified: bool) -> None:
    for path in cgroups.values():
        (path / "cgroup.procs").write_text(str(os.getpid()))
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    _call("unshare", libc.unshare(flags | (CLONE_NEWCGROUP if cgroups else 0)))
    _mount("none", "/", "none", MS_REC | MS_PRIVATE)
    for top, path in cgroups.items():
        if hide_unified and (path / "cgroup.controllers").exists():
            _call(f"umount {top}", libc.umount2(str(top).encode(), MNT_DETACH))
        else:
            _mount(str(path), top, "none", MS_BIND)


def _as_init(work, results: int) -> None:
    """The namespace's first process: does the work and hands over what it returns."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _mount("proc", "/proc", "proc")
    os.write(results, pickle.dumps(work()))


def _child(steps) -> int:
    """Forks; the child runs steps() and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            steps()
            os._exit(0)
        except BaseException as error:  # nothing may return into the parent's code
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
    return pid


def run(name: str, work, hide_unified: bool = False):
    """work() on ground of its own: what it returns, and what its cgroups left. It is the pid namespace's init.

    `hide_unified` takes the v2 tree beside v1 hierarchies away, which crun does not take.
    """
    cgroups = _make_cgroups(name)
    reading, writing = os.pipe()

    def outside() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _enter(cgroups, hide_unified)
        os.waitpid(_child(lambda: _as_init(work, writing)), 0)

    try:
        pid = _child(outside)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            data = stream.read()
        os.waitpid(pid, 0)
    finally:
        left = _remove_cgroups(cgroups.values())
    if not data:
        raise RuntimeError("the run ended without a result")
    return pickle.loads(data), left
