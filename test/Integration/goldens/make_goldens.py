#!/usr/bin/env python3
"""Makes the goldens of this folder: tiny checkpoints saved by the original frameworks, with inputs and outputs.

Each framework wants a virtual environment of its own, outside the repository (Python 3.11, CPU builds), here in $V:

    for e in hf4 hf5 timm onnx; do python3 -m venv $V/$e; $V/$e/bin/pip install torch==2.13.0 pillow==13.0.0; done
    $V/hf4/bin/pip install transformers==4.57.6 safetensors==0.8.0 numpy==2.4.6
    $V/hf5/bin/pip install transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 torchvision==0.28.0
    $V/timm/bin/pip install timm==1.0.31 safetensors==0.8.0 numpy==2.4.6 torchvision==0.28.0
    $V/timm/bin/pip install --no-deps open-clip-torch==3.3.0 clip-anytorch==2.6.0 vit-pytorch==1.26.11 dinov2==0.0.1.dev2 \
        ftfy==6.3.1 regex einops==0.8.2 tqdm
    $V/timm/bin/pip install --no-deps --target $V/vit_old vit-pytorch==0.40.2
    $V/onnx/bin/pip install transformers==4.57.6 timm==1.0.31 torchvision==0.28.0 onnx==1.23.2 onnxscript==0.7.2 \
        onnxruntime==1.31.1
    for e in jax ms; do python3 -m venv $V/$e; $V/$e/bin/pip install torch==2.13.0 pillow==13.0.0; done
    $V/jax/bin/pip install flax==0.12.8 jax==0.10.2 numpy==2.3.5
    $V/ms/bin/pip install mindspore==2.10.0 mindcv==0.3.0 setuptools numpy==1.26.4
    for e in keras2 keras3; do python3 -m venv $V/$e; $V/$e/bin/pip install torch==2.13.0 pillow==13.0.0; done
    $V/keras2/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0
    $V/keras3/bin/pip install keras==3.15.1 keras-hub==0.32.0 jax==0.10.2 opencv-python-headless scipy validators
    $V/keras3/bin/pip install --no-deps vit-keras==0.2.0

(Install the CPU build of torch first, or pip may bring a CUDA build along with torchvision. torchvision's own C++
operators are not needed: golden_tools.define_missing_torchvision_ops. TORCH113 is a Python that imports PyTorch 1.13, for
instance Debian's with python3-torch.) Then:

    $V/hf4/bin/python  make_goldens.py hf        the hf4-* folders
    $V/hf5/bin/python  make_goldens.py hf        the hf5-* folders
    $V/timm/bin/python make_goldens.py timm      the timm-* folders
    $V/timm/bin/python make_goldens.py torch     torchvision, open_clip, OpenAI's CLIP, vit-pytorch, DINO to DINOv3, MAE …
    $V/timm/bin/python make_goldens.py walkthrough   the walk-through folder
    PYTHONPATH=$V/vit_old $V/timm/bin/python make_goldens.py torch    the lucidrains-vit-old folder
    $V/onnx/bin/python make_goldens.py onnx      the onnx-* folders
    TORCH113=/usr/bin/python3 $V/onnx/bin/python make_goldens.py files    the file-* folders, after hf and timm
    $V/jax/bin/python  make_goldens.py jax       the jax-* folders
    $V/ms/bin/python   make_goldens.py mindspore the mind*-* folders
    $V/keras2/bin/python make_goldens.py keras   the keras2-* folders
    $V/keras3/bin/python make_goldens.py keras   the keras3-* folders
    $V/timm/bin/python make_goldens.py readme    the tables of README.md, and the sizes

Everything is seeded by the case's name, so a second run writes the same bytes. Case names may follow `hf` or `timm`.
Every case is refused if the framework's own f32 result is far from its float64 one, or if a plausible mistake (another
GELU, eps x 1000, another pooling, shifted positions, a missing block …) changes its output too little to be noticed.
"""

import importlib
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
            + ("as Pillow" if exact else f"{picture['rules'].split()[0]}, ≤ {picture['largest difference to Pillow']}/255 from Pillow"))


def write_readme():
    everything = cases()
    for directory, info in everything:
        assert info.get("bound of float64") == tools.float64_bound(directory.name), directory.name
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


# The modules behind each command; each has CASES and make(names).
MAKERS = {
    "hf": ("hf_cases", "hf_family_cases"),
    "timm": ("timm_cases", "timm_family_cases"),
    "torch": ("torch_cases",),
    "walkthrough": ("walkthrough_cases",),
    "files": ("torch_file_cases",),
    "jax": ("jax_cases",),
    "keras": ("keras_cases",),
    "mindspore": ("mindspore_cases",),
    "onnx": ("onnx_cases",),
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in (*MAKERS, "readme"):
        sys.exit(__doc__)
    import torch

    torch.set_num_threads(1)  # sums in one order: the same bytes on every machine with the same instruction set
    keep = tools.define_missing_torchvision_ops()  # noqa: F841 - must outlive the imports below
    if sys.argv[1] == "readme":
        return write_readme()
    makers = [importlib.import_module(name) for name in MAKERS[sys.argv[1]]]
    known = [name for maker in makers for name in maker.CASES]
    unknown = set(sys.argv[2:]) - set(known)
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for maker in makers:
        maker.make([name for name in maker.CASES if not sys.argv[2:] or name in sys.argv[2:]] or [""])


if __name__ == "__main__":
    main()
