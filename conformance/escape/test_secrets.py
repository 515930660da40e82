"""Secrets in arguments and environment reach the container and nothing else."""
import os
import pathlib

import escape
import nucleus_test
from nucleus_test import NucleusTest

ARGUMENT = "argument-9f2c61d0"
VARIABLE = "variable-71ab33e8"
EXEC_ARGUMENT = "exec-argument-5d08aa"
EXEC_VARIABLE = "exec-variable-c3301f"
SECRETS = (ARGUMENT, VARIABLE, EXEC_ARGUMENT, EXEC_VARIABLE)

# exec and receipt need the config that was carried out; it is what the bundle holds anyway, for root alone.
DOCUMENTS = {"config.json", "original.json"}


class Secrets(NucleusTest):
    def holders(self, paths) -> list:
        found = []
        for path in paths:
            if path.is_file() and any(secret in path.read_text(errors="replace") for secret in SECRETS):
                found.append(path.name)
        return found

    def test_no_log_state_or_receipt_holds_them(self):
        for mode in escape.MODES:
            with self.subTest(mode=mode):
                bundle = self.bundle(["sh", "-c", "echo $SECRET $0; exec sleep 60", ARGUMENT], mode=mode)
                bundle.process["env"].append(f"SECRET={VARIABLE}")
                log = bundle.dir / "runtime.log"
                options = ["--log", log, "--log-format", "json", "--debug"]
                texts = [bundle.run_detached(globals=options)]
                self.assertEqual(texts[0].rc, 0, texts[0].err)
                self.assertIn(f"{VARIABLE} {ARGUMENT}", bundle.wait_output(ARGUMENT), "control: the container has them")
                texts.append(bundle.exec("sh", "-c", "true", EXEC_ARGUMENT, options=["--env", f"S={EXEC_VARIABLE}"],
                                         globals=options))
                texts.append(bundle.exec("/no/such/program", EXEC_ARGUMENT, options=["--env", f"S={EXEC_VARIABLE}"],
                                         globals=options))
                self.assertNotEqual(texts[-1].rc, 0)
                for verb in ("state", "receipt", "list"):
                    texts.append(bundle.call(verb, *([] if verb == "list" else [bundle.id]), globals=options))
                for result in texts:
                    for secret in SECRETS:
                        self.assertNotIn(secret, result.err)
                        if result is not texts[0]:
                            self.assertNotIn(secret, result.out)
                self.assertTrue(log.exists(), "control: something was logged")
                self.assertEqual(self.holders([log]), [])
                self.assertLessEqual(set(self.holders(bundle.root.rglob("*"))), DOCUMENTS)

    def test_failed_create_and_delete_name_no_secret(self):
        for change in (lambda b: b.process.update(args=["/no/such/program", ARGUMENT]),
                       lambda b: b.process.update(cwd="/bin/busybox"),
                       lambda b: b.mount("/x", "/no/such/source"),
                       lambda b: b.process.update(oomScoreAdj=100000)):
            bundle = self.bundle(["true", ARGUMENT], mode="agent")
            bundle.process["env"].append(f"SECRET={VARIABLE}")
            change(bundle)
            log = bundle.dir / "runtime.log"
            result = bundle.run(globals=["--log", log, "--debug"])
            self.assertNotEqual(result.rc, 0)
            for text in (result.out, result.err, log.read_text()):
                self.assertNotIn(ARGUMENT, text)
                self.assertNotIn(VARIABLE, text)

    def test_malformed_config_error_does_not_quote_the_environment(self):
        bundle = self.bundle(["true"], mode="agent")
        bundle.process["env"].append(f"SECRET={VARIABLE}")
        bundle.write()
        config = bundle.path / "config.json"
        text = config.read_text()
        for broken in (text.replace(VARIABLE, VARIABLE + '",,"'), text[:text.index(VARIABLE) + len(VARIABLE)],
                       text.replace(f'"SECRET={VARIABLE}"', f'{{"SECRET": "{VARIABLE}"}}')):
            config.write_text(broken)
            result = bundle.call("create", "--bundle", bundle.path, bundle.id)
            self.assertNotEqual(result.rc, 0)
            self.assertNotIn(VARIABLE, result.err)


class Permissions(NucleusTest):
    def test_state_is_for_its_owner_alone(self):
        for mode in escape.MODES:
            bundle = self.bundle(["sleep", "60"], mode=mode)
            old = os.umask(0)
            try:
                self.ok(bundle.run_detached())
            finally:
                os.umask(old)
            self.assertEqual(os.stat(bundle.root).st_mode & 0o066, 0, "others may pass, as in runc's, not look")
            for path in bundle.root.rglob("*"):
                # A directory may be passed, so that a container of another user finds its start socket.
                mode_bits = path.lstat().st_mode
                forbidden = 0o066 if path.is_dir() else 0o022 if path.is_socket() else 0o077
                with self.subTest(mode=mode, path=path.name):
                    self.assertEqual(mode_bits & forbidden, 0, oct(mode_bits))

    def test_ids_cannot_lead_out_of_the_state_directory(self):
        bundle = self.bundle(["true"])
        bundle.write()
        for id in ("..", ".", "../x", "a/b", "/etc", "", "-x\n", "a\0b".split("\0")[0] + "/..", "x" * 2000, "a b", "é"):
            with self.subTest(id=id[:20]), escape.host_unchanged(self, pathlib.Path("/etc")):
                for argv in (["create", "--bundle", bundle.path, id], ["delete", "--force", "--", id], ["state", "--", id],
                             ["kill", "--", id, "KILL"]):
                    self.assertNotEqual(bundle.call(*argv).rc, 0 if argv[0] != "delete" else None, argv[0])
        self.assertEqual([p for p in bundle.root.rglob("*")] if bundle.root.exists() else [], [])


if __name__ == "__main__":
    nucleus_test.main()
