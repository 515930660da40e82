"""The DNS follower with packets: a network namespace that plays the container, one that plays the world and holds a DNS
server of this test's own. The follower is run by follower_runner, without a container."""
import contextlib
import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import nucleus_test
import users
from nucleus_test import PATIENCE, wait_until

RUNNER = pathlib.Path(nucleus_test.NUCLEUS).parents[2] / "conformance/kernel/follower_runner"
CONTAINER4, WORLD4 = "198.51.100.2", "198.51.100.1"
CONTAINER6, WORLD6 = "2001:db8::2", "2001:db8::1"
ONE, TWO, THREE6 = "203.0.113.1", "203.0.113.2", "2001:db8:1::3"  # the world's own addresses, where names lead
A, CNAME, TXT, AAAA, HTTPS = 1, 5, 16, 28, 65
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
CLONE_NEWNET = 0x40000000


def in_network_of(where, action):
    """What action() returns in a thread that has entered a network namespace, that of a pid or at a path; sockets it makes
    stay there."""
    path = where if isinstance(where, str) else f"/proc/{where}/ns/net"
    result = []

    def enter():
        with open(path, "rb") as namespace:
            if nucleus_test.libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(action())
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return result[0]


# ---- DNS as bytes ----------------------------------------------------------------------------------------------------

def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def query(name, kind, number=0x4242, edns=False):
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if edns else b""
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, int(edns)) + wire(name) + struct.pack("!HH", kind, 1) + opt


def record(owner, kind, ttl, data):
    return wire(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address_record(owner, address, ttl):
    six = ":" in address
    return record(owner, AAAA if six else A, ttl, socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address))


def question_of(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), struct.unpack("!H", message[at + 1:at + 3])[0], message[12:at + 5]


def reply_to(message, records=(), rcode=NOERROR, flags=0x8180, number=None):
    asked = question_of(message)[2]
    number = struct.unpack("!H", message[:2])[0] if number is None else number
    return struct.pack("!6H", number, flags | rcode, 1, len(records), 0, 0) + asked + b"".join(records)


class Reply:
    """What came back: rcode, flags, addresses with their TTLs."""

    def __init__(self, message):
        self.number, flags, _, count, _, _ = struct.unpack("!6H", message[:12])
        self.rcode, self.truncated = flags & 15, bool(flags & 0x0200)
        self.question = question_of(message)[2]
        self.addresses, self.ttls = [], []
        at = 12 + len(self.question)
        for _ in range(count):
            pointer, kind, _, ttl, length = struct.unpack("!HHHIH", message[at:at + 12])
            assert pointer == 0xc00c, "an answer to something else"
            family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
            self.addresses.append(socket.inet_ntop(family, message[at + 12:at + 12 + length]))
            self.ttls.append(ttl)
            at += 12 + length


class DnsServer:
    """The world's resolver. `zone` maps a name to (TTL, addresses); `hostile` may take over: a function from the query to
    the datagrams to send, or None for the zone's answer. `seen` lists what was asked."""

    def __init__(self, world, addresses=(WORLD4, WORLD6)):
        self.addresses = addresses
        self.zone, self.seen, self.hostile, self.slow = {}, [], None, 0
        self.sockets = in_network_of(world, self.open)
        self.stopping = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def open(self):
        sockets = []
        for address in self.addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                one = socket.socket(family, kind)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((address, 53))
                if kind == socket.SOCK_STREAM:
                    one.listen()
                sockets.append(one)
        return sockets

    def answer(self, message):
        name, kind, _ = question_of(message)
        if name not in self.zone:
            return reply_to(message, rcode=NXDOMAIN)
        ttl, addresses = self.zone[name]
        wanted = [a for a in addresses if (":" in a) == (kind == AAAA)]
        return reply_to(message, [address_record(name, a, ttl) for a in wanted])

    def take_datagram(self, one):
        message, peer = one.recvfrom(4096)
        self.seen.append(question_of(message)[:2])
        time.sleep(self.slow)
        replies = self.hostile(message) if self.hostile else None
        if replies is None:
            reply = self.answer(message)
            replies = [reply if len(reply) <= 512 else reply_to(message, flags=0x8380)]
        for reply in replies:
            one.sendto(reply, peer)

    def take_stream(self, listener):
        with listener.accept()[0] as one:
            one.settimeout(5)
            length = struct.unpack("!H", one.recv(2, socket.MSG_WAITALL))[0]
            message = one.recv(length, socket.MSG_WAITALL)
            self.seen.append((question_of(message)[0], "tcp"))
            reply = self.answer(message)
            one.sendall(struct.pack("!H", len(reply)) + reply)

    def serve(self):
        while not self.stopping:
            for one in select.select(self.sockets, [], [], 0.1)[0]:
                with contextlib.suppress(OSError, struct.error):
                    if one.type == socket.SOCK_DGRAM:
                        self.take_datagram(one)
                    else:
                        self.take_stream(one)

    def close(self):
        self.stopping = True
        self.thread.join()
        for one in self.sockets:
            one.close()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Follower(unittest.TestCase):
    user = None  # whose user namespace owns the container's network

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.directory.chmod(0o777)
        self.log = self.directory / "egress.log"
        self.world = self.waiting(["unshare", "--net"])
        self.container = self.waiting(self.container_words(), user=self.user)
        self.namespaces = [f"/proc/{self.container}/ns/user" if self.user else "-", f"/proc/{self.container}/ns/net"]
        self.wire_up()
        self.server = DnsServer(self.world)
        self.addCleanup(self.server.close)
        self.follower = None

    def container_words(self):
        return ["unshare", "--user", "--map-root-user", "--net"] if self.user else ["unshare", "--net"]

    def waiting(self, words, user=None):
        """A process that waits in namespaces of its own."""
        process = subprocess.Popen([*words, "sh", "-c", "echo there; exec sleep 1000"], stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, user=user, group=user,
                                   extra_groups=[] if user else None)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"there\n")
        return process.pid

    def inside(self, pid, *words):
        done = nucleus_test.call(["nsenter", "--net", "--target", pid, *words])
        self.assertEqual(done.rc, 0, done.err)

    def wire_up(self):
        self.inside(self.world, "ip", "link", "add", "to0", "type", "veth", "peer", "name", "eth0", "netns",
                    str(self.container))
        for pid, link, four, six in ((self.world, "to0", WORLD4, WORLD6), (self.container, "eth0", CONTAINER4, CONTAINER6)):
            self.inside(pid, "ip", "link", "set", "lo", "up")
            self.inside(pid, "ip", "address", "add", f"{four}/24", "dev", link)
            self.inside(pid, "ip", "address", "add", f"{six}/64", "dev", link, "nodad")
            self.inside(pid, "ip", "link", "set", link, "up")
        for address in (f"{ONE}/32", f"{TWO}/32", "10.9.9.9/32", "169.254.169.254/32", f"{THREE6}/128"):
            self.inside(self.world, "ip", "address", "add", address, "dev", "lo", *["nodad"] * (":" in address))
        self.inside(self.container, "ip", "route", "add", "default", "via", WORLD4)
        self.inside(self.container, "ip", "-6", "route", "add", "default", "via", WORLD6)

    def runner(self, *words):
        return nucleus_test.call([RUNNER, *words], user=self.user, group=self.user,
                                 extra_groups=[] if self.user else None)

    def start(self, *names, resolvers=WORLD4):
        done = self.runner("start", self.container, *self.namespaces, self.log, resolvers, *names)
        self.assertEqual(done.rc, 0, done.err)
        self.follower = int(done.out.split()[0])
        self.addCleanup(self.kill)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.follower, signal.SIGKILL)
        wait_until(lambda: not self.serving(), "the follower's end", 10)

    def serving(self):
        try:
            status = pathlib.Path(f"/proc/{self.follower}/status").read_text()
        except OSError:
            return False
        return "State:\tZ" not in status

    def elements(self):
        """{(set, address, protocols, ports): milliseconds left}"""
        done = self.runner("list", *self.namespaces)
        self.assertEqual(done.rc, 0, done.err)
        return {tuple(words[:4]): int(words[4]) for words in (line.split() for line in done.out.splitlines())}

    def opened(self):
        return {key[1] for key in self.elements()}

    def client(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
        one = in_network_of(self.container, lambda: socket.socket(family, kind))
        one.settimeout(8 * PATIENCE)
        self.addCleanup(one.close)
        return one

    def ask(self, name, kind=A, server=WORLD4, edns=False):
        one = self.client(socket.AF_INET6 if ":" in server else socket.AF_INET)
        one.sendto(query(name, kind, edns=edns), (server, 53))
        return Reply(one.recvfrom(65535)[0])

    def reaches(self, address, port=4430):
        """A TCP connection's answer, even a refusal, means that the packet got out."""
        one = self.client(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        one.settimeout(0.7)
        try:
            one.connect((address, port))
        except ConnectionRefusedError:
            return True
        except (TimeoutError, OSError):
            return False
        return True

    def events(self, kind):
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line]
        return [event for event in found if event["event"] == kind]

    def check_open_before_the_reply(self):
        self.server.zone["api.test"] = (60, [ONE, THREE6])
        self.start("api.test:4430,8000-8999")
        self.assertFalse(self.reaches(ONE))
        reply = self.ask("api.test")
        now = self.elements()  # what the kernel has when the reply is there
        self.assertEqual((reply.rcode, reply.addresses), (NOERROR, [ONE]))
        self.assertIn(reply.ttls[0], (59, 60))
        self.assertEqual(set(now), {("names4", ONE, "6-6", "4430-4430"), ("names4", ONE, "6-6", "8000-8999"),
                                    ("names6", THREE6, "6-6", "4430-4430"), ("names6", THREE6, "6-6", "8000-8999")})
        for left in now.values():
            self.assertTrue(55000 < left <= 63000, left)
        self.assertTrue(self.reaches(ONE))
        self.assertTrue(self.reaches(ONE, 8500))
        self.assertFalse(self.reaches(ONE, 4431))
        self.assertFalse(self.reaches(TWO))
        self.assertTrue(self.reaches(THREE6))


class Answers(Follower):
    def test_an_allowed_name_is_open_before_the_reply(self):
        self.check_open_before_the_reply()

    def test_both_families_and_carriers(self):
        self.server.zone["api.test"] = (60, [ONE, THREE6])
        self.start("api.test:4430")
        self.assertEqual(self.ask("api.test", AAAA).addresses, [THREE6])
        self.assertEqual(self.ask("API.test", A, WORLD6).addresses, [ONE])
        self.assertEqual(self.ask("api.test", A, "192.0.2.99").addresses, [ONE], "whatever server is asked")
        one = self.client(kind=socket.SOCK_STREAM)
        one.connect((WORLD4, 53))
        messages = [query("api.test", A, 1), query("evil.test", A, 2), query("api.test", AAAA, 3)]
        one.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))
        replies = {}
        for _ in messages:
            length = struct.unpack("!H", one.recv(2, socket.MSG_WAITALL))[0]
            reply = Reply(one.recv(length, socket.MSG_WAITALL))
            replies[reply.number] = reply
        self.assertEqual(replies[1].addresses, [ONE])
        self.assertEqual(replies[2].rcode, REFUSED)
        self.assertEqual(replies[3].addresses, [THREE6])

    def test_other_names_and_types_stay_inside(self):
        self.start("api.test:4430", "*.wild.test:4430")
        tunnel = "c2VjcmV0IGRhdGEgdGhhdCBsZWF2ZXM.evil.test"
        for name in (tunnel, "test", "wild.test", "x.api.test", "api.test.evil"):
            reply = self.ask(name)
            self.assertIn(reply.rcode, (REFUSED, NXDOMAIN))
            self.assertEqual(reply.addresses, [])
        self.assertEqual(self.ask(tunnel, edns=True).rcode, REFUSED)
        for kind in (TXT, HTTPS, 255, CNAME, 15):
            self.assertEqual(self.ask("api.test", kind).rcode, NOERROR)
        self.assertEqual(self.server.seen, [])
        self.assertEqual(self.elements(), {})
        self.assertIn(tunnel.lower(), [event["name"] for event in self.events("denied")])

    def test_port_53_leads_nowhere_else(self):
        """The tunnel's other way: straight to a server of one's own."""
        self.start("api.test:4430")
        stranger = in_network_of(self.world, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.addCleanup(stranger.close)
        stranger.bind((ONE, 53))
        stranger.settimeout(0.5)
        self.assertEqual(self.ask("data.evil.test", server=ONE).rcode, REFUSED)
        with self.assertRaises(TimeoutError):
            stranger.recv(4096)

    def test_negative_answers_are_passed_on(self):
        self.server.zone["six.wild.test"] = (60, [THREE6])
        self.start("*.wild.test:4430")
        self.assertEqual(self.ask("gone.wild.test").rcode, NXDOMAIN)
        reply = self.ask("six.wild.test")
        self.assertEqual((reply.rcode, reply.addresses), (NOERROR, []))

    def test_names_that_share_an_address(self):
        """Their ports overlap, which the kernel would refuse of elements."""
        self.server.zone["short.test"] = (3, [ONE])
        self.server.zone["long.test"] = (600, [ONE])
        self.start("short.test:4000-5000", "long.test:4430-4500,6000")
        self.ask("short.test")
        self.ask("long.test")
        self.assertEqual({key[3] for key in self.elements()}, {"4000-4429", "4430-4500", "4501-5000", "6000-6000"})
        self.server.zone["short.test"] = (3, [])
        wait_until(lambda: {key[3] for key in self.elements()} == {"4430-4500", "6000-6000"}, "the short one's end", 10)
        self.assertTrue(self.reaches(ONE))
        self.assertFalse(self.reaches(ONE, 4429))

    def test_a_name_without_ports(self):
        self.server.zone["free.test"] = (60, [ONE, THREE6])
        self.start("free.test")
        self.ask("free.test")
        whole = {"0-5", "6-6", "7-16", "17-17", "18-255"}
        self.assertEqual({key[2:] for key in self.elements()}, {(protocols, "0-65535") for protocols in whole})
        self.assertEqual(len(self.elements()), 10)
        self.assertTrue(self.reaches(ONE, 7))
        self.assertTrue(self.reaches(THREE6, 7))

    def test_long_answers(self):
        many = [f"203.0.113.{i}" for i in range(10, 70)]
        self.server.zone["many.test"] = (60, many)
        self.start("many.test:4430")
        self.assertTrue(self.ask("many.test").truncated)
        self.assertIn(("many.test", "tcp"), self.server.seen, "asked again over TCP")
        self.assertEqual(self.ask("many.test", edns=True).addresses, many)
        self.assertEqual(self.opened(), set(many))

    def test_the_second_resolver(self):
        self.server.zone["api.test"] = (60, [ONE])
        self.start("api.test:4430", resolvers=f"198.51.100.77,{WORLD6}")
        self.assertEqual(self.ask("api.test").addresses, [ONE])


class Changes(Follower):
    def test_an_address_that_changes(self):
        self.server.zone["api.test"] = (2, [ONE])
        self.start("api.test:4430")
        self.assertEqual(self.ask("api.test").addresses, [ONE])
        self.assertTrue(self.reaches(ONE))
        time.sleep(3)  # the follower has asked again by itself
        self.assertTrue(self.reaches(ONE), "a client that never asks again keeps its destination")
        self.server.zone["api.test"] = (2, [TWO])
        changed = time.monotonic()
        wait_until(lambda: self.ask("api.test").addresses == [TWO], "the new address", 2 + 1)
        self.assertTrue(self.reaches(TWO))
        wait_until(lambda: not self.reaches(ONE), "the old address's end", 10)
        self.assertLess(time.monotonic() - changed, 2 + 5 + 0.7)
        self.assertTrue(self.reaches(TWO))

    def test_connections_that_exist_go_on(self):
        self.server.zone["api.test"] = (1, [ONE])
        listener = in_network_of(self.world, lambda: socket.create_server((ONE, 4430)))
        self.addCleanup(listener.close)
        self.start("api.test:4430")
        self.ask("api.test")
        one = self.client(kind=socket.SOCK_STREAM)
        one.connect((ONE, 4430))
        other = listener.accept()[0]
        self.addCleanup(other.close)
        self.server.zone["api.test"] = (60, [TWO])
        wait_until(lambda: not self.reaches(ONE), "the old address's end", 10)
        one.sendall(b"still here")
        self.assertEqual(other.recv(100), b"still here")

    def test_killed_it_leaves_nothing_open(self):
        self.server.zone["api.test"] = (2, [ONE, THREE6])
        self.start("api.test:4430")
        self.ask("api.test")
        self.assertTrue(self.reaches(ONE))
        self.kill()
        wait_until(lambda: self.elements() == {}, "the sets' end", 6)
        self.assertFalse(self.reaches(ONE))
        one = self.client()
        one.settimeout(1)
        with self.assertRaises(OSError):
            one.sendto(query("api.test", A), (WORLD4, 53))
            one.recv(4096)

    def test_it_ends_with_the_container(self):
        self.start("api.test:4430")
        self.assertTrue(self.serving())
        os.kill(self.container, signal.SIGKILL)
        wait_until(lambda: not self.serving(), "the follower's end", 5)
        self.assertEqual(len(self.events("end")), 1)

    def test_a_set_that_is_gone_means_no_answer(self):
        self.server.zone["api.test"] = (60, [ONE])
        self.start("api.test:4430")
        self.assertEqual(self.runner("drop", *self.namespaces).rc, 0)
        one = in_network_of(self.container, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.addCleanup(one.close)
        one.settimeout(8)
        one.sendto(query("api.test", A), ("127.0.0.1", self.port()))
        reply = Reply(one.recv(4096))
        self.assertEqual((reply.rcode, reply.addresses), (SERVFAIL, []))
        self.assertEqual(len(self.events("failed")), 1)

    def port(self):
        lines = pathlib.Path(f"/proc/{self.container}/net/udp").read_text().splitlines()[1:]
        return int(lines[0].split()[1].split(":")[1], 16)


class Hostile(Follower):
    def test_rebinding(self):
        special = ["169.254.169.254", "127.0.0.1", "0.0.0.0", "10.9.9.9", "::1", "::ffff:10.9.9.9", "fe80::1"]
        self.server.zone["api.test"] = (60, [*special, ONE])
        self.server.zone["inside.test"] = (60, ["10.9.9.9", "169.254.169.254"])
        self.start("api.test:4430", "inside.test:4430!")
        self.assertEqual(self.ask("api.test").addresses, [ONE])
        self.assertEqual(self.ask("api.test", AAAA).addresses, [])
        self.assertEqual(self.opened(), {ONE})
        self.assertFalse(self.reaches("10.9.9.9"))
        self.assertFalse(self.reaches("169.254.169.254"))
        self.assertEqual(self.ask("inside.test").addresses, ["10.9.9.9"])
        self.assertTrue(self.reaches("10.9.9.9"))
        self.assertFalse(self.reaches("169.254.169.254"))
        self.assertIn("169.254.169.254", [event["detail"] for event in self.events("withheld")])

    def servfail(self, hostile):
        self.server.hostile = hostile
        reply = self.ask("api.test")
        self.assertEqual((reply.rcode, reply.addresses), (SERVFAIL, []))
        self.assertEqual(self.elements(), {})
        time.sleep(1.1)  # a failure is remembered for a second

    def test_answers_that_are_none(self):
        self.server.zone["api.test"] = (60, [ONE])
        self.start("api.test:4430")
        self.servfail(lambda m: [reply_to(m, [record("api.test", CNAME, 60, wire("b.test")),
                                              record("b.test", CNAME, 60, wire("api.test")),
                                              address_record("b.test", TWO, 60)])])
        self.servfail(lambda m: [reply_to(m, [address_record("api.test", TWO, 60)])[:-3]])
        self.servfail(lambda m: [reply_to(m, [record("api.test", question_of(m)[1], 60, b"abcde")])])
        self.servfail(lambda m: [reply_to(m, [address_record("api.test", TWO, 60)], rcode=REFUSED)])
        self.server.hostile = None
        self.assertEqual(self.ask("api.test").addresses, [ONE], "it goes on")

    def test_answers_to_somebody_else(self):
        """Wrong ids, other questions and garbage do not stand in the place of the answer, nor does silence hang."""
        self.server.zone["api.test"] = (60, [ONE])
        self.start("api.test:4430")

        def noise(message):
            number = struct.unpack("!H", message[:2])[0] ^ 0x5555
            other = query("evil.test", question_of(message)[1], number ^ 0x5555)
            return [b"", b"\0", os.urandom(400), os.urandom(60000),
                    reply_to(message, [address_record("api.test", TWO, 60)], number=number),
                    reply_to(other, [address_record("evil.test", TWO, 60)]), self.server.answer(message)]
        self.server.hostile = noise
        self.assertEqual(self.ask("api.test").addresses, [ONE])
        self.assertEqual(self.opened(), {ONE})

    def test_silence(self):
        self.start("api.test:4430")
        self.server.hostile = lambda message: []
        before = time.monotonic()
        self.assertEqual(self.ask("api.test").rcode, SERVFAIL)
        self.assertLess(time.monotonic() - before, 7)

    def test_the_workload_is_no_resolver(self):
        """A resolver's address that the container has itself (pasta copies the host's) is where the workload could answer."""
        for address in (CONTAINER4, CONTAINER6):
            mine = self.client(socket.AF_INET6 if ":" in address else socket.AF_INET)
            mine.bind((address, 53))
            mine.settimeout(0.5)
            self.start("api.test:4430", resolvers=address)
            self.assertEqual(self.ask("api.test").rcode, SERVFAIL)
            with self.assertRaises(TimeoutError):
                mine.recv(4096)
            mine.close()
            self.kill()
            self.assertEqual(self.runner("drop", *self.namespaces).rc, 0)

    def test_strangers_in_an_answer_open_nothing(self):
        self.start("api.test:4430")
        self.server.hostile = lambda m: [reply_to(m, [address_record("other.test", TWO, 60)])]
        self.assertEqual(self.ask("api.test").addresses, [])
        self.assertEqual(self.elements(), {})

    def test_questions_that_are_none(self):
        self.server.zone["api.test"] = (60, [ONE])
        self.start("api.test:4430")
        one = self.client()
        for garbage in (b"", b"x", os.urandom(5), query("api.test", A)[:-1], b"\0" * 1999, os.urandom(60000)):
            one.sendto(garbage, (WORLD4, 53))
        one.sendto(query("api.test", A) + b"x", (WORLD4, 53))
        wait_until(lambda: one.recv(4096)[3] & 15 == FORMERR, "the rejection", 5)
        streams = []
        for _ in range(12):
            stream = self.client(kind=socket.SOCK_STREAM)
            stream.connect((WORLD4, 53))
            stream.sendall(b"\0")
            streams.append(stream)
        streams[-1].sendall(b"\xff" + os.urandom(100))  # 255 bytes announced; 100 came
        self.assertEqual(streams[0].recv(1), b"", "eight at most: the oldest had to go")
        self.assertEqual(self.ask("api.test").addresses, [ONE])
        self.assertEqual(streams[-1].recv(1), b"", "idle for five seconds")

    def test_a_flood_of_names_is_bounded(self):
        self.server.slow = 0.2
        self.start("*.wild.test:4430")
        one = self.client()
        for i in range(300):
            one.sendto(query(f"n{i}.wild.test", A, i), (WORLD4, 53))
        rcodes = [Reply(one.recv(4096)).rcode for _ in range(150)]
        self.assertGreater(rcodes.count(SERVFAIL), 100)
        self.assertLess(len({name for name, _ in self.server.seen}), 140)


class Confinement(Follower):
    def status(self):
        lines = pathlib.Path(f"/proc/{self.follower}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def test_what_it_may(self):
        self.start("api.test:4430")
        status = self.status()
        self.assertEqual(status["Name"], "nucleus-dns")
        self.assertEqual((status["CapPrm"], status["CapEff"]), ("0000000000001000", "0000000000001000"))
        self.assertEqual({status[name] for name in ("CapInh", "CapBnd", "CapAmb")}, {"0000000000000000"})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Threads"]), ("1", "2", "1"))
        self.assertEqual(os.readlink(f"/proc/{self.follower}/cwd"), "/")
        self.assertEqual(os.getsid(self.follower), self.follower)
        limits = pathlib.Path(f"/proc/{self.follower}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0")

    def test_what_it_holds(self):
        with open("/etc/hostname", "rb") as secret:
            os.set_inheritable(secret.fileno(), True)
            done = subprocess.run([RUNNER, "start", str(self.container), *self.namespaces, self.log, WORLD4, "api.test:4430"],
                                  pass_fds=[secret.fileno()], capture_output=True, text=True, check=True, timeout=20)
        self.follower = int(done.stdout.split()[0])
        self.addCleanup(self.kill)
        held = [os.readlink(f"/proc/{self.follower}/fd/{fd}") for fd in os.listdir(f"/proc/{self.follower}/fd")]
        kinds = sorted(name.split(":")[0] for name in held)
        self.assertEqual(kinds.count("/dev/null"), 3, held)
        self.assertEqual(kinds.count("socket"), 5, held)
        self.assertEqual(kinds.count("anon_inode"), 1, held)
        self.assertEqual(kinds.count(str(self.log)), 1, held)
        self.assertEqual(len(held), 10, held)

    def test_where_it_lives(self):
        self.start("api.test:4430")
        for kind in ("pid", "mnt", "cgroup", "uts", "ipc"):
            self.assertEqual(os.readlink(f"/proc/{self.follower}/ns/{kind}"), os.readlink(f"/proc/self/ns/{kind}"))
        self.assertEqual(os.readlink(f"/proc/{self.follower}/ns/net"), os.readlink(f"/proc/{self.container}/ns/net"))

    def test_a_wrong_configuration_starts_nothing(self):
        for resolver, name in (("127.0.0.1", "api.test:4430"), (WORLD4, "a..b:4430"), (WORLD4, "api.test:9-8"),
                               ("nonsense", "api.test:4430")):
            done = self.runner("start", self.container, *self.namespaces, self.log, resolver, name)
            self.assertEqual(done.rc, 1, done.out)
            self.assertIn("DNS follower", done.err)
            self.assertEqual(self.runner("drop", *self.namespaces).rc, 0)


class Rootless(Follower):
    """The container's network belongs to a user namespace of a user without privileges, who runs the follower."""
    user = 12345

    def setUp(self):
        if reason := users.no_user_namespaces(self.user):
            self.skipTest(reason)
        super().setUp()

    def test_a_users_names(self):
        self.check_open_before_the_reply()
        lines = pathlib.Path(f"/proc/{self.follower}/status").read_text()
        self.assertIn("CapEff:\t0000000000001000", lines)
        self.assertIn("Seccomp:\t2", lines)
        self.assertEqual(os.readlink(f"/proc/{self.follower}/ns/user"), os.readlink(f"/proc/{self.container}/ns/user"))

    def test_a_users_names_that_change(self):
        self.server.zone["api.test"] = (2, [ONE])
        self.start("api.test:4430")
        self.ask("api.test")
        self.server.zone["api.test"] = (2, [TWO])
        wait_until(lambda: self.opened() == {TWO}, "the change", 2 + 5)
        os.kill(self.container, signal.SIGKILL)
        wait_until(lambda: not self.serving(), "the follower's end", 5)


if __name__ == "__main__":
    nucleus_test.main()
