#!/usr/bin/env python3
"""Makes the traces beside this file: python3 make_traces.py [CASE...]

The function that writes them is the one that docs/doctor.md prints, and the models are those of
test/Integration/goldens, on the pictures of their cases. Made with torch 2.13.0, timm 1.0.31 and transformers 4.57.6.
"""
import json
import pathlib
import re
import sys

import numpy
import torch
from PIL import Image

here = pathlib.Path(__file__).resolve().parent
source = here.parents[4]
goldens = source / "test" / "Integration" / "goldens"
exec(re.search(r"```python\n(import numpy, torch\n.*?)```", (source / "docs" / "doctor.md").read_text(), re.S).group(1))


def timm_model(name):
    import timm
    from safetensors.torch import load_file

    config = json.loads((goldens / name / "config.json").read_text())
    model = timm.create_model(config["architecture"], pretrained=False, **config["model_args"])
    model.load_state_dict(load_file(goldens / name / "model.safetensors"))
    data = config["pretrained_cfg"]
    transform = timm.data.create_transform(
        input_size=tuple(data["input_size"]),
        interpolation=data["interpolation"],
        crop_pct=data["crop_pct"],
        mean=data["mean"],
        std=data["std"],
    )
    resize, crop = transform.transforms[:2]

    def prepare(picture):
        return transform(picture)[None], {"resize": resize(picture), "crop": crop(resize(picture))}

    return model, model.blocks, prepare


def hf_model(name, kind, blocks):
    import transformers

    model = getattr(transformers, kind).from_pretrained(goldens / name)
    processor = transformers.AutoImageProcessor.from_pretrained(goldens / name, use_fast=False)
    return model, blocks(model), lambda picture: (processor(picture, return_tensors="pt")["pixel_values"], {})


cases = {
    "timm-vit": lambda: timm_model("timm-vit"),
    "hf4-vit": lambda: hf_model("hf4-vit", "ViTForImageClassification", lambda m: m.vit.encoder.layer),
    "hf4-dinov2-resized": lambda: hf_model("hf4-dinov2-resized", "Dinov2Model", lambda m: m.encoder.layer),
}

picture = Image.open(goldens / "hf4-vit" / "golden" / "picture.png").convert("RGB")
for case in sys.argv[1:] or cases:
    model, blocks, prepare = cases[case]()
    pixels, steps = prepare(picture)
    trace(here / f"{case}.npz", model, blocks, pixels, decode=picture, **steps)
