"""podman's AppArmor profiles, where the host has AppArmor: its default one and one given by name reach the workload."""
import pathlib
import unittest

import engines
from podman import PodmanTest, podman

ENABLED = pathlib.Path("/sys/module/apparmor/parameters/enabled")
LABEL = "cat /proc/self/attr/apparmor/current"


@unittest.skipUnless(ENABLED.exists() and ENABLED.read_text().startswith("Y"), "needs AppArmor")
class AppArmor(PodmanTest):
    def test_default_profile(self):
        """Of the container and of what is executed in it, privileged or not."""
        self.detached()
        for options in ((), ("--privileged",)):
            self.assertRegex(self.inside(LABEL, *options), r"^containers-default-\S+ \(enforce\)$")

    def test_profile_by_name(self):
        self.assertEqual(self.output(LABEL, "--security-opt=apparmor=unconfined"), "unconfined\n")
        unknown = podman("run", "--rm", "--network=none", "--security-opt=apparmor=no-such", engines.IMAGE, "true")
        self.assertNotEqual(unknown.rc, 0)
        self.assertNotEqual(unknown.rc, 127, unknown.err)


if __name__ == "__main__":
    engines.main()
