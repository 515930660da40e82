"""podman on the engines lane's private ground: the image, the calls that most scenarios make, and an end that removes every
pod, container and volume before the lane looks for what is left.
"""
import pathlib
import subprocess

import engines
import nucleus_test
from engines import IMAGE, RUNTIME, EngineTest, engine
from nucleus_test import CGROUPS, Result

NUCLEUS = RUNTIME == "nucleus"
NO_CAPS = "0" * 16
PODMANS_CAPS = "00000000800405fb"  # the eleven of Debian's containers.conf
LONG = "trap 'exit 5' TERM; while :; do sleep 0.05; done"  # runs until it is stopped, politely


def podman(*words, flags=(), **how) -> Result:
    """podman --runtime=NAME FLAGS WORDS..."""
    return engine("podman", "--runtime", RUNTIME, *flags, *words, **how)


class PodmanTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self._remove_everything)
        self.ok(engine("podman", "import", "--quiet", engines.busybox_tar(), IMAGE))

    def _remove_everything(self) -> None:
        """podman itself may need a second attempt: a container's shm can be busy for a moment after its end."""
        for words in (["pod", "rm", "--force", "--all", "--time=0"], ["rm", "--force", "--all", "--time=0"],
                      ["volume", "prune", "--force"]):
            nucleus_test.wait_until(lambda: podman(*words).rc == 0, " ".join(words), 20)

    # ---- running ----
    def run_sh(self, script: str, *options, network: str = "none", **how) -> Result:
        """podman run --rm OPTIONS IMAGE sh -c SCRIPT"""
        return podman("run", "--rm", f"--network={network}", *options, IMAGE, "sh", "-c", script, **how)

    def output(self, script: str, *options, **how) -> str:
        """What the script in a container of its own wrote; it has to end well."""
        return self.ok(self.run_sh(script, *options, **how)).out

    def detached(self, script: str = LONG, *options, name: str = "c", network: str = "none") -> str:
        """A running container; returns its id."""
        return self.ok(podman("run", "--detach", f"--name={name}", f"--network={network}", *options, IMAGE, "sh", "-c",
                              script)).out.strip()

    def background(self, *words) -> subprocess.Popen:
        """podman WORDS..., whose output goes to self.background_out; killed at the end of the test."""
        self.background_out = self.temp_dir() / "out"
        with open(self.background_out, "wb") as out:
            process = subprocess.Popen(["podman", "--runtime", RUNTIME, *words], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def exec(self, *words, options=(), name: str = "c", **how) -> Result:
        return podman("exec", *options, name, *words, **how)

    def inside(self, script: str, *options, name: str = "c") -> str:
        """What a script in a running container wrote; it has to end well."""
        return self.ok(self.exec("sh", "-c", script, options=options, name=name)).out

    # ---- looking ----
    def inspect(self, template: str, name: str = "c") -> str:
        return self.ok(podman("inspect", "--format", template, name)).out.strip()

    def status(self, name: str = "c") -> str:
        return self.inspect("{{.State.Status}}", name)

    def wait_status(self, status: str, name: str = "c", timeout: float = 30) -> None:
        nucleus_test.wait_until(lambda: self.status(name) == status, f"{name} to be {status}", timeout)

    def wait_logs(self, text: str, name: str = "c", timeout: float = 30) -> str:
        """The container's output once it holds the text."""
        nucleus_test.wait_until(lambda: text in podman("logs", name).out, f"{text!r} in the logs", timeout)
        return podman("logs", name).out

    def pid(self, name: str = "c") -> int:
        return int(self.inspect("{{.State.Pid}}", name))

    def cgroup(self, controller: str, name: str = "c") -> pathlib.Path:
        """The container's directory in a v1 hierarchy, or in the unified one."""
        lines = [line.split(":", 2) for line in
                 pathlib.Path(f"/proc/{self.pid(name)}/cgroup").read_text().splitlines()]
        paths = {one: path.lstrip("/") for _, controllers, path in lines for one in controllers.split(",")}
        return CGROUPS / controller / paths[controller] if controller in paths else CGROUPS / paths[""]

    # ---- expectations ----
    def refused(self, result: Result, *phrases: str, rc: int = 126) -> None:
        """nucleus refuses with these phrases in what podman shows."""
        self.assertEqual(result.rc, rc, result.err)
        for phrase in phrases:
            self.assertIn(phrase, result.err)
