"""A containerd of the test's own, with its socket, its directories and one image made by hand."""
import hashlib
import json
import pathlib
import re
import subprocess
import tarfile

import engines
import nucleus_test
from engines import engine
from nucleus_test import Result

IMAGE = "localhost/busybox:latest"
CONFIG = """version = 2
root = "/var/lib/containers/containerd"
state = "/run/containerd-test"
# Kubernetes' plug-in, and snapshotters that look for devices and file systems of their own.
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",
                    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
                    "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "/run/containerd-test.sock"
"""


def oci_archive(rootfs_tar: pathlib.Path, name: str) -> pathlib.Path:
    """An image of one layer in the OCI layout (image-spec image-layout.md), as a tar archive."""
    layout = pathlib.Path("/run/oci-layout")
    (layout / "blobs/sha256").mkdir(parents=True)

    def blob(data: bytes, media_type: str, **more) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(data),
                **more}

    layer = blob(rootfs_tar.read_bytes(), "layer.v1.tar")
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["sh"]}}).encode(), "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json",
                    annotations={"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    archive = pathlib.Path("/run/image.tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, arcname=".")
    return archive


class Containerd:
    def __init__(self):
        self.config = pathlib.Path("/run/containerd-test.toml")
        self.config.write_text(CONFIG)
        self.log = pathlib.Path("/run/containerd-test.log")
        self.process = None
        self.start()
        result = self.ctr("image", "import", oci_archive(engines.busybox_tar(), IMAGE))
        if result.rc != 0:
            raise RuntimeError(result.err)

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["containerd", "--config", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        nucleus_test.wait_until(lambda: self.ctr("version").rc == 0, "containerd to answer", 30)

    def stop(self, kill: bool = False) -> None:
        """Ends containerd alone: shims and containers go on."""
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(30 * nucleus_test.PATIENCE)

    def ctr(self, *argv, **how) -> Result:
        return engine("ctr", "--address", "/run/containerd-test.sock", *argv, **how)

    def run_argv(self, id: str, *command, options=()) -> list:
        return ["run", "--runc-binary", engines.BINARY, *options, IMAGE, id, *command]

    def run(self, id: str, *command, options=(), **how) -> Result:
        """A container that is removed when it ends."""
        return self.ctr(*self.run_argv(id, *command, options=["--rm", *options]), **how)

    def task(self, *argv, **how) -> Result:
        return self.ctr("tasks", *argv, **how)

    def tasks(self) -> dict:
        """id -> (pid, status in capitals)"""
        lines = self.task("ls").out.splitlines()[1:]
        return {id: (int(pid), status) for id, pid, status in (line.split() for line in lines)}

    def status(self, id: str) -> str:
        return self.tasks().get(id, (0, ""))[1]

    def pids(self, id: str) -> set:
        return {int(number) for number in re.findall(r"^(\d+)", self.task("ps", id).out, re.M)}
