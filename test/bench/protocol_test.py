"""The worker protocol and whole comparisons with made-up peers. Standard library only; run by protocol.test."""

import array
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(os.path.dirname(os.path.dirname(HERE)), "bench")
sys.path.insert(0, BENCH)

from harness import measure, models, processes, worker  # noqa: E402
from peers.base import Peer  # noqa: E402

PRESET = "vit_tiny_patch16_224"


class Fake(Peer):
    """A runtime that returns the expected outputs, or does what its variant says."""

    key = title = "fake"
    variants = {"f32": {"good": "", "off by half": "", "raises": "", "dies": "", "hangs": "", "noisy": ""}}

    def environ(self, case):
        return {"PYTHONPATH": HERE}

    def version(self):
        return "1.0"

    def prepare(self, case):
        if case.variant == "raises":
            raise RuntimeError("no such operator\nand a long story")

    def load(self, case):
        with open(os.path.join(case.model, "expected.f64"), "rb") as f:
            expected = array.array("d", f.read())
        outputs = array.array("f", (x * (1.5 if case.variant == "off by half" else 1) for x in expected))
        if case.variant == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        if case.variant == "noisy":
            os.write(1, b"a banner on standard output\n")
        return (lambda: time.sleep(60)) if case.variant == "hangs" else (lambda: outputs)

    def save(self, result, path):
        with open(path, "wb") as f:
            f.write(result.tobytes())


# The worker imports `peers` and finds the fake one there.
FAKE_WORKER = f"""
import sys
sys.path[:0] = [{BENCH!r}, {HERE!r}]
import peers, protocol_test
peers.PEERS["fake"] = protocol_test.Fake()
from harness import worker
worker.main()
"""


def start(case, **options):
    """A Child that runs FAKE_WORKER."""
    with mock.patch.object(processes, "_start", _start_fake):
        return processes.Child(sys.executable, case, **options)


_real_start = processes._start


def _start_fake(argv, cpus, **options):
    if argv[1:3] == ["-m", "harness.worker"]:
        argv = [argv[0], "-c", FAKE_WORKER, argv[3]]
    return _real_start(argv, cpus, **options)


def case_of(folder, variant):
    return models.Case(PRESET, "f32", 1, 1, "fake", variant, model=folder, folder=os.path.join(folder, "a"))


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        with open(os.path.join(self.folder, "expected.f64"), "wb") as f:
            f.write(array.array("d", range(1, 1001)).tobytes())
        self.log = os.path.join(self.folder, "log")
        self.addCleanup(processes.kill_all)


class Protocol(Folder):
    def test_requests_and_answers(self):
        answers = io.StringIO()
        peer, case = Fake(), case_of(self.folder, "good")
        requests = [{"do": "prepare"}, {"do": "load", "output": os.path.join(self.folder, "o")},
                    {"do": "time", "seconds": 0.2, "least": 4}, {"do": "about"}, {"do": "dance"}]
        worker.serve(peer, case, [json.dumps(r) for r in requests], answers)
        prepared, loaded, timed, about, dance = map(json.loads, answers.getvalue().splitlines())
        self.assertGreaterEqual(prepared["ok"]["seconds"], 0)
        self.assertLessEqual({"load_s", "first_s"}, loaded["ok"].keys())
        self.assertGreaterEqual(len(timed["ok"]["times_ms"]), 4)
        self.assertEqual(about["ok"]["version"], "1.0")
        self.assertGreater(about["ok"]["peak_rss"], 1 << 20)
        self.assertIn("KeyError", dance["error"])

    def test_slow_models_run_less(self):
        peer, case = Fake(), case_of(self.folder, "good")
        slow = worker.Worker(peer, case)
        slow.run = lambda: time.sleep(0.02)
        self.assertEqual(len(slow.time(seconds=0.001, least=3)["times_ms"]), 1)
        self.assertEqual(len(slow.time(seconds=0.01, least=3)["times_ms"]), 3)

    def test_explanations(self):
        self.assertEqual(processes.explain("x: warning\nx: error: no such thing\nx: note: look\n"),
                         "x: error: no such thing")
        self.assertEqual(processes.explain("first\n\nlast\n"), "last")
        self.assertEqual(processes.explain(""), "no message")

    def test_a_process_answers_and_its_noise_goes_to_the_log(self):
        child = start(case_of(self.folder, "noisy").as_dict(), log=self.log)
        child.ask("prepare", 60)
        child.ask("load", 60, output=os.path.join(self.folder, "o"))
        child.pause()
        child.resume()
        self.assertGreaterEqual(len(child.ask("time", 60, seconds=0.1, least=2)["times_ms"]), 2)
        child.close()
        with open(self.log, encoding="utf-8") as f:
            self.assertIn("a banner", f.read())

    def test_failures_say_why_and_end_the_process(self):
        for variant, what, message in (("raises", "prepare", "prepare: RuntimeError: no such operator$"),
                                       ("dies", "load", "load: the worker ended with signal SIGSEGV"),
                                       ("hangs", "load", "load: took longer than 1 s")):
            child = start(case_of(self.folder, variant).as_dict(), log=self.log)
            arguments = {"output": os.path.join(self.folder, "o")} if what == "load" else {}
            with self.assertRaisesRegex(processes.Failure, message):
                child.ask(what, 1 if variant == "hangs" else 60, **arguments)
            self.assertIsNotNone(child.process.poll())

    def test_a_missing_interpreter(self):
        with self.assertRaisesRegex(processes.Failure, "cannot run /nowhere/python"):
            processes.Child("/nowhere/python", {})

    def test_tools(self):
        self.assertEqual(processes.run([sys.executable, "-c", "print(1)"], 60), "1\n")
        with self.assertRaisesRegex(processes.Failure, "exit status 1: SystemExit|exit status 1: bad"):
            processes.run([sys.executable, "-c", "import sys; sys.exit('bad')"], 60)
        with self.assertRaisesRegex(processes.Failure, "took longer"):
            processes.run([sys.executable, "-c", "import time; time.sleep(60)"], 1)


class Comparison(Folder):
    def measure(self, variants, **options):
        settings = measure.Settings(environments=self.folder, work=self.folder, peers=[Fake()], rounds=2, seconds=0.01,
                                    starts=2, timeout=60, variants={"fake": variants}, say=lambda text: None, **options)
        bench = measure.Bench(settings)
        with mock.patch.object(processes, "_start", _start_fake), \
                mock.patch.object(bench, "model", lambda preset, batch: self.folder), \
                mock.patch.object(bench, "installed", lambda peer, case: 12345):
            rows = bench.measure(PRESET, "f32", 1, 1, 1)
        self.assertFalse(processes._alive)
        return {row["variant"]: row for row in rows}

    def test_a_failing_peer_is_a_row(self):
        rows = self.measure({"good", "raises", "dies", "off by half"})
        self.assertEqual(rows["raises"]["reason"], "prepare: RuntimeError: no such operator")
        self.assertIn("SIGSEGV", rows["dies"]["reason"])
        good = rows["good"]
        self.assertEqual((good["error"], good["version"], good["installed_bytes"]), (0, "1.0", 12345))
        self.assertEqual(len(good["round_medians_ms"]), 2)
        self.assertGreater(good["cold_start_s"], good["load_s"])
        self.assertAlmostEqual(rows["off by half"]["error"], 0.5)

    def test_too_many_threads_is_a_row(self):
        with mock.patch("harness.machine.pick_cpus", lambda threads: None):
            rows = self.measure({"good"})
        self.assertIn("expected 1 CPUs", rows["good"]["reason"])

    def test_a_reference_that_fails(self):
        def fail(preset, batch):
            raise processes.Failure("no numpy")
        with mock.patch.object(measure.Bench, "model", lambda bench, preset, batch: fail(preset, batch)):
            settings = measure.Settings(environments=self.folder, work=self.folder, peers=[Fake()], rounds=1)
            rows = measure.Bench(settings).measure(PRESET, "f32", 1, 1, 1)
        self.assertEqual({row["reason"] for row in rows}, {"no weights and reference: no numpy"})

    def test_memory_that_is_short(self):
        with mock.patch("harness.machine.free_memory", lambda: 1 << 20):
            self.assertIn("free memory", self.measure({"good"})["good"]["reason"])


class Interrupt(Folder):
    PROGRAM = """
import signal, sys
sys.path[:0] = [{bench!r}, {here!r}]
import protocol_test as t
from harness import processes
signal.signal(signal.SIGINT, signal.default_int_handler)  # test runners ignore it
processes.interruptible()
try:
    child = t.start(t.case_of({folder!r}, "hangs").as_dict(), log={log!r})
    print(child.process.pid, flush=True)
    child.ask("load", 60, output={folder!r} + "/o")
finally:
    processes.kill_all()
"""

    def test_no_child_stays(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            text = self.PROGRAM.format(bench=BENCH, here=HERE, folder=self.folder, log=self.log)
            with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  text=True) as program:
                child = int(program.stdout.readline())
                program.send_signal(number)
                program.wait(30)
            deadline = time.monotonic() + 10
            while running(child) and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertFalse(running(child), number)


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
