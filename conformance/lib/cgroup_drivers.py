"""The cgroup drivers that this machine offers, for tests that must hold with each of them.

    class X(NucleusTest):
        @each_driver
        def test_y(self, driver):
            bundle = driver.prepare(self.bundle([...]))
            self.ok(bundle.create(globals=driver.globals))
            (driver.directory(bundle, "memory") / ...).read_text()
"""
import functools
import pathlib
import typing
import unittest

from nucleus_test import CGROUPS

V2 = (CGROUPS / "cgroup.controllers").exists()
CONTROLLERS = set((CGROUPS / "cgroup.controllers").read_text().split() if V2 else (
    name for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() for name in line.split(":")[1].split(",")))
SYSTEMD = pathlib.Path("/run/systemd/system").is_dir()  # sd_booted(3)


class Driver(typing.NamedTuple):
    name: str
    globals: tuple

    def prepare(self, bundle):
        """Names the container's cgroup, by a name that holds the bundle's tag."""
        if self.name == "systemd":
            bundle.linux["cgroupsPath"] = f"system.slice:test:{bundle.tag}"
        return bundle

    def path(self, bundle) -> str:
        """The cgroup below each hierarchy's root."""
        return f"/system.slice/test-{bundle.tag}.scope" if self.name == "systemd" else f"/{bundle.tag}"

    def directory(self, bundle, controller: str) -> pathlib.Path:
        return CGROUPS / ("" if V2 else controller) / self.path(bundle).lstrip("/")

    def read(self, bundle, controller: str, v1: str, v2: str) -> str:
        return (self.directory(bundle, controller) / (v2 if V2 else v1)).read_text().strip()


CGROUPFS = Driver("cgroupfs", ())
SYSTEMD_DRIVER = Driver("systemd", ("--systemd-cgroup",))
DRIVERS = [CGROUPFS] + ([SYSTEMD_DRIVER] if SYSTEMD else [])


def each_driver(method):
    """Calls the test once for each driver of this machine."""
    @functools.wraps(method)
    def with_each(self):
        for driver in DRIVERS:
            with self.subTest(driver=driver.name):
                method(self, driver)
    return unittest.skipUnless(CGROUPS.exists(), "no cgroups")(with_each)
