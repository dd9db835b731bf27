"""Checks the keys of `vitc bench --json`, and that its figures agree with each other."""
import json
import math
import sys

(entry,) = json.load(open(sys.argv[1]))
assert set(entry) == {"name", "target", "precision", "batch", "threads", "median_ms", "best_ms", "gflop", "gflop_model",
                      "gflops", "peak_gflops", "share_of_peak"}, entry
assert (entry["name"], entry["target"], entry["precision"]) == ("vit_fashion_mnist", "x86-64", "f32"), entry
assert (entry["batch"], entry["threads"]) == (2, 1), entry
assert 0 < entry["best_ms"] <= entry["median_ms"], entry
assert 0 < entry["gflop"] < entry["gflop_model"], entry
assert math.isclose(entry["gflops"], entry["gflop"] / entry["median_ms"] * 1e3, rel_tol=1e-9), entry
assert math.isclose(entry["share_of_peak"], entry["gflops"] / entry["peak_gflops"], rel_tol=1e-9), entry
