"""What the tests of attestation share: manifests, keys and host configurations beside a bundle."""
import os
import pathlib
import subprocess

from nucleus_test import Bundle, NucleusTest

V2, V1 = ".nucleus-manifest", ".nucleus-rootfs-sha256"  # beside config.json or at the top of the root


def keys(directory: pathlib.Path, name: str) -> tuple:
    """What openssl writes: (private, public)."""
    private, public = directory / f"{name}.pem", directory / f"{name}.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    private.chmod(0o600)
    public.chmod(0o644)
    return private, public


class AttestTest(NucleusTest):
    def attest(self, bundle: Bundle, *argv, **how):
        return bundle.call("attest", *argv, **how)

    def manifest(self, bundle: Bundle, *options) -> str:
        """Makes a manifest of the rootfs beside the bundle; FILE@sha256:HEX."""
        path = bundle.dir / "manifest"
        return self.ok(self.attest(bundle, "create", bundle.rootfs, "-o", path, *options)).err.strip()

    def config(self, bundle: Bundle, text: str) -> list:
        """Global options for a host configuration."""
        path = bundle.dir / "nucleus.toml"
        path.write_text(text)
        path.chmod(0o644)
        return ["--config", path]

    def complete(self, script: str, mode: str = "production") -> Bundle:
        """A bundle that lacks nothing that production wants but --attest."""
        bundle = self.bundle(mode=mode).sh(script)
        bundle.user_namespace(size=65536)
        (bundle.rootfs / "data").mkdir()
        bundle.mount("/data", "tmpfs", "tmpfs", ["mode=1777"])
        bundle.linux["resources"]["memory"] = {"limit": 64 << 20}
        for path in (bundle.dir, bundle.path):
            path.chmod(0o755)
        for directory, names, files in os.walk(bundle.rootfs):
            for name in [".", *names, *files]:
                os.lchown(os.path.join(directory, name), 100000, 100000)
        return bundle
