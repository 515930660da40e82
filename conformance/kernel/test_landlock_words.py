"""landlock.toml: each access word opens exactly its operations, and volumes have what their mounts say."""
import pathlib
import shutil

import nucleus_test
from nucleus_test import Bundle
from test_policy import PolicyTest

# Tried in each directory, which holds the files f, g and true (a program), and the directory sub.
ATTEMPTS = {"list": "ls $d", "read": "cat $d/f", "write": "true >> $d/f", "truncate": "true > $d/f",
            "directory": "mkdir $d/new", "link": "ln -s x $d/link",
            "unlink": "rm -f $d/g && ! test -e $d/g", "rmdir": "rmdir $d/sub", "run": "$d/true"}

WORDS = {"read": {"list", "read"}, "write": {"write", "truncate"}, "create": {"directory", "link"},
         "remove": {"unlink", "rmdir"}, "execute": set(), "ioctl": set(),
         "read-execute": {"list", "read", "run"}, "none": set()}


class Words(PolicyTest):
    @staticmethod
    def fill(directory: pathlib.Path, busybox: pathlib.Path) -> None:
        directory.mkdir(parents=True)
        directory.chmod(0o755)
        (directory / "sub").mkdir()
        for name in ("f", "g"):
            (directory / name).write_text("x\n")
        shutil.copy(busybox, directory / "true")
        (directory / "true").chmod(0o755)

    def pin(self, policy: str) -> str:
        return self.ok(self.policy("digest", policy)).out.strip()

    def rules(self, rules: dict) -> str:
        return "min_abi = 1\n" + "".join(f'[[rules]]\npath = "{path}"\naccess = {list(words)}\n'.replace("'", '"')
                                         for path, words in rules.items())

    def allowed(self, bundle: Bundle, policy: str, directories) -> dict:
        lines = [f'd={directory}; ( {script} ) >/dev/null 2>&1 && echo "{directory} {name}"'
                 for directory in directories for name, script in ATTEMPTS.items()]
        result = self.ok(bundle.sh("\n".join(lines) + "\ntrue").run(
            "--policy", self.pin(policy), globals=("--config", str(self.config))))
        found = {directory: set() for directory in directories}
        for line in result.out.splitlines():
            directory, name = line.split()
            found[directory].add(name)
        return found

    def test_each_word_opens_its_operations_and_no_more(self):
        bundle = self.bundle(mode="strict-agent")
        busybox = bundle.rootfs / "bin/busybox"
        rules = {"/bin": ["read", "execute"]}
        for word in WORDS:
            self.fill(bundle.rootfs / "t" / word, busybox)
            if word != "none":
                rules[f"/t/{word}"] = word.split("-")
        self.set("words", landlock_toml=self.rules(rules))
        found = self.allowed(bundle, "words", [f"/t/{word}" for word in WORDS])
        self.assertEqual(found, {f"/t/{word}": operations for word, operations in WORDS.items()})

    def test_volumes_have_what_their_mounts_say(self):
        bundle = self.bundle(mode="strict-agent")
        volumes = self.temp_dir()
        volumes.chmod(0o755)
        # In a bind the words are those of the rule for it, where there is one; its own flags bound them.
        for name, options in (("rw", ["bind", "noexec"]), ("ro", ["bind", "ro", "noexec"]),
                              ("ruled", ["bind", "noexec"]), ("ruled-ro", ["bind", "ro", "noexec"])):
            self.fill(volumes / name, bundle.rootfs / "bin/busybox")
            bundle.mount(f"/v/{name}", volumes / name, options=options)
        self.set("words", landlock_toml=self.rules({
            "/bin": ["read", "execute"], "/v/ruled": ["read"],
            "/v/ruled-ro": ["read", "write", "create", "remove", "execute"]}))
        found = self.allowed(bundle, "words", ["/v/rw", "/v/ro", "/v/ruled", "/v/ruled-ro"])
        read = WORDS["read"]
        self.assertEqual(found, {"/v/rw": set(ATTEMPTS) - {"run"}, "/v/ro": read, "/v/ruled": read,
                                 "/v/ruled-ro": read})
        said = self.ok(bundle.call("explain", "--bundle", bundle.path, "--policy", self.pin("words"),
                                   globals=("--config", str(self.config)))).out
        self.assertIn("write create remove gives nothing at /v/ruled-ro: the mount at /v/ruled-ro is read-only", said)

    def test_min_abi_above_the_kernels(self):
        self.set("new", landlock_toml="min_abi = 99\n")
        self.set("rules", landlock_toml='[[rules]]\npath = "/bin"\naccess = ["read", "execute"]\n')
        self.fails(self.run_with(self.pin("new"), "strict-agent"), "Landlock")
        self.assertIn("Landlock", self.ok(self.run_with("new", "agent")).err)
        self.ok(self.run_with(self.pin("rules"), "strict-agent"))


if __name__ == "__main__":
    nucleus_test.main()
