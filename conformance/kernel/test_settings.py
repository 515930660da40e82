"""The smaller settings of config.json, as the kernel reports them."""
import os
import pathlib
import resource
import subprocess
import unittest

import nucleus_test
from nucleus_test import NucleusTest

CAP_SYS_RESOURCE = 24
RAISES_LIMITS = bool(int(nucleus_test.status_of("self")["CapEff"], 16) >> CAP_SYS_RESOURCE & 1)


class Settings(NucleusTest):
    def value(self, script: str, change, mode: str = "agent", options=()) -> str:
        return self.ok(self.shell(script, mode=mode, change=change, options=options)).out.strip()

    def test_hostname_and_domainname(self):
        def change(bundle):
            bundle.config.update(hostname="some-host", domainname="some.domain")
        out = self.value("hostname; cat /proc/sys/kernel/domainname", change)
        self.assertEqual(out.split(), ["some-host", "some.domain"])
        self.assertNotEqual(os.uname().nodename, "some-host")

    def test_sysctl(self):
        def change(bundle):
            bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096"}
        before = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text()
        out = self.value("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", change)
        self.assertEqual(out.split(), ["1", "4096"])
        self.assertEqual(pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text(), before)

    def test_sysctl_of_the_host_is_refused(self):
        def change(bundle):
            bundle.linux["sysctl"] = {"kernel.panic": "7"}
        before = pathlib.Path("/proc/sys/kernel/panic").read_text()
        self.addCleanup(lambda: pathlib.Path("/proc/sys/kernel/panic").write_text(before))
        for mode in ("strict-agent", "passthrough"):
            result = self.shell("true", mode=mode, change=change)
            self.fails(result, "kernel.panic")
        self.assertEqual(pathlib.Path("/proc/sys/kernel/panic").read_text(), before)

    def test_rlimits(self):
        def change(bundle):
            bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                                         {"type": "RLIMIT_FSIZE", "soft": 4096, "hard": 8192}]
        out = self.value("ulimit -Sn; ulimit -Hn; grep -e core -e 'file size' /proc/self/limits", change)
        self.assertEqual(out.split()[:2], ["100", "200"])
        lines = {line[:26].strip(): line[26:].split()[:2] for line in out.splitlines()[2:]}
        self.assertEqual(lines, {"Max file size": ["4096", "8192"], "Max core file size": ["0", "0"]})

    def raised(self, bundle):
        self.hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": self.hard + 1, "hard": self.hard + 1}]

    @unittest.skipIf(RAISES_LIMITS, "this host may raise limits")
    def test_rlimit_above_the_hosts(self):
        agent = self.ok(self.shell("ulimit -Hn", mode="agent", change=self.raised))
        self.assertEqual(agent.out.strip(), str(self.hard))
        self.assertIn("RLIMIT_NOFILE", agent.err)
        self.fails(self.shell("true", mode="strict-agent", change=self.raised), "RLIMIT_NOFILE")

    @unittest.skipUnless(RAISES_LIMITS, "needs CAP_SYS_RESOURCE")
    def test_rlimit_above_the_callers(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            self.assertEqual(self.value("ulimit -Sn; ulimit -Hn", self.raised, mode).split(), [str(self.hard + 1)] * 2)

    def test_oom_score(self):
        def change(bundle):
            bundle.process["oomScoreAdj"] = 321
        self.assertEqual(self.value("cat /proc/self/oom_score_adj", change), "321")

    @unittest.skipUnless(RAISES_LIMITS, "needs CAP_SYS_RESOURCE")
    def test_oom_score_below_the_callers(self):
        def change(bundle):
            bundle.process["oomScoreAdj"] = -500
        for mode in ("agent", "strict-agent", "passthrough"):
            self.assertEqual(self.value("cat /proc/self/oom_score_adj", change, mode), "-500")

    def test_umask(self):
        def change(bundle):
            bundle.process["user"]["umask"] = 0o077
        self.assertEqual(self.value("umask; touch /tmp/f; stat -c %a /tmp/f", change).split(), ["0077", "600"])
        self.assertEqual(self.value("umask", lambda bundle: None), "0022")

    def test_additional_groups(self):
        def change(bundle):
            bundle.process["user"]["additionalGids"] = [10, 20, 30]
        self.assertEqual(self.value("grep Groups: /proc/self/status", change).split()[1:], ["10", "20", "30"])
        self.assertEqual(self.value("grep Groups: /proc/self/status", lambda bundle: None), "Groups:",
                         "the caller's groups do not come along")

    def test_additional_groups_in_a_user_namespace(self):
        def change(bundle):
            bundle.user_namespace().process["user"]["additionalGids"] = [10]
        self.assertEqual(self.value("grep Groups: /proc/self/status", change).split()[1:], ["10"])

    def test_personality(self):
        def change(bundle):
            bundle.linux["personality"] = {"domain": "LINUX32"}
        self.assertEqual(self.value("uname -m", change), "i686")
        self.assertEqual(self.value("uname -m", lambda bundle: None), "x86_64")

    def test_time_offsets(self):
        def change(bundle):
            bundle.namespace("time").linux["timeOffsets"] = {"monotonic": {"secs": 5000000},
                                                             "boottime": {"secs": 5000000, "nanosecs": 1}}
        uptime = float(self.value("cut -d' ' -f1 /proc/uptime", change))
        host = float(pathlib.Path("/proc/uptime").read_text().split()[0])
        self.assertTrue(5000000 <= uptime - host + 60 < 5000120, (uptime, host))

    def test_environment_and_arguments(self):
        bundle = self.bundle(["sh", "-c", 'env; printf "<%s>" "$0" "$@"', "a b", "", "\u00e9", "-x", "--"])
        bundle.process["env"] = ["PATH=/bin", "EMPTY=", "EQUAL=a=b", "SPACE=x y"]
        out = self.ok(bundle.run()).out
        self.assertTrue(out.endswith("<a b><><\u00e9><-x><-->"), out)
        self.assertLessEqual({"EMPTY=", "EQUAL=a=b", "SPACE=x y"}, set(out.splitlines()))

    def test_path_of_the_config_finds_the_program(self):
        bundle = self.bundle(["mine"])
        tool = bundle.rootfs / "usr/bin/mine"
        tool.write_text("#!/bin/sh\necho mine\n")
        tool.chmod(0o755)
        bundle.process["env"] = ["PATH=/nowhere:/usr/bin:/bin"]
        self.assertEqual(self.ok(bundle.run()).out, "mine\n")

    def test_session_keyring(self):
        """Without the confinement, so that keyctl shows it: a keyring of its own, unless --no-new-keyring."""
        if not os.path.exists("/proc/keys"):
            self.skipTest("this kernel has no keyrings")
        names = {}
        for options in ((), ("--no-new-keyring",)):
            bundle = self.bundle(["sleep", "60"], mode="passthrough")
            self.create_and_start(bundle, *options)
            names[options] = f"_ses.{bundle.id}" in pathlib.Path("/proc/keys").read_text()
        self.assertEqual(names, {(): True, ("--no-new-keyring",): False})

    def test_scheduler(self):
        def change(bundle):
            bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
        self.assertEqual(self.value("cut -d' ' -f19,41 /proc/self/stat", change), "5 3")

    def test_io_priority(self):
        if subprocess.run(["which", "ionice"], capture_output=True).returncode != 0:
            self.skipTest("no ionice")
        bundle = self.bundle(["sleep", "60"])
        bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        self.create_and_start(bundle)
        out = subprocess.run(["ionice", "-p", str(bundle.pid())], capture_output=True, text=True).stdout
        self.assertEqual(out.strip(), "best-effort: prio 6")

    def test_low_ports_without_a_capability(self):
        self.assertEqual(self.value("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", lambda bundle: None), "0")

    def test_loopback_is_up(self):
        script = "ip link show lo | grep -o 'LOOPBACK,UP'; ping -c 1 -W 1 127.0.0.1 | grep -o '1 packets received'"
        self.assertIn("LOOPBACK,UP", self.value(script + "; true", lambda bundle: None))

    def test_joins_a_network_namespace(self):
        name = f"nucleus-test-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", name])
        path = f"/run/netns/{name}"
        inside = self.value("readlink /proc/self/ns/net", lambda bundle: bundle.namespace("network", path))
        self.assertEqual(inside, f"net:[{os.stat(path).st_ino}]")

    def test_joins_the_namespaces_of_another_container(self):
        first = self.create_and_start(self.bundle(["sleep", "60"]))
        second = self.bundle(["sleep", "60"])
        kinds = {"pid": "pid", "ipc": "ipc", "network": "net", "uts": "uts"}
        for kind, name in kinds.items():
            second.namespace(kind, f"/proc/{first.pid()}/ns/{name}")
        self.create_and_start(second)
        one, two = nucleus_test.namespaces(first.pid()), nucleus_test.namespaces(second.pid())
        self.assertEqual({kind for kind in one if one[kind] == two[kind]}, set(kinds.values()) | {"user"})
        self.ok(second.delete("--force"))
        self.assertEqual(first.status(), "running")


if __name__ == "__main__":
    nucleus_test.main()
