"""Child processes: one per peer that answers requests, and tools that run once. None outlives this program.

Protocol, on pipes, one JSON object a line: the parent writes `{"do": NAME, ...}`, the child answers
`{"ok": {...}}` or `{"error": "why"}`. What a framework prints goes to the log file instead.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_alive = set()  # every process that was started and has not been waited for


class Failure(Exception):
    """A peer or a tool could not do what it was asked; the text says why, in one line."""


def explain(text, limit=300):
    """The line of a program's messages that says what went wrong: the first that states an error, or else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error: " in line.lower()]
    return (errors[:1] or lines[-1:] or ["no message"])[0][:limit]


def _prepare_child(cpus):
    """Between fork and exec: a session of its own, the CPUs it may use, and death when the parent dies."""
    parent = os.getpid()
    libc = ctypes.CDLL(None)  # loaded before the fork

    def prepare():
        os.setsid()
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
        if cpus:
            os.sched_setaffinity(0, cpus)

    return prepare


def _start(argv, cpus, **options):
    process = subprocess.Popen(argv, preexec_fn=_prepare_child(cpus), **options)
    _alive.add(process)
    return process


def _descendants(pid):
    """Processes below `pid`, also those in sessions of their own."""
    children = {}
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def kill(process):
    for pid in [*_descendants(process.pid), process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    _alive.discard(process)


def kill_all():
    for process in list(_alive):
        kill(process)


def interruptible():
    """Makes SIGTERM and SIGHUP end the program as Ctrl-C does: through `finally` blocks."""
    def interrupt(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def run(argv, timeout, cpus=None, env=None):
    """Runs a tool to its end and returns its standard output."""
    name = " ".join([os.path.basename(argv[0]), *argv[1:3 if "-m" in argv[1:2] else 2]])
    try:
        process = _start(argv, cpus, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, errors="replace", cwd=BENCH, env={**os.environ, **(env or {})})
    except OSError as error:
        raise Failure(f"cannot run {argv[0]}: {error.strerror}") from None
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failure(f"{name}: took longer than {timeout:.0f} s") from None
    finally:
        kill(process)
    if process.returncode:
        raise Failure(f"{name}: exit status {process.returncode}: {explain(errors or output)}")
    return output


class Child:
    """A peer's worker process. `started` is the time of its start, for the cold start."""

    def __init__(self, python, case, cpus=None, env=None, log=os.devnull):
        self.log = log
        with open(log, "ab") as errors:
            self.log_offset = errors.tell()
            self.started = time.perf_counter()
            try:
                self.process = _start([python, "-m", "harness.worker", json.dumps(case)], cpus, cwd=BENCH,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                      env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})})
            except OSError as error:
                raise Failure(f"cannot run {python}: {error.strerror}") from None
        self.buffer = b""

    def ask(self, what, timeout, **arguments):
        """Sends a request and waits for its answer. A child that fails is ended."""
        try:
            self.process.stdin.write(json.dumps({"do": what, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
            answer = json.loads(self._line(time.monotonic() + timeout))
        except TimeoutError:
            self.close()
            raise Failure(f"{what}: took longer than {timeout:.0f} s") from None
        except (OSError, EOFError, ValueError):
            raise Failure(f"{what}: {self._obituary()}") from None
        if "error" in answer:
            self.close()
            raise Failure(f"{what}: {answer['error']}")
        return answer["ok"]

    def _line(self, deadline):
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                raise EOFError
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def _obituary(self):
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(self.log_offset)
            message = explain(f.read())
        if code is None:
            return f"the worker closed its output: {message}"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return f"the worker ended with {how}: {message}"

    def pause(self):
        """Stops every thread of the child, so that it cannot disturb the one that is measured."""
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        for pid in [self.process.pid, *_descendants(self.process.pid)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def close(self):
        if self.process in _alive:
            kill(self.process)


def python_of(environment):
    """The interpreter of a virtual environment, or our own where there is none."""
    return os.path.join(environment, "bin", "python") if environment else sys.executable
