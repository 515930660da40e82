"""`cmake --install`: which files, with which modes, saying what."""
import ast
import os
import pathlib
import re
import stat
import tomllib
import unittest

import nucleus_test
from nucleus_test import NUCLEUS, SOURCE, call
from staging import BUILD, CONFIGURATION, POLICIES, PROGRAM, PackagingTest, sources_with, tree, zsh_functions

UPSTREAM = ["usr/share/doc/nucleus-oci/CHANGELOG.md", "usr/share/doc/nucleus-oci/LICENSE"]


class Files(PackagingTest):
    def test_the_list_is_exact_and_modes_do_not_depend_on_the_umask(self):
        stage = self.staged()
        found = tree(stage)
        self.assertEqual(sorted(found), sorted([*CONFIGURATION, *PROGRAM, *UPSTREAM, zsh_functions("usr")]))
        programs = {path for path, mode in found.items() if mode == 0o755}
        self.assertEqual(programs, {"usr/bin/nucleus-oci"})
        self.assertEqual({path: oct(mode) for path, mode in found.items() if mode not in (0o755, 0o644)}, {})
        directories = {str(path): oct(stat.S_IMODE(path.stat().st_mode))
                       for path in stage.rglob("*") if path.is_dir()}
        self.assertEqual({path for path, mode in directories.items() if mode != "0o755"}, set())

    def test_a_prefix_of_its_own_holds_everything(self):
        prefix = self.scratch / "opt"
        self.install(prefix)
        self.assertEqual(sorted(tree(prefix)), sorted(
            [*CONFIGURATION, *(path.removeprefix("usr/") for path in [*PROGRAM, *UPSTREAM]),
             "share/zsh/site-functions/_nucleus-oci"]))
        for name in CONFIGURATION[:2]:
            self.assertIn(f'"{prefix}/bin/nucleus-oci"', (prefix / name).read_text())

    def test_prefixes_of_the_system_configure_etc(self):
        for prefix, program in (("/usr/local", "/usr/local/bin/nucleus-oci"), ("/", "/bin/nucleus-oci")):
            stage = self.install(prefix, self.scratch / prefix.replace("/", "_"))
            self.assertLess(set(CONFIGURATION), set(tree(stage)))
            self.assertIn(f'["{program}"]', (stage / CONFIGURATION[1]).read_text())

    def test_nothing_knows_where_it_was_built(self):
        stage = self.staged()
        for path in tree(stage):
            content = (stage / path).read_bytes()
            for place in (BUILD, SOURCE, stage):
                self.assertNotIn(os.fsencode(place) + b"/", content, path)

    def test_changed_configuration_is_kept(self):
        stage = self.staged()
        mine = stage / "etc/nucleus/nucleus.toml"
        mine.write_text('mode = "strict-agent"\n')
        (stage / "usr/share/nucleus/policies/default/caps.toml").write_text("changed")
        self.install("/usr", stage)
        self.assertEqual(mine.read_text(), 'mode = "strict-agent"\n')
        self.assertNotEqual((stage / "usr/share/nucleus/policies/default/caps.toml").read_text(), "changed")

    def test_installed_policies_are_those_inside_the_program(self):
        stage = self.staged()
        program = (stage / "usr/bin/nucleus-oci").read_bytes()
        for path in POLICIES:
            self.assertIn((stage / "usr/share/nucleus" / path).read_bytes(), program, path)

    def test_check_tells_whether_the_policy_is_the_one_inside(self):
        stage = self.staged()
        sets = stage / "usr/share/nucleus/policies"
        config = self.scratch / "nucleus.toml"
        config.write_text(f'policy_dirs = ["{sets}"]\n')
        check = [stage / "usr/bin/nucleus-oci", "--config", config, "check"]
        self.assertRegex(self.ok(check).out, r"(?m)^ok  policy set +default, built in$")
        with (sets / "default/caps.toml").open("a") as file:
            file.write("# changed\n")
        self.assertRegex(self.ok(check).out, r"(?m)^--  configuration +/.*/caps.toml: its digest is .*, locked is ")
        (sets / "default/policy.lock").unlink()
        changed = self.ok(check).out
        self.assertRegex(changed, r"(?m)^--  policy set +default, from a directory, sha256:[0-9a-f]{64}, not pinned$")
        self.assertRegex(changed, r"(?m)^strict-agent +no: .*policy set")
        self.assertNotRegex(changed, r"(?m)^agent .*policy set")
        config.write_text("mdoe = 1\n")
        self.assertRegex(self.ok(check).out, r"(?m)^agent +no: .*configuration")

    def test_the_installed_program_runs(self):
        program = self.staged() / "usr/bin/nucleus-oci"
        self.assertRegex(self.ok([program, "--version"]).out, r"^nucleus-oci version \d+\.\d+\.\d+\n")
        self.assertIn("strict-agent", self.ok([program, "check"]).out)
        self.assertIn("statically linked", self.ok(["ldd", program]).out)


class Configuration(PackagingTest):
    """The files below /etc."""

    def explain(self, text: str):
        """Whether the runtime takes this nucleus.toml: explain reads it."""
        config = self.scratch / "nucleus.toml"
        config.write_text(text)
        bundle = self.scratch / "bundle"
        (bundle / "rootfs").mkdir(parents=True, exist_ok=True)
        (bundle / "config.json").unlink(missing_ok=True)
        self.ok([NUCLEUS, "spec", "--bundle", bundle])
        return call([NUCLEUS, "--config", config, "explain", "--bundle", bundle, "--format", "json"])

    @staticmethod
    def uncommented(text: str) -> str:
        return re.sub(r'^#(?=\w+ = |\[)', "", text, flags=re.MULTILINE)

    def test_nucleus_toml_sets_nothing_and_shows_the_defaults(self):
        text = (SOURCE / "packaging/nucleus.toml").read_text()
        self.assertEqual(tomllib.loads(text), {})
        shown = self.uncommented(text)
        self.assertEqual(self.explain(text), self.explain(""))
        # Examples, which nobody installs.
        files = re.compile(r'^(?:key|manifest|log) = "/(?:etc/nucleus|var/log)/.*\n', re.MULTILINE)
        self.assertEqual(len(files.findall(shown)), 4)
        self.assertEqual(self.explain(files.sub("", shown)).rc, 0, self.explain(files.sub("", shown)).err)
        # policy.hpp has the defaults: `Mode mode = Mode::agent;`
        declared = (SOURCE / "hardening/policy.hpp").read_text().split("struct HostConfig {")[1].split("\n};")[0]
        top = {key: value for key, value in tomllib.loads(shown).items() if key not in ("profile", "attestation", "receipt")}
        self.assertIs(tomllib.loads(shown)["attestation"]["required"], False)
        self.assertGreaterEqual(len(top), 5)
        for key, value in top.items():
            default = re.search(rf"^\s+\S.* {key}(?: = (.*?))?;", declared, re.MULTILINE).group(1) or '""'
            if default.startswith("Mode::"):
                default = '"' + default.removeprefix("Mode::").replace("_", "-") + '"'
            default = {"true": "True", "false": "False"}.get(default, default)
            default = f"[{default[1:-1]}]" if default.startswith("{") else default
            self.assertEqual(value, ast.literal_eval(default), key)

    def test_every_key_is_shown_and_described(self):
        keys = sources_with(re.compile(r'(?:(?:\.|->)(?:text|texts|boolean|integer|table|tables)\(|read_mode\(table, '
                                       r'|required\(table, |absolute_path\(\*(?:table|receipt), )"(\w+)"'),
                            ["hardening/policy_host_config.cpp", "hardening/policy_attestation.cpp"])
        self.assertLessEqual({"mode", "mode_floor", "policy", "policy_dirs", "annotations_may_grant", "lockdown",
                              "attestation", "manifest", "key", "required", "receipt", "log"}, keys)
        shown = self.uncommented((SOURCE / "packaging/nucleus.toml").read_text())
        page = (SOURCE / "packaging/man/nucleus.toml.5.in").read_text()
        for key in keys:
            self.assertRegex(shown, rf"(?m)^(\[+{key}\]|{key} = )", "packaging/nucleus.toml has to show this key")
            self.assertRegex(page, rf'(?m)^\.BR? (\[+{key}\]|{key}\b)',
                             "packaging/man/nucleus.toml.5.in has to describe this key")

    def test_every_key_of_a_policy_set_is_described(self):
        keys = sources_with(re.compile(r'(?:\.|->)(?:text|texts|boolean|integer|table|tables)\("(\w+)"'),
                            ["hardening/policy_set.cpp"])
        self.assertLessEqual({"name", "grants", "min_abi", "keep"}, keys)
        page = (SOURCE / "packaging/man/nucleus-policy.5.in").read_text()
        for key in keys:
            self.assertRegex(page, rf'(?m)^\.BR? (\[\w+\] " " )?(\[\[{key}\]\]|{key}\b)')

    def test_podman_drop_in(self):
        found = tomllib.loads((self.staged() / CONFIGURATION[1]).read_text())["engine"]
        self.assertEqual(found["runtimes"], {"nucleus": ["/usr/bin/nucleus-oci"]})
        self.assertEqual(found["runtime_supports_json"][0], "nucleus")
        self.assertIn("nucleus", found["runtime_supports_nocgroup"])
        self.assertNotIn("runtime", found, "installing must not change what podman runs by default")

    def test_containerd_reads_its_drop_in(self):
        self.need("containerd")
        stage = self.staged()
        main = self.scratch / "config.toml"
        main.write_text(f'version = 2\nimports = ["{stage}/etc/containerd/conf.d/*.toml"]\n')
        dump = tomllib.loads(self.ok(["containerd", "--config", main, "config", "dump"]).out)
        cri = dump["plugins"]["io.containerd.grpc.v1.cri"]
        runtimes = cri["containerd"]["runtimes"]
        self.assertEqual(runtimes["nucleus"]["options"]["BinaryName"], "/usr/bin/nucleus-oci")
        self.assertEqual(runtimes["nucleus"]["runtime_type"], "io.containerd.runc.v2")
        self.assertEqual(runtimes["runc"]["runtime_type"], "io.containerd.runc.v2", "runc must stay")
        self.assertEqual(cri["cni"]["bin_dir"], "/usr/lib/cni", "Debian's place must survive the import")


if __name__ == "__main__":
    nucleus_test.main()
