#!/usr/bin/env python3
"""What it costs to watch system calls: nanoseconds for a getppid(2), and for one that the policy denies, in a container.

    benches/watch.py NUCLEUS-OCI [--calls N]        as root, or in `conformance/lanes/isolated`
"""
import argparse
import os
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]


def measure(lib, calls, *options) -> float:
    """The program measures itself: what is around it does not count."""
    bundle = lib.Bundle(["traced", "bench", str(calls)]).compile(SOURCE / "conformance/kernel/traced.c", "traced")
    try:
        result = bundle.run(*options)
        if result.rc != 0:
            sys.exit(result.err)
        return float(result.out)
    finally:
        bundle.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nucleus")
    parser.add_argument("--calls", type=int, default=100_000)
    arguments = parser.parse_args()
    os.environ["NUCLEUS_OCI"] = str(pathlib.Path(arguments.nucleus).resolve())
    sys.path.insert(0, str(SOURCE / "conformance/lib"))
    import nucleus_test as lib
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        rows = [("not watched", ()), ("--seccomp-denials (an allowed call)", ("--seccomp-denials",)),
                ("--seccomp-learn (an allowed call)", ("--seccomp-learn", "1h")),
                ("--seccomp-trace", ("--seccomp-trace", trace)),
                ("--seccomp-trace --seccomp-learn", ("--seccomp-trace", trace, "--seccomp-learn", "1h"))]
        for name, options in rows:
            print(f"{name:40}{measure(lib, arguments.calls, *options):10.0f} ns a call")


if __name__ == "__main__":
    main()
