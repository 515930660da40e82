#!/usr/bin/env python3
"""Egress: what leaves a container's network namespace, seen from the other end of the cable."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import networks
import nucleus_test
from networks import LISTED, PORTS, UNLISTED, Cable, parse_reach, targets
from cgroup_drivers import V2
from nucleus_test import NucleusTest
from test_follower import DnsServer

REACH = pathlib.Path(__file__).with_name("reach.c")
EVERYWHERE = LISTED + UNLISTED
INSTALLATION = ("listening", "socket open", "batch sent", "composed", "sockets reported", "following")  # EgressStep


def ruleset(namespace_pid=None) -> str:
    return subprocess.run(["nsenter", "-t", str(namespace_pid or os.getpid()), "-n", "nft", "list", "ruleset"], check=True,
                          capture_output=True, text=True).stdout


@unittest.skipUnless(shutil.which("nft") and shutil.which("ip"), "needs nft and ip")
class EgressTest(NucleusTest):
    def cabled(self, *args, mode="agent", grants=()):
        """A bundle in the container's end of a new cable, and the cable."""
        cable = Cable(self)
        return self.joined(cable, *args, mode=mode), cable

    def joined(self, cable, *args, mode="agent"):
        bundle = self.bundle(["reach", *args] if args else ["sleep", "100"], mode=mode)
        bundle.compile(REACH, "reach")
        bundle.namespace("network", cable.path)
        return bundle

    def policy_set(self, egress: str) -> pathlib.Path:
        path = self.temp_dir() / "mine"
        shutil.copytree(nucleus_test.SOURCE / "policies/default", path, ignore=shutil.ignore_patterns("policy.lock"))
        (path / "policy.toml").write_text('name = "mine"\n')
        (path / "egress.toml").write_text(egress)
        return path

    def reach(self, bundle, *options, **how) -> dict:
        return parse_reach(self.ok(bundle.run(*options, **how)).out)

    def reached(self, bundle, *asked) -> dict:
        """What a process that joins the running container reaches."""
        return parse_reach(self.ok(bundle.exec("reach", *asked)).out)

    def opened(self, asked, *entries, mode="agent") -> set:
        bundle, _ = self.cabled(*asked, mode=mode)
        grants = [word for entry in entries for word in ("--grant", f"egress:{entry}")]
        return {target for target, is_open in self.reach(bundle, *grants).items() if is_open}


class DenyAll(EgressTest):
    def test_the_cable_works(self):
        """The control: without rules everything is reached, so what is closed below was closed by them."""
        bundle, cable = self.cabled(*targets(EVERYWHERE), "icmp/198.51.100.1/0", mode="passthrough")
        bundle.linux["sysctl"] = {"net.ipv4.ping_group_range": "0 2147483647"}
        reached = self.reach(bundle)
        self.assertEqual([target for target, is_open in reached.items() if not is_open], [])
        self.assertEqual(cable.ruleset(), "")
        self.assertGreater(cable.received(), len(reached))

    def test_nothing_leaves(self):
        for mode in ("agent", "strict-agent"):
            with self.subTest(mode):
                asked = targets(EVERYWHERE) + ["icmp/198.51.100.1/0", "icmp/2001:db8:51::1/0", "raw/198.51.100.1/0",
                                               "sctp/198.51.100.1/80", "udp/10.42.0.1/53", "tcp/10.42.0.1/53"]
                bundle, cable = self.cabled(*asked, mode=mode)
                before = cable.received()
                self.assertEqual({t for t, is_open in self.reach(bundle).items() if is_open}, set())
                self.assertEqual(cable.received(), before)

    def test_answers_to_nobody(self):
        """A packet over loopback may claim any source (IP_FREEBIND); answering it must not be a way out."""
        asked = targets(EVERYWHERE, ("forged",), (5000,))
        control, _ = self.cabled(asked[0], mode="passthrough")
        self.assertEqual(set(self.reach(control).values()), {True})
        for one in asked:
            bundle, cable = self.cabled(one)
            self.assertEqual(self.reach(bundle), {one: False})
            self.assertEqual(cable.received(), 0, one)

    def test_loopback_addresses_stay_off_the_wire(self):
        control, cable = self.cabled("wire/127.0.0.1/5000", mode="passthrough")
        self.reach(control)
        self.assertEqual(cable.received(), 1)
        bundle, cable = self.cabled("wire/127.0.0.1/5000")
        self.reach(bundle)
        self.assertEqual(cable.received(), 0)

    def test_nothing_is_forwarded(self):
        bundle, cable = self.cabled()
        bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
        self.create_and_start(bundle)
        self.assertRegex(cable.ruleset(), r"type filter hook forward priority filter; policy drop;")

    def test_a_namespace_of_its_own(self):
        bundle = self.create_and_start(self.bundle(["sleep", "100"]))
        rules = ruleset(bundle.pid())
        self.assertIn("policy drop", rules)
        self.assertNotIn("ct state", rules)

    def test_loopback_works(self):
        script = "httpd -p 127.0.0.1:8080; httpd -p [::1]:8081; reach tcp/127.0.0.1/8080 tcp/::1/8081"
        bundle = self.bundle().sh(script).compile(REACH, "reach")
        self.assertEqual(self.reach(bundle), {"tcp/127.0.0.1/8080": True, "tcp/::1/8081": True})

    def test_published_ports_answer(self):
        bundle, cable = self.cabled()
        bundle.process["args"] = ["sh", "-c", "while true; do nc -l -p 8080 -e echo hello; done"]
        self.create_and_start(bundle)
        script = "for i in 1 2 3 4 5 6 7 8 9; do nc -w 1 {} 8080 && exit; sleep 0.2; done"
        for address in ("10.42.0.2", "fd42::2"):
            out = networks.run("ip", "netns", "exec", cable.world, "busybox", "sh", "-c", script.format(address))
            self.assertEqual(out, "hello\n", address)

    def test_the_hosts_rules_stay_as_they_are(self):
        before = ruleset()
        bundle = self.create_and_start(self.bundle(["sleep", "100"]))
        self.assertEqual(ruleset(), before)
        self.ok(bundle.delete("--force"))
        host = self.bundle(["true"])
        host.linux["namespaces"] = [n for n in host.linux["namespaces"] if n["type"] != "network"]
        self.ok(host.run("--grant", "host-network"))
        self.assertEqual(ruleset(), before)

    def test_exec_is_bound_as_well(self):
        bundle, _ = self.cabled()
        self.create_and_start(bundle)
        reached = parse_reach(self.ok(bundle.exec("reach", *targets(LISTED))).out)
        self.assertEqual(set(reached.values()), {False})


class AllowList(EgressTest):
    def test_networks_and_ports(self):
        asked = targets(EVERYWHERE)
        rows = {
            ("198.51.100.0/24",): targets(LISTED[:1]),
            ("2001:db8:51::/48",): targets(LISTED[1:]),
            ("198.51.100.1:443",): targets(LISTED[:1], ports=(443,)),
            ("198.51.100.1:80,443/tcp",): targets(LISTED[:1], ("tcp",), (80, 443)),
            ("[2001:db8:51::1]:400-5000/udp",): targets(LISTED[1:], ("udp",), (443, 5000)),
            ("198.51.100.0/24:80/tcp", "198.51.100.1:443/udp", "2001:db8::/32"):
                ["tcp/198.51.100.1/80", "udp/198.51.100.1/443"] + targets((LISTED[1], UNLISTED[1])),
        }
        for entries, expected in rows.items():
            with self.subTest(entries):
                self.assertEqual(self.opened(asked, *entries), set(expected))

    def test_ping_passes_where_every_protocol_may(self):
        asked = ["icmp/198.51.100.1/0", "icmp/203.0.113.1/0"]
        self.assertEqual(self.opened(asked, "198.51.100.0/24"), {asked[0]})
        self.assertEqual(self.opened(asked, "198.51.100.0/24:80"), set())

    def test_a_policy_sets_file(self):
        asked = targets(EVERYWHERE, ("tcp",), (80,))
        bundle, _ = self.cabled(*asked)
        policy = self.policy_set('allow = ["198.51.100.0/24:80/tcp"]\n')
        reached = self.reach(bundle, "--policy", str(policy))
        self.assertEqual({t for t, is_open in reached.items() if is_open}, {asked[0]})
        for text, why in (('allow = ["198.51.100.1/24"]', "egress.toml:1:10: "), ("alow = []", "egress.toml:1:1: ")):
            result = bundle.run("--policy", str(self.policy_set(text)))
            self.fails(result, why)

    def test_a_thousand_networks_in_one_transaction(self):
        bundle, cable = self.cabled("tcp/198.51.100.1/80", "tcp/203.0.113.1/80")
        entries = [f'"10.{i // 250}.{i % 250}.0/25:443"' for i in range(1000)] + ['"198.51.100.1"']
        policy = self.policy_set("allow = [" + ",\n".join(entries) + "]")
        self.assertEqual(self.reach(bundle, "--policy", str(policy)),
                         {"tcp/198.51.100.1/80": True, "tcp/203.0.113.1/80": False})

    def test_annotations_open_nothing(self):
        bundle, _ = self.cabled("tcp/198.51.100.1/80")
        bundle.config["annotations"] = {"io.nucleus.grant": "egress:198.51.100.0/24"}
        self.assertEqual(self.reach(bundle), {"tcp/198.51.100.1/80": False})

    def test_dns_only_to_the_resolver(self):
        asked = ["udp/198.51.100.1/53", "tcp/198.51.100.1/53", "udp/203.0.113.1/53"]
        bundle, cable = self.cabled(*asked)
        policy = self.policy_set('resolvers = ["198.51.100.1"]\ndns = true\n')
        before = cable.received()
        self.reach(bundle, "--policy", str(policy))
        self.assertIn("ip daddr 198.51.100.1 udp dport 53 accept", self.plan_text(bundle, policy))
        self.assertGreater(cable.received() - before, 1)

    def plan_text(self, bundle, policy) -> str:
        return self.ok(bundle.call("explain", "--format", "nft", "--policy", str(policy), "--bundle", str(bundle.path))).out


class Seen(EgressTest):
    def test_receipt_names_what_was_denied(self):
        bundle, _ = self.cabled()
        self.create_and_start(bundle)
        self.ok(bundle.exec("reach", "tcp/203.0.113.1/443", "udp/2001:db8:113::1/5000"))
        self.ok(bundle.call("receipt", "--verify", bundle.id))
        denied = self.ok(bundle.call("receipt", "--live", bundle.id)).out
        self.assertRegex(denied, r"egress.denied 203.0.113.1 +tcp 443")
        self.assertRegex(denied, r"egress.denied 2001:db8:113::1 +udp 5000")
        self.assertRegex(denied, r"egress.denied +[1-9][0-9]* packets")

    def test_rules_that_somebody_changed_are_noticed(self):
        bundle, cable = self.cabled()
        self.create_and_start(bundle)
        table = cable.ruleset().split()[2]
        inside = ["ip", "netns", "exec", cable.container, "nft"]
        networks.run(*inside, "insert", "rule", "inet", table, "output", "accept")
        result = bundle.call("receipt", "--verify", bundle.id)
        self.assertNotEqual(result.rc, 0)
        self.assertIn("egress.rules", result.out + result.err)
        networks.run(*inside, "delete", "table", "inet", table)
        self.assertNotEqual(bundle.call("receipt", "--verify", bundle.id).rc, 0)


    def test_events_tell_what_was_denied(self):
        bundle, _ = self.cabled()
        self.create_and_start(bundle)
        with subprocess.Popen([nucleus_test.NUCLEUS, "--root", bundle.root, "events", "--interval", "100ms", bundle.id],
                              stdout=subprocess.PIPE, text=True) as events:
            self.ok(bundle.exec("reach", "tcp/203.0.113.1/443"))
            lines = (json.loads(line) for line in events.stdout)
            told = next(line for line in lines if line["type"] == "egress")
            self.ok(bundle.delete("--force"))
            events.stdout.read()
        self.assertEqual(told["data"]["denied"], [{"address": "203.0.113.1", "protocol": 6, "port": 443}])
        self.assertGreater(told["data"]["packets"], 0)


class Broker(EgressTest):
    def brokered(self, *asked, more=""):
        bundle, cable = self.cabled(*asked)
        return bundle, ["--policy", str(self.policy_set('broker = "198.51.100.1:443"\n' + more))]

    def test_it_is_the_only_destination(self):
        bundle, options = self.brokered(*targets(LISTED), "udp/198.51.100.1/53", "tcp/203.0.113.1/443")
        self.assertEqual({t for t, is_open in self.reach(bundle, *options).items() if is_open}, {"tcp/198.51.100.1/443"})

    def test_proxy_variables(self):
        for more, expected in (("", ["http://198.51.100.1:443"] * 4), ("proxy_variables = false\n", [])):
            bundle, options = self.brokered(more=more)
            bundle.process["args"] = ["env"]
            bundle.process["env"].append("HTTP_PROXY=http://elsewhere:1")
            lines = self.ok(bundle.run(*options)).out.splitlines()
            found = [line.split("=", 1)[1] for line in lines if "prox" in line.lower()]
            self.assertEqual(found, expected or ["http://elsewhere:1"])

    def test_one_that_does_not_answer(self):
        bundle, _ = self.cabled("tcp/198.51.100.1/443")
        policy = self.policy_set('broker = "198.51.100.1:4444"\n')
        self.fails(bundle.run("--policy", str(policy)), "the broker 198.51.100.1 port 4444 does not answer")
        self.assertEqual(bundle.leftovers(), [])


class Shared(EgressTest):
    def test_members_of_one_policy(self):
        cable = Cable(self)
        first, second = self.joined(cable), self.joined(cable)
        self.create_and_start(first)
        self.create_and_start(second)
        self.assertEqual(cable.ruleset().count("hook output"), 2)
        self.ok(second.delete("--force"))
        self.assertEqual(cable.ruleset().count("hook output"), 1)
        self.ok(first.delete("--force"))
        self.assertEqual(cable.ruleset(), "")

    @unittest.skipUnless(V2, "tables are confined to cgroups where cgroup v2 is what the host uses")
    def test_members_with_policies_of_their_own(self):
        """A table each, which judges what its own cgroup's sockets send."""
        cable = Cable(self)
        policies = {"none": (), "one": (f"egress:{LISTED[0]}:80/tcp",), "other": (f"egress:{UNLISTED[0]}:443",)}
        asked = {"one": f"tcp/{LISTED[0]}/80", "other": f"udp/{UNLISTED[0]}/443"}
        members = {name: self.joined(cable) for name in policies}
        for name, grants in policies.items():
            self.create_and_start(members[name], *(word for grant in grants for word in ("--grant", grant)))
        self.assertEqual(cable.ruleset().count("socket cgroupv2 level"), 3, cable.ruleset())
        for name, member in members.items():
            open_to = {target: is_open for target, is_open in self.reached(member, *asked.values()).items()}
            self.assertEqual(open_to, {target: name == whose for whose, target in asked.items()}, name)
            self.ok(member.call("receipt", "--verify", member.id))
        self.ok(members["one"].delete("--force"))
        self.assertEqual(self.reached(members["other"], *asked.values()), {asked["one"]: False, asked["other"]: True})
        for name in ("none", "other"):
            self.ok(members[name].delete("--force"))
        self.assertEqual(cable.ruleset(), "")

    @unittest.skipIf(V2, "members have a table each there")
    def test_members_that_disagree(self):
        cable = Cable(self)
        first, second = self.joined(cable), self.joined(cable)
        self.create_and_start(first)
        before = cable.tables()
        self.fails(second.create("--grant", "egress:198.51.100.0/24"), "another egress policy")
        self.assertEqual(cable.tables(), before)
        self.assertEqual(second.leftovers(), [])

    def test_rules_are_there_before_anybody_plumbs(self):
        """buildah, and podman with a user namespace, configure the namespace between create and start."""
        bundle = self.bundle(["reach", *targets(LISTED)])
        bundle.compile(REACH, "reach")
        bundle.hook("createRuntime", "true")
        self.ok(bundle.create())
        cable = Cable(self)
        pid = bundle.pid()
        networks.run("ip", "-n", cable.world, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns",
                     str(pid))
        inside = ["nsenter", "-t", str(pid), "-n", "ip"]
        networks.run("ip", "-n", cable.world, "addr", "add", "10.43.0.1/24", "dev", "eth1")
        networks.run("ip", "-n", cable.world, "link", "set", "eth1", "up")
        for words in (["addr", "add", "10.43.0.2/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["route", "add", "default", "via", "10.43.0.1"]):
            networks.run(*inside, *words)
        self.ok(bundle.start())
        bundle.wait_stopped()
        self.assertEqual(set(parse_reach(bundle.output()).values()), {False})


class FailClosed(EgressTest):
    def test_without_rules_nothing_starts(self):
        """The transaction is refused by the kernel: a table of the same name is there already."""
        for mode in ("agent", "strict-agent"):
            bundle, cable = self.cabled("tcp/198.51.100.1/80", mode=mode)
            self.ok(bundle.create())
            table = cable.ruleset().split()[2]
            self.ok(bundle.delete("--force"))
            networks.run("ip", "netns", "exec", cable.container, "nft", "add", "table", "inet", table)
            before = cable.received()
            result = bundle.run()
            self.fails(result, "install the egress rules")
            self.assertEqual(cable.received(), before)
            self.assertEqual(bundle.leftovers(), [])

    def test_no_step_of_the_installation_fails_open(self):
        """Each is made to fail: nothing runs, nothing is sent, nothing stays."""
        names = self.policy_set('allow = ["service.example"]\nresolvers = ["10.42.0.1"]\n')
        for mode in ("agent", "strict-agent"):
            options = [] if mode == "strict-agent" else ["--policy", str(names)]
            bundle, cable = self.cabled("tcp/198.51.100.1/80", mode=mode)
            before = cable.received()
            for step in INSTALLATION if options else ("socket open", "batch sent", "composed"):
                with self.subTest(mode=mode, step=step):
                    fault = {"NUCLEUS_FAULT": f"egress:{INSTALLATION.index(step)}:fail",
                             "NUCLEUS_FAULT_MARK": str(bundle.dir / "mark")}
                    result = bundle.run(*options, binary=nucleus_test.NUCLEUS_FAULTS, env={**os.environ, **fault})
                    self.assertNotEqual(result.rc, 0)
                    self.assertTrue((bundle.dir / "mark").exists(), result.err)
                    (bundle.dir / "mark").unlink()
                    self.assertEqual((cable.received(), cable.tables(), bundle.leftovers()), (before, "", []))

    def test_a_launcher_that_dies_leaves_a_table_that_delete_finds(self):
        bundle, cable = self.cabled()
        for point in range(4, 9):
            bundle.create(binary=nucleus_test.NUCLEUS_FAULTS, env={**os.environ, "NUCLEUS_FAULT": f"create:{point}:kill"})
            self.ok(bundle.delete("--force"))
            self.assertEqual(cable.ruleset(), "", point)


class Names(EgressTest):
    """The follower's own tests are in test_follower.py; here it is seen from a container."""

    def named(self, *entries, more="", **how):
        """A container that sleeps in a cabled namespace, allowed `entries`; its cable and the world's DNS server."""
        bundle, cable = self.cabled(**how)
        server = DnsServer(f"/run/netns/{cable.world}", ("10.42.0.1",))
        self.addCleanup(server.close)
        server.zone = {"service.example": (2, [LISTED[0], LISTED[1]]), "other.example": (60, [UNLISTED[0]])}
        (bundle.rootfs / "etc").mkdir(exist_ok=True)
        (bundle.rootfs / "etc/resolv.conf").write_text("nameserver 10.42.0.1\n")
        text = "allow = [" + ", ".join(f'"{entry}"' for entry in entries) + ']\nresolvers = ["10.42.0.1"]\n' + more
        self.create_and_start(bundle, "--policy", str(self.policy_set(text)))
        return bundle, cable, server

    def resolve(self, bundle, name, *options) -> str:
        result = bundle.exec("nslookup", *options, name, "10.42.0.1")
        return result.out + result.err

    def reaches(self, bundle, *asked) -> list:
        return list(self.reached(bundle, *asked).values())

    def test_a_name_is_reached_and_its_neighbours_are_not(self):
        bundle, cable, server = self.named("service.example:80/tcp")
        one, two = f"tcp/{LISTED[0]}/80", f"tcp/{UNLISTED[0]}/80"
        self.assertEqual(self.reaches(bundle, one), [False], "nobody has asked for it yet")
        self.assertIn(LISTED[0], self.resolve(bundle, "service.example"))
        self.assertEqual(self.reaches(bundle, one, two, f"tcp/{LISTED[0]}/443", f"tcp/{LISTED[1]}/80"),
                         [True, False, False, True])
        seen = len(server.seen)
        self.assertNotIn(UNLISTED[0], self.resolve(bundle, "other.example"))
        self.assertNotIn("secret", str(server.seen[seen:]))
        self.resolve(bundle, "secret-data.tunnel.example")
        self.assertNotIn("tunnel", str(server.seen))
        self.ok(bundle.call("receipt", "--verify", bundle.id))

    @unittest.skipUnless(V2, "elsewhere one member of a pod can have names only when all have that policy")
    def test_a_member_of_a_pod_has_names_of_its_own(self):
        first, cable, _ = self.named("service.example:80/tcp")
        second = self.joined(cable)
        self.create_and_start(second)
        self.resolve(first, "service.example")
        self.assertNotIn(LISTED[0], self.resolve(second, "service.example"))
        one = f"tcp/{LISTED[0]}/80"
        self.assertEqual((self.reaches(first, one), self.reaches(second, one)), ([True], [False]))
        for member in (first, second):
            self.ok(member.call("receipt", "--verify", member.id))

    def test_an_address_that_changes(self):
        bundle, cable, server = self.named("service.example:80/tcp")
        self.resolve(bundle, "service.example")
        server.zone["service.example"] = (2, [UNLISTED[0]])
        time.sleep(7)
        self.resolve(bundle, "service.example")
        self.assertEqual(self.reaches(bundle, f"tcp/{LISTED[0]}/80", f"tcp/{UNLISTED[0]}/80"), [False, True])

    def follower(self, bundle) -> int:
        return json.loads((bundle.root / bundle.id / "egress.json").read_text())["follower"]

    def test_ends_with_its_container_and_is_nobodys_child(self):
        bundle, _, _ = self.named("service.example")
        pid = self.follower(bundle)
        self.assertEqual(pathlib.Path(f"/proc/{pid}/comm").read_text(), "nucleus-dns\n")
        self.assertNotIn(pid, json.loads(self.ok(bundle.call("ps", "--format", "json", bundle.id)).out))
        self.ok(bundle.delete("--force"))
        nucleus_test.wait_until(lambda: not pathlib.Path(f"/proc/{pid}/exe").exists(), "the follower's end")

    def test_killed_it_leaves_nothing_open(self):
        bundle, cable, _ = self.named("service.example:80/tcp", f"{UNLISTED[0]}:443/tcp")
        self.resolve(bundle, "service.example")
        os.kill(self.follower(bundle), signal.SIGKILL)
        time.sleep(6)
        self.assertEqual(self.reaches(bundle, f"tcp/{LISTED[0]}/80", f"tcp/{UNLISTED[0]}/443"), [False, True])
        result = bundle.call("receipt", "--verify", bundle.id)
        self.assertNotEqual(result.rc, 0)
        self.assertIn("egress.names", result.out + result.err)

    def test_a_user_namespace(self):
        bundle = self.bundle(["sleep", "100"]).user_namespace()
        policy = self.policy_set('allow = ["service.example"]\nresolvers = ["10.42.0.1"]\n')
        self.create_and_start(bundle, "--policy", str(policy))
        self.ok(bundle.call("receipt", "--verify", bundle.id))

    def test_resolvers_of_the_host(self):
        """What is mounted on the container's /etc/resolv.conf is not asked: the workload may have written it."""
        bundle, _ = self.cabled("tcp/198.51.100.1/80")
        hosts = self.temp_dir() / "resolv.conf"
        hosts.write_text("nameserver 127.0.0.53\n")
        self.assertEqual(nucleus_test.libc.mount(str(hosts).encode(), b"/etc/resolv.conf", None, 4096, None), 0)
        self.addCleanup(nucleus_test.libc.umount2, b"/etc/resolv.conf", 2)
        (bundle.dir / "resolv.conf").write_text("nameserver 10.42.0.1\n")
        bundle.mount("/etc/resolv.conf", bundle.dir / "resolv.conf")
        self.fails(bundle.run("--grant", "egress:service.example"), "no resolver")
        hosts.write_text("search x\nnameserver 10.42.0.1\n")
        self.ok(bundle.run("--grant", "egress:service.example"))
        self.fails(bundle.run("--grant", "egress:service.example", "--policy", str(self.policy_set(
            'resolvers = ["10.42.0.1"]\ndns = true\n'))), "one of the two")


class LandlockPorts(EgressTest):
    def test_tcp_ports_with_the_hosts_network(self):
        """There is no table there; Landlock holds TCP to the ports of the allow-list."""
        cable = Cable(self)
        bundle = self.bundle(["reach", *targets(LISTED, ("tcp",))])
        bundle.compile(REACH, "reach")
        bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "network"]
        bundle.write()
        argv = ["nsenter", f"--net={cable.path}", nucleus_test.NUCLEUS, "--root", str(bundle.dir / "state"), "run",
                "--mode", "agent", "--grant", "host-network", "--grant", "egress:198.51.100.0/24:443", "--bundle",
                str(bundle.path), "ported"]
        reached = parse_reach(self.ok(nucleus_test.call(argv)).out)
        # Ports, not addresses: that is all Landlock knows.
        self.assertEqual({t for t, is_open in reached.items() if is_open}, set(targets(LISTED, ("tcp",), (443,))))


if __name__ == "__main__":
    nucleus_test.main()
