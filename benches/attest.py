#!/usr/bin/env python3
"""Verification of a warm root file system beside what the machine can hash.

Makes a tree of 10,000 files and 500 MB (sizes spread as in a distribution's root: many small, few large), warms it, and
measures in turns, so that the machine's drift hits all alike:

  nucleus-oci attest verify       every file's content and every node's metadata, with a second look at the end
  find | xargs -P CPUS sha256sum  contents alone
  openssl speed                   SHA-256 of a core's cache, times the number of CPUs: what cannot be beaten

By the clock, and by the time that the CPUs spent, which others' work on the same machine disturbs less.

    benches/attest.py [--rounds 10] [--files 10000] [--megabytes 500] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import random
import re
import resource
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


def cpu_time() -> float:
    """Of all children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def openssl_speed() -> tuple:
    """Bytes a second of all CPUs by the clock, and of one by its own time: one process on each at the same time, 256 KiB at once as the runtime reads."""
    command = ["openssl", "speed", "-evp", "sha256", "-bytes", str(256 * 1024), "-seconds", "1", "-multi", str(CPUS), "-mr"]
    before = cpu_time()
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.findall(r"^\+F:\d+:[^:\n]+:([0-9.]+)", text, re.MULTILINE)[-1])
    return rate, rate / (cpu_time() - before)  # each process takes one second



def timed(command, **how) -> tuple:
    """Seconds by the clock, and of CPUs."""
    begin, before = time.perf_counter(), cpu_time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    return time.perf_counter() - begin, cpu_time() - before


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
    ceilings = [statistics.median(column) for column in zip(*result["openssl"], strict=True)]
    print(f"{size / 1e6:.0f} MB in {arguments.files} files, {CPUS} CPUs, median of {arguments.rounds}")
    print(f"{'':20}{'by the clock':>34}{'a CPU second':>30}")
    print(f"{'openssl speed':20}{ceilings[0] / 1e9:8.2f} GB/s{'':21}{ceilings[1] / 1e9:14.2f} GB/s")
    for contestant, times in result["seconds"].items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        shares = [size / seconds / ceiling for seconds, ceiling in zip((wall, cpu), ceilings, strict=True)]
        print(f"{contestant:20}{size / wall / 1e9:8.2f} GB/s {wall * 1e3:7.0f} ms {shares[0]:8.0%}  "
              f"{size / cpu / 1e9:14.2f} GB/s {shares[1]:9.0%}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"bytes": size, "cpus": CPUS, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
