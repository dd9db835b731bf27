"""From times and outputs to the figures of a row. Standard library only."""

import array
import math
import statistics


def summarize(rounds):
    """Rounds of times in ms: median and best of all, and the spread, (p90 - p10) / median."""
    times = sorted(time for times in rounds for time in times)
    median = statistics.median(times)
    low, high = (times[round(q * (len(times) - 1))] for q in (0.1, 0.9))
    return {"median_ms": median, "best_ms": times[0], "p10_ms": low, "p90_ms": high, "spread": (high - low) / median,
            "runs": len(times), "round_medians_ms": [statistics.median(times) for times in rounds]}


def read_floats(path, kind, count):
    values = array.array(kind)
    with open(path, "rb") as f:
        values.frombytes(f.read(count * values.itemsize))
    if len(values) != count:
        raise ValueError(f"expected {count} numbers in {path}, found {len(values)}")
    return values


def relative_error(actual, expected):
    """||actual - expected|| / ||expected||, in L2 over the whole batch."""
    difference = math.fsum((a - e) ** 2 for a, e in zip(actual, expected))
    return math.sqrt(difference / math.fsum(e * e for e in expected))
