#!/usr/bin/env python3
"""Writes position-cases.json: position tables for other grids, by the functions of the libraries themselves.

Run by hand: python3 make_position_cases.py > position-cases.json (made with the versions in its first entry). Libraries
that come in no package (DINOv2's and Google's own code) call PyTorch and SciPy as test/dialect/Interp/Inputs/grid-cases.json
has it.
"""
import json
from collections import OrderedDict

import open_clip
import timm
import torch
import torchvision
import transformers
from open_clip.model import resize_pos_embed
from timm.layers import resample_abs_pos_embed
from torchvision.models.vision_transformer import interpolate_embeddings

GRID, WIDTH, PATCH = 4, 2, 4
TARGETS = [(6, 3), (2, 8), (4, 4), (9, 9), (1, 2)]
generator = torch.Generator().manual_seed(3)
cases = []


def table(prefix):
    values = torch.randn((1, prefix + GRID * GRID, WIDTH), generator=generator, dtype=torch.float64)
    return (values * 1000).round() / 1000


def case(library, prefix, resize, targets=TARGETS):
    for to in targets:
        before = table(prefix)
        after = resize(before.clone(), to)
        assert after.shape == (1, prefix + to[0] * to[1], WIDTH), after.shape
        cases.append({"library": library, "prefix": prefix, "to": list(to), "table": before.ravel().tolist(),
                      "resized": [round(v, 8) for v in after.double().ravel().tolist()]})


case("timm", 1, lambda t, to: resample_abs_pos_embed(t, list(to), [GRID, GRID], 1))
case("timm", 0, lambda t, to: resample_abs_pos_embed(t, list(to), [GRID, GRID], 0))
case("timm flexivit", 1, lambda t, to: resample_abs_pos_embed(t, list(to), [GRID, GRID], 1, "bilinear", False))


def torchvision_resize(t, to):
    state = OrderedDict({"encoder.pos_embedding": t})
    return interpolate_embeddings(to[0] * PATCH, PATCH, state)["encoder.pos_embedding"]


case("torchvision", 1, torchvision_resize, [(4, 4), (9, 9), (2, 2), (1, 1)])


def open_clip_resize(t, to):
    class Tower:
        grid_size = to

    class Model:
        visual = Tower()

    state = {"visual.positional_embedding": t[0]}
    resize_pos_embed(state, Model())
    return state["visual.positional_embedding"][None]


# A table of as many rows is left as it is, whatever their shape: not what a compiler would do.
case("open_clip", 1, open_clip_resize, [to for to in TARGETS if to != (2, 8)])


def hugging_face(embeddings, t, to):
    position = embeddings.position_embedding if hasattr(embeddings, "position_embedding") else embeddings.position_embeddings
    if isinstance(position, torch.nn.Embedding):
        position.weight = torch.nn.Parameter(t[0])
    else:
        position.data = t
    tokens = torch.zeros((1, t.shape[1] - GRID * GRID + to[0] * to[1], WIDTH), dtype=torch.float64)
    return embeddings.double().interpolate_pos_encoding(tokens, to[0] * PATCH, to[1] * PATCH).detach()


CONFIG = dict(hidden_size=WIDTH, num_attention_heads=1, intermediate_size=4, num_hidden_layers=1, image_size=GRID * PATCH,
              patch_size=PATCH)


def family(name, config, embeddings_of, prefix=1):
    config = config(**CONFIG)
    case(name, prefix, lambda t, to: hugging_face(embeddings_of(config), t, to))


from transformers.models.clip.modeling_clip import CLIPVisionEmbeddings  # noqa: E402
from transformers.models.dinov2.modeling_dinov2 import Dinov2Embeddings  # noqa: E402
from transformers.models.dinov2_with_registers.modeling_dinov2_with_registers import (  # noqa: E402
    Dinov2WithRegistersEmbeddings,
)
from transformers.models.siglip.modeling_siglip import SiglipVisionEmbeddings  # noqa: E402
from transformers.models.vit.modeling_vit import ViTEmbeddings  # noqa: E402

family("transformers vit", transformers.ViTConfig, ViTEmbeddings)
family("transformers clip", transformers.CLIPVisionConfig, CLIPVisionEmbeddings)
family("transformers siglip", transformers.SiglipVisionConfig, SiglipVisionEmbeddings, 0)
family("transformers dinov2", transformers.Dinov2Config, Dinov2Embeddings)
family("transformers dinov2 registers", transformers.Dinov2WithRegistersConfig, Dinov2WithRegistersEmbeddings)

versions = {m.__name__: m.__version__ for m in (torch, timm, torchvision, transformers, open_clip)}
print(json.dumps({"versions": versions, "cases": cases}))
