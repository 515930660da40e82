"""What the escape tests share: the modes, the attacking helpers, a config without any defence of its own, and a record
of what the host looks like, taken before and after an attack."""
import sys
import subprocess
import contextlib
import hashlib
import os
import pathlib
import shutil

import nucleus_test
from nucleus_test import Bundle

HARDENED = ("agent", "strict-agent")
MODES = (*HARDENED, "passthrough")

# Where CMake puts the helpers, seen from the binary under test.
HELPERS = pathlib.Path(os.environ.get("NUCLEUS_ESCAPE_HELPERS",
                                      pathlib.Path(nucleus_test.NUCLEUS).resolve().parents[2] / "conformance/escape"))

_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()

# Every capability that this host's root has (a virtual machine or an outer container may keep some back).
_BOUNDING = int(nucleus_test.status_of("self")["CapBnd"], 16)
ALL_CAPABILITIES = ["CAP_" + name for number, name in enumerate(_NAMES) if _BOUNDING >> number & 1]


def add_helper(bundle: Bundle, name: str) -> str:
    """Copies a helper into the rootfs; its path inside."""
    shutil.copy(HELPERS / name, bundle.rootfs / "bin" / name)
    return f"/bin/{name}"


def all_capabilities(bundle: Bundle) -> None:
    bundle.process["capabilities"] = {kind: list(ALL_CAPABILITIES)
                                      for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")}


def unconfined(bundle: Bundle) -> None:
    """What --privileged asks for; with passthrough the attacks' positive control."""
    all_capabilities(bundle)
    bundle.process["noNewPrivileges"] = False
    bundle.linux["maskedPaths"] = []
    bundle.linux["readonlyPaths"] = []
    bundle.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]


def probe(test, mode: str, *names, change=None) -> dict:
    """Attack name -> outcome, each attempted inside one container: "ok", an errno's name or "killed N"."""
    bundle = test.bundle(mode=mode)
    bundle.process["args"] = [add_helper(bundle, "probe"), *names]
    if change:
        change(bundle)
    return outcomes(test.ok(bundle.run()).out)


def outcomes(text: str) -> dict:
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def digest(path) -> str:
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def private_binary(bundle: Bundle) -> pathlib.Path:
    """A copy of the runtime that may be attacked; the bundle uses it from now on."""
    copy = bundle.dir / "nucleus-oci"
    shutil.copy(nucleus_test.NUCLEUS, copy)
    bundle.binary = str(copy)
    return copy


def tree(path) -> list:
    """Every node below path with its kind, mode, size and link target: what an attack on a directory would change."""
    found = []
    for directory, folders, files in os.walk(path):
        for name in folders + files:
            node = os.path.join(directory, name)
            info = os.lstat(node)
            target = os.readlink(node) if os.path.islink(node) else ""
            found.append((os.path.relpath(node, path), info.st_mode, info.st_size, target))
    return sorted(found)


def host_mounts() -> list:
    """The mount table of this namespace without what the kernel counts."""
    return sorted(line.split(" - ")[0].split(" ", 2)[2] for line in
                  pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


@contextlib.contextmanager
def host_unchanged(test, *directories):
    """Nothing is mounted on the host, and nothing changes in these directories, while the body runs."""
    before = host_mounts(), [tree(path) for path in directories]
    yield
    test.assertEqual((host_mounts(), [tree(path) for path in directories]), before, "the host was changed")


SWAPPER = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
a, b = (os.fsencode(path) for path in sys.argv[1:3])
print("swapping", flush=True)
while True:
    libc.syscall(316, -100, a, -100, b, 2)  # renameat2 RENAME_EXCHANGE
"""


@contextlib.contextmanager
def swapping(first, second):
    """Another process exchanges the two names without a pause."""
    with subprocess.Popen([sys.executable, "-c", SWAPPER, str(first), str(second)], stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            yield
        finally:
            child.kill()
