#!/usr/bin/env python3
"""Writes timm_architectures.tsv: what every Vision Transformer of a release of timm computes with, as far as no tensor
shows it. TimmFamiliesTest compares it with compiler/Import/TimmArchitectures.cpp. Needs timm (see
test/Integration/goldens/make_goldens.py for an environment); models are built without memory, so it takes seconds.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "Integration" / "goldens"))

import golden_tools

keep = golden_tools.define_missing_torchvision_ops()
import timm
import torch
from timm.models import _registry

MODULES = ("vision_transformer", "eva", "beit", "deit")
BLOCKS = {"Block": "pre", "EvaBlock": "pre", "ResPostBlock": "res_post", "EvaBlockPostNorm": "res_post",
          "ParallelScalingBlock": "parallel"}
ACTIVATIONS = {"GELUnone": "gelu_erf", "GELUTanh": "gelu_tanh", "QuickGELU": "quick_gelu", "SiLU": "silu"}
COLUMNS = ("name", "width", "heads", "eps", "act", "pool", "pool_heads", "placement", "rope", "include_prefix")


def rope_of(rope):
    if rope is None:
        return "none"
    order = {"ij": "yx", "xy": "xy"}[rope.grid_indexing]
    kind = type(rope).__name__.removeprefix("RotaryEmbedding").lower()
    if kind == "cat":
        ref = "x".join(map(str, rope.ref_feat_shape or (0, 0)))
        return f"cat {rope.temperature:g} {order} {'half' if rope.rotate_half else 'adjacent'} {ref} {rope.grid_offset:g}"
    return f"{kind} {rope.temperature:g} {order} {'half' if kind == 'dinov3' else 'adjacent'} 0x0 0"


def pool_includes_prefix(model):
    if type(model).__name__ == "Eva":  # its pool() shows an attention pool all tokens
        return model.attn_pool is not None
    return getattr(model, "pool_include_prefix", False)


def row(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    block = model.blocks[0]
    beside = type(block).__name__ == "ParallelScalingBlock"  # attention and MLP in one module
    attention = block if beside else getattr(block, "attn", None)
    attentions = [b if beside else getattr(b, "attn", None) for b in model.blocks]
    scaled = [getattr(block, name, None) is not None for name in ("gamma_1", "gamma_2")]
    if (type(block).__name__ not in BLOCKS or scaled[0] != scaled[1] or type(attention).__name__ == "DiffAttention"
            or any(getattr(a, "num_kv_heads", a.num_heads) != a.num_heads for a in attentions)):
        return [name, "refused"]
    eps = {m.eps for m in model.modules() if getattr(m, "eps", None) is not None and "Norm" in type(m).__name__}
    assert len(eps) == 1, (name, eps)
    act = block.mlp_act if beside else block.mlp.act
    pool = getattr(model, "attn_pool", None)
    heads = attention.num_heads
    pool_heads = pool.num_heads if pool is not None and pool.num_heads != heads else 0
    return [name, model.embed_dim, heads, f"{eps.pop():g}",
            ACTIVATIONS[type(act).__name__ + str(getattr(act, "approximate", ""))], model.global_pool, pool_heads,
            BLOCKS[type(block).__name__], rope_of(getattr(model, "rope", None)), str(pool_includes_prefix(model)).lower()]


def main():
    names = [n for n in timm.list_models() if _registry._model_to_module[n] in MODULES]
    lines = [f"# timm {timm.__version__}", "# " + "\t".join(COLUMNS)]
    lines += ["\t".join(map(str, row(name))) for name in names]
    (FOLDER / "timm_architectures.tsv").write_text("\n".join(lines) + "\n")
    print(len(names))


if __name__ == "__main__":
    main()
