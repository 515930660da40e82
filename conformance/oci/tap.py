"""What a validation program said: its TAP (Test Anything Protocol) and the ways in which it hides a failure.

A program may exit 0 with `not ok` lines, report an error in a diagnostic under a plan of 1..0, or put the container's own
TAP into a diagnostic and look for nothing but "not ok" in it, although that ended half-way. So nothing here goes by one
sign alone: every document must have a plan, keep to it, and hold as many assertions as the reader expects.
"""
import dataclasses
import json
import re

# Assertions that have no subject in this bundle. Other skipped ones are recommendations that do not hold: deviations.
WITHOUT_SUBJECT = re.compile(r"( not set| unconfigured .*| is not readable)$|^syscall action |^hostname not set")
# What a program says on stderr beside the runtime's own words.
NOISE = re.compile(r"^(failed to (create|start|delete) the container|exit status \d+|signal: \w+|)$")


@dataclasses.dataclass
class Said:
    """failures: one line each, in a stable wording without numbers of tests; assertions: how many were made in all."""
    assertions: int = 0
    failures: list = dataclasses.field(default_factory=list)


def _documents(text: str) -> list:
    """The TAP documents in text, each a list of lines; what comes before the first is dropped."""
    found = []
    for line in text.splitlines():
        if line.startswith("TAP version"):
            found.append([])
        elif found:
            found[-1].append(line)
    return found


def _split(lines: list) -> tuple:
    """Test and plan lines on the one hand, the JSON of the diagnostic blocks on the other: [(after how many tests, text)]."""
    plain, blocks, block, tests = [], [], None, 0
    for line in lines:
        if block is not None:
            if line == "  ...":
                blocks.append((tests, "\n".join(block)))
                block = None
            else:
                block.append(line)
        elif line == "  ---":
            block = []
        else:
            plain.append(line)
            tests += line.startswith(("ok ", "not ok "))
    return plain, blocks


def _assertion(line: str, said: Said) -> None:
    match = re.match(r"(not )?ok \d+(?: - (.*))?(?: # (?:SKIP|TODO) (.*))?$", line)
    if not match:
        said.failures.append(f"not TAP: {line}")
        return
    said.assertions += 1
    failed, text, skipped = match.groups()
    if failed:
        said.failures.append(f"not ok: {text or ''}")
    elif skipped and not WITHOUT_SUBJECT.search(skipped):
        said.failures.append(f"skipped: {skipped}")


def _diagnostic(after: int, text: str, said: Said) -> None:
    try:
        block = json.loads(text)
    except ValueError:
        said.failures.append("a diagnostic that is no JSON")
        return
    if after == 0 and block.get("error"):  # after a test it explains that test, which may well be one of an error
        said.failures.append(f"error: {block['error'].splitlines()[0]}")
    inner = block.get("stdout", "")
    if "TAP version" in inner:
        nested = read(inner)
        said.assertions += nested.assertions
        said.failures += nested.failures


def _document(lines: list, said: Said) -> None:
    plain, blocks = _split(lines)
    tests = [line for line in plain if line.startswith(("ok", "not ok"))]
    plans = [int(match[1]) for line in plain if (match := re.match(r"1\.\.(\d+)$", line))]
    for line in tests:
        _assertion(line, said)
    for after, text in blocks:
        _diagnostic(after, text, said)
    if not plans:
        said.failures.append("it ended before its plan")
    elif plans[-1] != len(tests):
        said.failures.append(f"its plan was {plans[-1]} assertions, it made {len(tests)}")


def read(text: str) -> Said:
    said = Said()
    documents = _documents(text)
    if not documents:
        said.failures.append("no TAP")
    for lines in documents:
        _document(lines, said)
    return said


def judge(status: int | None, out: str, err: str, assertions: int) -> Said:
    """The whole verdict on one run: status None means that the deadline ended it; fewer than `assertions` is a failure."""
    said = read(out)
    words = [line for line in err.splitlines() if not NOISE.match(line)]
    if status is None:
        said.failures.append("it did not end")
    elif status != 0:
        said.failures.append(f"exit status {status}")
    elif said.assertions < assertions:
        said.failures.append(f"{said.assertions} assertions instead of {assertions}")
    if said.failures:
        said.failures += [f"stderr: {line}" for line in words]
    else:  # a program that warns instead of failing
        said.failures += [f"stderr: {line}" for line in words if line.startswith("WARNING")]
    said.failures = list(dict.fromkeys(said.failures))
    return said
