"""Checks the keys of `vitc bench --json`, and that its figures agree with each other."""
import json
import math
import sys

(entry,) = json.load(open(sys.argv[1]))
path, target, precision, dot = sys.argv[1:]
KINDS = ("f32", "bf16", "int8")
keys = {"name", "input", "target", "precision", "batch", "threads", "median_ms", "best_ms", "gflop", "counts_as", "gflop_model",
        "gflops", "peak_gflops", "share_of_peak", "share_of_limit", "bandwidths", "run_ms", "between_regions_ms",
        "regions"}
for kind in KINDS:
    keys |= {f"gflop_{kind}", f"gflop_linear_{kind}", f"peak_gflops_{kind}"}
assert set(entry) == keys, set(entry) ^ keys
assert (entry["name"], entry["target"], entry["precision"]) == ("vit_fashion_mnist", target, precision), entry
assert (entry["batch"], entry["threads"]) == (2, 1), entry
assert 0 < entry["best_ms"] <= entry["median_ms"], entry
assert 0 < entry["gflop"] < entry["gflop_model"], entry


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


assert close(entry["gflops"], entry["gflop"] / entry["median_ms"] * 1e3), entry
assert close(entry["share_of_peak"], entry["gflops"] / entry["peak_gflops"]), entry
assert close(entry["gflop"], sum(entry[f"gflop_{kind}"] for kind in KINDS)), entry
assert entry["counts_as"] == dot and entry[f"gflop_linear_{dot}"] > 0, entry
assert all(entry[f"gflop_linear_{kind}"] <= entry[f"gflop_{kind}"] for kind in KINDS), entry
assert entry[f"peak_gflops_{dot}"] > 0, entry
limit = sum(entry[f"gflop_{kind}"] / entry[f"peak_gflops_{kind}"] for kind in KINDS if entry[f"gflop_{kind}"])
assert close(entry["share_of_limit"], limit * 1e3 / entry["median_ms"]), entry
# The profile: all of the run's time and arithmetic.
regions = entry["regions"]
assert close(entry["run_ms"], entry["between_regions_ms"] + sum(region["ms"] for region in regions)), entry
assert close(entry["gflop"], sum(region["gflop"] for region in regions)), entry
assert entry["bandwidths"]["l2"] > 0 and entry["bandwidths"]["memory"] > 0, entry
assert all(region["calls"] in (1, 2) and region["activation_bytes"] > 0 for region in regions), regions
for region in regions:
    assert close(region["limit_ms"], max(region["arithmetic_ms"], region["memory_ms"])), region
assert {"embed", "blk.0", "blk.5", "head"} <= {region["layer"] for region in regions}, regions
assert {f"{dot} gemm", "layer_norm"} <= {region["kind"] for region in regions}, regions
