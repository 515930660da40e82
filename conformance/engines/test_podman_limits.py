"""Limits of podman's containers, shown by what happens when they are reached."""
import engines
import nucleus_test
from engines import IMAGE, differs, per_runtime
from podman import LONG, PodmanTest, podman

EAT = "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null; echo $?"


class Limits(PodmanTest):
    def test_memory(self):
        self.assertEqual(self.output(EAT, "--memory=16m"), "137\n")
        result = podman("run", "--rm", "--network=none", "--memory=16m", IMAGE, "dd", "if=/dev/zero", "of=/dev/null",
                        "bs=100M", "count=1")
        self.assertEqual(result.rc, 137)

    def test_processes(self):
        script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"
        self.assertIn("can't fork", self.run_sh(script, "--pids-limit=5").err)

    def test_processes_unlimited_by_the_caller(self):
        out = self.output("cat /sys/fs/cgroup/pids*/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true")
        self.assertIn("2048", out)

    def test_cpu_time(self):
        self.detached("while :; do :; done", "--cpus=0.2")
        stat = self.cgroup("cpu") / "cpu.stat"

        def throttled() -> int:
            return int(dict(line.split() for line in stat.read_text().splitlines())["nr_throttled"])

        nucleus_test.wait_until(lambda: throttled() > 0, "throttling", 30)

    def test_processors(self):
        self.assertIn("Cpus_allowed_list:\t1\n", self.output("cat /proc/self/status", "--cpuset-cpus=1"))

    def test_shares_and_reservation(self):
        self.detached(LONG, "--cpu-shares=300", "--memory=64m", "--memory-reservation=32m")
        if (self.cgroup("cpu") / "cpu.shares").exists():
            self.assertEqual((self.cgroup("cpu") / "cpu.shares").read_text(), "300\n")
            self.assertEqual((self.cgroup("memory") / "memory.soft_limit_in_bytes").read_text(), f"{32 << 20}\n")
        else:
            self.assertEqual((self.cgroup("cpu") / "cpu.weight").read_text(), "12\n")
            self.assertEqual((self.cgroup("memory") / "memory.low").read_text(), f"{32 << 20}\n")

    def test_reading_from_a_disk(self):
        device = engines.block_device()
        self.detached(LONG, f"--device-read-bps={device}:1mb")
        folder = self.cgroup("io") if (self.cgroup("memory") / "memory.max").exists() else self.cgroup("blkio")
        texts = [path.read_text() for path in (folder / "blkio.throttle.read_bps_device", folder / "io.max")
                 if path.exists()]
        self.assertIn("1048576", "".join(texts))

    def test_update(self):
        self.detached(LONG, "--memory=64m")
        self.ok(podman("update", "--memory=32m", "--cpus=0.5", "c"))
        memory, cpu = self.cgroup("memory"), self.cgroup("cpu")
        limits = [path.read_text().strip() for path in (memory / "memory.limit_in_bytes", memory / "memory.max",
                                                        cpu / "cpu.cfs_quota_us", cpu / "cpu.max") if path.exists()]
        self.assertIn(limits, ([str(32 << 20), "50000"], [str(32 << 20), "50000 100000"]))
        self.assertEqual(self.exec("dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1").rc, 137)

    def test_shared_memory(self):
        script = "dd if=/dev/zero of=/dev/shm/x bs=1M count=2 2>/dev/null; stat -c %s /dev/shm/x"
        self.assertEqual(self.output(script, "--shm-size=1m"), f"{1 << 20}\n")

    def test_resource_limits(self):
        limits = ["--ulimit=nofile=100:200", "--ulimit=nproc=1000:1000"]
        self.assertEqual(self.output("ulimit -n; ulimit -Hn", *limits), "100\n200\n")
        self.assertEqual(self.output("ulimit -c", "--ulimit=core=102400", *limits),
                         differs(others="200\n", nucleus="0\n", because="no core dumps"))

    def test_resource_limit_above_the_hosts(self):
        limits = ["--ulimit=nofile=99999999:99999999", "--ulimit=nproc=1000:1000"]
        result = self.run_sh("ulimit -n", *limits)
        self.assertEqual(result.rc, differs(others=126, nucleus=0,
                                            because="agent mode clamps and warns; runc and crun refuse"))

    def test_oom_score(self):
        self.assertEqual(self.output("cat /proc/self/oom_score_adj", "--oom-score-adj=500"), "500\n")

    def test_cgroup_parent(self):
        self.detached(LONG, "--cgroup-parent=/parent")
        self.assertEqual(self.cgroup("memory").parent.name, "parent")
        self.ok(podman("rm", "--force", "--time=0", "c"))
        engines.remove_cgroup("parent")

    def test_without_cgroup(self):
        result = self.run_sh("true", "--cgroups=disabled")
        self.assertEqual(result.rc, per_runtime(runc=125, crun=0, nucleus=0, because="podman does not ask runc for it"))

    def test_without_cgroup_when_strict(self):
        result = self.run_sh("true", "--cgroups=disabled", "--annotation=io.nucleus.mode=strict-agent")
        self.assertEqual(result.rc, per_runtime(runc=125, crun=0, nucleus=126,
                                                because="strict-agent runs nothing without limits"))


if __name__ == "__main__":
    engines.main()
