"""Namespaces of podman's containers: their own, the host's, another container's, and mapped users."""
import os

import engines
import nucleus_test
from engines import differs
from podman import NO_CAPS, PODMANS_CAPS, PodmanTest, podman

HOST = {"pid": "the host's processes have to be granted", "ipc": "the host's IPC has to be granted"}


class Namespaces(PodmanTest):
    def test_own(self):
        self.detached()
        own = nucleus_test.namespaces(self.pid())
        host = nucleus_test.namespaces()
        for kind in ("ipc", "mnt", "net", "pid", "uts"):
            self.assertNotEqual(own[kind], host[kind], kind)
        extra = differs(others=False, nucleus=True, because="time namespace added, cgroup namespace on v1 too")
        self.assertEqual([own[kind] != host[kind] for kind in ("cgroup", "time")], [extra, extra])

    def test_of_the_host(self):
        for kind, reason in HOST.items():
            result = self.run_sh("true", f"--{kind}=host")
            self.assertEqual(result.rc, differs(others=0, nucleus=126, because=reason), result.err)
            if result.rc:
                self.refused(result, f"request host-{kind} at /linux/namespaces refused by rule namespaces (mode agent)",
                             f'add grants = ["host-{kind}"] to policy.toml of policy set "default"')

    def test_granted_by_a_policy_set(self):
        """What the refusal says is the way: a policy set with the grant, chosen by the host."""
        self.policy_set("hostly", grants=["host-pid", "host-ipc", "host-network"])
        out = self.output("readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc; readlink /proc/self/ns/net",
                          "--pid=host", "--ipc=host", network="host")
        host = nucleus_test.namespaces()
        self.assertEqual(out.split(), [host["pid"], host["ipc"], host["net"]])

    def test_stop_with_the_hosts_processes(self):
        """podman stops such a container with kill --all, by its cgroup."""
        self.policy_set("hostly", grants=["host-pid"])
        self.detached("sleep 1000 & exec sleep 1000", "--pid=host")
        self.ok(podman("stop", "--time=1", "c"))
        self.assertEqual([p for p in engines.other_processes() if p[1] == "sleep 1000 "], [])

    def test_name_of_the_host(self):
        out = self.output("hostname", "--uts=host")
        self.assertEqual(out.strip(), os.uname().nodename)

    def test_of_another_container(self):
        self.detached()
        first = nucleus_test.namespaces(self.pid())
        self.detached("exec sleep 1000", "--pid=container:c", "--ipc=container:c", "--uts=container:c", name="d",
                      network="container:c")
        second = nucleus_test.namespaces(self.pid("d"))
        for kind in ("pid", "ipc", "uts", "net"):
            self.assertEqual(second[kind], first[kind], kind)
        self.assertNotEqual(second["mnt"], first["mnt"])
        self.ok(podman("rm", "--force", "--time=0", "d"))
        self.assertEqual(self.inside("echo still here"), "still here\n")

    def test_mapped_users(self):
        maps = ["--uidmap=0:100000:2000", "--gidmap=0:200000:2000"]
        self.detached("touch /tmp/made; exec sleep 1000", *maps)
        root = f"/proc/{self.pid()}/root/tmp"
        nucleus_test.wait_until(lambda: os.path.exists(f"{root}/made"), "the file", 30)
        made = os.stat(f"{root}/made")
        self.assertEqual((made.st_uid, made.st_gid), (100000, 200000))
        status = nucleus_test.parse_status(self.inside("cat /proc/self/status"))
        wanted = differs(others=PODMANS_CAPS, nucleus=NO_CAPS, because="no capabilities in a user namespace either")
        self.assertEqual(status["CapEff"], wanted)
        self.assertEqual(self.inside("cat /proc/self/uid_map").split(), ["0", "100000", "2000"])

    def test_mapped_users_and_a_volume(self):
        volume = self.temp_dir()
        os.chown(volume, 100000, 100000)
        self.output("echo made > /v/file", "--uidmap=0:100000:2000", f"--volume={volume}:/v")
        self.assertEqual((volume / "file").stat().st_uid, 100000)


if __name__ == "__main__":
    engines.main()
