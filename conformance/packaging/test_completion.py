"""Completion as the shells do it, from the installed files, with a program that stands in for the runtime."""
import os
import pathlib
import re
import shlex
import unittest

import nucleus_test
from nucleus_test import NUCLEUS, call
from staging import PackagingTest, zsh_functions
from terminal import Terminal

GRANTS = {"host-network", "device:", "exec:"}

# (what was typed, the last word is the one under the cursor), (what has to be offered), exactly or among others
CASES = [
    (["ch"], {"check", "checkpoint"}, True),
    (["--log-f"], {"--log-format"}, True),
    (["--log-format", ""], {"text", "json"}, True),
    (["--root", "/x", "stat"], {"state"}, True),
    (["explain", "--format", "j"], {"json"}, True),
    (["explain", "--policy", "def"], {"default"}, True),
    (["run", "--grant", ""], GRANTS, False),
    (["run", "--bundle", "some-d"], {"some-directory"}, True),
    (["create", "--pid-file", "some-"], {"some-directory", "some-file"}, True),
    (["state", ""], {"box-of-default", "other"}, True),
    (["--root", "/elsewhere", "start", ""], {"box-of-/elsewhere", "other"}, True),
    (["kill", "--all", "ot"], {"other"}, True),
    (["run", "bo"], set(), True),
    (["policy", "l"], {"list", "lint", "lock"}, True),
    (["policy", "--format", "json", "sh"], {"show"}, True),
    (["exec", "--tty", "other", "--"], set(), True),
    (["receipt", "-f", "json", "o"], {"other"}, True),
]


class Completion(PackagingTest):
    def setUp(self):
        super().setUp()
        self.stage = self.staged()
        self.directory = self.scratch / "here"
        (self.directory / "some-directory").mkdir(parents=True)
        (self.directory / "some-file").touch()
        programs = self.scratch / "bin"
        programs.mkdir()
        # Has two containers in each state root, and shows the arguments of all other calls.
        (programs / "nucleus-oci").write_text(
            '#!/bin/sh\nroot=default\n[ "$1" != --root ] || { root=$2; shift 2; }\n'
            'if [ "$*" = "list --quiet" ]; then printf "%s\\n" "box-of-$root" other; exit; fi\n'
            '[ "$root" = default ] || printf "<%s>" --root "$root"\nprintf "<%s>" "$@" end\n')
        (programs / "nucleus-oci").chmod(0o755)
        self.env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.scratch), "TERM": "dumb", "LC_ALL": "C.UTF-8"}

    def check(self, offered) -> None:
        for words, wanted, exactly in CASES:
            with self.subTest(words=words):
                found = {word.rstrip("/") for word in offered(words)}
                if exactly:
                    self.assertEqual(found, wanted)
                else:
                    self.assertLessEqual(wanted, found)

    def offered_by_runtime(self) -> dict:
        """Command -> its options, "" for those before it, from the help texts."""
        commands = re.findall(r"^   (\S+) ", self.ok([NUCLEUS, "--help"]).out.split("global options:")[0], re.MULTILINE)
        self.assertGreater(len(commands), 10)
        options = {}
        for command in ["", *commands]:
            text = self.ok([NUCLEUS, *([command] if command else []), "--help"]).out
            options[command] = set(re.findall(r"^   (--[a-z0-9-]+)", text, re.MULTILINE))
        return options


class Bash(Completion):
    def setUp(self):
        super().setUp()
        self.file = self.stage / "usr/share/bash-completion/completions/nucleus-oci"

    def offered(self, words: list) -> list:
        script = (f'. {shlex.quote(str(self.file))}\nCOMP_WORDS=(nucleus-oci "$@")\nCOMP_CWORD=$#\n'
                  '_nucleus_oci nucleus-oci "${@: -1}"\nfor word in "${COMPREPLY[@]}"; do echo "$word"; done\n')
        return self.ok(["bash", "-uc", script, "bash", *words], env=self.env, cwd=self.directory).out.splitlines()

    def test_bash_offers(self):
        self.check(self.offered)

    def test_bash_every_command_and_option(self):
        known = self.offered_by_runtime()
        self.assertEqual(set(self.offered([""])), {name for name in known if name})
        for command, options in known.items():
            self.assertEqual(set(self.offered([*([command] if command else []), "--"])), options, command)

    def test_bash_values_after_an_equals_sign_and_with_a_colon(self):
        self.assertEqual(self.offered(["explain", "--format", "=", "co"]), ["config"])
        self.assertEqual(set(self.offered(["--log-format", "="])), {"text", "json"})
        self.assertEqual(self.offered(["run", "--grant", "device", ":", "/dev/fuse", "--mo"]), ["--mode"])

    def test_bash_nothing_typed_is_evaluated(self):
        evil = ["--root", "$(touch evaluated)", "state", ""]
        self.assertIn("box-of-$(touch evaluated)", self.offered(evil), "what the runtime prints is offered as it is")
        for words in (["$(touch evaluated)"], ["run", "--policy", "`touch evaluated`"], ["state", "$(touch evaluated)"],
                      ["create", "--pid-file", "$(touch evaluated)"]):
            self.offered(words)
        self.assertFalse((self.directory / "evaluated").exists())

    def test_bash_on_a_terminal(self):
        """readline's own part: word breaks, and what is put on the line."""
        shell = Terminal(["bash", "--norc", "-i"], {**self.env, "PS1": "", "INPUTRC": "/dev/null"}, str(self.directory))
        self.addCleanup(shell.close)
        shell.type(f". {self.file}; echo rea''dy\n")
        shell.wait_for("ready")
        for typed, result in (("che\t", "<check><end>"), ("expl\t--form\t\b=js\t", "<explain><--format=json><end>"),
                              ("run --b\tsome-d\t", "<run><--bundle><some-directory/><end>"),
                              ("run --grant dev\t/dev/fuse x", "<run><--grant><device:/dev/fuse><x><end>")):
            shell.type(f"nucleus-oci {typed}\n")
            shell.wait_for(result)

    def test_bash_shellcheck(self):
        self.need("shellcheck")
        self.ok(["shellcheck", self.file])


class Fish(Completion):
    def setUp(self):
        super().setUp()
        self.fish = self.need("fish")
        self.file = self.stage / "usr/share/fish/vendor_completions.d/nucleus-oci.fish"

    def test_fish_offers(self):
        def offered(words: list) -> list:
            script = f"source {self.file}; complete -C {shlex.quote(shlex.join(['nucleus-oci', *words[:-1]]) + ' ' + words[-1])}"
            result = self.ok([self.fish, "--no-config", "-c", script], env=self.env, cwd=self.directory)
            self.assertEqual(result.err, "")
            return [line.split("\t")[0] for line in result.out.splitlines()]
        self.check(offered)


class Zsh(Completion):
    def setUp(self):
        super().setUp()
        self.zsh = self.need("zsh")
        self.file = self.stage / zsh_functions("usr")

    def test_zsh_syntax(self):
        self.ok([self.zsh, "-n", self.file])

    def test_zsh_on_a_terminal(self):
        shell = Terminal([self.zsh, "-f", "-i"], {**self.env, "PS1": ""}, str(self.directory))
        self.addCleanup(shell.close)
        shell.type("unsetopt zle prompt_cr prompt_sp; PS1=; PS2=; setopt no_beep\n"
                   f"fpath=({self.file.parent} $fpath); autoload -Uz compinit; compinit -D -u\n"
                   "setopt zle; bindkey -e; echo rea''dy\n")
        shell.wait_for("ready")
        for typed, result in (("che\t", "<check><end>"), ("expl\t--form\t=js\t", "<explain><--format=json><end>"),
                              ("run --bun\tsome-d\t", "<run><--bundle=some-directory><end>"),
                              ("run --grant=dev\t/dev/fuse x", "<run><--grant=device:/dev/fuse><x><end>"),
                              ("state ot\t", "<state><other><end>"),
                              ("--root /elsewhere state box\t", "<--root></elsewhere><state><box-of-/elsewhere><end>"),
                              ("kill other HU\t", "<kill><other><HUP><end>")):
            shell.type(f"nucleus-oci {typed}\n")
            shell.wait_for(result)


if __name__ == "__main__":
    nucleus_test.main()
