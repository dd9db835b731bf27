"""Shared parts of make_goldens.py: redrawing weights, inputs, pictures, the checks that a golden can fail, writing.

Nothing here knows Hugging Face or timm; hf_cases.py and timm_cases.py do.
"""

import copy
import fnmatch
import json
import platform
import shutil
import zlib
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image
from torch import nn

ROOT = Path(__file__).resolve().parent
MAX_CASE_BYTES = 150 * 1024
MAX_TOTAL_BYTES = 15_000_000
# A mistake in any of these must move the output by more than this, or the golden proves nothing about it.
MIN_CHANGE = 1e-4
BOUND = 2e-6  # the relative L2 error that the project promises for f32; finish_case may allow a case more
# Cases whose framework computes something in float32 whatever the model's type: tables of angles, of sines and cosines, of
# resampled positions (or an exporter stores them so), norms and softmax. Their float64 references hold that rounding; the
# interpreter may differ by so much, by 1e-11 elsewhere. The first pattern that fits counts.
ROUNDED = {
    "dinov3*": 2e-7, "timm-dinov3-bias": 2e-7, "timm-eva02-small": 2e-7, "timm-eva02-large*": 2e-7, "timm-pe-*": 2e-7,
    "timm-rope-*": 2e-7,  # angles
    "lucidrains-simple-vit": 2e-7,  # sines and cosines
    "timm-beit-resized": 2e-7,
    "keras3-google-h5": 5e-7, "keras?-*": 2e-7, "mindspore-*": 2e-7, "mindcv-*": 2e-7,
    "onnx-dynamo-hf-dinov2-registers": 1e-6, "onnx-*-hf-siglip": 1e-7, "onnx-dynamo-timm-eva02": 1e-7,
}
LAYER_LISTS = ("layer", "layers", "blocks")  # where Hugging Face 4, 5 and timm keep their blocks
ACTIVATION_NAMES = ("intermediate_act_fn", "activation_fn", "activation", "act_fn", "act")
# The forms of GELU differ by at most 5e-4; so MLPs are drawn to show it: they outweigh the residual stream, and
# the bias of every second hidden unit is lowered to where the difference is large beside GELU's own value. This makes
# another form differ by more than 1e-4 of the output; plain draws, by 3e-5.
MLP_IN, MLP_IN_SHIFT = (".mlp.fc1.bias", ".intermediate.dense.bias", ".mlp.up_proj.bias", ".mlp_bias"), -2
MLP_OUT, MLP_OUT_GAIN = (".mlp.fc2.weight", ".output.dense.weight", ".mlp.down_proj.weight", ".mlp_out_proj.weight"), 6
TOKENS = ("cls_token", "distillation_token", "dist_token", "reg_token", "register_tokens", "class_embedding", "probe",
          "position_embeddings", "pos_embed")
LAYER_SCALES = ("gamma", "gamma_1", "gamma_2", "lambda1", "lambda_1", "lambda_2")


def define_missing_torchvision_ops():
    """torchvision's published wheel is built for CUDA, so its C++ operators do not load beside a CPU PyTorch, and its
    Python then fails at import because it decorates two operators that nobody declared. Declaring their names is
    enough: the picture transforms are plain Python over Pillow and PyTorch. Call before the first import."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # the declaration lives as long as this object


def rng_for(name, purpose):
    return np.random.default_rng(zlib.crc32(f"{name}/{purpose}".encode()))


# ---- weights ------------------------------------------------------------------------------------------------------


def redraw(model, draw, dtype=torch.float32):
    """Replaces every parameter, because at framework initialisation whole blocks contribute 1e-5 of the output."""
    rng = rng_for(draw, "weights")
    with torch.no_grad():
        for key, p in sorted(model.named_parameters()):
            shape, last = tuple(p.shape), key.rsplit(".", 1)[-1]
            if last in TOKENS:
                value = rng.normal(0, 0.5, shape)
            elif last in LAYER_SCALES:
                value = rng.uniform(0.3, 1.0, shape)
            elif len(shape) >= 2:
                gain = MLP_OUT_GAIN if key.endswith(MLP_OUT) and ".attention." not in key else 1
                value = rng.normal(0, gain * np.prod(shape[1:]) ** -0.5, shape)
            elif last == "weight":  # LayerNorm gain
                value = rng.uniform(0.7, 1.3, shape)
            else:
                value = rng.uniform(-0.3, 0.3, shape)
                if key.endswith(MLP_IN):
                    value[1::2] += MLP_IN_SHIFT
            p.copy_(torch.from_numpy(value).to(dtype).to(p.dtype))


def make_quiet_token(pos, bias, row, eps, name, dtype=torch.float32):
    """Makes the LayerNorm epsilon matter. The token at `row` of the position table becomes `position + patch bias`
    = noise of variance ~2 eps, for a patch whose pixels are all zero. `position` is chosen so that the sum is exact
    in f32 (it is a difference of close numbers), so the case stays well conditioned for f32 code."""
    rng = rng_for(name, "quiet")
    noise = torch.from_numpy(rng.normal(0, (2 * eps) ** 0.5, pos.shape[-1]))
    with torch.no_grad():
        target = noise if bias is None else noise - bias.double()
        pos[0, row].copy_(target.to(dtype).to(pos.dtype))


# ---- inputs -------------------------------------------------------------------------------------------------------


def make_input(name, channels, size, patch, quiet):
    """Two images, f32 NCHW: noise; one that is nearly constant over its left half. Both are zero on patch `quiet`."""
    rng = rng_for(name, "input")
    h, w = size
    x = rng.normal(0, 1, (2, channels, h, w))
    x[1, :, :, : w // 2] = 0.5 + 1e-3 * rng.normal(0, 1, (channels, h, w // 2))
    columns = (w - patch[1]) // patch[1] + 1
    top, left = quiet // columns * patch[0], quiet % columns * patch[1]
    x[:, :, top : top + patch[0], left : left + patch[1]] = 0
    return x.astype(np.float32)


def make_picture(name, width, height, mode):
    """A picture with slopes, hard edges, saturated areas and noise. Modes: RGB, L, RGBA (alpha must be dropped without
    compositing), P (a palette of 64 colours)."""
    rng = rng_for(name, "picture")
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(3):
        slope = 255 * (x / width if c != 1 else y / height)
        waves = 90 * np.sin(x / (2 + c) + y / (3 + c))
        edge = np.where((x // 7 + y // (5 + c)) % 2, 60, -60)
        planes.append(slope + waves + edge + rng.normal(0, 12, (height, width)))
    rgb = Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8), "RGB")
    if mode == "RGBA":
        rgb.putalpha(Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8), "L"))
        return rgb
    return rgb.quantize(64) if mode == "P" else rgb.convert(mode)


# ---- can it fail? -------------------------------------------------------------------------------------------------


def float64_bound(name):
    return next((bound for pattern, bound in ROUNDED.items() if fnmatch.fnmatchcase(name, pattern)), None)


def relative(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def change(outputs, reference):
    """The smallest relative L2 change over the outputs and the two images of the batch."""
    return min(relative(outputs[k][i], reference[k][i]) for k in reference for i in range(len(reference[k])))


def _modules(model, fn):
    for module in model.modules():
        fn(module)


def swap_activation(model):
    kinds = {"gelu": nn.GELU(approximate="tanh"), "other": nn.GELU()}

    def swap(module):
        for attribute in ACTIVATION_NAMES:
            act = getattr(module, attribute, None)
            if callable(act) and (hasattr(module, "fc1") or hasattr(module, "up_proj") or attribute == "intermediate_act_fn"):
                probe = torch.linspace(-3, 3, 61, dtype=torch.float64)
                is_erf = torch.allclose(act(probe), nn.functional.gelu(probe), rtol=0, atol=1e-9)
                # The forms of GELU are the flip that is easiest to make; anything else is compared with erf.
                setattr(module, attribute, kinds["gelu" if is_erf else "other"])

    _modules(model, swap)


def scale_eps(model):
    def scale(module):
        for attribute in ("eps", "variance_epsilon"):
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, getattr(module, attribute) * 1000)

    _modules(model, scale)


def drop_last_block(model):
    for module in model.modules():
        for attribute in LAYER_LISTS:
            blocks = getattr(module, attribute, None)
            if isinstance(blocks, (nn.ModuleList, nn.Sequential)) and len(blocks) > 1:
                setattr(module, attribute, type(blocks)(*([list(blocks)[:-1]] if isinstance(blocks, nn.ModuleList)
                                                          else list(blocks)[:-1])))
                return


def scale_queries(model):
    """As if the softmax scale were off by sqrt(2)."""
    with torch.no_grad():
        for key, p in model.named_parameters():
            if ".query." in key or ".q_proj." in key:
                p.mul_(2**0.5)
            elif ".qkv." in key:
                p[: p.shape[0] // 3].mul_(2**0.5)


def _parameter_with(model, *names):
    return next(p for k, p in model.named_parameters() if k.rsplit(".", 1)[-1] in names)


def roll_positions(model):
    with torch.no_grad():
        p = _parameter_with(model, "pos_embed", "position_embeddings")
        p.copy_(p.roll(1, dims=1))


FLIPS = {"activation": swap_activation, "eps x1000": scale_eps, "softmax scale": scale_queries,
         "positions": roll_positions, "depth": drop_last_block}


def measure_flips(model, run, pool_flip, x, reference, flips):
    changes = {}
    for label, flip in flips.items():
        altered = copy.deepcopy(model)
        flip(altered)
        changes[label] = change(run(altered, x), reference)
    if pool_flip:
        # Only outputs that are pooled change; `features` does not.
        altered = pool_flip(model, x)
        if altered:
            changes["pooling"] = change(altered, {k: reference[k] for k in altered})
    return changes


# ---- writing ------------------------------------------------------------------------------------------------------


def versions(**extra):
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
            "pillow": PIL.__version__, **extra}


def fresh_directory(name):
    directory = ROOT / name
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "golden").mkdir(parents=True)
    return directory


def finish_case(name, model, run, pool_flip, size, channels, patch, quiet, info, picture=None, flips=None):
    """Computes the reference in float64, checks that the golden can fail, and writes its golden/ folder.

    picture: None or a dict: image (Pillow), u8 (HWC, resized and cropped), pixel_values (f32 CHW), u8_pillow (what
    Pillow's rules give), u8_other_filter (the other filter's pixels)."""
    directory = ROOT / name
    x = make_input(name, channels, size, patch, quiet)
    tensor = torch.from_numpy(x)
    with torch.no_grad():
        single = run(copy.deepcopy(model).float(), tensor)
        double = copy.deepcopy(model).double()
        reference = run(double, tensor.double())
        changes = measure_flips(double, run, pool_flip, tensor.double(), reference, flips or FLIPS)
        worst = max(relative(single[k], reference[k]) for k in reference)
        golden = directory / "golden"
        np.save(golden / "input.npy", x)
        for key, value in reference.items():
            assert value.dtype == np.float64 and np.isfinite(value).all(), (name, key)
            np.save(golden / f"{key}.npy", value)
        if picture:
            picture["image"].save(golden / "picture.png", optimize=True)
            np.save(golden / "picture_u8.npy", picture["u8"])
            pixels = torch.from_numpy(picture["pixel_values"]).double()[None]
            seen = run(double, pixels)
            seen_single = run(copy.deepcopy(model).float(), pixels.float())
            worst = max(worst, max(relative(seen_single[k], seen[k]) for k in seen))
            for key, value in seen.items():
                np.save(golden / f"picture_{key}.npy", value)
            shifted = run(double, pixels.roll(1, dims=-1))
            changes["picture 1 px off"] = change(shifted, seen)
            difference = np.abs(picture["u8"].astype(int) - picture["u8_pillow"].astype(int))
            info["picture"] = {
                "rules": picture["rules"], "mode": picture["image"].mode, "size": list(picture["image"].size),
                "largest difference to Pillow": int(difference.max()),
                "share of pixels that differ from Pillow": round(float((difference > 0).mean()), 4),
                "share of pixels that the other filter changes":
                    round(float((picture["u8"] != picture["u8_other_filter"]).mean()), 4),
            }
            assert picture["u8"].dtype == np.uint8
            assert info["picture"]["share of pixels that the other filter changes"] > 0.2, name
    info["outputs"] = {k: list(v.shape) for k, v in reference.items()}
    # An ill-conditioned case (a single logit that nearly cancels) is allowed four times the framework's own f32 error.
    info["bound"] = float(f"{max(BOUND, 4 * worst):.1e}")
    if exact := float64_bound(name):
        info["bound of float64"] = exact
    info["f32 error of the framework"] = float(f"{worst:.2e}")
    info["change when wrong"] = {k: float(f"{v:.2e}") for k, v in changes.items()}
    (golden / "golden.json").write_text(json.dumps(info, indent=2) + "\n")
    for file in directory.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    total = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file())
    print(f"{name:28} {total:7d} B  f32 {worst:.1e}  " + "  ".join(f"{k} {v:.1e}" for k, v in changes.items()))
    assert worst < BOUND / 2, f"{name}: too ill-conditioned for f32 code, {worst}"
    assert total <= MAX_CASE_BYTES, f"{name}: {total} bytes"
    for label, value in changes.items():
        assert value > MIN_CHANGE, f"{name}: a wrong {label} changes the output by {value} only"
