"""The timm goldens. Architectures are timm's own names, shrunk by arguments, so that what an importer must know about a
name (`deit3_*`: no position for the class token, layer-scale; `*_clip_*`: norm before the blocks …) is tested too."""

import copy
import json

import numpy as np
import timm
import torch
import torchvision
from timm.data import create_transform, resolve_data_config

import golden_tools as tools

HALF = {"f16": torch.float16, "bf16": torch.bfloat16}

# Small odd shapes.
SMALL = dict(img_size=20, patch_size=5, embed_dim=24, num_heads=3, depth=2, mlp_ratio=1.25, num_classes=7)
# 20 / 0.87 -> 22 and 20 / 0.84 -> 23: differences of 2 and 3; torchvision rounds the offset 1.5 half to even, to 2.
CENTRE = dict(crop_pct=0.84, crop_mode="center", interpolation="bicubic")
SQUASH_CROP = dict(crop_pct=0.84, crop_mode="squash", interpolation="bilinear")
SQUASH = dict(crop_pct=1.0, crop_mode="squash", interpolation="bicubic")

CASES = {
    "timm-vit": dict(arch="vit_tiny_patch16_224", args={}, data=CENTRE,
                     picture=(53, 41, "RGB"), labels=["n01440764", "n01443537", "c", "d", "e", "f", "g"]),
    "timm-vit-avg": dict(arch="vit_small_patch16_224", args=dict(global_pool="avg", num_classes=13),
                         data=SQUASH_CROP, picture=(45, 30, "RGB")),
    "timm-vit-avgmax": dict(arch="vit_small_patch16_224", args=dict(global_pool="avgmax", act_layer="gelu_tanh")),
    "timm-vit-avg-with-prefix": dict(arch="vit_small_patch16_224",
                                     args=dict(global_pool="avg", pool_include_prefix=True, reg_tokens=1)),
    "timm-vit-avg-norm-first": dict(arch="vit_base_patch16_siglip_gap_224", args=dict(act_layer="gelu_tanh")),
    "timm-vit-no-class-token": dict(arch="vit_base_patch16_224",
                                    args=dict(class_token=False, global_pool="avg", num_classes=1)),
    "timm-vit-reg4-gap": dict(arch="vit_medium_patch16_reg4_gap_256", args=dict(embed_dim=32, num_heads=2),
                              data=CENTRE | dict(interpolation="bilinear"), picture=(41, 53, "RGB")),
    "timm-vit-reg1-gap": dict(arch="vit_little_patch16_reg1_gap_256", args=dict(mlp_ratio=2.5, num_heads=2)),
    "timm-vit-reg4-features": dict(arch="vit_small_patch14_reg4_dinov2", args=dict(num_classes=0)),
    "timm-vit-features": dict(arch="vit_base_patch16_224", args=dict(num_classes=0)),
    "timm-vit-avg-features": dict(arch="vit_base_patch16_224", args=dict(num_classes=0, global_pool="avg")),
    "timm-vit-patch5x7": dict(arch="vit_base_patch16_224_miil", data=SQUASH, picture=(45, 30, "RGB"),
                              args=dict(img_size=(27, 30), patch_size=(5, 7), act_layer="relu")),
    "timm-vit-clip-quickgelu": dict(arch="vit_base_patch16_clip_quickgelu_224", args={}),
    "timm-vit-grey": dict(arch="vit_tiny_patch16_224", args=dict(in_chans=1, act_layer="silu"),
                          data=CENTRE | dict(mean=(0.286,), std=(0.353,)), picture=(45, 30, "L")),
    "timm-deit": dict(arch="deit_small_patch16_224", args=dict(num_classes=13), data=CENTRE, picture=(17, 13, "RGB")),
    "timm-deit-distilled": dict(arch="deit_tiny_distilled_patch16_224", args={}, data=CENTRE,
                                picture=(53, 41, "RGB")),
    "timm-deit3": dict(arch="deit3_small_patch16_224", args=dict(num_heads=2)),
    "timm-vit-bf16": dict(arch="vit_tiny_patch16_224", args={}, dtype="bf16", draw=1),
    "timm-deit3-f16": dict(arch="deit3_small_patch16_224", args={}, dtype="f16"),
}


def run(model, x):
    if model.num_classes:
        return {"logits": model(x).numpy()}
    features = model.forward_features(x)
    return {"features": features.numpy(), "pooled": model.forward_head(features).numpy()}


def wrong_pool(model, x):
    altered = copy.deepcopy(model)
    features = altered.forward_features(x)
    key = "logits" if altered.num_classes else "pooled"
    if hasattr(altered, "head_dist"):
        return {key: altered.head(features[:, 0]).numpy()}
    altered.global_pool = {"token": "avg", "avg": "max", "max": "avgmax", "avgmax": "max"}[altered.global_pool]
    return {key: altered.forward_head(features).numpy()}


def eps_of(model):
    return next(m.eps for m in model.modules() if isinstance(m, torch.nn.LayerNorm))


def preprocess(case, name, data):
    """timm's own evaluation transform, on a Pillow picture of the mode that the model takes."""
    transform = create_transform(**data)
    other = create_transform(**data | dict(interpolation={"bicubic": "bilinear", "bilinear": "bicubic"}
                                           [data["interpolation"]]))
    image = tools.make_picture(name, *case["picture"])

    def u8(t):
        out = image
        for step in t.transforms[:2]:  # resize, crop
            out = step(out)
        out = np.asarray(out)
        return np.ascontiguousarray(out.reshape(*out.shape[:2], -1))

    assert len(transform.transforms) == 4, transform
    return dict(image=image, u8=u8(transform), u8_pillow=u8(transform), u8_other_filter=u8(other),
                pixel_values=transform(image).numpy(), rules="Pillow (torchvision on a Pillow picture)")


def make(only=None):
    for name, case in CASES.items():
        if only and name not in only:
            continue
        directory = tools.fresh_directory(name)
        args = SMALL | case["args"]
        model = timm.create_model(case["arch"], **args).eval()
        dtype = HALF.get(case.get("dtype"), torch.float32)
        tools.redraw(model, f"{name}{case.get('draw', '')}", dtype)
        size, patch = model.patch_embed.img_size, model.patch_embed.patch_size
        channels = model.in_chans
        quiet, eps = 6, eps_of(model)
        prefix = model.pos_embed.shape[1] - model.patch_embed.num_patches
        tools.make_quiet_token(model.pos_embed, model.patch_embed.proj.bias, prefix + quiet, eps, name, dtype)
        timm.models.save_for_hf(model.to(dtype), directory, safe_serialization=True, data_config=case.get("data"),
                                model_config={"label_names": case["labels"]} if "labels" in case else None)
        model.float()
        saved = json.loads((directory / "config.json").read_text())
        data = resolve_data_config({}, pretrained_cfg=saved["pretrained_cfg"])
        picture = preprocess(case, name, data) if "picture" in case else None
        info = {"framework": f"timm {timm.__version__}", "class": f"{case['arch']} ({type(model).__name__})",
                "versions": tools.versions(timm=timm.__version__, torchvision=torchvision.__version__),
                "notes": notes(case, model, size, patch, eps, data)}
        tools.finish_case(name, model, run, wrong_pool, size, channels, patch, quiet, info, picture)


def notes(case, model, size, patch, eps, data):
    block = model.blocks[0]
    out = [f"patch {patch[0]}x{patch[1]} on {size[0]}x{size[1]}",
           f"width {model.embed_dim}, {block.attn.num_heads} heads, MLP {block.mlp.fc1.out_features}", f"eps {eps:g}",
           case["args"].get("act_layer", "quick_gelu" if "quickgelu" in case["arch"] else "gelu"),
           f"pool {model.global_pool or 'none'}"]
    tensors = dict(model.named_parameters())
    out += [text for text, holds in {
        "distilled": "dist_token" in tensors, "no class token": "cls_token" not in tensors,
        f"{model.num_reg_tokens} register tokens": model.num_reg_tokens, "positions on patches only":
        model.pos_embed.shape[1] == model.patch_embed.num_patches and model.num_prefix_tokens,
        "layer-scale": "blocks.0.ls1.gamma" in tensors, "no q, k, v bias": "blocks.0.attn.qkv.bias" not in tensors,
        "norm before the blocks": "norm_pre.weight" in tensors, "norm after the pool": "fc_norm.weight" in tensors,
        "prefix tokens in the pool": model.pool_include_prefix, "no head": not model.num_classes,
        f"weights in {case.get('dtype')}; reference from the rounded weights": "dtype" in case}.items() if holds]
    if "picture" in case:
        out.append(f"{data['crop_mode']} {data['interpolation']}, crop_pct {data['crop_pct']:g}")
    return out
