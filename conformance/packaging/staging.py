"""What the packaging tests share: the build directory under test, an installation staged in it, and lists of files."""
import contextlib
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from nucleus_test import NUCLEUS, SOURCE, call

BUILD = pathlib.Path(NUCLEUS).resolve().parents[2]
CONFIGURATION = ["etc/containerd/conf.d/nucleus.toml", "etc/containers/containers.conf.d/nucleus.conf",
                 "etc/nucleus/nucleus.toml"]
POLICIES = sorted(str(path.relative_to(SOURCE)) for path in (SOURCE / "policies").glob("*/*")
                  if path.suffix in (".toml", ".json", ".lock"))
# Below a prefix of /usr, and in the Debian package as well.
PROGRAM = ["usr/bin/nucleus-oci", "usr/share/bash-completion/completions/nucleus-oci",
           "usr/share/doc/nucleus-oci/README.md", "usr/share/doc/nucleus-oci/SECURITY.md",
           "usr/share/fish/vendor_completions.d/nucleus-oci.fish", "usr/share/man/man5/nucleus-policy.5.gz",
           "usr/share/man/man5/nucleus.toml.5.gz", "usr/share/man/man8/nucleus-oci.8.gz",
           "usr/share/nucleus/schema/receipt.schema.json", *(f"usr/share/nucleus/{path}" for path in POLICIES)]


def zsh_functions(prefix: str) -> str:
    debian = prefix == "usr" and pathlib.Path("/etc/debian_version").exists()
    return f"{prefix}/share/zsh/{'vendor-completions' if debian else 'site-functions'}/_nucleus-oci"


def tree(root: pathlib.Path) -> dict:
    """Path below root -> mode, of everything but directories."""
    return {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode)
            for path in sorted(root.rglob("*")) if not path.is_dir() or path.is_symlink()}


class PackagingTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="nucleus-packaging-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def ok(self, argv: list, **how):
        result = call(argv, timeout=100, **how)
        self.assertEqual(result.rc, 0, f"{argv}\nstdout: {result.out}\nstderr: {result.err}")
        return result

    def need(self, command: str) -> str:
        path = shutil.which(command)
        if path is None:
            self.skipTest(f"{command} is not installed")
        return path

    def install(self, prefix: str | pathlib.Path = "/usr", destination: pathlib.Path | None = None) -> pathlib.Path:
        """`cmake --install` with a umask that lets the group write; returns where the tree begins."""
        environment = dict(os.environ)
        environment.pop("DESTDIR", None)
        if destination is not None:
            environment["DESTDIR"] = str(destination)
        self.ok(["cmake", "--install", BUILD, "--prefix", prefix], env=environment, umask=0o002)
        return destination or pathlib.Path("/")

    def staged(self) -> pathlib.Path:
        return self.install("/usr", self.scratch / "stage")


def sources_with(pattern, files) -> set:
    """Everything that the first group of a compiled pattern finds in files of the repository."""
    found = set()
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            found |= set(pattern.findall((SOURCE / file).read_text()))
    return found


def unpack_deb(deb: pathlib.Path, into: pathlib.Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", deb, into], check=True)
