"""What is known about the programs: how many assertions each makes, and which failures are explained.

programs.toml: program = the number of assertions it makes under a runtime that passes.
expected/*.toml: [[failure]] entries. A failure without an entry and an entry without its failure are both wrong, the
latter so that the lists cannot rot. Keys of an entry:
    programs   names of programs
    columns    in which modes
    says       patterns (regular expressions over a whole line of tap.Said.failures); each must occur
    may_say    patterns that need not occur: what goes with it in some runs or on some hosts
    reason     why, for people
    law        in laws.toml: which law or row of the design the deviation follows from
    although_others_pass   host.toml, suite.toml: true where runc or crun do pass (baseline.toml); the reason says why
"""
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
MODES = ("passthrough", "agent", "strict-agent")
COLUMNS = ("runc", "crun", *MODES)
KINDS = ("host", "suite", "laws")


def programs() -> dict:
    return tomllib.loads((HERE / "programs.toml").read_text())


def _check(entry: dict, kind: str, known: dict) -> None:
    allowed = {"programs", "columns", "may_say", "reason"}
    allowed |= {"host": {"although_others_pass"}, "suite": {"says", "although_others_pass"}, "laws": {"says", "law"}}[kind]
    wrong = [f"unknown key {key}" for key in entry.keys() - allowed]
    wrong += [f"unknown program {name}" for name in entry["programs"] if name not in known]
    wrong += [f"unknown column {name}" for name in entry["columns"] if name not in MODES]
    if not entry.get("reason") or (kind == "laws" and not entry.get("law")):
        wrong.append("no reason or law")
    if wrong:
        raise ValueError(f"expected/{kind}.toml: {', '.join(wrong)} in {entry}")


def load(folder: pathlib.Path = HERE / "expected") -> list:
    """All entries of all kinds, checked."""
    found, known = [], programs()
    for kind in KINDS:
        for entry in tomllib.loads((folder / f"{kind}.toml").read_text()).get("failure", []):
            _check(entry, kind, known)
            found.append(entry)
    return found


def complaints(entries: list, program: str, column: str, failures: list) -> list:
    """One line for each failure that nothing explains, and for each explanation that nothing calls for."""
    mine = [entry for entry in entries if program in entry["programs"] and column in entry["columns"]]
    required = [pattern for entry in mine for pattern in entry.get("says", [])]
    allowed = required + [pattern for entry in mine for pattern in entry.get("may_say", [])]
    said = [f"new: {failure}" for failure in failures
            if not any(re.fullmatch(pattern, failure) for pattern in allowed)]
    said += [f"no longer: {pattern}" for pattern in required
             if not any(re.fullmatch(pattern, failure) for failure in failures)]
    return said
