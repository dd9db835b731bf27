#!/usr/bin/env python3
"""Makes the goldens of this folder: tiny checkpoints saved by the original frameworks, with inputs and outputs.

Each framework wants a virtual environment of its own, outside the repository (Python 3.11, CPU builds), here in $V:

    for e in hf4 hf5 timm; do python3 -m venv $V/$e; $V/$e/bin/pip install torch==2.13.0 pillow==13.0.0; done
    $V/hf4/bin/pip install transformers==4.57.6 safetensors==0.8.0 numpy==2.4.6
    $V/hf5/bin/pip install transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 torchvision==0.28.0
    $V/timm/bin/pip install timm==1.0.31 safetensors==0.8.0 numpy==2.4.6 torchvision==0.28.0

(Install the CPU build of torch first, or pip may bring a CUDA build along with torchvision. torchvision's own C++
operators are not needed: golden_tools.define_missing_torchvision_ops.) Then:

    $V/hf4/bin/python  make_goldens.py hf        the hf4-* folders
    $V/hf5/bin/python  make_goldens.py hf        the hf5-* folders
    $V/timm/bin/python make_goldens.py timm      the timm-* folders
    $V/timm/bin/python make_goldens.py readme    the tables of README.md, and the sizes

Everything is seeded by the case's name, so a second run writes the same bytes. Case names may follow `hf` or `timm`.
Every case is refused if the framework's own f32 result is far from its float64 one, or if a plausible mistake (another
GELU, eps x 1000, another pooling, shifted positions, a missing block …) changes its output too little to be noticed.
"""

import json
import sys

import golden_tools as tools

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def cases():
    found = sorted(tools.ROOT.glob("*/golden/golden.json"))
    return [(path.parent.parent, json.loads(path.read_text())) for path in found]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def describe_picture(info):
    picture = info.get("picture")
    if not picture:
        return "–"
    exact = picture["largest difference to Pillow"] == 0
    return (f"{picture['mode']} {picture['size'][0]}×{picture['size'][1]}, "
            + ("as Pillow" if exact else f"torchvision, ≤ {picture['largest difference to Pillow']}/255 from Pillow"))


def write_readme():
    everything = cases()
    total = sum(f.stat().st_size for d, _ in everything for f in d.rglob("*") if f.is_file())
    assert total <= tools.MAX_TOTAL_BYTES, total
    lines = [BEGIN, "", f"{len(everything)} cases, {total / 1e6:.2f} MB.", ""]
    lines += table(["Case", "Class or architecture", "What it covers", "Picture", "Outputs"],
                   [[f"`{d.name}`", f"`{i['class']}`", "; ".join(i["notes"]), describe_picture(i),
                     ", ".join(f"{k} {v}" for k, v in i["outputs"].items())] for d, i in everything])
    lines += ["", "What a mistake does: the smallest relative L2 change over outputs and images.", ""]
    labels = list(dict.fromkeys(label for _, i in everything for label in i["change when wrong"]))
    lines += table(["Case", "f32 error", "bound"] + labels,
                   [[f"`{d.name}`", f"{i['f32 error of the framework']:.1e}", f"{i['bound']:.1e}"]
                    + [f"{i['change when wrong'][k]:.1e}" if k in i["change when wrong"] else "–" for k in labels]
                    for d, i in everything])
    used = {}
    for directory, info in everything:
        used.setdefault(directory.name.split("-")[0], info["versions"])
    lines += ["", "Versions:", ""]
    lines += table(["Cases", "Versions"],
                   [[f"`{k}-*`", ", ".join(f"{name} {v}" for name, v in used[k].items())] for k in used])
    readme = tools.ROOT / "README.md"
    head, rest = readme.read_text().split(BEGIN)
    readme.write_text(head + "\n".join(lines + ["", END]) + rest.split(END)[1])
    print(f"{len(everything)} cases, {total} bytes")


def main():
    commands = ("hf", "timm", "readme")
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    import torch

    torch.set_num_threads(1)  # sums in one order: the same bytes on every machine with the same instruction set
    keep = tools.define_missing_torchvision_ops()  # noqa: F841 - must outlive the import below
    if sys.argv[1] == "readme":
        return write_readme()
    if sys.argv[1] == "hf":
        import hf_cases as maker
    else:
        import timm_cases as maker
    unknown = set(sys.argv[2:]) - set(maker.CASES)
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}; known: {', '.join(maker.CASES)}")
    maker.make(sys.argv[2:])


if __name__ == "__main__":
    main()
