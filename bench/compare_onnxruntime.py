#!/usr/bin/env python3
"""Times the preset models in ONNX Runtime (CPU, f32) beside `vitc bench`, in alternating rounds of one run.

    python3 bench/compare_onnxruntime.py --vitc build/release/bin/vitc
    python3 bench/compare_onnxruntime.py --presets vit_tiny_patch16_224 --batch 1,8 --threads 1 --json result.json
    python3 bench/compare_onnxruntime.py --no-vitc              ONNX Runtime alone

Exit codes: 0 done, 1 vitc failed, 2 wrong usage, 4 onnxruntime, onnx or vitc is not installed, 5 with --check: vitc is
behind somewhere. See README.md in this folder for what is compared.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

GRAPHS = {"plain": False, "attention op": True}


def fail(code, message):
    print(f"compare_onnxruntime: {message}", file=sys.stderr)
    sys.exit(code)


try:
    import numpy as np
    import onnxruntime
    import vit_onnx
except ImportError as error:
    fail(4, f"the Python package '{error.name}' is not installed; nothing was compared. "
            "Install onnxruntime, onnx and numpy into a virtual environment and run this script with its Python.")


def numbers(text):
    values = text.split(",")
    if not all(v.isdecimal() and int(v) > 0 for v in values):
        raise argparse.ArgumentTypeError(f"expected positive integers separated by commas, got '{text}'")
    return [int(v) for v in values]


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vitc", default="vitc", help="the vitc program (default: from PATH)")
    p.add_argument("--no-vitc", action="store_true", help="measure ONNX Runtime alone")
    p.add_argument("--presets", default="vit_tiny_patch16_224,vit_small_patch16_224,vit_base_patch16_224",
                   help=f"of {', '.join(vit_onnx.PRESETS)}")
    p.add_argument("--batch", type=numbers, default=[1, 8], metavar="N[,N]")
    p.add_argument("--threads", type=numbers, default=[1, 2], metavar="N[,N]")
    p.add_argument("--rounds", type=int, default=3, help="alternations per line (default 3)")
    p.add_argument("--seconds", type=float, default=2.0, help="time for each graph in each round (default 2)")
    p.add_argument("--target", help="passed to vitc bench, to force a level")
    p.add_argument("--json", metavar="FILE", help="also write every figure there")
    p.add_argument("--check", action="store_true", help="exit 5 unless vitc's median is ahead on every line")
    args = p.parse_args()
    args.presets = args.presets.split(",")
    for name in args.presets:
        if name not in vit_onnx.PRESETS:
            p.error(f"unknown preset '{name}', expected one of {', '.join(vit_onnx.PRESETS)}")
    if args.rounds < 1 or args.seconds <= 0:
        p.error("--rounds and --seconds must be positive")
    if args.check and args.no_vitc:
        p.error("--check needs vitc")
    if not args.no_vitc and not shutil.which(args.vitc):
        fail(4, f"cannot run '{args.vitc}'; give the path with --vitc, or --no-vitc to measure ONNX Runtime alone")
    return args


def session(shape, batch, threads, fused):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    model = vit_onnx.build(shape, batch, fused)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def time_session(s, images, seconds):
    """Milliseconds of each run, after one to warm up: at least five runs, then until the time is used."""
    s.run(None, {"images": images})
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        s.run(None, {"images": images})
        times.append(1e3 * (time.perf_counter() - before))
    return times


def bench_vitc(args, preset, batch, threads):
    command = [args.vitc, "bench", f"preset:{preset}", "--batch", str(batch), "--threads", str(threads), "--json"]
    if args.target:
        command += ["--target", args.target]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fail(1, f"'{' '.join(command)}' exited with {done.returncode}: {done.stderr.strip()}")
    try:
        (entry,) = [e for e in json.loads(done.stdout) if e["batch"] == batch and e["threads"] == threads]
        return {k: entry[k] for k in ("median_ms", "best_ms", "target", "share_of_peak")}
    except (ValueError, KeyError, TypeError) as error:
        fail(1, f"'{' '.join(command)}' printed no single result for this batch and thread count ({error!r})")


def measure(args, preset, batch, threads):
    shape = vit_onnx.PRESETS[preset]
    images = np.random.default_rng(7).standard_normal((batch, 3, shape.image, shape.image), dtype=np.float32)
    sessions = {name: session(shape, batch, threads, fused) for name, fused in GRAPHS.items()}
    times, ours = {name: [] for name in GRAPHS}, []
    for _ in range(args.rounds):
        for name, s in sessions.items():
            times[name] += time_session(s, images, args.seconds)
        if not args.no_vitc:
            ours.append(bench_vitc(args, preset, batch, threads))
    ort = {name: {"median_ms": statistics.median(t), "best_ms": min(t), "runs": len(t)} for name, t in times.items()}
    # ONNX Runtime is given its better graph, for the median and for the best run separately.
    line = {"preset": preset, "batch": batch, "threads": threads, "gflop_model": batch * shape.gflop, "graphs": ort,
            "ort_median_ms": min(o["median_ms"] for o in ort.values()),
            "ort_best_ms": min(o["best_ms"] for o in ort.values())}
    line["ort_gflops"] = line["gflop_model"] / line["ort_best_ms"] * 1e3
    if ours:
        line.update(vitc_target=ours[0]["target"], vitc_rounds=ours,
                    vitc_median_ms=statistics.median(o["median_ms"] for o in ours),
                    vitc_best_ms=min(o["best_ms"] for o in ours))
        line.update(speedup_median=line["ort_median_ms"] / line["vitc_median_ms"],
                    speedup_best=line["ort_best_ms"] / line["vitc_best_ms"])
    return line


def cpu_name():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def markdown_row(line):
    cells = [line["preset"], line["batch"], line["threads"], f"{line['ort_median_ms']:.2f}",
             f"{line['ort_best_ms']:.2f}", f"{line['ort_gflops']:.0f}"]
    if "vitc_median_ms" in line:
        cells += [f"{line['vitc_median_ms']:.2f}", f"{line['vitc_best_ms']:.2f}", f"{line['speedup_median']:.2f}",
                  f"{line['speedup_best']:.2f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    args = parse()
    load = os.getloadavg()[0]
    machine = {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0)), "load_at_start": load,
               "onnxruntime": onnxruntime.__version__, "python": platform.python_version()}
    print(f"ONNX Runtime {machine['onnxruntime']} on {machine['cpu']}, {machine['cpus']} CPUs, f32; "
          "milliseconds a call.\n")
    header = ["Preset", "batch", "threads", "ORT median", "ORT best", "ORT GFLOP/s"]
    if not args.no_vitc:
        header += ["vitc median", "vitc best", "faster, median", "faster, best"]
    print("| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    lines = []
    for preset in args.presets:
        for batch in args.batch:
            for threads in args.threads:
                lines.append(measure(args, preset, batch, threads))
                print(markdown_row(lines[-1]), flush=True)
    if load > 0.5:
        print(f"compare_onnxruntime: the machine was busy (load {load:.1f}); trust the best runs only", file=sys.stderr)
    if args.json:
        try:
            with open(args.json, "w") as f:
                json.dump({"machine": machine, "lines": lines}, f, indent=2)
        except OSError as error:
            fail(4, f"cannot write {args.json}: {error.strerror}")
    behind = [line for line in lines if args.check and line["speedup_median"] <= 1]
    if behind:
        fail(5, "vitc is not ahead on " + ", ".join(
            f"{b['preset']} batch {b['batch']} threads {b['threads']} ({b['speedup_median']:.2f})" for b in behind))


if __name__ == "__main__":
    main()
