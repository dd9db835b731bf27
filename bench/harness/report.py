"""The tables, in Markdown, from the JSON of a comparison: {"machine": {...}, "settings": {...}, "rows": [...]}."""

import json
import os

from .models import TITLES

_COLUMNS = ("runtime", "median ms", "best ms", "spread", "GFLOP/s", "of peak", "× vitc", "rel. error", "RSS MB",
            "cold start s", "installed MB")


def number(value, digits=3):
    """`digits` significant digits, without an exponent."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    magnitude = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(0, digits - magnitude)}f}"


def _share(value):
    return "–" if value is None else f"{100 * value:.0f} %"


def _megabytes(value):
    return "–" if value is None else number(value / 1e6, 2 if value < 1e8 else 3)


def name(row):
    return f"{row['peer']}, {row['variant']}" if row["variant"] else row["peer"]


def _label(row):
    if row["key"] != "vitc":
        return name(row)
    kind = row.get("counts_as", row["precision"])
    return f"**{name(row)}**" + (f" (counts as {kind})" if kind != row["precision"] else "")


def _cells(row):
    label = _label(row)
    if "reason" in row:
        reason = row["reason"].replace("|", "\\|").replace("\n", " ")
        return [label, f"failed: {reason}"] + [""] * (len(_COLUMNS) - 2)
    return [label, number(row["median_ms"]), number(row["best_ms"]), _share(row["spread"]), number(row["gflops"]),
            _share(row.get("share_of_peak")), number(row.get("times_vitc")), f"{row['error']:.1e}",
            _megabytes(row["peak_rss"]), number(row["cold_start_s"], 2), _megabytes(row["installed_bytes"])]


def _table(header, lines):
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *lines]])


def cases(rows):
    """Rows by (preset, precision, batch, threads), in the order in which they were measured."""
    grouped = {}
    for row in rows:
        grouped.setdefault((row["preset"], row["precision"], row["batch"], row["threads"]), []).append(row)
    return grouped


def _count(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def markdown(result):
    parts = [_preface(result)]
    for (preset, precision, batch, threads), rows in cases(result["rows"]).items():
        peak = next((row["peak_gflops"] for row in rows if row.get("peak_gflops")), None)
        parts.append(f"### {TITLES.get(preset, preset)}, {precision}, batch {batch}, {_count(threads, 'thread')}")
        parts.append(f"{number(rows[0]['gflop_model'])} GFLOP a call"
                     + (f"; peak {number(peak)} GFLOP/s" if peak else ""))
        ordered = sorted(rows, key=lambda row: row.get("median_ms", float("inf")))
        parts.append(_table(_COLUMNS, map(_cells, ordered)))
    parts += ["### Runtimes", _table(("runtime", "precision", "version", "settings"), _runtimes(result["rows"]))]
    return "\n\n".join(parts) + "\n"


def _preface(result):
    machine, settings = result["machine"], result["settings"]
    text = (f"{machine['cpu']}, {_count(machine['cpus'], 'CPU')}. Milliseconds a call; "
            f"{_count(settings['rounds'], 'alternating round')} of {settings['seconds']:g} s for each line, pinned.")
    if machine["load_at_start"] > 0.5:
        text += f" The machine was busy (load {machine['load_at_start']:.1f}): trust the best runs only."
    return text


def _runtimes(rows):
    lines = {}
    for row in rows:
        key = (name(row), row["precision"])
        if key not in lines or row.get("version"):
            lines[key] = [*key, row.get("version", "–"), row["settings"]]
    return lines.values()


def write(path, text):
    """The file appears complete or not at all."""
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".tmp", path)


def write_json(path, result):
    write(path, json.dumps(result, indent=2) + "\n")


def read_json(path):
    with open(path, encoding="utf-8") as f:
        result = json.load(f)
    if not isinstance(result, dict) or not {"machine", "settings", "rows"} <= result.keys():
        raise ValueError("expected an object with machine, settings and rows, as --json writes it")
    return result
