"""A program on a terminal of its own, for what shells do only there."""
import contextlib
import os
import pty
import select
import signal
import time

from nucleus_test import PATIENCE


class Terminal:
    """Starts argv; type() sends text, wait_for() reads until something appears, close() ends it."""

    def __init__(self, argv: list, env: dict, cwd: str):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(OSError):
                os.chdir(cwd)
                os.execvpe(argv[0], argv, env)
            os._exit(127)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait_for(self, part: str, timeout: float = 30) -> str:
        """The text up to and with `part`, which is then taken off."""
        end = time.monotonic() + timeout * PATIENCE
        while part not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {part!r} on the terminal, but {self.text!r}")
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # its last process has ended
                raise AssertionError(f"ended without {part!r}: {self.text!r}") from None
        before, _, self.text = self.text.partition(part)
        return before + part

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
