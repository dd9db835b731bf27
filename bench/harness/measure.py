"""Measures one case - model, precision, batch, threads - in every runtime, in alternating rounds."""

import contextlib
import hashlib
import json
import os
import shutil
import statistics
import time
from dataclasses import dataclass, field, replace

from . import environments, figures, machine
from .models import PRESETS, Case
from .processes import Child, Failure, python_of, run


# GFLOP that vitc executes, by what multiplies.
_BY_KIND = ("gflop_f32", "gflop_bf16", "gflop_int8")


@dataclass
class Settings:
    """What the command line said."""

    environments: str
    work: str
    peers: list
    variants: dict = field(default_factory=dict)  # of a peer's key: only these
    rounds: int = 3
    seconds: float = 2.0
    starts: int = 3
    timeout: float = 1800
    tools: dict = field(default_factory=dict)  # vitc, target, cxx
    say: object = print


@dataclass
class Runner:
    """A peer's variant in one case, with its process while it lives."""

    peer: object
    case: Case
    row: dict
    child: Child = None
    rounds: list = field(default_factory=list)

    def fail(self, failure):
        self.row["reason"] = str(failure)
        self.close()

    def close(self):
        if self.child:
            self.child.close()
            self.child = None


class Bench:
    def __init__(self, settings):
        self.settings = settings
        self.sizes = {}
        self.prepared = {}  # by folder: {"prepare_s": ...} or {"reason": ...}

    # --- what cases share ---

    def model(self, preset, batch):
        """The folder with checkpoint, images and expected outputs of a preset; made once for the largest batch."""
        folder = os.path.join(self.settings.work, "models", f"{preset}-{batch}-{_sources()}")
        done = os.path.join(folder, "done")
        if not os.path.exists(done):
            self.settings.say(f"{preset}: weights and the float64 reference")
            python = python_of(environments.folder_of(self.settings.environments, environments.REFERENCE))
            run([python, "-m", "harness.reference", preset, str(batch), folder], self.settings.timeout)
            with open(done, "w", encoding="utf-8"):
                pass
        return folder

    def artifacts(self, peer, case):
        parts = [case.preset, case.precision, f"batch{case.batch}", case.peer, case.variant.replace(" ", "_")]
        parts += [f"threads{case.threads}"] if peer.per_threads else []
        return os.path.join(self.settings.work, "artifacts", "-".join(filter(None, parts)))

    def forget(self):
        """Deletes what peers prepared for cases that are over."""
        self.prepared.clear()
        shutil.rmtree(os.path.join(self.settings.work, "artifacts"), ignore_errors=True)

    def installed(self, peer, case):
        if peer.key == "vitc":
            return os.path.getsize(peer.library(case))
        if peer.key not in self.sizes:
            self.sizes[peer.key] = environments.installed_bytes(self.settings.environments, peer)
        return self.sizes[peer.key]

    # --- one case ---

    def measure(self, preset, precision, batch, threads, largest_batch):
        """Rows of every runtime. Nothing that a peer does wrong ends the comparison."""
        case = Case(preset, precision, batch, threads, "", tools=self.settings.tools)
        cpus = machine.pick_cpus(threads)
        try:
            case = replace(case, model=self.model(preset, largest_batch))
            why = None
        except Failure as failure:
            why = f"no weights and reference: {failure}"
        runners = [runner for peer in self.settings.peers for runner in self._runners(peer, case)]
        try:
            for runner in runners:
                if why:
                    runner.fail(why)
                self._guard(runner, self._start, cpus)
            peaks = []
            for number in range(self.settings.rounds):
                shift = number % len(runners) if runners else 0
                for runner in runners[shift:] + runners[:shift]:
                    self._guard(runner, self._round, cpus)
                peaks.append(self._peak(runners, case, cpus))
            for runner in runners:
                self._guard(runner, self._finish, cpus)
        finally:
            for runner in runners:
                runner.close()
        return self._rows(runners, [peak for peak in peaks if peak])

    def _runners(self, peer, case):
        variants = peer.variants.get(case.precision)
        if variants is None:
            return
        wanted = self.settings.variants.get(peer.key)
        for variant, settings in variants.items():
            if wanted and variant not in wanted:
                continue
            own = replace(case, peer=peer.key, variant=variant)
            own = replace(own, folder=self.artifacts(peer, own))
            row = {"preset": case.preset, "precision": case.precision, "batch": case.batch, "threads": case.threads,
                   "peer": peer.title, "key": peer.key, "variant": variant, "settings": settings}
            yield Runner(peer, own, row)

    @staticmethod
    def _guard(runner, step, *arguments):
        """Does a step of a runner that has not failed yet; a failure becomes the row's reason."""
        if "reason" in runner.row:
            return
        try:
            step(runner, *arguments)
        except (Failure, OSError, ValueError) as failure:
            runner.fail(failure)

    def _child(self, runner, cpus):
        python = python_of(environments.folder_of(self.settings.environments, runner.peer.environment))
        log = os.path.join(self.settings.work, "logs", f"{os.path.basename(runner.case.folder)}.log")
        os.makedirs(os.path.dirname(log), exist_ok=True)
        return Child(python, runner.case.as_dict(), cpus, runner.peer.environ(runner.case), log)

    def _start(self, runner, cpus):
        case = runner.case
        why = environments.missing(self.settings.environments, runner.peer.environment)
        if cpus is None:
            why = f"expected {case.threads} CPUs, this process may use {len(os.sched_getaffinity(0))}"
        if why:
            raise Failure(why)
        self.settings.say(f"{case.preset} {case.precision} batch {case.batch} threads {case.threads}: "
                          f"{runner.row['peer']} {case.variant}")
        self._prepare(runner)
        # A start is everything from the process's creation to its first output.
        starts, loads = [], []
        for number in range(self.settings.starts):
            runner.child = self._child(runner, cpus)
            answer = runner.child.ask("load", self.settings.timeout, output=self._output(case))
            starts.append(time.perf_counter() - runner.child.started)
            loads.append(answer["load_s"])
            if number + 1 < self.settings.starts:
                runner.close()
        runner.child.pause()
        if machine.free_memory() < 8 * case.shape.weight_bytes:
            runner.close()  # no room for all of them: this one is loaded anew in every round
        runner.row.update(cold_start_s=statistics.median(starts), load_s=statistics.median(loads))

    def _prepare(self, runner):
        case = runner.case
        if case.folder not in self.prepared:
            needed, free = 8 * case.shape.weight_bytes, machine.free_memory()
            if needed > free:
                raise Failure(f"expected about {needed >> 20} MB of free memory to prepare it, found {free >> 20} MB")
            try:
                with contextlib.closing(self._child(runner, None)) as child:
                    seconds = child.ask("prepare", self.settings.timeout)["seconds"]
                self.prepared[case.folder] = {"prepare_s": seconds}
            except Failure as failure:
                self.prepared[case.folder] = {"reason": str(failure)}
        if "reason" in self.prepared[case.folder]:
            raise Failure(self.prepared[case.folder]["reason"])
        runner.row.update(self.prepared[case.folder])

    @staticmethod
    def _output(case):
        return os.path.join(case.folder, "output.f32")

    def _resume(self, runner, cpus):
        if runner.child:
            runner.child.resume()
        else:
            runner.child = self._child(runner, cpus)
            runner.child.ask("load", self.settings.timeout, output=self._output(runner.case))

    def _round(self, runner, cpus):
        self._resume(runner, cpus)
        answer = runner.child.ask("time", self.settings.timeout, seconds=self.settings.seconds, least=3)
        runner.rounds.append(answer["times_ms"])
        if machine.free_memory() < 8 * runner.case.shape.weight_bytes:
            runner.close()
        else:
            runner.child.pause()

    def _finish(self, runner, cpus):
        case = runner.case
        self._resume(runner, cpus)
        runner.child.ask("save", self.settings.timeout, output=self._output(case))
        runner.row.update(runner.child.ask("about", 60))
        runner.close()
        count = case.batch * case.shape.outputs
        actual = figures.read_floats(self._output(case), "f", count)
        expected = figures.read_floats(os.path.join(case.model, "expected.f64"), "d", count)
        runner.row.update(figures.summarize(runner.rounds), error=figures.relative_error(actual, expected),
                          installed_bytes=self.installed(runner.peer, case))

    def _peak(self, runners, case, cpus):
        """vitc's own measurement in this round: the machine's limit, and the executed share of the model's GFLOP."""
        vitc = self.settings.tools.get("vitc")
        if not vitc or not cpus:
            return None
        compiled = [r for r in runners if r.peer.key == "vitc" and "reason" not in r.row]
        model = [compiled[0].peer.library(compiled[0].case)] if compiled else \
            ["preset:vit_tiny_patch16_224", "--precision", case.precision]
        command = [vitc, "bench", *model, "--threads", str(case.threads), "--json",
                   "--seconds", str(self.settings.seconds)]
        try:
            entry = json.loads(run(command + (["--batch", str(case.batch)] if compiled else []),
                                   self.settings.timeout, cpus))[0]
            return {key: entry[key] for key in ("median_ms", "peak_gflops", "gflop", "gflop_model", "share_of_peak",
                                                "counts_as", *_BY_KIND)}
        except (Failure, ValueError, LookupError, TypeError) as failure:
            self.settings.say(f"vitc bench: {failure}")
            return None

    @staticmethod
    def _rows(runners, peaks):
        peak = statistics.median(entry["peak_gflops"] for entry in peaks) if peaks else None
        ours = next((r.row["median_ms"] for r in runners if r.peer.key == "vitc" and "median_ms" in r.row), None)
        for runner in runners:
            row, case = runner.row, runner.case
            row.update(gflop_model=case.batch * PRESETS[case.preset].gflop, peak_gflops=peak)
            if "median_ms" not in row:
                continue
            row["gflops"] = 1e3 * row["gflop_model"] / row["median_ms"]
            executed = row["gflop_model"]
            if runner.peer.key == "vitc" and peaks:
                executed *= peaks[0]["gflop"] / peaks[0]["gflop_model"]
                row.update(bench_median_ms=statistics.median(entry["median_ms"] for entry in peaks),
                           bench_share_of_peak=statistics.median(entry["share_of_peak"] for entry in peaks),
                           counts_as=peaks[0]["counts_as"], **{key: peaks[0][key] for key in _BY_KIND})
            row["gflop_executed"] = executed
            if peak:
                row["share_of_peak"] = 1e3 * executed / row["median_ms"] / peak
            if ours:
                row["times_vitc"] = row["median_ms"] / ours
        return [runner.row for runner in runners]


def _sources():
    """A digest of what decides the weights and the reference, so that files of an older version are not used."""
    digest = hashlib.sha256()
    for name in ("models.py", "weights.py", "reference.py"):
        with open(os.path.join(os.path.dirname(__file__), name), "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()[:8]
