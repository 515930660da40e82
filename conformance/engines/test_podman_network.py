"""podman's networks: none, bridge with published ports, the host's, another container's."""
import socket

import engines
import nucleus_test
from engines import differs
from podman import PodmanTest, podman

SERVER = "while :; do echo from $0 | nc -l -p {port}; done"


def ask(address: str, port: int) -> str:
    """What a server says to somebody on the host; "" when there is none yet."""
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            return connection.makefile().read()
    except OSError:
        return ""


class Networks(PodmanTest):
    def server(self, *options, name: str = "c", port: int = 8080, network: str = "bridge") -> str:
        """A container that answers; its address."""
        self.detached(SERVER.format(port=port), *options, name=name, network=network)
        return self.inspect("{{.NetworkSettings.IPAddress}}", name)

    def wait_answer(self, address: str, port: int) -> None:
        nucleus_test.wait_until(lambda: ask(address, port) == "from sh\n", f"an answer from {address}:{port}", 30)

    def test_none(self):
        self.assertEqual(self.output("ls /sys/class/net"), "lo\n")

    def test_bridge(self):
        address = self.server()
        self.wait_answer(address, 8080)
        out = self.output(f"ip -o -4 addr show dev eth0; nc -w 3 {address} 8080 < /dev/null || echo denied",
                          network="bridge")
        self.assertIn("inet 10.88.0.3/16", out)
        self.assertIn(differs(others="from sh\n", nucleus="denied\n",
                              because="a container reaches nothing that its policy does not name"), out)

    def test_bridge_where_the_policy_allows(self):
        if engines.RUNTIME == "nucleus":
            self.policy_set("networked", grants=["egress:10.88.0.0/16:8080/tcp"])
        address = self.server()
        self.wait_answer(address, 8080)
        self.assertEqual(self.output(f"nc -w 3 {address} 8080 < /dev/null", network="bridge"), "from sh\n")

    def asks(self, address: str) -> str:
        return f"nc -w 3 {address} 8080 < /dev/null || echo denied"

    def denied(self) -> str:
        return differs(others="from sh\n", nucleus="denied\n",
                       because="a container reaches nothing that its policy does not name")

    def test_another_containers_bridge(self):
        address = self.server()
        self.wait_answer(address, 8080)
        self.detached("sleep 100", name="holder", network="bridge")
        self.assertEqual(self.output(self.asks(address), network="container:holder"), self.denied())

    def test_pod_on_a_bridge(self):
        address = self.server()
        self.wait_answer(address, 8080)
        self.ok(podman("pod", "create", "--name=pod"))
        for _ in range(2):
            result = self.ok(podman("run", "--rm", "--pod=pod", engines.IMAGE, "sh", "-c", self.asks(address)))
            self.assertEqual(result.out, self.denied())

    def test_published_port(self):
        address = self.server("--publish=127.0.0.1:8000:8080")
        self.wait_answer(address, 8080)
        self.wait_answer("127.0.0.1", 8000)
        self.assertIn("127.0.0.1:8000", self.ok(podman("port", "c")).out)

    def test_port_below_1024(self):
        """Root in the container may listen there: by a sysctl of its own network, not by a capability."""
        self.wait_answer(self.server(port=80), 80)

    def test_port_below_1024_as_a_user(self):
        out = self.output("httpd -p 80 -h /tmp 2>/dev/null && echo bound || echo refused", "--user=1000", network="bridge")
        self.assertEqual(out, differs(others="refused\n", nucleus="bound\n",
                                      because="no port of a network of its own needs a privilege"))

    def test_hosts_and_resolver(self):
        out = self.output("cat /etc/hosts /etc/resolv.conf", "--add-host=other:10.1.2.3", "--dns=10.3.2.1", network="bridge")
        self.assertIn("10.1.2.3\tother", out)
        self.assertIn("nameserver 10.3.2.1", out)

    def test_no_packets_of_its_own_making(self):
        script = "ping -c 1 -W 5 127.0.0.1 >/dev/null 2>&1 && echo raw || echo refused"
        self.assertEqual(self.output(script, "--cap-add=NET_RAW"),
                         differs(others="raw\n", nucleus="refused\n", because="raw sockets need a grant"))

    def test_of_another_container(self):
        self.server()
        self.wait_answer(self.inspect("{{.NetworkSettings.IPAddress}}"), 8080)
        self.assertEqual(self.output("nc 127.0.0.1 8080 < /dev/null", network="container:c"), "from sh\n")

    def test_of_the_host(self):
        result = self.run_sh("ls /sys/class/net", network="host")
        self.assertEqual(result.rc, differs(others=0, nucleus=126, because="the host's network has to be granted"))
        if result.rc:
            self.refused(result, "request host-network at /linux/namespaces refused by rule namespaces (mode agent)",
                         'add grants = ["host-network"] to policy.toml of policy set "default"')

    def test_own_network(self):
        self.ok(podman("network", "create", "--subnet=10.77.0.0/24", "mine"))
        self.addCleanup(podman, "network", "rm", "--force", "mine")
        out = self.output("ip -o -4 addr show dev eth0", "--ip=10.77.0.7", network="mine")
        self.assertIn("inet 10.77.0.7/24", out)

    def test_with_a_user_namespace(self):
        """podman plumbs the network between create and start."""
        out = self.output("ip -o -4 addr show dev eth0", "--uidmap=0:100000:2000", network="bridge")
        self.assertIn("inet 10.88.", out)


if __name__ == "__main__":
    engines.main()
