"""A peer's process: loads one model in one runtime and answers requests (see processes.py). Run by compare.py:

    python -m harness.worker '{"peer": "onnxruntime", "preset": ..., ...}'
"""

import json
import os
import sys
import time

from .models import Case


def _peak_memory():
    """Bytes: the most that was resident at once."""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith("VmHWM"))


class Worker:
    def __init__(self, peer, case):
        self.peer, self.case, self.run = peer, case, None

    def prepare(self):
        """What happens once, before deployment: export, compile, quantize."""
        os.makedirs(self.case.folder, exist_ok=True)
        start = time.perf_counter()
        self.peer.prepare(self.case)
        return {"seconds": time.perf_counter() - start}

    def load(self, output):
        """From the prepared files to the first result, which goes to the file `output` as f32."""
        start = time.perf_counter()
        self.run = self.peer.load(self.case)
        loaded = time.perf_counter()
        result = self.run()
        first = time.perf_counter()
        self.peer.save(result, output)
        return {"load_s": loaded - start, "first_s": first - loaded}

    def time(self, seconds, least):
        """Milliseconds of each run, after one to warm up: until the time is used, and at least `least` runs. A model
        that needs ten times the time for those runs once."""
        self.run()
        times, start = [], time.perf_counter()
        while not times or (spent := time.perf_counter() - start) < seconds or \
                (len(times) < least and spent < 10 * seconds):
            before = time.perf_counter()
            self.run()
            times.append(1e3 * (time.perf_counter() - before))
        return {"times_ms": times}

    def save(self, output):
        """The result of another run: after warming up, a runtime may use other code."""
        self.peer.save(self.run(), output)
        return {}

    def about(self):
        return {"version": self.peer.version(), "peak_rss": _peak_memory()}


def serve(peer, case, requests, answers):
    worker = Worker(peer, case)
    actions = {"prepare": worker.prepare, "load": worker.load, "time": worker.time, "save": worker.save,
               "about": worker.about}
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"ok": actions[request.pop("do")](**request)}
        except Exception as error:  # whatever a framework raises becomes the row's reason
            first = next(iter(str(error).strip().splitlines()), "")
            answer = {"error": f"{type(error).__name__}: {first}"[:400]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main():
    from peers import PEERS
    # Frameworks print where they like; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    case = Case(**json.loads(sys.argv[1]))
    serve(PEERS[case.peer], case, sys.stdin, answers)


if __name__ == "__main__":
    main()
