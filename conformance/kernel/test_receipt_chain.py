"""Receipts that are signed and chained: by the host's key, checked by whoever has its public half; and what they cover."""
import base64
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import threading

import jsonschema

import nucleus_test
from nucleus_test import NUCLEUS, NucleusTest, Result, call

DIFFERS = 2
SCHEMA = json.loads((nucleus_test.SOURCE / "packaging/schema/receipt.schema.json").read_text())


def canonical(document: dict) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def attested(document: dict) -> bytes:
    return canonical({key: value for key, value in document.items() if key != "signature"})


class ReceiptTest(NucleusTest):
    def setUp(self):
        super().setUp()
        self.dir = self.temp_dir()
        self.dir.chmod(0o755)
        self.key, self.public, self.log = (self.dir / name for name in ("key.pem", "key.pub", "log"))
        for argv in (["genpkey", "-algorithm", "ed25519", "-out", self.key],
                     ["pkey", "-in", self.key, "-pubout", "-out", self.public]):
            subprocess.run(["openssl", *argv], check=True, timeout=20)
        self.key.chmod(0o600)
        self.configure(f'[receipt]\nkey = "{self.key}"\nlog = "{self.log}"\n')

    def configure(self, text: str) -> None:
        self.config = self.dir / "nucleus.toml"
        self.config.write_text('mode_floor = "agent"\n' + text)
        self.config.chmod(0o644)

    def started(self, mode: str = "strict-agent", change=None):
        bundle = self.bundle(mode=mode).sh("sleep 60")
        if change:
            change(bundle)
        self.ok(bundle.create(globals=("--config", str(self.config))))
        self.ok(bundle.start())
        return bundle

    def stored(self, bundle) -> dict:
        return json.loads((bundle.root / bundle.id / "receipt.json").read_text())

    def audit(self, file: pathlib.Path, key: bool = True) -> Result:
        return call([NUCLEUS, "receipt", "--verify", "--file", file, *(["--key", self.public] if key else [])])

    def found(self, text: str, *words, key: bool = True) -> None:
        path = self.dir / "tampered"
        path.write_text(text)
        result = self.audit(path, key)
        self.assertEqual(result.rc, DIFFERS, result)
        for word in words:
            self.assertIn(word, result.out)


class Signed(ReceiptTest):
    def test_an_auditor_needs_the_public_key_and_the_receipt(self):
        bundle = self.started()
        path = self.dir / "receipt.json"
        path.write_text(self.ok(bundle.call("receipt", "--format", "json", bundle.id)).out)
        self.assertIn("1 signed by", self.ok(self.audit(path)).out)
        self.assertIn("the receipt is signed", self.ok(bundle.call("receipt", "--verify", bundle.id)).out)
        self.ok(bundle.call("receipt", "--verify", "--key", str(self.public), bundle.id))

    def test_the_form_is_the_published_one(self):
        """Nothing of ours is needed: a JSON library, SHA-256 and openssl."""
        for mode in ("agent", "strict-agent"):
            bundle = self.started(mode)
            text = (bundle.root / bundle.id / "receipt.json").read_bytes()
            receipt = json.loads(text)
            jsonschema.validate(receipt, SCHEMA)
            self.assertEqual(text, canonical(receipt) + b"\n")
            self.verify_with_openssl(receipt)
            raw = base64.b64decode(self.public.read_text().splitlines()[1])[-32:]
            self.assertEqual(receipt["signature"]["key"], hashlib.sha256(raw).hexdigest())
            self.assertEqual(receipt["digests"]["config"],
                             hashlib.sha256((bundle.path / "config.json").read_bytes()).hexdigest())

    def verify_with_openssl(self, receipt: dict) -> None:
        message, signature = self.dir / "message", self.dir / "signature"
        message.write_bytes(attested(receipt))
        signature.write_bytes(base64.b64decode(receipt["signature"]["value"]))
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.public, "-rawin", "-in", message,
                        "-sigfile", signature], check=True, timeout=20, stdout=subprocess.DEVNULL)

    def test_each_tampered_field_is_found(self):
        receipt = self.stored(self.started())
        for name in receipt:
            changed = json.loads(json.dumps(receipt))
            if name == "items":
                for index in range(len(changed["items"])):
                    for member in ("control", "expected", "observed"):
                        again = json.loads(json.dumps(receipt))
                        again["items"][index][member] += "x"
                        self.found(canonical(again).decode() + "\n", "not signed by")
                changed["items"].reverse()
            elif isinstance(changed[name], str):
                changed[name] = changed[name] + "x"
            else:
                first = sorted(changed[name])[-1]
                value = changed[name][first]
                changed[name][first] = value + 1 if isinstance(value, int) else value + "x"
            self.found(canonical(changed).decode() + "\n")
            del changed[name]
            self.found(canonical(changed).decode() + "\n")
        self.found(json.dumps(receipt) + "\n", "canonical")

    def test_another_key(self):
        bundle = self.started()
        other, public = self.dir / "other.pem", self.dir / "other.pub"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other], check=True, timeout=20)
        subprocess.run(["openssl", "pkey", "-in", other, "-pubout", "-out", public], check=True, timeout=20)
        self.assertEqual(bundle.call("receipt", "--verify", "--key", str(public), bundle.id).rc, DIFFERS)

    def test_a_key_that_cannot_be_used(self):
        """Said in agent mode, the end in the strict ones; what the key is like is not told."""
        secret = "".join(self.key.read_text().splitlines()[1:-1])
        for change in (lambda: self.key.chmod(0o640), lambda: self.key.write_text("no key\n"), self.key.unlink):
            change()
            for mode in ("agent", "strict-agent"):
                bundle = self.bundle(mode=mode).sh("echo ran; sleep 60")
                self.ok(bundle.create(globals=("--config", str(self.config))))
                result = bundle.start()
                self.assertEqual(result.rc, 0 if mode == "agent" else 1, result)
                self.assertIn("key.pem", result.err)
                self.assertNotIn(secret, result.err)
                self.assertEqual(bundle.status(), "running" if mode == "agent" else "stopped")
                self.ok(bundle.call("delete", "--force", bundle.id))


class Chained(ReceiptTest):
    def test_a_log_of_many_starts_at_once(self):
        bundles = [self.bundle(mode="strict-agent").sh("sleep 60") for _ in range(6)]
        for bundle in bundles:
            self.ok(bundle.create(globals=("--config", str(self.config))))
        results = []
        threads = [threading.Thread(target=lambda b=bundle: results.append(b.start())) for bundle in bundles]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            self.ok(result)
        self.assertIn("6 receipts in their order, 6 signed", self.ok(self.audit(self.log)).out)
        self.ok(self.audit(self.log, key=False))
        lines = self.log.read_text().splitlines(keepends=True)
        before = "0" * 64
        for number, line in enumerate(lines, 1):
            receipt = json.loads(line)
            self.assertEqual(receipt["chain"], {"sequence": number, "previous": before})
            before = hashlib.sha256(attested(receipt)).hexdigest()
        for key in (True, False):
            self.found("".join(lines[:2] + lines[3:]), "number 4", key=key)
            self.found("".join([lines[1], lines[0], *lines[2:]]), key=key)
            self.found("".join(lines[:3] + lines[2:]), key=key)

    def test_receipts_outlive_their_containers(self):
        bundle = self.started()
        self.ok(bundle.call("delete", "--force", bundle.id))
        self.started()
        self.assertIn("2 receipts", self.ok(self.audit(self.log)).out)
        self.assertEqual(self.log.stat().st_mode & 0o777, 0o600)

    def test_without_a_log_the_state_root_has_the_chain(self):
        self.configure("")
        bundle = self.started()
        first = self.stored(bundle)
        second = self.stored(self.started(change=lambda other: setattr(other, "root", bundle.root)))
        for receipt in (first, second):
            self.ok(bundle.call("delete", "--force", receipt["id"]))
        self.assertNotIn("signature", first)
        self.assertEqual(second["chain"]["sequence"], first["chain"]["sequence"] + 1)
        self.assertEqual(second["chain"]["previous"], hashlib.sha256(attested(first)).hexdigest())

    def test_a_start_killed_while_it_keeps_the_receipt(self):
        """Whatever was written: the program did not run, and the next start goes on with a chain that verifies."""
        killed = 0
        for _ in range(12):
            bundle = self.bundle(mode="strict-agent").sh("sleep 60")
            self.ok(bundle.create(globals=("--config", str(self.config))))
            size = self.log.stat().st_size if self.log.exists() else 0
            starting = subprocess.Popen([bundle.binary, "--root", bundle.root, "start", bundle.id], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while starting.poll() is None and (self.log.stat().st_size if self.log.exists() else 0) == size:
                pass
            starting.send_signal(signal.SIGKILL)
            killed += starting.wait(20) == -signal.SIGKILL
            self.ok(bundle.call("delete", "--force", bundle.id))
        self.started()
        self.ok(self.audit(self.log))
        if killed == 0:
            self.skipTest("no start was caught in time")

    def test_a_log_that_cannot_be_used(self):
        for text in ('key = "relative"', 'log = "relative"', "log = 7", 'lag = "/x"'):
            self.configure(f"[receipt]\n{text}\n")
            bundle = self.bundle(mode="agent").sh("true")
            self.fails(bundle.create(globals=("--config", str(self.config))), "nucleus.toml:3")
        self.log.write_text("not a receipt\n")
        self.configure(f'[receipt]\nlog = "{self.log}"\n')
        bundle = self.bundle(mode="strict-agent").sh("sleep 60")
        self.ok(bundle.create(globals=("--config", str(self.config))))
        self.fails(bundle.start(), str(self.log))
        self.assertEqual(self.log.read_text(), "not a receipt\n")

    def test_files_that_are_no_receipts(self):
        for name in ("/dev/null", str(self.dir), str(self.dir / "absent")):
            self.fails(call([NUCLEUS, "receipt", "--verify", "--file", name]))
        self.fails(call([NUCLEUS, "receipt", "--file", str(self.log)]))
        self.fails(call([NUCLEUS, "receipt"]))
        self.found("{}\n[]\n\n", "tampered:1", "tampered:2", "tampered:3")


class Limits(ReceiptTest):
    @staticmethod
    def limited(bundle) -> None:
        bundle.config["linux"]["resources"] = {"pids": {"limit": 77}, "memory": {"limit": 50_000_001}}

    def items(self, bundle) -> dict:
        out = self.ok(bundle.call("receipt", "--live", "--format", "json", bundle.id)).out
        return {item["control"]: item for item in json.loads(out)["items"]}

    def test_limits_of_the_cgroup_are_read_back(self):
        bundle = self.started(change=self.limited)
        items = self.items(bundle)
        self.assertEqual(items["cgroup pids.max"]["observed"], "77")
        memory = items.get("cgroup memory.max") or items["cgroup memory.limit_in_bytes"]
        self.assertEqual(int(memory["observed"]), 50_000_001 // os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PAGESIZE"))
        self.ok(bundle.call("update", "--pids-limit", "88", bundle.id))
        self.ok(bundle.call("receipt", "--verify", bundle.id))
        self.assertEqual(self.items(bundle)["cgroup pids.max"]["expected"], "88")

    def test_a_limit_taken_away_is_found(self):
        bundle = self.started(change=self.limited)
        record = json.loads((bundle.root / bundle.id / "state.json").read_text())
        paths = [path for entry in record["cgroups"] for path in pathlib.Path(entry["path"]).glob("pids.max")]
        paths[0].write_text("max")
        result = bundle.call("receipt", "--verify", bundle.id)
        self.assertEqual(result.rc, DIFFERS, result)
        self.assertIn("cgroup pids.max: planned 77, now max", result.out)

    def test_a_raised_rlimit_is_found(self):
        def change(bundle):
            bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
        bundle = self.started(change=change)
        subprocess.run(["prlimit", f"--pid={bundle.pid()}", "--nofile=150:200"], check=True, timeout=20)
        result = bundle.call("receipt", "--verify", bundle.id)
        self.assertEqual(result.rc, DIFFERS, result)
        self.assertIn("rlimit.nofile: planned 100 200, now 150 200", result.out)


if __name__ == "__main__":
    nucleus_test.main()
