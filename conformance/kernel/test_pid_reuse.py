"""A container without a cgroup is known by the process id of its init. When that ends while `kill --all` looks, and its
number passes to a process of another container's, nothing of that one's is hit."""
import ctypes
import errno
import os
import platform
import signal
import struct
import time
import unittest

import nucleus_test
from nucleus_test import libc, wait_until
from test_rootless import ALICE, UserTest, setUpModule  # noqa: F401: unittest calls setUpModule

FSOPEN, CLONE3 = 430, 435
CLONE_NEWPID = 0x20000000
PTRACE_TRACEME, PTRACE_SYSCALL, PTRACE_DETACH, PTRACE_SETOPTIONS, PTRACE_GET_SYSCALL_INFO = 0, 24, 17, 0x4200, 0x420e
PTRACE_O_TRACESYSGOOD, PTRACE_O_EXITKILL = 1, 0x100000
SYSCALL_ENTRY = 1


def ptrace(request: int, pid: int, address: int = 0, data=None) -> int:
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    result = libc.ptrace(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")
    return result


class Held:
    """A command that stops where it first enters a system call. It runs as the user."""

    def __init__(self, argv: list, environment: dict, out):
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            os.setgroups([])
            os.setresgid(ALICE, ALICE, ALICE)
            os.setresuid(ALICE, ALICE, ALICE)
            ptrace(PTRACE_TRACEME, 0)
            os.execve(argv[0], argv, environment)
        os.waitpid(self.pid, 0)
        ptrace(PTRACE_SETOPTIONS, self.pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

    def run_to(self, number: int) -> None:
        info = ctypes.create_string_buffer(88)
        while True:
            ptrace(PTRACE_SYSCALL, self.pid)
            _, status = os.waitpid(self.pid, 0)
            assert os.WIFSTOPPED(status), "it ended before"
            if os.WSTOPSIG(status) != signal.SIGTRAP | 0x80:
                continue
            ptrace(PTRACE_GET_SYSCALL_INFO, self.pid, len(info), info)
            if info.raw[0] == SYSCALL_ENTRY and struct.unpack_from("Q", info.raw, 24)[0] == number:
                return

    def finish(self) -> int:
        ptrace(PTRACE_DETACH, self.pid)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def take_number(number: int) -> int:
    """A user's process with this id, the first of a pid namespace of its own: clone3(2), set_tid."""
    ids = (ctypes.c_int * 2)(1, number)
    arguments = (ctypes.c_uint64 * 11)(CLONE_NEWPID, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(ids), 2, 0)
    pid = libc.syscall(CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if pid < 0:
        raise OSError(ctypes.get_errno(), f"clone3 with id {number}")
    if pid == 0:
        os.setgroups([])
        os.setresgid(ALICE, ALICE, ALICE)
        os.setresuid(ALICE, ALICE, ALICE)
        os.execv("/usr/bin/sleep", ["sleep", "1000"])
    return pid


@unittest.skipUnless(platform.machine() == "x86_64", "numbers of system calls")
class PidReuse(UserTest):
    def end_and_replace(self, init: int) -> None:
        os.kill(init, signal.SIGKILL)

        def taken() -> bool:
            nucleus_test.reap()
            try:
                return take_number(init) == init
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
                return False
        wait_until(taken, "the number to be free")
        self.addCleanup(os.waitpid, init, 0)
        self.addCleanup(os.kill, init, signal.SIGKILL)

    def test_kill_all_spares_who_has_the_number_now(self):
        bundle = self.create_and_start(self.users(["sleep", "1000"]))
        init = bundle.pid()
        with open(bundle.dir / "kill", "w+b") as out:
            held = Held([bundle.binary, "--root", str(bundle.root), "kill", "--all", bundle.id, "KILL"], bundle.environment,
                        out)
            held.run_to(FSOPEN)  # it has seen that the container runs, and is about to look at whose namespace that is
            self.end_and_replace(init)
            wait_until(lambda: os.readlink(f"/proc/{init}/exe").endswith("/sleep"), "the other process to run")
            status = held.finish()
            out.seek(0)
            said = out.read().decode()
        time.sleep(0.3)  # a signal that was sent has arrived by then
        self.assertIsNone(os.waitid(os.P_PID, init, os.WEXITED | os.WNOHANG | os.WNOWAIT), (status, said))
        self.assertEqual(bundle.status(), "stopped")

    def test_control_kill_all_reaches_the_container(self):
        """The same steps, and nobody takes the number."""
        bundle = self.create_and_start(self.users().sh("sleep 1000 & exec sleep 1001"))
        with open(bundle.dir / "kill", "w+b") as out:
            held = Held([bundle.binary, "--root", str(bundle.root), "kill", "--all", bundle.id, "KILL"], bundle.environment,
                        out)
            held.run_to(FSOPEN)
            self.assertEqual(bundle.status(), "running")
            self.assertEqual(held.finish(), 0)
        bundle.wait_stopped()


if __name__ == "__main__":
    nucleus_test.main()
