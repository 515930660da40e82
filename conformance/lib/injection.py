"""Hosts that lack something: preexec functions for subprocess that take it from the runtime before it starts."""
import ctypes
import os
import struct

from nucleus_test import CGROUPS, libc, mounts_below, own_mounts

PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_CAPBSET_DROP = 22, 2, 24
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of struct seccomp_data, from 0 the number; jump; end
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBERS = {"capset": 126, "prctl": 157, "seccomp": 317, "landlock_create_ruleset": 444}  # x86_64


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _call(*arguments) -> None:
    if libc.prctl(*arguments, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {arguments}")


def without_call(name: str, error: int):
    """A kernel in which this system call always fails so."""
    def statement(code, value, yes=0, no=0):
        return struct.pack("=HBBI", code, yes, no, value)
    code = b"".join([statement(LOAD, 0), statement(EQUAL, NUMBERS[name], 0, 1), statement(RETURN, ERRNO | error),
                     statement(RETURN, ALLOW)])
    program = Program(len(code) // 8, code)
    return lambda: _call(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))


def without_capability(number: int):
    """A host whose root has not got this capability."""
    return lambda: _call(PR_CAPBSET_DROP, number, 0)


def without_cgroups() -> None:
    """A host on which no cgroups are mounted."""
    own_mounts()
    for path in reversed(mounts_below(CGROUPS)):
        libc.umount2(path.encode(), 2)  # MNT_DETACH


def at(point: str) -> dict:
    """The environment in which nucleus-oci-faults fails there (runtime/launch/fault.hpp)."""
    return {"env": {**os.environ, "NUCLEUS_FAULT": f"{point}:fail"}}
