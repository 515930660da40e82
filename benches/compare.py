#!/usr/bin/env python3
"""Whole commands side by side: nucleus-oci against crun, runc and bubblewrap on the same work.

Every round starts each contestant once, in a new random order, so that the machine's drift hits all alike; figures of
different runs are not comparable, ratios are. The payload is a static busybox `true`; the time is from spawn to reaped.

    ./dev bench [-- --rounds 100 --idle 0.1 --lifecycle --json results.json]

Run as root inside the private mounts that ./dev bench makes (no cgroup v2 tree beside v1, an empty /run/nucleus).
"""

import argparse
import contextlib
import copy
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PODMAN_CONFIG = ROOT / "conformance/fixtures/podman-run.json"
BASELINE = "crun"
WARM_UP_ROUNDS = 3


class Sample:
    """What was measured of one contestant."""

    def __init__(self):
        self.seconds = []
        self.peak_rss_kib = None
        self.error = ""


def spawn_and_reap(argv):
    """(seconds, exit status). posix_spawn: no fork of this interpreter in the measured time."""
    silent = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    begin = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=silent)
    _, status = os.waitpid(pid, 0)
    return time.perf_counter() - begin, os.waitstatus_to_exitcode(status)


def peak_rss_kib(argv):
    """Of the command and what it waited for. By GNU time: a child of this interpreter would inherit our own peak."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as report:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report.name, *argv], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return int(report.read().split()[-1])


def complaint_of(argv):
    """stderr of a command that failed, for the reader; runs it once more."""
    run = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit status {run.returncode}"


# ---- bundles ---------------------------------------------------------------------------------------------------------


def minimal_config():
    """`runc spec`, as it is, but without a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["runc", "spec"], cwd=folder, check=True)
        config = json.loads(pathlib.Path(folder, "config.json").read_text(encoding="utf-8"))
    config["process"]["terminal"] = False
    return config


def possible_rlimits(rlimits):
    """Those that this process could set: without CAP_SYS_RESOURCE none can be raised."""
    def possible(entry):
        _, hard = resource.getrlimit(getattr(resource, entry["type"]))
        return hard == resource.RLIM_INFINITY or entry["hard"] <= hard
    return [entry for entry in rlimits if possible(entry)]


def podman_config(path):
    """What podman generated, less what only exists while podman's own container does."""
    config = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    config["root"] = {"path": "rootfs"}
    process = config["process"]
    process["terminal"] = False
    process["rlimits"] = possible_rlimits(process.get("rlimits", []))
    for key in ("apparmorProfile", "selinuxLabel", "oomScoreAdj"):
        process.pop(key, None)
    config.pop("hooks", None)
    config["mounts"] = [mount for mount in config["mounts"] if mount.get("type") != "bind"]
    linux = config["linux"]
    linux.pop("mountLabel", None)
    for namespace in linux["namespaces"]:
        namespace.pop("path", None)
    linux.get("resources", {}).pop("unified", None)
    return config


def make_bundle(folder, config, args, name):
    """A bundle of its own for each contestant: none warms another's directory entries."""
    config = copy.deepcopy(config)
    config["process"]["args"] = args
    config["linux"]["cgroupsPath"] = f"/nucleus-bench/{name}"
    config["root"]["path"] = "rootfs"
    folder.mkdir(parents=True)
    subprocess.run([ROOT / "conformance/lanes/busybox_rootfs", folder / "rootfs"], check=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


# ---- contestants -----------------------------------------------------------------------------------------------------


class Runtime:
    """A runc-compatible command line with a state root and a bundle of its own."""

    def __init__(self, name, program, bundle, state, options=()):
        self.name = name
        self.program = shutil.which(program) or program
        self.bundle = bundle
        self.state = str(state)
        self.options = list(options)
        self.count = 0

    def command(self, verb, *arguments):
        return [self.program, "--root", self.state, verb, *arguments]

    def next_id(self):
        self.count += 1
        return f"bench-{self.name}-{self.count}"

    def run(self):
        return self.command("run", "--bundle", self.bundle, *self.options, self.next_id())


class Bubblewrap:
    """No config, no seccomp, no cgroup: how fast namespaces and mounts alone can be."""

    name = "bwrap"

    def __init__(self, bundle):
        self.bundle = bundle
        self.program = shutil.which("bwrap")

    def run(self):
        return [self.program, "--unshare-all", "--bind", self.bundle + "/rootfs", "/", "--proc", "/proc", "--dev", "/dev",
                "/bin/true"]


class Bare:
    """The payload without any container: the floor under everything."""

    name = "bare exec"

    def __init__(self, bundle):
        self.program = bundle + "/rootfs/bin/true"

    def run(self):
        return [self.program]


def runtimes(work, config, nucleus, args):
    for name, program, options in (("crun", "crun", ()), ("runc", "runc", ()),
                                   ("agent", nucleus, ("--mode", "agent")),
                                   ("strict-agent", nucleus, ("--mode", "strict-agent")),
                                   ("passthrough", nucleus, ("--mode", "passthrough"))):
        if program is not None and shutil.which(program):
            yield Runtime(name, program, make_bundle(work / name, config, args, name), work / (name + ".state"), options)


# ---- measuring -------------------------------------------------------------------------------------------------------


def note(sample, argv):
    """Runs one command into a sample; the first failure ends that contestant."""
    seconds, status = spawn_and_reap(argv)
    if status != 0:
        sample.error = complaint_of(argv)
        return
    sample.seconds.append(seconds)


def measure_runs(contestants, rounds, idle):
    """`run` of each contestant, `rounds` times, in a new order each round."""
    samples = {contestant.name: Sample() for contestant in contestants}
    for turn in range(WARM_UP_ROUNDS + rounds):
        if turn == WARM_UP_ROUNDS:
            for sample in samples.values():
                sample.seconds.clear()
        for contestant in random.sample(contestants, len(contestants)):
            if not samples[contestant.name].error:
                time.sleep(idle)
                note(samples[contestant.name], contestant.run())
    for contestant in contestants:
        if not samples[contestant.name].error:
            samples[contestant.name].peak_rss_kib = peak_rss_kib(contestant.run())
    return samples


def one_lifecycle(runtime, samples):
    """create, start, state, kill and delete of a sleeping container; waiting for it to die is not measured."""
    name = runtime.next_id()
    pid_file = pathlib.Path(runtime.state + ".pid")
    create = runtime.command("create", "--bundle", runtime.bundle, "--pid-file", str(pid_file), *runtime.options, name)
    try:
        for verb, argv in (("create", create), ("start", runtime.command("start", name)),
                           ("state", runtime.command("state", name)), ("kill", runtime.command("kill", name, "KILL"))):
            note(samples[verb], argv)
            if samples[verb].error:
                return
        os.waitpid(int(pid_file.read_text(encoding="utf-8")), 0)  # orphaned to us: see become_subreaper
        note(samples["delete"], runtime.command("delete", name))
    finally:
        subprocess.run(runtime.command("delete", "--force", name), capture_output=True, check=False)


def become_subreaper():
    import ctypes
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def measure_lifecycles(contestants, rounds):
    """{verb: {contestant: Sample}}"""
    become_subreaper()
    verbs = ("create", "start", "state", "kill", "delete")
    samples = {contestant.name: {verb: Sample() for verb in verbs} for contestant in contestants}
    for _ in range(rounds):
        for contestant in random.sample(contestants, len(contestants)):
            if not any(sample.error for sample in samples[contestant.name].values()):
                one_lifecycle(contestant, samples[contestant.name])
    return {verb: {name: by_verb[verb] for name, by_verb in samples.items()} for verb in verbs}


# ---- showing ---------------------------------------------------------------------------------------------------------


def row(name, sample, baseline):
    if sample.error or not sample.seconds:
        return f"  {name:<14} failed: {sample.error or 'nothing measured'}"
    low, middle = min(sample.seconds) * 1e3, statistics.median(sample.seconds) * 1e3
    text = f"  {name:<14} {low:9.2f} {middle:9.2f}"
    if baseline is not None and baseline.seconds:
        text += f" {low / (min(baseline.seconds) * 1e3):9.2f} {middle / (statistics.median(baseline.seconds) * 1e3):9.2f}"
    else:
        text += f" {'-':>9} {'-':>9}"
    return text + ("" if sample.peak_rss_kib is None else f" {sample.peak_rss_kib / 1024:9.1f}")


def show(title, samples):
    print(f"\n{title}")
    print(f"  {'':<14} {'min ms':>9} {'median ms':>9} {'min/crun':>9} {'med/crun':>9} {'RSS MiB':>9}")
    for name, sample in samples.items():
        print(row(name, sample, samples.get(BASELINE)))


def as_json(results):
    return {title: {name: {"ms": [round(seconds * 1e3, 4) for seconds in sample.seconds],
                           "peak_rss_kib": sample.peak_rss_kib, "error": sample.error}
                    for name, sample in samples.items()} for title, samples in results.items()}


def configs(args):
    yield "minimal config (runc spec)", minimal_config()
    yield "podman's config", podman_config(args.podman_config)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nucleus", help="the nucleus-oci binary; without it only the others are measured")
    parser.add_argument("--podman-config", default=PODMAN_CONFIG, help="a config.json that podman wrote")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--idle", type=float, default=0.0, help="seconds to wait before each start")
    parser.add_argument("--lifecycle", action="store_true", help="measure create, start, state, kill and delete as well")
    parser.add_argument("--json", help="write every sample to this file")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    if args.nucleus and not os.access(args.nucleus, os.X_OK):
        parser.error(f"--nucleus: {args.nucleus} is not a program")
    if os.geteuid() != 0:
        parser.error("needs root: the same work for every contestant")
    return args


def remove_cgroups():
    for folder in pathlib.Path("/sys/fs/cgroup").glob("*/nucleus-bench"):
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                with contextlib.suppress(OSError):
                    path.rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()


def compare(args, work):
    """Everything asked for, as {title: {contestant: Sample}}."""
    results = {}
    nucleus = os.path.abspath(args.nucleus) if args.nucleus else None
    for number, (label, config) in enumerate(configs(args)):
        contestants = list(runtimes(work / f"run{number}", config, nucleus, ["/bin/true"]))
        bundle = contestants[0].bundle
        if shutil.which("bwrap"):
            contestants.append(Bubblewrap(bundle))
        contestants.append(Bare(bundle))
        title = f"run, {label}" + (f", after {args.idle:g} s idle" if args.idle else "")
        results[title] = measure_runs(contestants, args.rounds, args.idle)
        show(title, results[title])
        if args.lifecycle:
            sleepers = list(runtimes(work / f"life{number}", config, nucleus, ["/bin/sleep", "60"]))
            for verb, samples in measure_lifecycles(sleepers, args.rounds).items():
                results[f"{verb}, {label}"] = samples
                show(f"{verb}, {label}", samples)
    return results


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="nucleus-bench-") as work:
        try:
            results = compare(args, pathlib.Path(work))
        finally:
            remove_cgroups()
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(as_json(results)), encoding="utf-8")
    ours_failed = any(sample.error for samples in results.values() for name, sample in samples.items()
                      if name in ("agent", "strict-agent", "passthrough"))
    return 1 if ours_failed else 0


if __name__ == "__main__":
    sys.exit(main())
