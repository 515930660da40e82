"""buildah and podman build on the runtime: RUN steps in a Dockerfile, and `buildah run` in a working container. buildah
sends no annotations, so the policy set `build` comes from a profile of the host configuration; see hardening/profile.hpp.
"""
import os
import pathlib
import shutil
import signal
import subprocess

import engines
import nucleus_test
from engines import EngineTest, differs, engine
from nucleus_test import Result

PROFILE = """
[[profile]]
name = "build"
id = "buildah-buildah*"
bundle_below = "/var/tmp"
policy = "build"
"""
PODMANS_CAPS = "00000000800405fb"  # what podman's and buildah's defaults hold
BUILD_CAPS = "00000000800000db"    # chown dac_override fowner fsetid setgid setuid setfcap
NO_CAPS = "0" * 16


class BuildTest(EngineTest):
    PROFILE = True

    def setUp(self):
        super().setUp()
        if self.PROFILE:
            engines.configure(PROFILE)
        self.context = self.temp_dir()
        self.ok(engine("podman", "import", engines.busybox_tar(), engines.IMAGE))

    def build(self, dockerfile: str, *options, by: str = "buildah", runtime_flag: str = "", **how) -> Result:
        """Builds localhost/made from the lines after FROM busybox, or from a whole Dockerfile."""
        text = dockerfile if dockerfile.startswith("FROM") else f"FROM {engines.IMAGE}\n{dockerfile}"
        (self.context / "Dockerfile").write_text(text)
        runtime = ["--runtime", engines.RUNTIME, *(["--runtime-flag", runtime_flag] if runtime_flag else [])]
        command = {"buildah": ["buildah", "bud", *runtime], "podman": ["podman", *runtime, "build"]}[by]
        return engine(*command, "--layers=false", *options, "-t", "localhost/made", self.context, **how)

    def status_in_build(self, *options, **how) -> dict:
        """/proc/self/status of a RUN step."""
        return nucleus_test.parse_status(self.ok(self.build("RUN cat /proc/self/status", *options, **how)).out)

    def working_container(self) -> str:
        name = self.ok(engine("buildah", "from", engines.IMAGE)).out.strip()
        self.addCleanup(engine, "buildah", "rm", name)
        return name

    def buildah_run(self, *words, options=()) -> Result:
        return engine("buildah", "run", "--runtime", engines.RUNTIME, "--isolation", "oci", *options,
                      self.working_container(), "--", *words)


class Dockerfiles(BuildTest):
    STEPS = f"""FROM {engines.IMAGE} AS first
ENV GREETING=hello
WORKDIR /work/deep
RUN pwd && echo "$GREETING" > made && mkdir /top && cp /bin/busybox /top/busybox && ln -s busybox /top/link
COPY given given
RUN /top/busybox cat given && chown 12:34 given && chmod 4750 given && mkfifo /top/fifo && truncate -s 1000 /top/sparse
RUN echo alice:x:77:77::/home/alice:/bin/sh >> /etc/passwd && mkdir -m 700 /home/alice && chown 77:77 /home/alice
RUN su alice -c 'id -un; touch ~/by-alice'

FROM {engines.IMAGE}
COPY --from=first /work/deep/made /work/deep/given /home/alice/by-alice /kept/
USER 77:77
RUN id -u && ! touch /kept/new 2>/dev/null
"""

    def check(self, by: str) -> None:
        (self.context / "given").write_text("given text\n")
        result = self.ok(self.build(self.STEPS, by=by))
        for line in ("/work/deep", "given text", "alice", "77"):
            self.assertIn(f"\n{line}\n", result.out)
        made = self.ok(engine("podman", "--runtime", engines.RUNTIME, "run", "--rm", "--network=none", "localhost/made",
                              "sh", "-c", "cat /kept/made; stat -c '%u:%g %a' /kept/given /kept/by-alice"))
        self.assertEqual(made.out, "hello\n12:34 4750\n77:77 644\n")

    def test_buildah(self):
        self.check("buildah")

    def test_podman_build(self):
        self.check("podman")

    def test_failing_step_gives_its_status(self):
        for by in ("buildah", "podman"):
            self.assertIn("while running runtime: exit status 7", self.fails(self.build("RUN exit 7", by=by), rc=7).err)

    def test_missing_program(self):
        self.assertIn("no such file or directory", self.fails(self.build('RUN ["/no/such"]')).err.lower())

    def test_mounts_of_a_step(self):
        (self.context / "given").write_text("given text\n")
        volume = self.temp_dir()
        shutil.copy("/bin/busybox", volume)
        result = self.ok(self.build(
            "RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory --mount=type=bind,target=/src"
            " touch /cache/x /memory/x /volume/x && cat /src/given && ! touch /src/x\n"
            "RUN if /volume/busybox true; then echo executed; else echo kept from running; fi",
            "--volume", f"{volume}:/volume"))
        self.assertIn("given text", result.out)
        self.assertTrue((volume / "x").exists())
        self.assertIn(differs(others="\nexecuted\n", nucleus="\nkept from running\n",
                              because="a writable volume is not executable"), result.out)

    def test_limits(self):
        result = self.ok(self.build("RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares;"
                                    " ulimit -n; df -k /dev/shm | tail -n 1",
                                    "--memory=64m", "--cpu-shares=300", "--ulimit=nofile=100:100", "--shm-size=1m"))
        for text in (f"\n{64 << 20}\n300\n100\n", " 1024 "):
            self.assertIn(text, result.out)


class Debian(BuildTest):
    """What a step does on a real distribution: packages, users, owners, attributes."""
    STEPS = """FROM localhost/debian
COPY thing.deb /tmp/
RUN apt-get install --yes /tmp/thing.deb && thing && stat -c '%U:%G %a' /var/lib/thing
RUN dpkg --install /tmp/thing.deb && apt-get purge --yes thing && ! command -v thing
RUN useradd --create-home alice && su alice -c 'id -un; touch ~/mine' && stat -c 'home of %U' /home/alice/mine
RUN mkdir /in /out && touch /in/a && chown 1234:5678 /in/a && chmod 6755 /in/a && ln /in/a /in/b && mkfifo /in/fifo \\
 && tar -C /in --xattrs -cf - . | tar -C /out --xattrs --same-owner -xf - && stat -c '%u:%g %a %h' /out/b
RUN cp -a /etc /etc.copy && mv /etc.copy /etc.moved && rm -r /etc.moved && ldconfig && nice true
RUN perl -e 'use POSIX; $) = "77 77"; $> = 77; print "perl as $> $)\\n"'
USER alice
RUN id -un && ! touch /etc/mine 2>/dev/null
"""
    SEEN = ("thing works", "thing:thing 2750", "alice", "home of alice", "1234:5678 6755 2", "perl as 77 77 77")

    def package(self) -> None:
        """A package whose installation script makes a user and gives a directory to it."""
        tree = self.temp_dir()
        (tree / "DEBIAN").mkdir()
        (tree / "usr/bin").mkdir(parents=True)
        (tree / "var/lib/thing").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text("Package: thing\nVersion: 1\nArchitecture: all\nDescription: thing\n"
                                             "Maintainer: nucleus-oci developers <nobody@localhost>\n")
        scripts = {"DEBIAN/postinst": "id thing >/dev/null 2>&1 || useradd --system thing\n"
                                      "chown thing:thing /var/lib/thing\nchmod 2750 /var/lib/thing\n",
                   "usr/bin/thing": "echo thing works\n"}
        for name, text in scripts.items():
            (tree / name).write_text("#!/bin/sh\nset -e\n" + text)
            (tree / name).chmod(0o755)
        self.ok(engine("dpkg-deb", "--root-owner-group", "--build", tree, self.context / "thing.deb"))

    def test_debian_root_and_its_tools(self):
        root = pathlib.Path(os.environ.get("NUCLEUS_DEBIAN_ROOT", ""))
        if not root.is_file():
            self.skipTest("no Debian root file system: see engines.debian_root")
        self.ok(engine("podman", "import", root, "localhost/debian"))
        self.package()
        result = self.ok(self.build(self.STEPS, "--network=none"))
        for line in self.SEEN:
            self.assertIn(f"\n{line}\n", result.out)


class Confinement(BuildTest):
    def test_capabilities_seccomp_and_privileges(self):
        for by in ("buildah", "podman"):
            status = self.status_in_build(by=by)
            self.assertEqual(status["CapBnd"], differs(others=PODMANS_CAPS, nucleus=BUILD_CAPS,
                                                       because="the set `build` keeps what package managers use"))
            self.assertEqual(status["NoNewPrivs"], differs(others="0", nucleus="1", because="always on"))
            self.assertEqual(status["Seccomp"], "2")

    def test_descriptors_that_buildah_leaks_stay_out(self):
        """buildah's own pipes and namespace descriptors are open when it starts the runtime."""
        result = self.ok(self.build("RUN for fd in /proc/self/fd/*; do echo $fd; done"))
        numbers = {int(line.rsplit("/", 1)[1]) for line in result.out.splitlines() if line.startswith("/proc/self/fd/")}
        self.assertLessEqual(numbers, {0, 1, 2, 3}, "3 is the shell's own directory")

    def test_network_plumbed_between_create_and_start(self):
        """buildah has no namespace to name in the config: it configures the interface through /proc/PID/ns/net."""
        result = self.ok(self.build("RUN ip -o addr show dev eth0; ip route"))
        self.assertIn("inet 10.", result.out)
        self.assertIn("default via 10.", result.out)

    def test_network_of_a_step_leads_nowhere(self):
        self.ok(engine("podman", "--runtime", engines.RUNTIME, "run", "--detach", "--name=server", engines.IMAGE, "sh", "-c",
                       "while :; do echo answer | nc -l -p 8080; done"))
        self.addCleanup(engine, "podman", "--runtime", engines.RUNTIME, "rm", "--force", "--time=0", "server")
        address = self.ok(engine("podman", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", "server")).out.strip()
        out = self.ok(self.build(f"RUN for i in 1 2 3; do nc -w 3 {address} 8080 < /dev/null && exit; done; echo denied")).out
        expected = differs(others="answer", nucleus="denied",
                           because="a step reaches nothing that its policy does not name")
        self.assertIn(expected, out.splitlines())

    def test_network_none(self):
        result = self.ok(self.build("RUN ls /sys/class/net", "--network=none"))
        self.assertIn("\nlo\n", result.out)
        self.assertNotIn("eth0", result.out)

    def test_network_of_the_host(self):
        result = self.build("RUN ls /sys/class/net", "--network=host")
        self.assertEqual(result.rc, differs(others=0, nucleus=1, because="the host's network has to be granted"))
        if engines.RUNTIME == "nucleus":
            self.assertIn("request host-network at /linux/namespaces refused", result.err)
            self.assertIn('add grants = ["host-network"] to policy.toml of policy set "build"', result.err)

    def test_requests_beyond_the_policy_are_dropped_with_a_warning(self):
        result = self.ok(self.build("RUN cat /proc/self/status; ls /dev", "--cap-add=SYS_ADMIN", "--device=/dev/fuse",
                                    "--security-opt=seccomp=unconfined"))
        status = nucleus_test.parse_status(result.out)
        kept = differs(others=("0", True), nucleus=("2", False), because="law 1, agent mode: dropped with a warning")
        self.assertEqual((status["Seccomp"], "\nfuse\n" in result.out), kept)
        if engines.RUNTIME == "nucleus":
            self.assertEqual(status["CapBnd"], BUILD_CAPS)
            self.assertIn("warning: devices: /linux/devices", result.out + result.err)


class WithoutProfile(BuildTest):
    """A build is an ordinary container then: it works where it needs no privilege."""
    PROFILE = False

    def test_default_set_confines_builds_too(self):
        wanted = differs(others=PODMANS_CAPS, nucleus=NO_CAPS, because="no profile: the set `default` keeps nothing")
        self.assertEqual(self.status_in_build()["CapBnd"], wanted)

    def test_what_needs_the_profile_is_refused(self):
        result = self.build("RUN echo fine > /etc/fine && chown 12:34 /etc/fine")
        self.assertEqual(result.rc, differs(others=0, nucleus=1, because="giving files away needs a capability"))

    def test_a_configuration_of_its_own_by_runtime_flag(self):
        """The other way: --runtime-flag names another configuration for this build alone."""
        if engines.RUNTIME != "nucleus":
            self.skipTest("a flag of nucleus-oci")
        pathlib.Path("/etc/nucleus/build.toml").write_text('policy = "build"\n')
        for by in ("buildah", "podman"):
            status = self.status_in_build(by=by, runtime_flag="config=/etc/nucleus/build.toml")
            self.assertEqual(status["CapBnd"], BUILD_CAPS)


class Impostors(BuildTest):
    """Nobody but buildah gets its profile."""

    def caps(self, *argv) -> str:
        result = self.ok(engine("podman", "--runtime", engines.RUNTIME, "run", "--rm", "--network=none", *argv,
                                engines.IMAGE, "grep", "CapBnd", "/proc/self/status"))
        return result.out.split()[1]

    def test_a_container_named_like_a_build(self):
        wanted = differs(others=PODMANS_CAPS, nucleus=NO_CAPS, because="the profile is for buildah's own bundles")
        self.assertEqual(self.caps("--name=buildah-buildah1", "--hostname=buildah-buildah1"), wanted)

    def test_an_image_whose_annotations_ask_for_the_set(self):
        """podman copies the annotations of an image's manifest into the config."""
        self.ok(self.build("LABEL io.nucleus.policy=build", "--annotation=io.nucleus.policy=build"))
        result = engine("podman", "--runtime", engines.RUNTIME, "run", "--rm", "--network=none", "localhost/made", "true")
        self.assertEqual(result.rc, differs(others=0, nucleus=126, because="annotations choose no policy set unless the host lets them"))
        if engines.RUNTIME == "nucleus":
            self.assertIn('policy set "build" is not the host\'s', result.err)


class WorkingContainer(BuildTest):
    def test_run(self):
        result = self.ok(self.buildah_run("sh", "-c", "echo $GREETING; id -u; pwd; hostname",
                                          options=["--env=GREETING=hello", "--user=77", "--workingdir=/tmp",
                                                   "--hostname=here"]))
        self.assertEqual(result.out, "hello\n77\n/tmp\nhere\n")

    def test_exit_status(self):
        self.assertEqual(self.buildah_run("sh", "-c", "exit 9").rc, 9)

    def test_terminal(self):
        result = engines.on_terminal("buildah", "run", "--runtime", engines.RUNTIME, "--isolation", "oci", "--terminal",
                                     self.working_container(), "--", "sh", "-c", "tty; exit 4")
        self.assertIn("/dev/pts/0", result.out)
        self.assertEqual(result.rc, 4)

    def test_input(self):
        with open(self.context / "input", "w+b") as file:
            file.write(b"through a pipe\n")
            file.seek(0)
            result = engine("buildah", "run", "--runtime", engines.RUNTIME, "--isolation", "oci",
                            self.working_container(), "--", "cat", stdin=file)
        self.assertEqual(self.ok(result).out, "through a pipe\n")

    def test_interrupted(self):
        """An interrupted buildah kills its container, and nothing is left."""
        container = self.working_container()
        with open(self.context / "out", "wb") as out:
            build = subprocess.Popen(["buildah", "run", "--runtime", engines.RUNTIME, "--isolation", "oci", container,
                                      "--", "sh", "-c", "echo ready; exec sleep 1000"],
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            self.addCleanup(build.kill)
            nucleus_test.wait_until(lambda: b"ready" in (self.context / "out").read_bytes(), "the container", 20)
            build.send_signal(signal.SIGINT)
            self.assertNotEqual(build.wait(30 * nucleus_test.PATIENCE), 0)
        nucleus_test.wait_until(lambda: not [p for p in engines.other_processes() if "sleep 1000" in p[1]], "its end", 20)


if __name__ == "__main__":
    engines.main()
