"""explain shows, to anybody and before anything runs, what a config becomes and why: its formats agree with each other and
with what is executed, and requests beyond policy are refused, dropped or granted as the mode says (law 1).
"""
import copy
import json
import os
import pathlib
import re
import shlex
import shutil

import nucleus_test
from nucleus_test import Bundle, NucleusTest, Result

FIXTURES = nucleus_test.SOURCE / "conformance/fixtures"
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


def tokens(pointer: str) -> list:
    """RFC 6901."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def resolve(document, path: list):
    for token in path:
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def remove(document, path: list):
    parent = resolve(document, path[:-1])
    return parent.pop(int(path[-1]) if isinstance(parent, list) else path[-1])


def add(document, path: list, value) -> None:
    parent = resolve(document, path[:-1])
    if isinstance(parent, list):
        index = len(parent) if path[-1] == "-" else int(path[-1])
        if not 0 <= index <= len(parent):
            raise IndexError(path)
        parent.insert(index, value)
    else:
        parent[path[-1]] = value


def apply_patch(document, patch: list):
    """RFC 6902, on a copy."""
    document = copy.deepcopy(document)
    for step in patch:
        path = tokens(step["path"])
        if step["op"] == "add":
            add(document, path, step["value"])
        elif step["op"] == "remove":
            remove(document, path)
        elif step["op"] == "replace":
            remove(document, path)
            add(document, path, step["value"])
        elif step["op"] == "move":
            add(document, path, remove(document, tokens(step["from"])))
        elif step["op"] == "copy":
            add(document, path, copy.deepcopy(resolve(document, tokens(step["from"]))))
        elif step["op"] == "test":
            if resolve(document, path) != step["value"]:
                raise ValueError(step)
        else:
            raise ValueError(step)
    return document


class ExplainTest(NucleusTest):
    maxDiff = None

    def world_readable(self, config: dict) -> pathlib.Path:
        """A bundle that anybody can read; the root file system need not exist."""
        path = self.temp_dir()
        path.chmod(0o755)
        (path / "config.json").write_text(json.dumps(config))
        shutil.copy(nucleus_test.NUCLEUS, path / "nucleus-oci")
        return path

    def nobody(self, bundle: pathlib.Path, *options) -> Result:
        return nucleus_test.call([*NOBODY, bundle / "nucleus-oci", "explain", "--bundle", bundle, *options], env={})

    def findings(self, bundle: pathlib.Path, *options) -> list:
        return json.loads(self.ok(self.nobody(bundle, "--format", "json", *options)).out)["findings"]


def fixture(name: str) -> dict:
    return json.loads((FIXTURES / f"{name}.json").read_text())


class WhoChose(ExplainTest):
    """explain ID tells which rule chose the policy set: buildah's containers get theirs from the host's configuration."""
    BUILD = "buildah-buildah2709964233"

    def report(self, bundle: pathlib.Path, *options) -> dict:
        config = bundle / "nucleus.toml"
        config.write_text(f"""[[profile]]
name = "build"
id = "buildah-buildah*"
bundle_below = "{bundle.parent}"
policy = "build"
""")
        argv = [nucleus_test.NUCLEUS, "--config", config, "explain", "--bundle", bundle, "--format", "json", *options]
        return json.loads(self.ok(nucleus_test.call(argv)).out)

    def test_build_profile(self):
        bundle = self.world_readable(fixture("buildah-run"))
        report = self.report(bundle, self.BUILD)
        self.assertEqual(report["policy"], "build")
        self.assertEqual(report["policyOrigin"], f'profile "build" ({bundle}/nucleus.toml:1:1)')
        self.assertEqual(report["modeOrigin"], "host configuration")
        for options in ((), ("0123456789abcdef",)):
            self.assertEqual(self.report(bundle, *options)["policy"], "default", options)
        self.assertEqual(self.report(bundle, "--policy", "default", self.BUILD)["policyOrigin"], "command line")

    def test_podmans_config_never_reaches_it(self):
        """Not even under buildah's id: podman's containers have annotations."""
        report = self.report(self.world_readable(fixture("podman-run")), self.BUILD)
        self.assertEqual((report["policy"], report["policyOrigin"]), ("default", "host configuration"))


class Formats(ExplainTest):
    # Each with what it takes to be accepted in agent mode: the host's network is never dropped, only refused.
    FIXTURES = {"podman-run": (), "podman-privileged": (), "podman-mixed": (), "ctr-run": (), "buildah-run": (),
                "runc-spec": (), "runc-spec-rootless": ("--grant", "host-network")}

    def each(self):
        for name, options in self.FIXTURES.items():
            config = fixture(name)
            with self.subTest(name):
                yield config, self.world_readable(config), options

    def test_patch_and_config_agree(self):
        for config, bundle, options in self.each():
            patch = json.loads(self.ok(self.nobody(bundle, *options, "--format", "patch")).out)
            rewritten = json.loads(self.ok(self.nobody(bundle, *options, "--format", "config")).out)
            self.assertNotEqual(rewritten, config)
            self.assertEqual(apply_patch(config, patch), rewritten)
            self.assertEqual(config, fixture_of(bundle), "explain wrote to the bundle")

    def test_every_change_has_a_finding(self):
        for _, bundle, options in self.each():
            patch = json.loads(self.ok(self.nobody(bundle, *options, "--format", "patch")).out)
            paths = [tokens(finding["path"]) for finding in self.findings(bundle, *options)
                     if finding["kind"] in ("tightened", "dropped")]
            self.assertTrue(patch)
            for step in patch:
                changed = tokens(step["path"])
                below = any(changed[:len(path)] == path for path in paths)
                # An addition to something that was not there is the parent's with everything in it.
                above = step["op"] == "add" and any(path[:len(changed)] == changed for path in paths)
                self.assertTrue(below or above, (step["path"], paths))

    def test_every_finding_says_why(self):
        for _, bundle, options in self.each():
            text = self.ok(self.nobody(bundle, *options)).out
            for finding in self.findings(bundle, *options):
                self.assertIn(finding["kind"], ("tightened", "dropped", "granted", "note"))
                for key in ("rule", "origin", "reason"):
                    self.assertTrue(finding[key], finding)
                self.assertTrue(finding["path"] or finding["kind"] == "note", finding)
                self.assertIn(finding["path"], text)
                self.assertIn(finding["reason"], text)

    def test_explain_of_the_rewritten_finds_nothing_to_change(self):
        for _, bundle, options in self.each():
            rewritten = self.ok(self.nobody(bundle, *options, "--format", "config")).out
            (bundle / "config.json").write_text(rewritten)
            self.assertEqual(json.loads(self.ok(self.nobody(bundle, *options, "--format", "patch")).out), [])

    def test_passthrough_changes_nothing(self):
        for config, bundle, _ in self.each():
            self.assertEqual(json.loads(self.ok(self.nobody(bundle, "--mode", "passthrough", "--format", "patch")).out),
                             [])
            out = self.ok(self.nobody(bundle, "--mode", "passthrough", "--format", "config")).out
            self.assertEqual(json.loads(out), config)

    def test_what_is_explained_is_executed(self):
        for mode in ("agent", "strict-agent", "passthrough"):
            bundle = self.bundle(["sleep", "60"], mode=mode)
            self.create_and_start(bundle)
            explained = self.ok(bundle.call("explain", "--mode", mode, "--format", "config", "--bundle", bundle.path)).out
            state = bundle.root / bundle.id
            self.assertEqual(json.loads((state / "config.json").read_text()), json.loads(explained))
            self.assertEqual(json.loads((state / "original.json").read_text()), bundle.config)


def fixture_of(bundle: pathlib.Path) -> dict:
    return json.loads((bundle / "config.json").read_text())


class Law1(ExplainTest):
    def asks(self, bundle: Bundle) -> Bundle:
        """Two things that no engine gives by default."""
        for names in bundle.process["capabilities"].values():
            names.append("CAP_SYS_TIME")
        bundle.sh("grep CapBnd /proc/self/status")
        return bundle

    def bounding(self, result: Result) -> int:
        return int(self.ok(result).out.split()[-1], 16)

    SYS_TIME = 1 << 25

    def test_privileged_is_refused_in_strict_agent(self):
        bundle = self.world_readable(fixture("podman-privileged"))
        result = self.fails(self.nobody(bundle, "--mode", "strict-agent"))
        self.assertEqual(len(result.err.splitlines()), 1)
        for part in ("capability:CAP_SYS_ADMIN", "/process/capabilities", "rule capabilities", "strict-agent",
                     'grants = ["capability:CAP_', "policy.toml", '"default"', "--grant capability:CAP_SYS_ADMIN"):
            self.assertIn(part, result.err)
        for phrase in ("no such file or directory", "permission denied", "operation not permitted"):
            self.assertNotIn(phrase, result.err.lower(), "engines map this to exit codes of the workload")

    def test_privileged_is_dropped_in_agent(self):
        bundle = self.world_readable(fixture("podman-privileged"))
        dropped = [finding for finding in self.findings(bundle) if finding["kind"] == "dropped"]
        self.assertIn("capabilities", {finding["rule"] for finding in dropped})
        self.assertEqual(self.nobody(bundle, "--exit-code").rc, 2)
        self.assertEqual(self.nobody(bundle).rc, 0)

    def test_exit_code_of_a_config_without_requests(self):
        bundle = self.world_readable(fixture("podman-run"))
        self.assertEqual(self.nobody(bundle, "--exit-code").rc, 0)
        self.assertEqual(self.nobody(bundle, "--exit-code", "--mode", "strict-agent").rc, 0)

    def test_following_the_errors_grants_everything(self):
        """Each error names the --grant options that lift it; in the end nothing is refused."""
        bundle = self.world_readable(fixture("podman-privileged"))
        grants: list = []
        for _ in range(30):
            result = self.nobody(bundle, "--mode", "strict-agent", *grants)
            if result.rc == 0:
                break
            words = shlex.split(result.err.split("or give ")[-1])
            named = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--grant"]
            self.assertTrue(named, result.err)
            for name in named:
                grants += ["--grant", name]
        self.ok(result)
        kinds = {finding["kind"] for finding in self.findings(bundle, "--mode", "strict-agent", *grants)}
        self.assertIn("granted", kinds)
        self.assertNotIn("dropped", kinds)

    def test_a_run_refuses_drops_and_grants(self):
        refused = self.fails(self.asks(self.bundle(mode="strict-agent")).run(), "capability:CAP_SYS_TIME")
        self.assertEqual(len(refused.err.splitlines()), 1)

        dropped = self.asks(self.bundle(mode="agent")).run()
        self.assertFalse(self.bounding(dropped) & self.SYS_TIME)
        self.assertIn("warning: ", dropped.err)
        self.assertIn("CAP_SYS_TIME", dropped.err)

        for mode in ("agent", "strict-agent"):
            granted = self.asks(self.bundle(mode=mode)).run("--grant", "capability:CAP_SYS_TIME")
            self.assertEqual(self.bounding(granted), self.SYS_TIME)
            self.assertEqual(granted.err, "")

    def test_a_grant_gives_nothing_that_was_not_asked_for(self):
        bundle = self.bundle(mode="agent").sh("grep CapBnd /proc/self/status")
        self.assertEqual(self.bounding(bundle.run("--grant", "capability:CAP_SYS_TIME")), 0)


class PolicyDirectory(ExplainTest):
    """--policy ./dir: a set of the administrator's own."""

    def policy(self, **files) -> pathlib.Path:
        path = self.temp_dir() / "own"
        shutil.copytree(nucleus_test.SOURCE / "policies/default", path, ignore=shutil.ignore_patterns("policy.lock"))
        path.parent.chmod(0o755)
        for entry in (path, *path.iterdir()):
            entry.chmod(0o755 if entry.is_dir() else 0o644)
            os.chown(entry, 0, 0)
        lines = (path / "policy.toml").read_text().splitlines()
        lines = ['name = "own"' if line.startswith("name") else line for line in lines]
        (path / "policy.toml").write_text("\n".join(lines) + "\n")
        for name, text in files.items():
            (path / name.replace("_", ".")).write_text(text)
        return path

    def grant(self, path: pathlib.Path, text: str) -> None:
        file = path / "policy.toml"
        file.write_text(file.read_text().replace("grants = []", f"grants = {text}"))

    def run_with(self, path, mode: str = "agent", **how) -> Result:
        bundle = self.bundle(mode=mode)
        bundle.process["capabilities"]["bounding"].append("CAP_SYS_TIME")
        bundle.sh("grep CapBnd /proc/self/status")
        return bundle.run("--policy", path, **how)

    def test_grants_of_a_directory(self):
        path = self.policy()
        self.assertIn("0000000000000000", self.ok(self.run_with(path)).out)
        self.grant(path, '["capability:CAP_SYS_TIME"]')
        result = self.ok(self.run_with(path))
        self.assertIn("0000000002000000", result.out)
        self.assertEqual(result.err, "")

    def test_strict_agent_wants_the_set_pinned(self):
        path = self.policy()
        self.grant(path, '["capability:CAP_SYS_TIME"]')
        refused = self.fails(self.run_with(path, "strict-agent"), "not pinned")
        digest = re.search(r"own(@sha256:[0-9a-f]{64})", refused.err)[1]
        self.ok(self.run_with(f"{path}{digest}", "strict-agent"))
        self.grant_more(path)
        for mode in ("agent", "strict-agent"):
            self.fails(self.run_with(f"{path}{digest}", mode), "sha256:")

    def grant_more(self, path: pathlib.Path) -> None:
        file = path / "policy.toml"
        file.write_text(file.read_text().replace("CAP_SYS_TIME", "CAP_SYS_ADMIN"))

    def test_relative_path(self):
        path = self.policy()
        self.grant(path, '["capability:CAP_SYS_TIME"]')
        self.ok(self.run_with("./own", cwd=path.parent))

    def test_origin_names_the_set(self):
        path = self.policy()
        self.grant(path, '["capability:CAP_SYS_TIME"]')
        config = nucleus_test.default_config()
        config["process"]["capabilities"]["bounding"].append("CAP_SYS_TIME")
        found = [finding for finding in self.findings(self.world_readable(config), "--policy", str(path))
                 if finding["kind"] == "granted"]
        self.assertTrue(found)
        self.assertIn("own", found[0]["origin"])

    def refused(self, path: pathlib.Path, *phrases) -> None:
        result = self.fails(self.run_with(path))
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        for phrase in phrases:
            self.assertIn(phrase, result.err)

    def test_damaged_files_are_named_with_a_line(self):
        def append(name: str, text: str):
            path = self.policy()
            file = path / name
            file.write_text(file.read_text() + text)
            return path, len(file.read_text().splitlines())

        for name, text in (("policy.toml", "colour = 'blue'\n"), ("policy.toml", "grants = ["),
                           ("caps.toml", "[bounding2]\nkeep = []\n"), ("caps.toml", "x = 1\n"),
                           ("landlock.toml", "[[rule]]\npath = '/x'\n"),
                           ("landlock.toml", "[[rules]]\npath = '/x'\naccess = ['fly']\n")):
            with self.subTest(name, text=text):
                path, last = append(name, text)
                lines = [f"{name}:{line}" for line in range(last - len(text.splitlines()), last + 2)]
                result = self.fails(self.run_with(path))
                self.assertEqual(len(result.err.splitlines()), 1, result.err)
                self.assertTrue(any(line in result.err for line in lines), (lines, result.err))

    def test_wrong_names(self):
        path = self.policy()
        self.grant(path, '["capability:CAP_FLY"]')
        self.refused(path, "policy.toml", "CAP_FLY")
        path = self.policy()
        self.grant(path, '["wings"]')
        self.refused(path, "policy.toml", "wings")
        path = self.policy(seccomp_json='{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": '
                                        '[{"names": ["raed"], "action": "SCMP_ACT_ALLOW"}]}')
        self.refused(path, "seccomp.json", "raed")

    def test_files_that_others_may_have_written(self):
        for change in (lambda file: file.chmod(0o666), lambda file: file.chmod(0o664),
                       lambda file: os.chown(file, 65534, 65534)):
            for name in ("policy.toml", "seccomp.json", "caps.toml", "egress.toml", "landlock.toml"):
                path = self.policy()
                change(path / name)
                with self.subTest(name):
                    self.refused(path, str(path), name)

    def test_directory_that_others_may_write(self):
        path = self.policy()
        path.chmod(0o777)
        self.refused(path, str(path))

    def test_files_that_are_none(self):
        for make in (lambda file: file.mkdir(), os.mkfifo, lambda file: file.symlink_to("/etc/passwd")):
            path = self.policy()
            (path / "policy.toml").unlink()
            make(path / "policy.toml")
            self.refused(path, "policy.toml")

    def test_missing(self):
        self.refused(pathlib.Path("/none/such"), "/none/such")
        self.refused(pathlib.Path("nonesuch"), "nonesuch")
        result = self.run_with("/none/such")
        self.assertNotIn("no such file or directory", result.err.lower(), "podman would say: command not found")


if __name__ == "__main__":
    nucleus_test.main()
