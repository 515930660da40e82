"""checkpoint and restore: with the real criu where it is installed and the kernel lets it work, and with fake_criu, which
restores what it should not.
"""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import nucleus_test
from nucleus_test import NucleusTest

CRIU = shutil.which("criu", path="/usr/sbin:/usr/bin")
FAKE = pathlib.Path(__file__).with_name("fake_criu.c")
COUNTING = "i=0; while true; do i=$((i+1)); echo $i >>/mnt/count; sleep 0.1; done"
PORTS = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
WIDER = "less confined than its config"


class CheckpointTest(NucleusTest):
    def fake(self, behaviour: str = "", mode: int = 0o755) -> pathlib.Path:
        """A fake criu; the image's directory, which says what it does, lies beside it."""
        directory = self.temp_dir()
        holder = self.bundle()
        holder.compile(FAKE, "fake_criu")
        program = directory / "criu"
        shutil.copy(holder.rootfs / "bin/fake_criu", program)
        program.chmod(mode)
        images = directory / "image"
        images.mkdir()
        (images / "behaviour").write_text(behaviour)
        (images / "descriptors.json").write_text('["/dev/null","pipe:[7]","pipe:[8]"]')
        return program

    def checkpoint(self, bundle, program, *options):
        return bundle.call("checkpoint", "--image-path", program.parent / "image", *options, bundle.id,
                           globals=["--criu", program])

    def plain(self, mode: str = "passthrough"):
        """A config that fake_criu can imitate."""
        bundle = self.bundle(["sleep", "600"], mode=mode)
        bundle.process["capabilities"] = {}
        return bundle.compile(FAKE, "fake_criu")

    def restore(self, bundle, program, *options, detach: bool = True, id=None, **how):
        id = id or bundle.id
        if id not in bundle.ids:
            bundle.ids.append(id)
        bundle.write()
        mode = ["--mode", bundle.mode] if bundle.mode else []
        return bundle.call("restore", "--bundle", bundle.path, "--image-path", program.parent / "image", *mode,
                           *(["--detach"] if detach else []), *options, id,
                           globals=["--criu", program], out=bundle.dir / id, **how)


class Criu(CheckpointTest):
    """How it is found and called."""

    def running(self, mode: str = ""):
        return self.create_and_start(self.bundle(["sleep", "600"], mode=mode))

    @unittest.skipIf(CRIU, "criu is installed here")
    def test_without_criu_both_say_so(self):
        bundle = self.running()
        bundle.write()
        said = "criu is not installed: checkpoint and restore need it (Debian: criu)\n"
        for argv in (["checkpoint", bundle.id], ["restore", "--bundle", bundle.path, "other"]):
            result = self.fails(bundle.call(*argv))
            self.assertEqual(result.err.removeprefix("warning: "), said)
        self.assertEqual(bundle.status(), "running")
        self.assertEqual(bundle.state("other"), {})

    def test_one_that_others_can_write_is_refused(self):
        bundle = self.running()
        for mode, text in ((0o775, "must be a file of root's that nobody else can write"),
                           (0o757, "must be a file of root's that nobody else can write"), (0o644, "is no executable file")):
            program = self.fake(mode=mode)
            self.fails(self.checkpoint(bundle, program), f"{program}: {text}")
        program = self.fake()
        os.chown(program, 1000, 0)
        self.fails(self.checkpoint(bundle, program), "must be a file of root's")
        self.assertFalse((program.parent / "image/argv").exists())

    def test_it_is_never_looked_for_in_path(self):
        bundle = self.running()
        program = self.fake()
        result = bundle.call("checkpoint", "--image-path", program.parent / "image", bundle.id, globals=["--criu", "./criu"],
                             cwd=program.parent, env={"PATH": str(program.parent)})
        self.fails(result, "--criu: ./criu is not an absolute path")
        if not CRIU:
            result = bundle.call("checkpoint", "--image-path", program.parent / "image", bundle.id, cwd=program.parent,
                                 env={"PATH": str(program.parent)})
            self.fails(result, "criu is not installed")

    def test_what_it_is_told(self):
        bundle = self.bundle(["sleep", "600"])
        bundle.mount("/mnt", self.temp_dir())
        self.create_and_start(bundle)
        program = self.fake()
        self.ok(self.checkpoint(bundle, program, "--leave-running", "--tcp-established", "--ext-unix-sk", "--shell-job",
                                "--file-locks", "--manage-cgroups-mode", "full", "--empty-ns", "network", "--auto-dedup"))
        words = (program.parent / "image/argv").read_text().split("\n")
        for word in ("dump", "--no-default-config", "--leave-running", "--tcp-established", "--ext-unix-sk", "--shell-job",
                     "--file-locks", "--auto-dedup", "--external=mnt[/mnt]:/mnt",
                     "--external=mnt[/proc/keys]:/dev/null", "--manage-cgroups=full", "--empty-ns=net",
                     f"--tree={bundle.pid()}"):
            self.assertIn(word, words)
        self.assertRegex((program.parent / "image/argv").read_text(), f"--freeze-cgroup=/sys/fs/cgroup/\\S*{bundle.tag}\n")
        self.assertEqual((program.parent / "image/path").read_text(), "/usr/sbin:/usr/bin:/sbin:/bin")
        self.assertEqual(bundle.status(), "running")

    def test_the_first_line_of_its_log_is_the_reason(self):
        bundle = self.running()
        program = self.fake("fail")
        result = self.fails(self.checkpoint(bundle, program))
        self.assertEqual(result.err.splitlines()[-1],
                         f"criu failed: the sky is falling ({program.parent}/image/dump.log)")
        self.assertEqual(bundle.status(), "running")

    def test_a_checkpoint_ends_the_container(self):
        bundle = self.running()
        program = self.fake()
        self.ok(self.checkpoint(bundle, program, "--pre-dump"))
        self.assertEqual(bundle.status(), "running")
        self.ok(self.checkpoint(bundle, program))
        self.assertEqual(bundle.state(), {})
        self.assertEqual(bundle.leftovers(), [])

    def test_descriptors_are_written_down(self):
        bundle = self.bundle(["sleep", "600"])
        self.ok(bundle.create())
        self.ok(bundle.start())
        program = self.fake()
        self.ok(self.checkpoint(bundle, program, "--leave-running"))
        names = json.loads((program.parent / "image/descriptors.json").read_text())
        self.assertEqual(names[0], "/dev/null")  # the container's own
        for name in names[1:]:
            self.assertRegex(name, r"^file\[[0-9a-f]+:[0-9a-f]+\]$")  # files of this test, which are nowhere inside
        self.assertIn(names[1], (program.parent / "image/argv").read_text())

    def test_only_what_runs_and_has_no_terminal(self):
        program = self.fake()
        bundle = self.bundle(["true"])
        self.ok(bundle.create())
        self.fails(self.checkpoint(bundle, program), "Container cannot be checkpointed in created state")
        self.ok(bundle.start())
        bundle.wait_stopped()
        self.fails(self.checkpoint(bundle, program), "Container cannot be checkpointed in stopped state")
        bundle.id = "nobody"
        self.fails(self.checkpoint(bundle, program), "container does not exist")

    def test_options_that_make_no_sense(self):
        bundle = self.running()
        program = self.fake()
        for options, text in ((["--manage-cgroups-mode", "x"], "Invalid manage cgroups mode"),
                              (["--empty-ns", "pid"], "namespace pid is not supported"),
                              (["--parent-path", "/abs"], "--parent-path must be relative"),
                              (["--parent-path", "absent"], "--parent-path: absent"),
                              (["--page-server", "host"], "ADDRESS:PORT"),
                              (["--status-fd", "99"], "descriptor 99 is not open")):
            self.fails(self.checkpoint(bundle, program, *options), text)


class HostileImage(CheckpointTest):
    """What criu restored is judged before it runs: fake_criu makes what a hostile image could make of the real one."""

    def refused(self, bundle, behaviour: str, text: str, **how):
        program = self.fake(behaviour)
        started = self.restore(bundle, program, **how)
        self.fails(started, text)
        self.assertFalse((program.parent / "image/escaped").exists(), "it ran")
        self.assertEqual(bundle.state(), {})
        self.assertEqual(bundle.leftovers(), [])

    def test_the_imitation_itself_is_accepted(self):
        bundle = self.plain()
        program = self.fake("status=5")
        result = self.restore(bundle, program, detach=False)
        self.assertEqual((result.rc, result.err), (5, ""))
        self.assertEqual(bundle.leftovers(), [])

    def test_a_copy_of_criu(self):
        self.refused(self.plain(), "host", WIDER)

    def test_no_process(self):
        self.refused(self.plain(), "nothing", "criu left no process")

    def test_a_process_that_is_not_a_child(self):
        self.refused(self.plain(), "foreign", "criu left no process that is the container's init")

    def test_one_that_already_runs(self):
        self.refused(self.plain(), "running", "criu did not leave it stopped", timeout=40)

    def test_capabilities(self):
        self.refused(self.plain(), "keep-caps", "CapBnd is")

    def test_new_privileges_are_taken_from_every_thread(self):
        """Which criu before 3.18 leaves them."""
        for behaviour in ("keep-privs", "thread"):
            bundle = self.plain()
            self.ok(self.restore(bundle, self.fake(behaviour)))
            threads = list(pathlib.Path(f"/proc/{bundle.pid()}/task").iterdir())
            self.assertEqual(len(threads), 2 if behaviour == "thread" else 1)
            for thread in threads:
                self.assertIn("NoNewPrivs:\t1\n", (thread / "status").read_text())

    def test_a_second_process(self):
        self.refused(self.plain(), "child", "CapPrm is")

    def test_the_hosts_network(self):
        self.refused(self.plain(), "keep-net", "it has no network namespace of the container's")

    def test_a_real_time_policy(self):
        bundle = self.plain()
        result = self.fails(self.restore(bundle, self.fake("real-time")))
        if "criu failed" in result.err:
            self.skipTest("no real-time policy for a cgroup here")
        self.assertIn("real-time scheduling policy", result.err)
        self.assertEqual(bundle.leftovers(), [])

    def test_another_root(self):
        self.refused(self.plain(), "elsewhere", "its root is not the config's")

    def test_a_descriptor_of_the_host(self):
        self.refused(self.plain(), "descriptor", "leads out of the container")

    def test_no_seccomp_filter(self):
        bundle = self.plain()
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                   "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
        self.refused(bundle, "", "Seccomp is 0, planned 2")

    def test_mounts_are_the_configs(self):
        self.refused(self.plain("agent"), "", WIDER)

    def test_ids(self):
        bundle = self.plain()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.refused(bundle, "", "Uid is 0")

    def test_a_user_namespace_that_is_missing(self):
        self.refused(self.plain().user_namespace(), "", WIDER)

    def test_descriptors_json_from_anywhere(self):
        bundle = self.plain()
        for text in ('["a","b","c","d"]', "{}", '[{"a":1}]', "[" * 3000):
            program = self.fake("")
            (program.parent / "image/descriptors.json").write_text(text)
            self.fails(self.restore(bundle, program), "descriptors.json: not a list of at most three names")
            self.assertFalse((program.parent / "image/argv").exists())
        self.assertEqual(bundle.leftovers(), [])


class Restore(CheckpointTest):
    def test_a_running_container_with_state_and_pid_file(self):
        bundle = self.plain()
        program = self.fake("")
        pid_file = bundle.dir / "pid"
        self.ok(self.restore(bundle, program, "--pid-file", pid_file))
        self.assertEqual(bundle.status(), "running")
        self.assertEqual(pid_file.read_text(), str(bundle.pid()))
        self.assertIn(bundle.pid(), json.loads(bundle.call("ps", "--format", "json", bundle.id).out))
        self.ok(bundle.kill("KILL"))
        bundle.wait_stopped()
        self.ok(bundle.delete())
        self.assertEqual(bundle.leftovers(), [])

    def test_mounts_come_from_the_config(self):
        bundle = self.plain()
        bundle.mount("/data", self.temp_dir())
        program = self.fake("fail")
        (program.parent / "work").mkdir()
        result = self.fails(self.restore(bundle, program, "--work-path", program.parent / "work"))
        self.assertEqual(result.err.splitlines()[-1],
                         f"criu failed: the sky is falling ({program.parent}/work/restore.log)")
        words = (program.parent / "work/argv").read_text()
        self.assertRegex(words, r"--external=mnt\[/data\]:\S+/criu/bind0\n")
        self.assertRegex(words, r"--inherit-fd=fd\[\d+\]:pipe:\[7\]\n")
        for word in ("--restore-detached", "--restore-sibling", "--leave-stopped", "--no-default-config"):
            self.assertIn(f"\n{word}\n", words)
        self.assertIn("--manage-cgroups=ignore\n", words)
        self.assertEqual(bundle.leftovers(), [])

    def test_hooks_run_before_anything_else(self):
        bundle = self.plain()
        bundle.hook("createRuntime", "exit 3")
        self.fails(self.restore(bundle, self.fake("")), "createRuntime")
        self.assertEqual(bundle.leftovers(), [])

    def test_an_id_that_is_taken(self):
        bundle = self.create_and_start(self.plain())
        self.fails(self.restore(bundle, self.fake("")), "container with given ID already exists")
        self.assertEqual(bundle.status(), "running")

    def test_modes_that_insist_on_landlock(self):
        bundle = self.bundle(["true"], mode="strict-agent")
        bundle.write()
        if "Landlock" not in bundle.call("plan", "--bundle", bundle.path, "--mode", "strict-agent").out:
            self.skipTest("no Landlock here")
        program = self.fake("")
        self.fails(self.restore(bundle, program), "criu cannot bring the container's Landlock domain back: mode strict-agent")
        self.assertFalse((program.parent / "image/argv").exists())

    def test_terminals_are_refused(self):
        bundle = self.plain()
        bundle.process["terminal"] = True
        result = self.restore(bundle, self.fake(""), "--console-socket", "/nowhere")
        self.fails(result, "a container with a terminal cannot be restored")

    def test_every_step_fails_cleanly(self):
        for step in range(12):
            bundle = self.plain()
            program = self.fake("")
            bundle.binary = nucleus_test.NUCLEUS_FAULTS
            result = self.restore(bundle, program, env={"NUCLEUS_FAULT": f"restore:{step}:fail"})
            with self.subTest(step=step, err=result.err):
                self.assertEqual(result.rc, 1)
                self.assertEqual(bundle.leftovers(), [])


def criu_works() -> bool:
    return bool(CRIU) and nucleus_test.call([CRIU, "check"], timeout=60).rc == 0


@unittest.skipUnless(criu_works(), "criu is not installed, or this kernel is not for it")
class Real(CheckpointTest):
    """With criu itself."""
    PATIENCE = 120

    def setUp(self):
        self.images = self.temp_dir() / "image"

    def launch(self, bundle, id: str, *argv) -> nucleus_test.Result:
        """With a pipe for stderr: of a file that grew meanwhile criu knows nothing any more."""
        bundle.ids += [] if id in bundle.ids else [id]
        bundle.write()
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self.addCleanup(os.close, reader)
        mode = ["--mode", bundle.mode] if bundle.mode else []
        words = [str(word) for word in (bundle.binary, "--root", bundle.root, *argv, "--detach", "--bundle", bundle.path, *mode,
                                        id)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer,
                              timeout=self.PATIENCE, check=False)
        os.close(writer)
        try:
            text = os.read(reader, 1 << 16).decode()
        except BlockingIOError:
            text = ""
        return nucleus_test.Result(done.returncode, "", text)

    def counting(self, mode: str):
        bundle = self.bundle(mode=mode).sh(COUNTING)
        self.shared = self.temp_dir()
        bundle.mount("/mnt", self.shared)
        self.ok(self.launch(bundle, bundle.id, "run"))
        self.counted(3)
        return bundle

    def numbers(self) -> list:
        path = self.shared / "count"
        return [int(word) for word in path.read_text().split()] if path.exists() else []

    def counted(self, more: int) -> None:
        want = len(self.numbers()) + more
        nucleus_test.wait_until(lambda: len(self.numbers()) >= want, "it to count on", 20)

    def dump(self, bundle, *options):
        result = bundle.call("checkpoint", "--image-path", self.images, *options, bundle.id, timeout=self.PATIENCE)
        return result._replace(err=result.err + self.log("dump")) if result.rc else result

    def bring_back(self, bundle, id: str, *options):
        result = self.launch(bundle, id, "restore", "--image-path", self.images, *options)
        return result._replace(err=result.err + self.log("restore")) if result.rc else result

    def log(self, name: str) -> str:
        path = self.images / f"{name}.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def view(self, pid: int) -> dict:
        status = nucleus_test.status_of(pid)
        seen = {key: status[key] for key in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp",
                                             "Seccomp_filters", "Uid", "Gid", "Groups")}
        mounts = [line.split() for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
        seen["mounts"] = sorted((words[4], words[words.index("-") + 1], words[5]) for words in mounts)
        seen["cgroup"] = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        return seen

    def cycle(self, mode: str):
        bundle = self.counting(mode)
        before = self.view(bundle.pid())
        ports = self.ok(bundle.exec("cat", PORTS)).out  # which criu does not know
        own = nucleus_test.namespaces()
        self.ok(self.dump(bundle))
        self.assertEqual(bundle.state(), {})
        result = self.ok(self.bring_back(bundle, bundle.id))
        self.assertEqual(bundle.status(), "running")
        self.counted(3)
        self.assertEqual(self.numbers(), list(range(1, len(self.numbers()) + 1)), "not one is missing or comes twice")
        self.assertEqual(self.view(bundle.pid()), before)
        for kind, identity in nucleus_test.namespaces(bundle.pid()).items():
            if kind not in ("user", "time"):
                self.assertNotEqual(identity, own[kind], kind)
        self.assertEqual(self.ok(bundle.exec("cat", PORTS)).out, ports)
        self.assertEqual(self.ok(bundle.exec("hostname")).out, "nucleus-test\n")
        self.ok(bundle.kill("KILL"))
        bundle.wait_stopped()
        self.ok(bundle.delete())
        self.assertEqual(bundle.leftovers(), [])
        return result

    def test_a_cycle_in_agent_mode(self):
        self.assertIn("criu cannot bring the container's Landlock domain back", self.cycle("agent").err)

    def test_a_cycle_in_passthrough(self):
        self.assertEqual(self.cycle("passthrough").err, "")

    def test_leave_running(self):
        bundle = self.counting("passthrough")
        self.ok(self.dump(bundle, "--leave-running"))
        self.assertEqual(bundle.status(), "running")
        self.counted(3)
        self.ok(self.dump(bundle))
        self.assertEqual(bundle.state(), {})

    def test_a_paused_container(self):
        bundle = self.counting("passthrough")
        self.ok(bundle.call("pause", bundle.id))
        self.ok(self.dump(bundle, "--leave-running"))
        bundle.call("resume", bundle.id)
        self.assertEqual(bundle.status(), "running")

    def test_an_image_of_a_wider_container_is_killed(self):
        bundle = self.counting("passthrough")
        self.ok(self.dump(bundle))
        bundle.process["capabilities"] = {}
        self.fails(self.bring_back(bundle, bundle.id), "CapBnd is")
        self.assertEqual(bundle.leftovers(), [])
        bundle.mode = "agent"  # the same processes without a filter, and without the mounts of this mode
        self.fails(self.bring_back(bundle, bundle.id), WIDER)
        self.assertEqual(bundle.leftovers(), [])

    def test_a_damaged_image(self):
        bundle = self.counting("passthrough")
        self.ok(self.dump(bundle))
        (self.images / "inventory.img").write_bytes(b"x" * 64)
        self.fails(self.bring_back(bundle, bundle.id), "criu failed: ")
        self.assertEqual(bundle.leftovers(), [])


if __name__ == "__main__":
    nucleus_test.main()
