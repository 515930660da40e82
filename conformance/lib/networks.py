"""Network namespaces for tests: a container's, plumbed like an engine would do it, and the world at the other end of the
cable, where echo servers answer and every packet is counted. Nothing leaves the two."""
import os
import re
import subprocess
import sys
import unittest


# The world's addresses: the first of each family is the one that tests allow, the second the one they do not.
LISTED = ("198.51.100.1", "2001:db8:51::1")
UNLISTED = ("203.0.113.1", "2001:db8:113::1")
PORTS = (80, 443, 5000)

_SERVER = """
import socket, selectors, sys
ports = [int(word) for word in sys.argv[1:]]
select = selectors.DefaultSelector()
for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            server = socket.socket(family, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if kind == socket.SOCK_DGRAM:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            elif kind == socket.SOCK_DGRAM:
                server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
            server.bind((any_address, port))
            if kind == socket.SOCK_STREAM:
                server.listen(64)
            select.register(server, selectors.EVENT_READ, kind)
print("ready", flush=True)
while True:
    for key, _ in select.select():
        if key.data == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:  # answered from the address that was asked
            data, ancillary, _, peer = key.fileobj.recvmsg(2048, 512)
            key.fileobj.sendmsg([data], ancillary, 0, peer)
"""


def run(*argv) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


class Cable:
    """Two namespaces, `container` and `world`, joined by a veth pair; the container's default routes lead to the world."""

    number = 0

    def __init__(self, test: unittest.TestCase):
        Cable.number += 1
        self.container, self.world = (f"nucleus-{side}-{os.getpid()}-{Cable.number}" for side in ("in", "out"))
        for name in (self.container, self.world):
            run("ip", "netns", "add", name)
            test.addCleanup(subprocess.run, ["ip", "netns", "delete", name])
            self._configure(name)
        run("ip", "-n", self.container, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
            self.world)
        for name, number in ((self.container, 2), (self.world, 1)):
            run("ip", "-n", name, "addr", "add", f"10.42.0.{number}/24", "dev", "eth0")
            run("ip", "-n", name, "addr", "add", f"fd42::{number}/64", "dev", "eth0", "nodad")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        for address in LISTED + UNLISTED:
            run("ip", "-n", self.world, "addr", "add", address + ("/128" if ":" in address else "/32"), "dev", "lo")
        run("ip", "-n", self.container, "route", "add", "default", "via", "10.42.0.1")
        run("ip", "-n", self.container, "-6", "route", "add", "default", "via", "fd42::1")
        four, six = (", ".join(a for a in (*LISTED, *UNLISTED, "10.42.0.1", "fd42::1") if (":" in a) == v6)
                     for v6 in (False, True))
        self.nft(self.world, f"""table inet seen {{
            chain wire {{
                type filter hook prerouting priority raw;
                iifname eth0 ip daddr 127.0.0.0/8 counter
            }}
            chain input {{
                type filter hook input priority 0;
                ip daddr {{ {four} }} counter
                ip6 daddr {{ {six} }} meta l4proto != ipv6-icmp counter
                ip6 daddr {{ {six} }} icmpv6 type echo-request counter
            }}
        }}
        """)
        self.server = subprocess.Popen(["ip", "netns", "exec", self.world, sys.executable, "-c", _SERVER,
                                        *(str(port) for port in PORTS)], stdout=subprocess.PIPE)
        test.addCleanup(self.server.stdout.close)
        test.addCleanup(self.server.wait)
        test.addCleanup(self.server.kill)
        test.assertEqual(self.server.stdout.readline(), b"ready\n")

    @staticmethod
    def _configure(name: str) -> None:
        subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0"],
                       capture_output=True)

    @property
    def path(self) -> str:
        return f"/run/netns/{self.container}"

    def received(self) -> int:
        """Packets that reached one of the world's addresses, neighbour discovery aside."""
        rules = run("ip", "netns", "exec", self.world, "nft", "list", "table", "inet", "seen")
        return sum(int(count) for count in re.findall(r"counter packets (\d+)", rules))

    def nft(self, name: str, text: str) -> None:
        subprocess.run(["ip", "netns", "exec", name, "nft", "-f", "-"], check=True, input=text, text=True)

    def ruleset(self) -> str:
        return run("ip", "netns", "exec", self.container, "nft", "list", "ruleset")

    def tables(self) -> str:
        return run("ip", "netns", "exec", self.container, "nft", "list", "tables")


def targets(addresses, protocols=("tcp", "udp"), ports=PORTS) -> list:
    return [f"{protocol}/{address}/{port}" for address in addresses for protocol in protocols for port in ports]


def parse_reach(text: str) -> dict:
    """What reach.c printed: target -> whether it is open."""
    return {line.split()[0]: line.split()[1] == "open" for line in text.splitlines()}
