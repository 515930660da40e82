"""The cgroups that the engines lane gives a test: a directory of its own in each v1 hierarchy or in the unified one, which
the engines inside see as the root.

NUCLEUS_ENGINE_CGROUPS=systemd lets podman ask systemd for cgroups instead. They are then made outside every namespace, and
processes are named to systemd by their ids, so a test shares both with the machine: for a machine that runs nothing
else, one test at a time. What was there before a test does not count as left behind by it.
"""
import ctypes
import os
import pathlib
import re
import time

from nucleus_test import CGROUPS, libc

MANAGER = os.environ.get("NUCLEUS_ENGINE_CGROUPS", "cgroupfs")
SYSTEMD = MANAGER == "systemd"
V2 = (CGROUPS / "cgroup.controllers").exists()
SOCKETS = ("/run/systemd", "/run/dbus") if SYSTEMD else ()  # directories by which systemd is reached
LEAF = "init"  # of the unified hierarchy: a cgroup hands controllers down only while it has no process itself
PREFIX = "nucleus-engines-"  # of a test's own, before the process that owns it
CLONE_NEWCGROUP = 0x02000000


def mount(kind: str, target, options: str = "") -> None:
    if libc.mount(kind.encode(), str(target).encode(), kind.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), f"mount {kind} {options}", str(target))


def _v1_hierarchies() -> dict:
    """Mount point -> mount options of the cgroup v1 hierarchies."""
    lines = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    return {pathlib.Path(fields[1]): fields[3] for fields in lines if fields[2] == "cgroup"}


def _rmdir(path) -> bool:
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def hierarchies() -> list:
    """The mount points where engines and runtimes make cgroups."""
    return [CGROUPS] if V2 else list(_v1_hierarchies())


def remove(top: pathlib.Path) -> None:
    """A cgroup and those below it, whose processes are ending."""
    for path, *_ in os.walk(top, topdown=False):
        for _ in range(100):  # the kernel lets go of ended processes a little later
            if _rmdir(path):
                break
            time.sleep(0.02)


def _abandoned() -> list:
    """Of earlier tests that were killed together with the process that would have removed them."""
    return [path for hierarchy in hierarchies() for path in hierarchy.glob(PREFIX + "*")
            if not pathlib.Path("/proc", path.name.removeprefix(PREFIX)).exists()]


class Ground:
    """One new directory in each hierarchy."""

    def __init__(self):
        for path in _abandoned():
            remove(path)
        self.tops = []
        for hierarchy in [] if SYSTEMD else hierarchies():
            path = hierarchy / f"{PREFIX}{os.getpid()}"
            path.mkdir()
            self.tops.append(path)
            if V2:
                (path / LEAF).mkdir()
            for file in ("cpuset.cpus", "cpuset.mems"):
                if not V2 and (path / file).exists():
                    (path / file).write_text((hierarchy / file).read_text())

    def enter(self) -> None:
        """Moves this process there and makes it the root of a cgroup namespace."""
        for path in self.tops:
            (path / "cgroup.procs").write_text(str(os.getpid()))
        if self.tops and libc.unshare(CLONE_NEWCGROUP):
            raise OSError(ctypes.get_errno(), "unshare cgroup")
        if V2 and self.tops:
            (self.tops[0] / LEAF / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        for top in self.tops:
            remove(top)


def mount_own() -> None:
    """The hierarchies again, as the new cgroup namespace sees them. A v2 tree beside v1 hierarchies stays away: crun does
    not take the mixture, and no controller is there."""
    v1 = _v1_hierarchies()
    if SYSTEMD or not (V2 or v1):
        return
    links = {path.name: os.readlink(path) for path in CGROUPS.iterdir() if path.is_symlink()}
    libc.umount2(str(CGROUPS).encode(), 2)  # MNT_DETACH
    if V2:
        mount("cgroup2", CGROUPS)
        return
    mount("tmpfs", CGROUPS, "mode=755")
    for path, options in v1.items():
        path.mkdir()
        own = [word for word in options.split(",") if word not in ("rw", "relatime", "nosuid", "nodev", "noexec")]
        mount("cgroup", path, ",".join(word for word in own if not word.startswith("release_agent=")))
    for name, target in links.items():
        (CGROUPS / name).symlink_to(target)


def _kept(hierarchy: pathlib.Path, path: str) -> bool:
    """What engines keep for the next container: podman's parents, containerd's of a namespace of its own; and the cgroups
    of podman's pods in the hierarchy that has no controller, which it forgets, whatever the runtime."""
    if path in (".", LEAF, "libpod_parent", "libpod_parent/conmon", "default"):
        return True
    return hierarchy.name == "systemd" and re.fullmatch("libpod_parent/[0-9a-f]{64}", path) is not None


def of_containers() -> list:
    """Cgroups that engines and runtimes made and did not keep for the next container."""
    if SYSTEMD:
        slices = [path for path, *_ in os.walk(CGROUPS / "machine.slice")]
        return slices[1:] + [path for path, *_ in os.walk(CGROUPS) if "libpod" in path and path not in slices]
    return [path for hierarchy in hierarchies() for path, *_ in os.walk(hierarchy)
            if not _kept(hierarchy, os.path.relpath(path, hierarchy))]
