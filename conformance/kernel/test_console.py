"""Terminals, --console-socket, a pty in the foreground, --preserve-fds."""
import array
import contextlib
import errno
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import time

import nucleus_test
from nucleus_test import DEADLINE, NucleusTest


def read_until(fd: int, text: bytes, timeout: float = 10) -> bytes:
    """What the terminal says, up to `text` or its end."""
    got, end = b"", time.monotonic() + timeout * nucleus_test.PATIENCE
    while text not in got and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                chunk = os.read(fd, 4096)
            except OSError as error:
                if error.errno == errno.EIO:
                    break
                raise
            if not chunk:
                break
            got += chunk
    return got


def window(fd: int) -> tuple:
    return struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))[:2]


def set_window(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Console(NucleusTest):
    @contextlib.contextmanager
    def listener(self, bundle):
        path = bundle.dir / "console.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen(1)
            server.settimeout(10 * nucleus_test.PATIENCE)
            yield path, server
        path.unlink()

    def received(self, server) -> int:
        """The master that the runtime sent: exactly one descriptor with at least one byte, as conmon reads it."""
        connection, _ = server.accept()
        with connection:
            data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4 * 8))
            self.assertGreaterEqual(len(data), 1)
            self.assertEqual(len(ancillary), 1)
            descriptors = array.array("i", ancillary[0][2])
            self.assertEqual(len(descriptors), 1)
        self.addCleanup(os.close, descriptors[0])
        return descriptors[0]

    def with_terminal(self, script: str, **how):
        bundle = self.bundle(**how).sh(script)
        bundle.process["terminal"] = True
        return bundle

    def test_console_socket(self):
        for change in (lambda b: b, lambda b: b.user_namespace()):
            bundle = change(self.with_terminal("read line; echo got $line; tty; stty size; sleep 60"))
            bundle.process["consoleSize"] = {"height": 33, "width": 111}
            with self.listener(bundle) as (path, server):
                self.ok(bundle.create("--console-socket", path))
                master = self.received(server)
            self.assertEqual(window(master), (33, 111))
            self.ok(bundle.start())
            os.write(master, b"hello\n")
            text = read_until(master, b"111").decode()
            self.assertIn("got hello", text)
            self.assertRegex(text, r"/dev/(pts/0|console)")
            self.assertIn("33 111", text)

    def test_dev_console_is_the_terminal(self):
        bundle = self.with_terminal("echo through >/dev/console; test -t 0 && test -t 1 && test -t 2 && echo three; "
                                    "[ $(stat -c %t:%T /dev/console) = $(stat -Lc %t:%T /proc/self/fd/0) ] && echo same; "
                                    "sleep 60")
        with self.listener(bundle) as (path, server):
            self.ok(bundle.create("--console-socket", path))
            master = self.received(server)
        self.ok(bundle.start())
        text = read_until(master, b"same").decode()
        for word in ("through", "three", "same"):
            self.assertIn(word, text)

    def test_controlling_terminal(self):
        bundle = self.with_terminal("trap 'echo interrupted' INT; echo ready; while :; do sleep 0.05; done")
        with self.listener(bundle) as (path, server):
            self.ok(bundle.create("--console-socket", path))
            master = self.received(server)
        self.ok(bundle.start())
        read_until(master, b"ready")
        os.write(master, b"\x03")
        self.assertIn(b"interrupted", read_until(master, b"interrupted"))

    def test_exec_with_console_socket(self):
        for change in (lambda b: b, lambda b: b.user_namespace()):
            bundle = self.create_and_start(change(self.bundle(["sleep", "60"])))
            with self.listener(bundle) as (path, server):
                self.ok(bundle.exec("sh", "-c", "tty; read line; echo got $line; sleep 60",
                                    options=["--tty", "--detach", "--console-socket", path], out=bundle.dir / "exec"))
                master = self.received(server)
            os.write(master, b"word\n")
            self.assertIn("got word", read_until(master, b"got word").decode())

    def test_terminal_without_a_socket_is_refused(self):
        bundle = self.with_terminal("true")
        self.fails(bundle.create(), "cannot allocate tty if runc will detach without setting console socket")
        self.assertEqual(bundle.leftovers(), [])

    def test_socket_without_a_terminal_is_refused(self):
        bundle = self.bundle(["true"])
        with self.listener(bundle) as (path, _):
            self.fails(bundle.create("--console-socket", path), "cannot use console socket")

    def test_socket_that_nobody_listens_to(self):
        bundle = self.with_terminal("true")
        self.assertEqual(bundle.create("--console-socket", bundle.dir / "absent.sock").rc, 1)
        self.assertEqual(bundle.leftovers(), [])

    @contextlib.contextmanager
    def foreground(self, bundle, *argv):
        """A call of the runtime on a terminal of ours: (our end, the process)."""
        master, slave = pty.openpty()
        set_window(slave, 21, 77)
        bundle.write()
        bundle.ids.append(bundle.id)
        process = subprocess.Popen([bundle.binary, "--root", bundle.root, *map(str, argv)], stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True)
        before = termios.tcgetattr(slave)
        try:
            yield master, process
            if process.poll() is not None:
                self.assertEqual(termios.tcgetattr(slave)[3], before[3], "the terminal is as it was")
        finally:
            process.kill()
            process.wait()
            os.close(master)
            os.close(slave)

    def test_run_in_the_foreground(self):
        bundle = self.with_terminal("stty size; read line; echo got $line; exit 6")
        with self.foreground(bundle, "run", "--bundle", bundle.path, bundle.id) as (master, process):
            text = read_until(master, b"21 77")
            self.assertIn(b"21 77", text)
            os.write(master, b"typed\n")
            self.assertIn(b"got typed", read_until(master, b"got typed"))
            self.assertEqual(process.wait(DEADLINE), 6)
        self.assertEqual(bundle.leftovers(), [])

    def test_window_size_follows(self):
        bundle = self.with_terminal("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
        with self.foreground(bundle, "run", "--bundle", bundle.path, bundle.id) as (master, process):
            read_until(master, b"ready")
            set_window(master, 40, 132)
            process.send_signal(28)  # SIGWINCH: the test is not the session of that terminal
            self.assertIn(b"40 132", read_until(master, b"40 132"))

    def test_long_output_arrives_whole(self):
        bundle = self.with_terminal("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
        with self.foreground(bundle, "run", "--bundle", bundle.path, bundle.id) as (master, process):
            text = read_until(master, b"line 19999", 20)
            self.assertEqual(process.wait(DEADLINE), 0)
        self.assertEqual([line for line in text.decode().split("\r\n") if line][-1], "line 19999")
        self.assertEqual(text.count(b"line "), 20000)

    def test_exec_in_the_foreground(self):
        bundle = self.create_and_start(self.bundle(["sleep", "60"]))
        with self.foreground(bundle, "exec", "-t", bundle.id, "sh", "-c", "test -t 0 && echo tty; exit 4") as (master, p):
            self.assertIn(b"tty", read_until(master, b"tty"))
            self.assertEqual(p.wait(DEADLINE), 4)

    def test_preserved_descriptors(self):
        bundle = self.bundle().sh("cat <&3; cat <&4; ls /proc/self/fd | tr '\\n' ' '")
        ends = []
        for text in (b"third ", b"fourth "):
            reader, writer = os.pipe()
            os.write(writer, text)
            os.close(writer)
            ends.append(reader)
        stray = os.open("/etc/passwd", os.O_RDONLY)
        try:
            command = (f"exec 3<&{ends[0]} 4<&{ends[1]} 9<&{stray}; exec {bundle.binary} --root {bundle.root} run "
                       f"--preserve-fds 2 --bundle {bundle.path} {bundle.id}")
            bundle.write()
            result = self.ok(nucleus_test.call(["bash", "-c", command], pass_fds=[*ends, stray]))
        finally:
            for fd in (*ends, stray):
                os.close(fd)
        self.assertEqual(result.out.split(), ["third", "fourth", "0", "1", "2", "3", "4", "5"])  # 5 is ls's own

    def test_strays_are_closed(self):
        bundle = self.bundle().sh("ls /proc/self/fd | tr '\\n' ' '")
        stray = os.open("/", os.O_RDONLY)
        try:
            os.set_inheritable(stray, True)
            result = self.ok(bundle.run(pass_fds=[stray]))
        finally:
            os.close(stray)
        self.assertEqual(result.out.split(), ["0", "1", "2", "3"])  # 3 is ls's own

    def test_closed_standard_descriptors(self):
        bundle = self.bundle().sh("ls -l /proc/self/fd >/tmp/l; grep -c -e state -e config /tmp/l; exit 5")
        bundle.write()
        command = f"exec 0<&- 1>&- 2>&-; exec {bundle.binary} --root {bundle.root} run --bundle {bundle.path} {bundle.id}"
        self.assertEqual(nucleus_test.call(["bash", "-c", command]).rc, 5)


if __name__ == "__main__":
    nucleus_test.main()
