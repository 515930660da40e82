"""Pods and play kube: containers that share namespaces by path, and what a Kubernetes manifest asks for."""
import json

import engine_cgroups
import engines
import nucleus_test
from engines import IMAGE, differs
from podman import LONG, NO_CAPS, PodmanTest, podman

MANIFEST = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"},
    "spec": {"containers": [
        {"name": "a", "image": IMAGE, "command": ["sleep", "1000"], "env": [{"name": "PATH", "value": "/bin"}],
         "resources": {"limits": {"memory": "64Mi"}}},
        {"name": "b", "image": IMAGE, "command": ["/bin/sh", "-c", "cat /proc/self/status; touch /x; exec sleep 1000"],
         "securityContext": {"runAsUser": 1000, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                             "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}},
    ]},
}


class Pods(PodmanTest):
    def member(self, name: str, script: str = LONG) -> str:
        return self.ok(podman("run", "--detach", "--pod=pod", f"--name={name}", IMAGE, "sh", "-c", script)).out.strip()

    def infra(self) -> str:
        return self.ok(podman("pod", "inspect", "--format", "{{.InfraContainerID}}", "pod")).out.strip()

    def check_sharing(self) -> None:
        self.member("a")
        self.member("b")
        a, b, infra = (nucleus_test.namespaces(self.pid(name)) for name in ("a", "b", self.infra()))
        for kind in ("ipc", "net", "uts"):
            self.assertEqual((a[kind], b[kind]), (infra[kind], infra[kind]), kind)
        for kind in ("mnt", "pid"):
            self.assertNotEqual(a[kind], b[kind], kind)

    def test_shared_namespaces(self):
        """With podman's own pause image, which it builds by itself."""
        self.ok(podman("pod", "create", "--name=pod"))
        self.check_sharing()

    def test_pause_image_of_ones_own(self):
        self.ok(podman("pod", "create", "--name=pod", f"--infra-image={IMAGE}", "--infra-command=/bin/sleep 1000"))
        self.member("a", "exec sleep 1000")
        self.assertEqual(nucleus_test.namespaces(self.pid("a"))["net"], nucleus_test.namespaces(self.pid(self.infra()))["net"])

    def test_without_a_pause_container(self):
        self.ok(podman("pod", "create", "--name=pod", "--infra=false"))
        self.member("a", "exec sleep 1000")

    def test_members_speak_over_loopback(self):
        self.ok(podman("pod", "create", "--name=pod"))
        self.member("a", "echo from a | nc -l -p 8080; exec sleep 1000")
        out = self.ok(podman("run", "--rm", "--pod=pod", IMAGE, "sh", "-c",
                             "until nc 127.0.0.1 8080 < /dev/null; do sleep 0.1; done")).out
        self.assertEqual(out, "from a\n")

    def test_shared_processes(self):
        self.ok(podman("pod", "create", "--name=pod", "--share=net,ipc,uts,pid"))
        self.member("a", "exec sleep 1000")
        self.member("b")
        self.assertIn("sleep 1000", self.inside("ps", name="b"))

    def test_pause_stop_start_and_restart(self):
        self.ok(podman("pod", "create", "--name=pod"))
        self.member("a")
        for verb, status in (("pause", "paused"), ("unpause", "running")):
            self.ok(podman("pod", verb, "pod"))
            self.assertEqual(self.status("a"), status)
        self.ok(podman("pod", "stop", "--time=20", "pod"))
        self.assertEqual(self.inspect("{{.State.Status}} {{.State.ExitCode}}", "a"), "exited 5")
        self.ok(podman("pod", "start", "pod"))
        self.assertEqual(self.status("a"), "running")
        self.ok(podman("pod", "kill", "pod"))

    def test_statistics_and_processes(self):
        self.ok(podman("pod", "create", "--name=pod"))
        self.member("a", "exec sleep 1000")
        names = self.ok(podman("pod", "stats", "--no-stream", "--format", "{{.Name}}", "pod")).out.split()
        self.assertIn("a", names)
        self.assertIn("sleep 1000", self.ok(podman("pod", "top", "pod")).out)

    def test_removal(self):
        """With cgroups below the pod's own: nothing of it may stay."""
        self.ok(podman("pod", "create", "--name=pod"))
        self.member("a", "sleep 1000 & trap '' TERM; wait")
        self.ok(podman("pod", "rm", "--force", "--time=1", "pod"))
        self.assertEqual(self.ok(podman("ps", "--all", "--quiet")).out, "")
        self.assertEqual(engine_cgroups.of_containers(), [])


class Kube(PodmanTest):
    def setUp(self):
        super().setUp()
        self.file = self.temp_dir() / "pod.json"
        self.file.write_text(json.dumps(MANIFEST))

    def test_play(self):
        self.ok(podman("play", "kube", "--network=none", self.file))
        self.assertEqual(self.cgroup("memory", "pod-a").name[:7], "libpod-")
        limit = [path.read_text() for path in (self.cgroup("memory", "pod-a") / "memory.limit_in_bytes",
                                               self.cgroup("memory", "pod-a") / "memory.max") if path.exists()]
        self.assertEqual(limit, [f"{64 << 20}\n"])
        logs = self.wait_logs("Seccomp_filters", "pod-b")
        status = nucleus_test.parse_status(logs)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["CapEff"] == NO_CAPS,
                         differs(others=False, nucleus=True, because="an added capability is a request to be granted"))
        self.ok(podman("play", "kube", "--down", self.file))

    def test_command_without_a_path(self):
        """Kubernetes manifests set no PATH."""
        manifest = json.loads(json.dumps(MANIFEST))
        del manifest["spec"]["containers"][0]["env"]
        del manifest["spec"]["containers"][1]
        self.file.write_text(json.dumps(manifest))
        result = podman("play", "kube", "--network=none", self.file)
        wanted = differs(others="created", nucleus="running", because="a program is looked for along a usual PATH then")
        self.assertEqual(self.status("pod-a"), wanted, result.err)


if __name__ == "__main__":
    engines.main()
