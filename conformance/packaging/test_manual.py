"""The manual pages: complete, and without a complaint of roff."""
import gzip
import re

import nucleus_test
from nucleus_test import NUCLEUS
from staging import PackagingTest

PAGES = ["man5/nucleus-policy.5.gz", "man5/nucleus.toml.5.gz", "man8/nucleus-oci.8.gz"]


class Manual(PackagingTest):
    def page(self, name: str) -> str:
        return gzip.decompress((self.staged() / "usr/share/man" / name).read_bytes()).decode()

    def test_every_command_and_option_is_described(self):
        page = self.page("man8/nucleus-oci.8.gz").replace("\\-", "-")
        sections = dict(re.findall(r'^\.SS "(\S+).*?\n(.*?)(?=^\.S[SH])', page, re.MULTILINE | re.DOTALL))
        sections[""] = re.search(r'^\.SH "GLOBAL OPTIONS"\n(.*?)^\.SH', page, re.MULTILINE | re.DOTALL).group(1)
        overview, _, _ = self.ok([NUCLEUS, "--help"]).out.partition("global options:")
        commands = re.findall(r"^   (\S+) ", overview, re.MULTILINE)
        self.assertEqual(sorted(sections), sorted(["", *commands]))
        for command, section in sections.items():
            text = self.ok([NUCLEUS, *([command] if command else []), "--help"]).out
            options = re.findall(r"^   (--[a-z0-9-]+)(?:, (-\w))?", text, re.MULTILINE)
            self.assertIn(("--help", "-h"), options)
            described = re.findall(r"^\.TP\n\\fB(--[a-z0-9-]+)\\fR(?:, \\fB(-\w)\\fR)?", section, re.MULTILINE)
            self.assertEqual(described, options, command)

    def test_roff_has_no_complaint(self):
        self.need("groff")
        for name in PAGES:
            path = self.scratch / "page"
            path.write_text(self.page(name))
            found = self.ok(["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-rCHECKSTYLE=2", path])
            self.assertEqual(found.err, "", name)
            self.assertIn("SEE ALSO", found.out)
            self.assertNotRegex(found.out, "@[A-Z]", name)


if __name__ == "__main__":
    nucleus_test.main()
