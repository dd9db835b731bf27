"""Goldens of PyTorch's own files: models of other goldens, saved by torch.save and torch.jit.save as users do.

Their references are those of the models that they hold. One is written by PyTorch 1.13: $TORCH113 names a Python that
imports it (for instance Debian's, with python3-torch)."""

import json
import os
import shutil
import subprocess
import tempfile

import numpy as np
import safetensors.torch
import timm
import torch
import transformers

import golden_tools as tools


def timm_model(source):
    config = json.loads((tools.ROOT / source / "config.json").read_text())
    model = timm.create_model(config["architecture"], **config["model_args"])
    model.load_state_dict(safetensors.torch.load_file(tools.ROOT / source / "model.safetensors"))
    return model.eval()


def training(directory, source):
    """What timm's and DeiT's training scripts save: weights twice, an optimizer's state, numbers and texts."""
    model = timm_model(source)
    weights = model.state_dict()
    average = {name: value.clone() for name, value in weights.items()}
    head = model.head
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
    head(torch.zeros(1, head.in_features)).sum().backward()
    optimizer.step()
    torch.save({"epoch": 7, "arch": "vit_tiny_patch16_224", "state_dict": {f"module.{k}": v for k, v in weights.items()},
                "optimizer": optimizer.state_dict(), "state_dict_ema": average, "metric": 71.5, "best": True,
                "amp_scaler": None, "history": [1, 2.5, (3, "x")]}, directory / "checkpoint.pth")


def old(directory, source):
    with tempfile.TemporaryDirectory() as folder:
        for name, value in timm_model(source).state_dict().items():
            np.save(f"{folder}/{name}.npy", value.numpy())
        script = ("import sys, glob, os, collections, numpy, torch\n"
                  "model = collections.OrderedDict()\n"
                  "for file in sorted(glob.glob(sys.argv[1] + '/*.npy')):\n"
                  "    model[os.path.basename(file)[:-4]] = torch.nn.Parameter(torch.from_numpy(numpy.load(file)))\n"
                  "torch.save({'model': model}, sys.argv[2])\n"
                  "print(torch.__version__)")
        python = os.environ.get("TORCH113", "python3")
        version = subprocess.run([python, "-c", script, folder, directory / "checkpoint.pth"], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout.strip()
    assert version.startswith("1.13"), version
    return {"torch": version}


def script(directory, source):
    model = timm_model(source)
    x = torch.from_numpy(np.load(tools.ROOT / source / "golden" / "input.npy"))
    torch.jit.trace(model, x, check_trace=False).save(directory / "model.pt")


def before_1_6(directory, source):
    torch.save(timm_model(source).state_dict(), directory / "checkpoint.pth", _use_new_zipfile_serialization=False)


def transformers_bin(directory, source, shard):
    config = json.loads((tools.ROOT / source / "config.json").read_text())
    model = getattr(transformers, config["architectures"][0]).from_pretrained(tools.ROOT / source)
    model.save_pretrained(directory, safe_serialization=False, max_shard_size=shard)


CASES = {
    "file-torch-training": dict(source="timm-vit", write=training, options={"heads": 3},
                                note="a training checkpoint: state_dict_ema is taken"),
    "file-torch113-model": dict(source="timm-vit", write=old, options={"heads": 3},
                                note="parameters under 'model', by PyTorch 1.13"),
    "file-torch-script": dict(source="timm-vit", write=script, options={"heads": 3},
                              note="a traced module of TorchScript: its data.pkl"),
    "file-torch-before-1.6": dict(source="timm-vit", write=before_1_6, options={"heads": 3},
                                  note="the format before PyTorch 1.6, which is no zip archive"),
    "file-hf4-bin": dict(source="hf4-vit-f16", write=lambda d, s: transformers_bin(d, s, "1GB"),
                         note="pytorch_model.bin in f16"),
    "file-hf4-bin-sharded": dict(source="hf4-vit-sharded", write=lambda d, s: transformers_bin(d, s, "30KB"),
                                 note="pytorch_model.bin.index.json and its shards"),
}


def make(names):
    for name in names:
        if name not in CASES:
            continue
        case = CASES[name]
        directory = tools.fresh_directory(name)
        extra = case["write"](directory, case["source"]) or {}
        golden = tools.ROOT / case["source"] / "golden"
        for file in ("input.npy", "logits.npy", "features.npy", "pooled.npy"):
            if (golden / file).exists():
                shutil.copy(golden / file, directory / "golden" / file)
        info = json.loads((golden / "golden.json").read_text())
        info.pop("picture", None)  # no file of weights says what happens to pictures
        info["change when wrong"].pop("picture 1 px off", None)
        info["notes"] = [case["note"], f"the model and the outputs of {case['source']}"]
        info["versions"] = tools.versions(timm=timm.__version__, transformers=transformers.__version__) | extra
        info["options"] = case.get("options", {})
        (directory / "golden" / "golden.json").write_text(json.dumps(info, indent=2) + "\n")
        for file in directory.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        total = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file())
        print(f"{name:28} {total:7d} B")
        assert total <= tools.MAX_CASE_BYTES, f"{name}: {total} bytes"
