#!/usr/bin/env python3
"""Measures vitc beside other runtimes, interleaved in one run, on the same seeded models.

    python3 bench/compare.py --setup                        install every runtime first, then measure
    python3 bench/compare.py --presets vit_base_patch16_224 --precision f32,int8 --batch 1,8 --threads 1,2
    python3 bench/compare.py --peers vitc,onnxruntime --seconds 0.5 --json result.json --plot result.svg
    python3 bench/compare.py --from result.json --plot result.svg         tables and plot again, nothing is measured

A runtime that cannot be installed, built or run is a row that says why. README.md in this folder says what is compared.
Exit codes: 0 done, 1 a result given with --from is at fault, 2 wrong usage, 4 the environment is, 5 with --check: vitc
is behind somewhere.
"""

import argparse
import os
import shutil
import sys

from harness import environments, machine, plot, processes, report
from harness.measure import Bench, Settings
from harness.models import PRECISIONS, PRESETS
from peers import PEERS

_ROOT = os.path.dirname(processes.BENCH)
_DEFAULT = object()


def names(known):
    def parse(text):
        for value in text.split(","):
            if value not in known:
                raise argparse.ArgumentTypeError(f"expected {', '.join(known)}, got '{value}'")
        return list(dict.fromkeys(text.split(",")))
    return parse


def peers_and_variants(text):
    """"vitc,pytorch:eager" -> (["vitc", "pytorch"], {"pytorch": {"eager"}}): keys, and variants where any was named."""
    keys, variants = [], {}
    for value in text.split(","):
        key, _, variant = value.partition(":")
        names(PEERS)(key)
        known = sorted({name for group in PEERS[key].variants.values() for name in group if name})
        if variant and variant not in known:
            expected = f"one of {', '.join(known)}" if known else "no variant"
            raise argparse.ArgumentTypeError(f"expected for {key} {expected}, got '{variant}'")
        keys.append(key)
        if variant:
            variants.setdefault(key, set()).add(variant)
    return list(dict.fromkeys(keys)), variants


def numbers(text):
    values = text.split(",")
    if not all(value.isdecimal() and int(value) > 0 for value in values):
        raise argparse.ArgumentTypeError(f"expected positive integers separated by commas, got '{text}'")
    return [int(value) for value in values]


def parse(arguments):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--presets", type=names(PRESETS), metavar="NAME[,NAME]",
                   help=f"of {', '.join(PRESETS)} (default: all)")
    p.add_argument("--precision", type=names(PRECISIONS), metavar="P[,P]",
                   help=f"of {', '.join(PRECISIONS)} (default: f32)")
    p.add_argument("--batch", type=numbers, metavar="N[,N]", help="images a call (default: 1,8)")
    p.add_argument("--threads", type=numbers, metavar="N[,N]", help="also CPUs (default: 1,2)")
    p.add_argument("--peers", type=peers_and_variants, metavar="NAME[:VARIANT][,...]",
                   help=f"of {', '.join(PEERS)} (default: all); a variant is what the table shows behind the comma")
    p.add_argument("--setup", nargs="?", const=_DEFAULT, metavar="DIR",
                   help="first make a virtual environment for each peer under DIR (default: as --envs), with pip")
    p.add_argument("--envs", default=os.path.join(_ROOT, "build", "bench", "envs"), metavar="DIR",
                   help="where --setup made them (default: build/bench/envs)")
    p.add_argument("--work", default=os.path.join(_ROOT, "build", "bench", "work"), metavar="DIR",
                   help="models, logs and what peers compile; may be deleted (default: build/bench/work)")
    p.add_argument("--rounds", type=int, default=3, help="alternations for each line (default: 3)")
    p.add_argument("--seconds", type=float, default=2.0, help="time of each runtime in each round (default: 2)")
    p.add_argument("--starts", type=int, default=3, help="cold starts, of which the median counts (default: 3)")
    p.add_argument("--timeout", type=float, default=1800, help="seconds that a step of a peer may take (default: 1800)")
    p.add_argument("--vitc", help="the vitc program (default: build/release/bin/vitc, or else from PATH)")
    p.add_argument("--target", help="passed to vitc compile, to measure one level")
    p.add_argument("--cxx", help="C++ compiler for torch.compile (default: g++, or else clang++)")
    p.add_argument("--json", metavar="FILE", help="write every figure there, after each case")
    p.add_argument("--markdown", metavar="FILE", help="write the tables there instead of to standard output")
    p.add_argument("--plot", metavar="FILE.svg", help="write a bar plot there")
    p.add_argument("--plot-batch", type=int, metavar="N", help="the batch that it shows (default: the smallest)")
    p.add_argument("--plot-threads", type=int, metavar="N", help="the threads that it shows (default: the most)")
    p.add_argument("--from", dest="source", metavar="FILE", help="show the JSON of an earlier run, or the part of it that is asked for; measure nothing")
    p.add_argument("--check", action="store_true", help="exit 5 unless vitc's median is ahead on every line")
    args = p.parse_args(arguments)
    if args.rounds < 1 or args.starts < 1 or args.seconds <= 0 or args.timeout <= 0:
        p.error("--rounds, --starts, --seconds and --timeout must be positive")
    if args.setup not in (None, _DEFAULT):
        args.envs = args.setup
    for name in ("envs", "work"):
        setattr(args, name, os.path.abspath(getattr(args, name)))
    return args


def fail(code, message):
    print(f"compare: {message}", file=sys.stderr)
    sys.exit(code)


def say(message):
    print(f"compare: {message}", file=sys.stderr, flush=True)


def find(given, *candidates):
    """The absolute path of a program: the one that was asked for, or the first that exists; "" if there is none."""
    found = next(filter(None, map(shutil.which, [given] if given else candidates)), "")
    if given and not found:
        fail(4, f"cannot run '{given}'")
    return os.path.abspath(found) if found else ""


def measure(args):
    """Measures every case and returns the result, as far as it came when it is interrupted."""
    vitc = find(args.vitc, os.path.join(_ROOT, "build", "release", "bin", "vitc"), "vitc")
    if not vitc:
        fail(4, "vitc is neither in build/release/bin nor in PATH; build it, or give its path with --vitc")
    presets, precisions = args.presets or list(PRESETS), args.precision or ["f32"]
    batches, threads_list = args.batch or [1, 8], args.threads or [1, 2]
    keys, variants = args.peers or (list(PEERS), {})
    peers = [PEERS[key] for key in keys]
    if args.setup:
        environments.set_up(args.envs, peers, say)
    why = environments.missing(args.envs, environments.REFERENCE)
    if why:
        fail(4, f"the float64 reference (numpy, scipy) is {why}")
    os.makedirs(args.work, exist_ok=True)
    bench = Bench(Settings(
        environments=args.envs, work=args.work, peers=peers, variants=variants, rounds=args.rounds,
        seconds=args.seconds, starts=args.starts, timeout=args.timeout, say=say,
        tools={"vitc": vitc, "target": args.target,
               "cxx": find(args.cxx, "g++", "clang++", "clang++-22")}))
    result = {"machine": machine.describe(), "rows": [], "complete": False,
              "settings": {"rounds": args.rounds, "seconds": args.seconds, "starts": args.starts}}
    try:
        for preset in presets:
            for precision in precisions:
                for batch in batches:
                    for threads in threads_list:
                        result["rows"] += bench.measure(preset, precision, batch, threads, max(batches))
                        if args.json:
                            report.write_json(args.json, result)
                    bench.forget()
        result["complete"] = True
    except KeyboardInterrupt:
        say("interrupted; what was measured follows")
    except processes.Failure as failure:
        fail(4, failure)
    return result


def select(args, result):
    """The rows of an earlier result that the options ask for."""
    keys, variants = args.peers or (list(PEERS), {})
    wanted = {"preset": args.presets, "precision": args.precision, "batch": args.batch, "threads": args.threads,
              "key": keys}
    result["rows"] = [row for row in result["rows"]
                      if all(values is None or row[name] in values for name, values in wanted.items())
                      and row["variant"] in variants.get(row["key"], [row["variant"]])]
    return result


def show(args, result):
    if args.json:
        report.write_json(args.json, result)
    if args.markdown:
        report.write(args.markdown, report.markdown(result))
    else:
        print(report.markdown(result), end="")
    if args.plot:
        report.write(args.plot, plot.svg(result, args.plot_batch, args.plot_threads))


def behind(result):
    """The lines where another runtime is faster, or vitc failed."""
    for row in result["rows"]:
        line = f"{row['preset']} {row['precision']} batch {row['batch']} threads {row['threads']}"
        if row["key"] == "vitc" and "reason" in row:
            yield f"{line}: vitc failed"
        elif row.get("times_vitc", 2) <= 1 and row["key"] != "vitc":
            yield f"{line}: {report.name(row)} takes {row['times_vitc']:.2f} of its time"


def main(arguments=None):
    args = parse(arguments)
    processes.interruptible()
    try:
        if args.source:
            try:
                result = select(args, report.read_json(args.source))
            except ValueError as error:
                fail(1, f"{args.source}: {error}")
        else:
            result = measure(args)
        show(args, result)
    except OSError as error:
        fail(4, f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    finally:
        processes.kill_all()
    lines = list(behind(result)) if args.check else []
    if lines:
        fail(5, "vitc is not ahead: " + "; ".join(lines))
    return 0 if result.get("complete", True) else 130


if __name__ == "__main__":
    sys.exit(main())
