"""The Hugging Face goldens of the families beyond ViT and DeiT. Run by make_goldens.py under transformers 4.x and 5.x."""

import math
import types

import torch
import transformers as hf
from torch import nn

import golden_tools as tools
import hf_cases

GENERATION = hf_cases.GENERATION
SIZES = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=18, image_size=20, patch_size=5,
             num_channels=3)
TEXTS = dict(hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=11,
             max_position_embeddings=5)
CLIP_PICTURE = dict(kind="CLIPImageProcessor", size={"shortest_edge": 23}, resample=3,
                    crop_size={"height": 20, "width": 20})
SIGLIP_PICTURE = dict(kind="SiglipImageProcessor", size={"height": 20, "width": 20}, resample=3)
# 23 pixels of the processor, a table for 20: transformers resizes the table.
DINO_PICTURE = dict(kind="BitImageProcessor", size={"shortest_edge": 28}, resample=3, crop_size={"height": 25, "width": 25},
                    image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
# DINOv3 has no table; the processor alone says that pictures are no squares.
DINOV3_SIZE = dict(kind="ViTImageProcessor", size={"height": 25, "width": 35}, resample=2)

GLU = dict(use_swiglu_ffn=True, mlp_ratio=2)  # 16 hidden units
BEIT = dict(use_relative_position_bias=True, drop_path_rate=0.0)
DINOV3 = dict(hidden_size=24, num_register_tokens=4, layer_norm_eps=1e-5)
AIMV2 = dict(use_head=False, rms_norm_eps=1e-5)

# `config` changes the configuration of the picture model, `root` that of a model of pictures and texts.
BOTH = {
    "mae": dict(cls="ViTMAEModel", config=dict(layer_norm_eps=1e-6)),
    "mae-pretraining": dict(cls="ViTMAEForPreTraining", config=dict(
        decoder_num_hidden_layers=1, decoder_hidden_size=8, decoder_num_attention_heads=2, decoder_intermediate_size=8), draw=1),
    "msn-classifier": dict(cls="ViTMSNForImageClassification", config={}),
    "ijepa": dict(cls="IJepaModel", config=dict(image_size=[15, 25], layer_norm_eps=1e-6)),
    "ijepa-classifier": dict(cls="IJepaForImageClassification", config={}),
    "beit-classifier": dict(cls="BeitForImageClassification", config=BEIT | dict(layer_norm_eps=1e-6)),
    "beit-resized": dict(cls="BeitForImageClassification", config=BEIT | dict(layer_norm_eps=1e-6), size=[30, 25],
                         options={"image-size": "30x25"}),
    "beit-shared": dict(cls="BeitModel", config=dict(use_shared_relative_position_bias=True)),
    "beit-positions": dict(cls="BeitForImageClassification", config=dict(
        use_absolute_position_embeddings=True, use_mean_pooling=False, layer_scale_init_value=0.0)),
    "beit-masked": dict(cls="BeitForMaskedImageModeling", config=BEIT | dict(vocab_size=20, use_mask_token=True)),
    "data2vec-classifier": dict(cls="Data2VecVisionForImageClassification", config=BEIT),
    "dinov2": dict(cls="Dinov2Model", config=dict(mlp_ratio=2)),
    "dinov2-classifier": dict(cls="Dinov2ForImageClassification", config=dict(mlp_ratio=2)),
    "dinov2-swiglu": dict(cls="Dinov2Model", config=GLU),
    "dinov2-resized": dict(cls="Dinov2Model", config=dict(mlp_ratio=2), processor=DINO_PICTURE, size=(25, 25),
                           picture=(53, 41, "RGB")),
    "dinov2-registers": dict(cls="Dinov2WithRegistersModel", config=dict(mlp_ratio=2, num_register_tokens=3)),
    "dinov2-registers-classifier": dict(cls="Dinov2WithRegistersForImageClassification",
                                        config=dict(mlp_ratio=2, num_register_tokens=2)),
    "dinov2-registers-resized": dict(cls="Dinov2WithRegistersModel", config=dict(mlp_ratio=2, num_register_tokens=2),
                                     processor=DINO_PICTURE, size=(25, 25), picture=(53, 41, "RGB")),
    "dinov3": dict(cls="DINOv3ViTModel", config=DINOV3, processor=DINOV3_SIZE, size=(25, 35)),
    "dinov3-gated": dict(cls="DINOv3ViTModel", config=DINOV3 | dict(use_gated_mlp=True, hidden_act="silu", rope_theta=50.0)),
    "dinov3-no-bias": dict(cls="DINOv3ViTModel", config=DINOV3 | dict(
        use_gated_mlp=True, hidden_act="silu", query_bias=False, value_bias=False, num_register_tokens=0)),
    "clip": dict(cls="CLIPModel", config={}, root=dict(projection_dim=10), processor=CLIP_PICTURE,
                 picture=(41, 53, "RGB")),
    "clip-vision": dict(cls="CLIPVisionModel", config=dict(hidden_act="gelu")),
    "clip-projection": dict(cls="CLIPVisionModelWithProjection", config=dict(projection_dim=10)),
    "clip-classifier": dict(cls="CLIPForImageClassification", config={}, root={}),
    "metaclip2": dict(cls="MetaClip2VisionModelWithProjection", config=dict(projection_dim=10, hidden_act="gelu"), draw=1),
    "siglip": dict(cls="SiglipModel", config={}, root={}, processor=SIGLIP_PICTURE, picture=(45, 30, "RGB")),
    "siglip-vision": dict(cls="SiglipVisionModel", config={}),
    "siglip-no-head": dict(cls="SiglipVisionModel", config=dict(vision_use_head=False)),
    "siglip-classifier": dict(cls="SiglipForImageClassification", config={}, root={}),
    "aimv2": dict(cls="Aimv2VisionModel", config=AIMV2),
    "aimv2-native": dict(cls="Aimv2VisionModel", config=AIMV2 | dict(is_native=True, mlp_bias=True)),
    "aimv2-head": dict(cls="Aimv2VisionModel", config=AIMV2 | dict(use_head=True)),
}
# What version 5 calls the tensors in memory.
NEW_NAMES = ("mae", "beit-classifier", "beit-shared", "dinov2-swiglu", "dinov3", "clip-vision", "siglip-vision")
CASES = {f"hf{GENERATION}-{name}": case for name, case in BOTH.items()}
if GENERATION >= 5:
    CASES |= {f"hf5-{name}-new-names": BOTH[name] | dict(new_names=True) for name in NEW_NAMES}


def build(case):
    cls = getattr(hf, case["cls"])
    vision = SIZES | case["config"]
    if "mlp_ratio" in vision:
        del vision["intermediate_size"]
    # Eager attention computes its softmax in float32 even for a float64 model; sdpa keeps float64 throughout.
    common = dict(num_labels=7, attn_implementation="sdpa")
    if "root" in case:
        config = cls.config_class(vision_config=vision, text_config=TEXTS, **case["root"], **common)
    else:
        config = cls.config_class(**vision, **common)
    return cls(config).eval(), vision


def tower(model):
    """The picture model within a model."""
    name = type(model).__name__
    inner = "vision_model" if hasattr(model, "vision_model") else model.base_model_prefix
    return getattr(model, inner) if hasattr(model, "vision_model") or "For" in name else model


# ---- float64 where the framework insists on float32 ------------------------------------------------------------------


def rope64(self, pixel_values):
    patch, size = self.config.patch_size, pixel_values.shape[-2:]
    axes = [2 * (torch.arange(0.5, n // patch, dtype=torch.float64) / (n // patch)) - 1 for n in size]
    coords = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1)
    freq = 1 / self.base ** torch.arange(0, 1, 4 / self.head_dim, dtype=torch.float64)
    angles = (2 * math.pi * coords[:, :, None] * freq).flatten(1, 2).tile(2)
    return angles.cos(), angles.sin()


def rms64(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def resize64(self, embeddings, height, width):
    table = self.position_embeddings
    count = table.shape[1] - 1
    if embeddings.shape[1] - 1 == count and height == width:
        return table
    side, patch = math.isqrt(count), self.config.patch_size
    patches = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    patches = nn.functional.interpolate(patches, size=(height // patch, width // patch), mode="bicubic",
                                        align_corners=False, antialias="Registers" in type(self).__name__)
    return torch.cat((table[:, :1], patches.flatten(2).transpose(1, 2)), 1)


def widen(model):
    if next(model.parameters()).dtype != torch.float64:
        return
    for module in model.modules():
        name = type(module).__name__
        if name == "DINOv3ViTRopePositionEmbedding":
            module.forward = types.MethodType(rope64, module)
        elif name.endswith("RMSNorm"):
            module.forward = types.MethodType(rms64, module)
        elif name in ("Dinov2Embeddings", "Dinov2WithRegistersEmbeddings"):
            module.interpolate_pos_encoding = types.MethodType(resize64, module)


# ---- running -----------------------------------------------------------------------------------------------------


def run(model, x):
    widen(model)
    name = type(model).__name__
    if name.endswith("ForImageClassification"):
        return {"logits": model(pixel_values=x).logits.numpy()}
    if name.startswith("ViTMAE"):  # all patches, in their order
        base, patches = tower(model), (x.shape[-1] // SIZES["patch_size"]) ** 2
        base.embeddings.config.mask_ratio = 0.0
        features = base(pixel_values=x, noise=torch.arange(patches).repeat(len(x), 1)).last_hidden_state
        return {"features": features.numpy(), "pooled": features[:, 0].numpy()}
    if name == "BeitForMaskedImageModeling":  # the encoder and the norm, without the prediction of masked patches
        features = model.layernorm(model.beit(pixel_values=x).last_hidden_state)
        return {"features": features.numpy(), "pooled": features[:, 0].numpy()}
    out = tower(model)(pixel_values=x) if name in ("CLIPModel", "SiglipModel") else model(pixel_values=x)
    features, pooled = out.last_hidden_state, getattr(out, "pooler_output", None)
    if name == "CLIPModel":
        pooled = model.get_image_features(pixel_values=x)
        pooled = getattr(pooled, "pooler_output", pooled)
    elif name.endswith("WithProjection"):
        pooled = out.image_embeds
    elif pooled is not None and pooled.dim() == 3:
        pooled = pooled[:, 0]
    return {"features": features.numpy()} | ({} if pooled is None else {"pooled": pooled.numpy()})


# ---- mistakes ----------------------------------------------------------------------------------------------------


def swap_gate(model):
    with torch.no_grad():
        for module in model.modules():
            if hasattr(module, "weights_in"):
                half = module.weights_in.out_features // 2
                for p in module.weights_in.parameters():
                    p.copy_(p.roll(half, 0))
            elif hasattr(module, "gate_proj"):
                module.gate_proj, module.up_proj = module.up_proj, module.gate_proj


def other_positions(model):
    for module in model.modules():
        if hasattr(module, "inv_freq"):
            module.base *= 2
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "position" in key:  # a table of positions, or of relative ones
                p.copy_(p.roll(1, -2))


def sincos_of_rows_first(model):
    """AIMv2's table without its exchange of halves: as good as rolling the channels of what follows."""
    forward = model.embeddings.forward

    def wrong(self, x):
        grid = x.shape[-1] // self.patch_size
        patches = self.rms_norm(self.patch_embed(x).flatten(2).transpose(1, 2))
        table = (forward(x) - patches).reshape(len(x), grid, grid, -1)
        return patches + table.transpose(1, 2).flatten(1, 2)

    model.embeddings.forward = types.MethodType(wrong, model.embeddings)


def flips_of(case):
    flips = dict(tools.FLIPS) | {"positions": other_positions}
    if case["config"].get("use_swiglu_ffn") or case["config"].get("use_gated_mlp") or "Aimv2" in case["cls"]:
        del flips["activation"]
        flips["gate"] = swap_gate
    if case["config"].get("is_native"):
        flips["positions"] = sincos_of_rows_first
    return {label: lambda model, flip=flip: flip(tower(model)) for label, flip in flips.items()}


def wrong_pool(model, x):
    """The first token where the mean or attention belongs, and the mean where the first token does."""
    widen(model)
    name = type(model).__name__
    if name.endswith("ForImageClassification"):
        means = "Siglip" in name or "IJepa" in name

        def hook(_, __, out):
            hidden = out.last_hidden_state
            wrong = hidden[:, :1] if means or "CLIP" in name else hidden.mean(1, keepdim=True)
            out.last_hidden_state = wrong.expand_as(hidden)
            if getattr(out, "pooler_output", None) is not None:
                out.pooler_output = hidden[:, -1]
            return out

        handle = tower(model).register_forward_hook(hook)
        try:
            return {"logits": model(pixel_values=x).logits.numpy()}
        finally:
            handle.remove()
    outputs = run(model, x)
    if "pooled" not in outputs:
        return {}
    features = torch.from_numpy(outputs["features"])
    if "CLIP" in name or "Clip" in name:
        pooled = tower(model).post_layernorm(features.mean(1))
        return {"pooled": (model.visual_projection(pooled) if hasattr(model, "visual_projection") else pooled).numpy()}
    if "Siglip" in name or "Aimv2" in name:
        return {"pooled": features.mean(1).numpy()}
    return {"pooled": (features[:, 0] if name == "BeitModel" else features.mean(1)).numpy()}


# ---- making ------------------------------------------------------------------------------------------------------


def make_quiet(model, name, quiet, eps):
    """tools.make_quiet_token for any of these models: without positions, or with a norm before them, the bias of the
    patch embedding is small instead."""
    params = dict(tower(model).named_parameters())
    bias = next((p for k, p in params.items() if k.endswith((".projection.bias", ".patch_embed.bias",
                                                             ".patch_embedding.bias", ".patch_embeddings.bias"))), None)
    pos = next((p for k, p in params.items() if k.endswith(("position_embeddings", "position_embedding.weight"))), None)
    if pos is None or "Aimv2" in type(model).__name__:
        return tools.make_quiet_token(bias.view(1, 1, -1), None, 0, eps, name)
    patches = (SIZES["image_size"] // SIZES["patch_size"]) ** 2
    pos = pos if pos.dim() == 3 else pos[None]
    prefix = pos.shape[1] % patches if pos.shape[1] > patches else 0
    tools.make_quiet_token(pos, bias, prefix + quiet, eps, name)


def make(only=None):
    for name, case in CASES.items():
        if only and name not in only:
            continue
        directory = tools.fresh_directory(name)
        model, vision = build(case)
        tools.redraw(model, f"{name}{case.get('draw', '')}")
        eps = next(getattr(m, "eps", getattr(m, "variance_epsilon", None)) for m in tower(model).modules()
                   if isinstance(m, nn.LayerNorm) or type(m).__name__.endswith("RMSNorm"))
        quiet = 6
        make_quiet(model, name, quiet, eps)
        options = {"save_original_format": False} if case.get("new_names") else {}
        model.save_pretrained(directory, safe_serialization=True, **options)
        picture = hf_cases.preprocess(case, name, directory) if "processor" in case else None
        size = case.get("size") or (vision["image_size"] if isinstance(vision["image_size"], list)
                                    else [vision["image_size"]] * 2)
        info = {"framework": f"transformers {hf.__version__}", "class": case["cls"],
                "versions": tools.versions(transformers=hf.__version__), "notes": notes(case, vision, eps)}
        if "options" in case:
            info["options"] = case["options"]
        tools.finish_case(name, model, run, wrong_pool, tuple(size), 3, (5, 5), quiet, info, picture, flips_of(case))


def notes(case, vision, eps):
    image = vision["image_size"]
    out = [f"patch 5x5 on {'x'.join(map(str, image if isinstance(image, list) else [image, image]))}", f"eps {eps:g}"]
    out += [f"{k} {v}" for k, v in (case["config"] | case.get("root", {})).items()
            if k not in ("image_size", "drop_path_rate") and not k.startswith("decoder") and not k.endswith("_eps")]
    if case.get("new_names"):
        out.append("in-memory tensor names of generation 5 (save_original_format=False)")
    if "size" in case:
        whose = "" if "options" in case else ", the processor's size"
        resized = "" if "DINOv3" in case["cls"] else ": the table is resized"
        out.append(f"run at {case['size'][0]}x{case['size'][1]}{whose}{resized}")
    return out
