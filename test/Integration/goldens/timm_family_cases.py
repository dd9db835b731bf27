"""Goldens of timm's other families: Eva, Beit, DINOv3, PE, AIMv2, rope-vit, attention pooling, sub-norms.

The same rules as timm_cases.py. What the interface of create_model does not shrink (the width of a patch, the grid that
rotary positions refer to) stays as the architecture has it.
"""

import copy
import json

import timm
import torch
import torchvision
from torch import nn

import golden_tools as tools
from timm_cases import run

SMALL = dict(img_size=20, patch_size=5, embed_dim=24, num_heads=3, depth=2, num_classes=7)
PLAIN = SMALL | dict(mlp_ratio=1.25)
WIDE = SMALL | dict(img_size=(20, 35), patch_size=(5, 7))  # 4 x 5 patches

CASES = {
    "timm-vit-max": ("vit_small_patch16_224", PLAIN | dict(global_pool="max")),
    "timm-vit-qk-norm": ("vit_small_patch16_224", PLAIN | dict(qk_norm=True)),
    "timm-vit-qk-norm-rms": ("test_vit4", PLAIN | dict(qk_norm=True, patch_size=(5, 7), img_size=(20, 35))),
    "timm-vit-sub-norms": ("vit_small_patch16_224", PLAIN | dict(scale_attn_norm=True, scale_mlp_norm=True)),
    "timm-vit-no-proj-bias": ("vit_small_patch16_224", PLAIN | dict(proj_bias=False)),
    "timm-vit-res-post": ("vit_base_patch16_rpn_224", PLAIN),
    "timm-vit-map": ("vit_base_patch16_siglip_224", PLAIN),
    "timm-vit-map-tanh": ("vit_base_patch32_siglip_256", PLAIN | dict(num_classes=0)),
    "timm-vit-map-registers": ("test_vit3", PLAIN),
    "timm-vit-intern": ("vit_intern300m_patch14_448", PLAIN),
    "timm-vit-tips": ("vit_base_patch14_reg1_tipsv2", PLAIN | dict(num_classes=0)),
    "timm-vit-radio": ("vit_base_patch16_radio_v3", PLAIN | dict(num_classes=0)),
    "timm-flexivit": ("flexivit_small", PLAIN),
    "timm-dinov2": ("vit_small_patch14_dinov2", PLAIN | dict(num_classes=0)),
    "timm-dinov2-giant": ("vit_giant_patch14_reg4_dinov2", SMALL | dict(mlp_ratio=2.5, num_classes=0)),
    "timm-aimv2": ("aimv2_large_patch14_224", SMALL | dict(mlp_ratio=1.5)),
    "timm-beit": ("beit_base_patch16_224", PLAIN),
    "timm-beit-shared": ("beitv2_base_patch16_224", PLAIN | dict(patch_size=(5, 7), img_size=(20, 35),
                                                                  use_rel_pos_bias=False, use_shared_rel_pos_bias=True)),
    # At another size, for which timm resamples the tables in float32.
    "timm-beit-resized": ("beit_base_patch16_224", PLAIN | dict(run_at=(30, 25))),
    "timm-beit3": ("beit3_base_patch16_224", PLAIN),
    "timm-eva-giant": ("eva_giant_patch14_224", PLAIN),
    "timm-eva-large": ("eva_large_patch14_196", PLAIN),
    "timm-eva02-small": ("eva02_small_patch14_224", SMALL | dict(mlp_ratio=1.5)),
    "timm-eva02-large": ("eva02_large_patch14_448", WIDE | dict(mlp_ratio=1.5)),
    "timm-eva02-large-clip": ("eva02_large_patch14_clip_224", SMALL | dict(mlp_ratio=1.5)),
    "timm-eva02-enormous": ("eva02_enormous_patch14_clip_224", PLAIN),
    "timm-dinov3": ("vit_small_patch16_dinov3", PLAIN | dict(num_classes=0)),
    "timm-dinov3-bias": ("vit_small_patch16_dinov3_qkvb", WIDE | dict(mlp_ratio=1.25)),
    "timm-dinov3-gated": ("vit_small_plus_patch16_dinov3", SMALL | dict(mlp_ratio=1.25, num_classes=0)),
    "timm-lingbot": ("vit_small_patch16_lingbot", PLAIN | dict(num_classes=0)),
    "timm-pe-core": ("vit_pe_core_base_patch16_224", PLAIN),
    "timm-pe-core-gigantic": ("vit_pe_core_gigantic_patch14_448", PLAIN),
    "timm-pe-lang": ("vit_pe_lang_large_patch14_448", WIDE | dict(mlp_ratio=1.25, num_classes=0)),
    "timm-rope-axial": ("vit_small_patch16_rope_224", WIDE | dict(mlp_ratio=1.25)),
    "timm-rope-axial-positions": ("vit_small_patch16_rope_ape_224", PLAIN),
    "timm-rope-mixed": ("vit_small_patch16_rope_mixed_224", WIDE | dict(mlp_ratio=1.25)),
    "timm-rope-mixed-positions": ("vit_small_patch16_rope_mixed_ape_224", PLAIN),
    "timm-rope-reg-gap": ("vit_medium_patch16_rope_reg1_gap_256", PLAIN),
    "timm-parallel": ("vit_pwee_patch16_reg1_gap_256", PLAIN),
    "timm-parallel-qk-norm": ("vit_base_patch16_xp_224", WIDE | dict(mlp_ratio=1.25, init_values=1e-5)),
    "timm-parallel-bias": ("vit_base_patch16_xp_224", PLAIN | dict(qkv_bias=True, qk_norm=False)),
    # A tower of pictures and texts, as timm converts it: the projection is the head, with a bias of zeros.
    "timm-clip-tower": ("vit_base_patch16_clip_224", PLAIN | dict(tower=True)),
    # Refused by name.
    "timm-vit-parallel-things": ("vit_small_patch16_18x2_224", PLAIN),
    "timm-vit-differential": ("vit_dwee_patch16_reg1_gap_256", SMALL | dict(mlp_ratio=1.25, num_heads=2)),
}


def run_tower(model, x):
    features = model.forward_features(x)
    return {"features": features.numpy(), "pooled": model.forward_head(features).numpy()}


def wrong_pool(model, x):
    altered = copy.deepcopy(model)
    altered.attn_pool = None
    altered.global_pool = {"token": "avg", "avg": "max", "max": "avg", "map": "avg"}[model.global_pool]
    if hasattr(altered, "num_prefix_tokens") and model.global_pool == "avg":
        altered.global_pool = "max"
    key = "logits" if altered.num_classes else "pooled"
    return {key: altered.forward_head(altered.forward_features(x)).numpy()}


def swap_activation(model):
    """Another form where it is GELU; SiLU becomes GELU."""
    for module in model.modules():
        if type(module).__name__ in ("Mlp", "GluMlp", "SwiGLU"):
            is_erf = isinstance(module.act, nn.GELU) and module.act.approximate == "none"
            module.act = nn.GELU(approximate="tanh") if is_erf else nn.GELU()
        elif type(module).__name__ == "ParallelScalingBlock":
            module.mlp_act = nn.GELU(approximate="tanh")


def drop_rotation(model):
    """Angles of a grid whose rows and columns have changed places."""
    rope = model.rope
    if hasattr(rope, "freqs"):
        rope.freqs.data = rope.freqs.data.flip(0)
        return
    model.rope = None


def roll_table(model):
    for key, p in model.named_parameters():
        if key.endswith("relative_position_bias_table"):
            p.data = p.data.roll(1, dims=0)


def scale_queries(model):
    for key, p in model.named_parameters():
        if ".q_norm." in key or (".q_proj." in key):
            p.data *= 2**0.5
        elif ".qkv." in key and not any(".q_norm." in k for k, _ in model.named_parameters()):
            p.data[: p.shape[0] // 3] *= 2**0.5
        elif ".in_proj." in key and not any(".q_norm." in k for k, _ in model.named_parameters()):
            width = model.embed_dim
            p.data[-3 * width:-2 * width] *= 2**0.5


def flips_of(model):
    names = [key for key, _ in model.named_parameters()]
    flips = {"activation": swap_activation, "eps x1000": tools.scale_eps, "softmax scale": scale_queries,
             "depth": tools.drop_last_block}
    if "pos_embed" in names:
        flips["positions"] = tools.roll_positions
    if any(key.endswith("relative_position_bias_table") for key in names):
        flips["relative positions"] = roll_table
    if getattr(model, "rope", None) is not None:
        flips["rotation"] = drop_rotation
    return flips


def eps_of(model):
    return next(m.eps for m in model.modules() if "Norm" in type(m).__name__ and hasattr(m, "eps"))


def quieten(model, quiet, name):
    """See make_quiet_token; without a position to choose, the bias of all patches is the noise."""
    eps, bias = eps_of(model), model.patch_embed.proj.bias
    if model.pos_embed is not None:
        prefix = model.pos_embed.shape[1] - model.patch_embed.num_patches
        return tools.make_quiet_token(model.pos_embed, bias, prefix + quiet, eps, name)
    bias.data = torch.from_numpy(tools.rng_for(name, "quiet").normal(0, (2 * eps) ** 0.5, bias.shape)).float()


def make(only=None):
    for name, (arch, args) in CASES.items():
        if only and name not in only:
            continue
        for draw in range(8):  # the first that can fail in every way
            try:
                make_case(name, arch, args, draw)
                break
            except AssertionError as error:
                print(f"{name}: draw {draw}: {error}")
        else:
            raise SystemExit(f"{name}: no draw can fail in every way")


def make_case(name, arch, args, draw):
    directory = tools.fresh_directory(name)
    run_at, tower = args.get("run_at"), args.get("tower")
    model = timm.create_model(arch, **{k: v for k, v in args.items() if k not in ("run_at", "tower")}).eval()
    tools.redraw(model, f"{name}{draw or ''}")
    if tower:
        nn.init.zeros_(model.head.bias)
    size, patch = model.patch_embed.img_size, model.patch_embed.patch_size
    quiet = 6
    quieten(model, quiet, name)
    timm.models.save_for_hf(model, directory, safe_serialization=True)
    info = {"framework": f"timm {timm.__version__}", "class": f"{arch} ({type(model).__name__})",
            "versions": tools.versions(timm=timm.__version__, torchvision=torchvision.__version__),
            "notes": notes(model, size, patch)}
    if run_at:
        model.set_input_size(run_at)
        size = run_at
        info["options"] = {"image-size": f"{run_at[0]}x{run_at[1]}"}
        info["notes"].append(f"run at {run_at[0]}x{run_at[1]}: tables of relative positions are resampled, in float32")
    if tower:
        info["notes"].append("the head is a projection: its bias is zero, as timm has it of towers")
    tools.finish_case(name, model, run_tower if tower else run, None if tower else wrong_pool, size, model.patch_embed.proj.in_channels, patch, quiet, info,
                      flips=flips_of(model))


def notes(model, size, patch):
    block, names = model.blocks[0], dict(model.named_parameters())
    out = [f"patch {patch[0]}x{patch[1]} on {size[0]}x{size[1]}", f"width {model.embed_dim}", type(block).__name__,
           f"eps {eps_of(model):g}", f"pool {model.global_pool}"]
    out += [text for text, holds in {
        "rotary positions": getattr(model, "rope", None) is not None, "no absolute positions": "pos_embed" not in names,
        "relative positions": any("relative_position" in key for key in names),
        "RMSNorm": any("Rms" in type(m).__name__ for m in model.modules()),
        "norms of queries and keys": any("q_norm" in key for key in names),
        "gated MLP": type(getattr(block, "mlp", None)).__name__ in ("GluMlp", "SwiGLU"),
        "register tokens": "reg_token" in names, "no class token": "cls_token" not in names,
        "layer-scale": any("gamma" in key for key in names), "no head": not model.num_classes}.items() if holds]
    return out
