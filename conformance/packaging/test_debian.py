"""The Debian package."""
import os
import pathlib
import unittest

import nucleus_test
from staging import BUILD, CONFIGURATION, PROGRAM, PackagingTest, tree, zsh_functions

DEBIAN = ["usr/share/doc/nucleus-oci/changelog.Debian.gz", "usr/share/doc/nucleus-oci/changelog.gz",
          "usr/share/doc/nucleus-oci/copyright", "usr/share/lintian/overrides/nucleus-oci"]


class Package(PackagingTest):
    def package(self) -> pathlib.Path:
        for command in ("cpack", "dpkg-deb"):
            self.need(command)
        self.ok(["cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", self.scratch / "cpack"],
                cwd=BUILD, umask=0o002)
        found = list((self.scratch / "cpack").glob("*.deb"))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def field(self, deb: pathlib.Path, name: str) -> str:
        return self.ok(["dpkg-deb", "--field", deb, name]).out.strip()

    def test_contents_and_control(self):
        deb = self.package()
        self.assertRegex(deb.name, r"^nucleus-oci_\d+\.\d+\.\d+-1_amd64\.deb$")
        root = self.scratch / "root"
        self.ok(["dpkg-deb", "--extract", deb, root])
        self.assertEqual(sorted(tree(root)), sorted([*CONFIGURATION, *PROGRAM, *DEBIAN, zsh_functions("usr")]))
        listing = self.ok(["dpkg-deb", "--contents", deb]).out.splitlines()
        self.assertEqual({line.split()[1] for line in listing}, {"root/root"})
        self.assertLessEqual({line.split()[0] for line in listing}, {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"})
        for name, value in (("Package", "nucleus-oci"), ("Architecture", "amd64"), ("Section", "admin"), ("Depends", ""),
                            ("Recommends", "podman | containerd"), ("Suggests", "criu, uidmap")):
            self.assertEqual(self.field(deb, name), value, name)
        self.ok(["dpkg-deb", "--control", deb, self.scratch / "control"])
        conffiles = (self.scratch / "control/conffiles").read_text().split()
        self.assertEqual(conffiles, [f"/{path}" for path in CONFIGURATION])
        self.assertFalse({"preinst", "postinst", "prerm", "postrm"} & set(os.listdir(self.scratch / "control")))

    def test_lintian_has_no_complaint(self):
        self.need("lintian")
        found = self.ok(["lintian", "--allow-root", "--fail-on", "error,warning", self.package()])
        self.assertEqual(found.out, "")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_installs_upgrades_and_removes(self):
        """dpkg in a root of its own: nothing of this host's own packages is touched."""
        deb = self.package()
        root = self.scratch / "root"
        for name in ("updates", "info", "triggers"):
            (root / "var/lib/dpkg" / name).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        dpkg = ["dpkg", f"--root={root}", "--log=/dev/null", "--force-not-root", "--force-script-chrootless"]
        self.ok([*dpkg, "--install", deb])
        program = root / "usr/bin/nucleus-oci"
        self.assertIn("nucleus-oci version", self.ok(["chroot", root, "/usr/bin/nucleus-oci", "--version"]).out)
        self.assertIn("strict-agent", self.ok([program, "check"]).out)
        config = root / "etc/nucleus/nucleus.toml"
        config.write_text('mode = "strict-agent"\n')
        self.ok([*dpkg, "--force-confold", "--install", deb])
        self.assertEqual(config.read_text(), 'mode = "strict-agent"\n')
        self.ok([*dpkg, "--remove", "nucleus-oci"])
        self.assertFalse(program.exists())
        self.assertTrue(config.exists())
        self.ok([*dpkg, "--purge", "nucleus-oci"])
        self.assertEqual([path for path in tree(root) if not path.startswith("var/lib/dpkg")], [])


if __name__ == "__main__":
    nucleus_test.main()
