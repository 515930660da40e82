#!/usr/bin/env python3
"""Verification of a warm root file system beside what the machine can hash.

Makes a tree of 10,000 files and 500 MB (sizes spread as in a distribution's root: many small, few large), warms it, and
measures in turns, so that the machine's drift hits all alike:

  nucleus-oci attest verify       every file's content and every node's metadata, with a second look at the end
  find | xargs -P CPUS sha256sum  contents alone
  openssl speed                   SHA-256 of a core's cache, times the number of CPUs: what cannot be beaten

    benches/attest.py [--rounds 10] [--files 10000] [--megabytes 500] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUCLEUS = os.environ.get("NUCLEUS_OCI", str(ROOT / "build/release/runtime/cli/nucleus-oci"))
CPUS = len(os.sched_getaffinity(0))


def make_tree(path: pathlib.Path, files: int, total: int) -> int:
    """Bytes written. Pareto-like sizes, scaled to `total`; 40 files to a directory."""
    chance = random.Random(1)
    weights = [chance.paretovariate(1.1) for _ in range(files)]
    weights = [min(weight, 4000) for weight in weights]
    scale = total / sum(weights)
    block = chance.randbytes(1 << 20)
    written = 0
    for i, weight in enumerate(weights):
        directory = path / f"usr/lib/{i // 1600:02}/{i // 40:04}"
        directory.mkdir(parents=True, exist_ok=True)
        left = int(weight * scale)
        with open(directory / f"file-{i}", "wb") as file:
            written += left
            while left > 0:
                left -= file.write(block[:min(left, len(block))])
    return written


def openssl_speed() -> float:
    """Bytes a second of all CPUs: one process on each at the same time, 256 KiB at once as the runtime reads."""
    command = ["openssl", "speed", "-evp", "sha256", "-bytes", str(256 * 1024), "-seconds", "1", "-multi", str(CPUS), "-mr"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"^\+F:\d+:[^:\n]+:([0-9.]+)", text, re.MULTILINE)[-1])


def timed(command, **how) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    return time.perf_counter() - begin


def measure(tree: pathlib.Path, manifest: pathlib.Path, rounds: int) -> dict:
    contestants = {
        "attest verify": lambda: timed([NUCLEUS, "attest", "verify", tree, "-m", manifest]),
        "xargs sha256sum": lambda: timed(f"find . -type f -print0 | xargs -0 -P {CPUS} -n 64 sha256sum", shell=True, cwd=tree),
    }
    seconds = {name: [] for name in contestants}
    speeds = []
    for round_number in range(rounds + 1):
        order = list(contestants)
        random.shuffle(order)
        for name in order:
            took = contestants[name]()
            if round_number > 0:  # the first one warms the page cache
                seconds[name].append(took)
        if round_number > 0:
            speeds.append(openssl_speed())
    return {"seconds": seconds, "openssl": speeds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--below", default=None, help="where the tree is made (default: the directory for temporary files)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nucleus-bench-", dir=arguments.below) as name:
        tree, manifest = pathlib.Path(name, "root"), pathlib.Path(name, "manifest")
        size = make_tree(tree, arguments.files, arguments.megabytes * 1_000_000)
        subprocess.run([NUCLEUS, "attest", "create", tree, "-o", manifest], check=True, stderr=subprocess.DEVNULL)
        result = measure(tree, manifest, arguments.rounds)
    ceiling = statistics.median(result["openssl"])
    print(f"{size / 1e6:.0f} MB in {arguments.files} files, {CPUS} CPUs, median of {arguments.rounds}")
    print(f"{'openssl speed, all CPUs':28}{ceiling / 1e9:8.2f} GB/s")
    for contestant, seconds in result["seconds"].items():
        median = statistics.median(seconds)
        share = size / median / ceiling
        print(f"{contestant:28}{size / median / 1e9:8.2f} GB/s {median * 1e3:8.0f} ms {share:8.0%} of openssl speed")
    if arguments.json:
        arguments.json.write_text(json.dumps({"bytes": size, "cpus": CPUS, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
