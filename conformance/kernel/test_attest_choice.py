"""Which manifest a root file system is compared with, and who may say so."""
import os
import pathlib
import stat

import nucleus_test
from attest_test import V1, V2, AttestTest, keys
from nucleus_test import Bundle


class WhoSays(AttestTest):
    def changed(self, bundle: Bundle) -> Bundle:
        (bundle.rootfs / "etc/shadow").touch()
        return bundle

    def test_a_wrong_pin(self):
        bundle = self.bundle(["true"])
        path = self.manifest(bundle).partition("@")[0]
        self.fails(bundle.run("--attest", f"{path}@sha256:{'0' * 64}"), "pinned is " + "0" * 64)
        self.fails(bundle.run("--attest", bundle.dir / "none"), "does not exist")

    def test_a_file_that_others_may_write(self):
        bundle = self.bundle(["true"])
        path = pathlib.Path(self.manifest(bundle).partition("@")[0])
        path.chmod(0o666)
        self.fails(bundle.run("--attest", path), "can be written by its group or by others")

    def test_annotation_asks(self):
        bundle = self.bundle(["true"])
        bundle.config["annotations"] = {"io.nucleus.attest": self.manifest(bundle)}
        self.ok(bundle.run())
        self.fails(self.changed(bundle).run(), 'extra "etc/shadow"')

    def test_annotation_does_not_replace(self):
        """An image's annotation must not lead to a manifest of the image's own."""
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        self.changed(bundle)
        own = bundle.dir / "own"
        self.ok(self.attest(bundle, "create", bundle.rootfs, "-o", own))
        bundle.config["annotations"] = {"io.nucleus.attest": str(own)}
        self.fails(bundle.run("--attest", pin), "but the command line names")
        host = self.config(bundle, f'[attestation]\nmanifest = "{pin}"\n')
        self.fails(bundle.run(globals=host), "but the host configuration names")
        bundle.config["annotations"] = {"io.nucleus.attest": "manifest"}
        self.fails(bundle.run(), "must be an absolute path")

    def test_bundle_directory(self):
        for name, version in ((V2, "v2"), (V1, "v1")):
            with self.subTest(name=name):
                bundle = self.bundle(["true"])
                self.ok(self.attest(bundle, "create", bundle.rootfs, "-o", bundle.path / name, "--format", version))
                self.ok(bundle.run())
                self.fails(self.changed(bundle).run(), 'extra "etc/shadow"')

    def test_an_images_own_manifest_says_nothing(self):
        bundle = self.bundle(["true"])
        (bundle.rootfs / V2).write_text("nonsense\n")
        self.ok(bundle.run())
        host = self.config(bundle, "[attestation]\nrequired = true\n")
        self.fails(bundle.run(globals=host), "no manifest says what")

    def test_a_program_is_no_manifest(self):
        """What goes by a manifest's name is not listed; nothing that could run hides there."""
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        (bundle.rootfs / V2).write_text("anything\n")
        self.ok(bundle.run("--attest", pin))
        (bundle.rootfs / V2).chmod(0o755)
        self.fails(bundle.run("--attest", pin), ".nucleus-manifest is executable")
        self.fails(self.attest(bundle, "create", bundle.rootfs), ".nucleus-manifest is executable")

    def test_devices_are_not_opened(self):
        """An annotation may name any file; to open some devices has effects."""
        bundle = self.bundle(["true"])
        tape = bundle.dir / "tape"
        os.mknod(tape, stat.S_IFCHR | 0o600, os.makedev(9, 200))  # nobody has one: to open it would fail
        bundle.config["annotations"] = {"io.nucleus.attest": str(tape)}
        self.fails(bundle.run(), "is not a regular file")

    def test_signed_in_the_root(self):
        bundle = self.bundle(["true"])
        private, public = keys(bundle.dir, "host")
        stranger, _ = keys(bundle.dir, "stranger")
        host = self.config(bundle, f'[attestation]\nkey = "{public}"\nrequired = true\n')
        self.ok(self.attest(bundle, "create", bundle.rootfs, "-o", bundle.rootfs / V2))
        self.fails(bundle.run(globals=host), "no manifest says what")
        self.ok(self.attest(bundle, "sign", bundle.rootfs / V2, "--key", private))
        self.ok(bundle.run(globals=host))
        self.ok(self.attest(bundle, "sign", bundle.rootfs / V2, "--key", stranger))
        self.fails(bundle.run(globals=host), "not signed by key")
        self.ok(self.attest(bundle, "sign", bundle.rootfs / V2, "--key", private))
        self.fails(self.changed(bundle).run(globals=host), 'extra "etc/shadow"')

    def test_a_key_wants_a_signature(self):
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        path = pin.partition("@")[0]
        private, public = keys(bundle.dir, "host")
        host = self.config(bundle, f'[attestation]\nkey = "{public}"\n')
        self.fails(bundle.run("--attest", path, globals=host), "which has to sign manifests that are not pinned")
        self.ok(bundle.run("--attest", pin, globals=host))
        self.ok(self.attest(bundle, "sign", path, "--key", private))
        self.ok(bundle.run("--attest", path, globals=host))
        # An annotation's own pin is no substitute.
        (bundle.dir / "manifest.sig").unlink()
        bundle.config["annotations"] = {"io.nucleus.attest": pin}
        self.fails(bundle.run(globals=host), "which has to sign manifests that are not pinned")

    def test_host_configuration(self):
        bundle = self.bundle(["true"])
        pin = self.manifest(bundle)
        host = self.config(bundle, f'[attestation]\nmanifest = "{pin}"\n')
        self.ok(bundle.run(globals=host))
        self.fails(self.changed(bundle).run(globals=host), 'extra "etc/shadow"')
        for text, error in (('manifest = "relative"', "must be an absolute path"), ('manifset = "/x"', "manifset"),
                            ('required = "yes"', "required"), ('manifest = "/x@sha256:1"', "64 hex")):
            self.fails(bundle.run(globals=self.config(bundle, f"[attestation]\n{text}\n")), error)


if __name__ == "__main__":
    nucleus_test.main()
