"""Goldens of PyTorch libraries beside transformers and timm: torchvision, open_clip, OpenAI's CLIP, vit-pytorch, DINOv2;
and of checkpoints without a configuration, in the files that their authors write.

A case whose library cannot be installed is made of timm's model under the other library's names, and says so in its notes
("layout only"). golden.json of a case holds what the command line must add: `options`, and `file` where the model is a file
in the folder.
"""

import copy
import json
from importlib.metadata import version

import timm
import torch
from torch import nn

import golden_tools as tools

VIT_PYTORCH = version("vit-pytorch")  # before 1.0 only the case of its names can be made
SIZE, PATCH, WIDTH, HEADS, DEPTH, CLASSES = 20, 5, 24, 3, 2, 7
# What the libraries call the layers that golden_tools makes louder, and the parameters that are drawn as tokens.
tools.MLP_IN += (".mlp.0.bias", ".mlp.c_fc.bias", ".1.net.1.bias", ".1.fn.net.0.bias", ".mlp.linear_1.bias")
tools.MLP_OUT += (".mlp.3.weight", ".mlp.c_proj.weight", ".1.net.4.weight", ".1.net.3.weight", ".1.fn.net.3.weight",
                  ".mlp.linear_2.weight")
tools.TOKENS += ("class_token", "pos_embedding", "positional_embedding")
tools.LAYER_LISTS += ("resblocks",)


def logits(model, x):
    return {"logits": model(x).numpy()}


# ---- mistakes, by what the modules are -----------------------------------------------------------------------------


class OtherGelu(nn.Module):
    def forward(self, x):
        return nn.functional.gelu(x, approximate="tanh")


def swap_activation(model):
    for module in list(model.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, nn.GELU) and child.approximate == "none":
                setattr(module, key, OtherGelu())
            elif type(child).__name__ in ("QuickGELU", "SiLU", "GELU"):
                setattr(module, key, nn.GELU())
    for module in model.modules():
        if hasattr(module, "w12"):
            module.forward = lambda x, m=module: m.w3(
                nn.functional.gelu(m.w12(x).chunk(2, -1)[0]) * m.w12(x).chunk(2, -1)[1])


def scale_queries(model):
    for key, p in model.named_parameters():
        if "in_proj" in key or ".qkv." in key or "to_qkv" in key:
            p.data[: p.shape[0] // 3] *= 2**0.5


def roll_positions(model):
    for key, p in model.named_parameters():
        if key.rsplit(".", 1)[-1] in ("pos_embed", "pos_embedding", "positional_embedding"):
            p.data = p.data.roll(1, dims=-2)


FLIPS = {"activation": swap_activation, "eps x1000": tools.scale_eps, "softmax scale": scale_queries,
         "positions": roll_positions, "depth": tools.drop_last_block}


def without(*labels):
    return {key: flip for key, flip in FLIPS.items() if key not in labels}


def quieten(name, pos, bias, row, eps):
    tools.make_quiet_token(pos.data[None] if pos.dim() == 2 else pos, bias, row, eps, name)


def finish(name, model, save, options=None, file=None, eps=1e-6, flips=None, run=logits, wrong_pool=None, notes=(),
           library="", channels=3, size=(SIZE, SIZE), patch=(PATCH, PATCH)):
    info = {"framework": library, "class": type(model).__name__,
            "versions": tools.versions(**{library.split()[0]: library.split()[1]}),
            "notes": [f"patch {patch[0]}x{patch[1]} on {size[0]}x{size[1]}", f"width {WIDTH}, {HEADS} heads",
                      f"eps {eps:g}", *notes]}
    if options:
        info["options"] = options
    if file:
        info["file"] = file
    save(tools.ROOT / name)
    tools.finish_case(name, model, run, wrong_pool, size, channels, patch, 6, info, flips=flips or FLIPS)


# ---- torchvision ---------------------------------------------------------------------------------------------------


def torchvision_case(name, draw, old=False, pre_logits=None, container="pth"):
    import torchvision
    from torchvision.models.vision_transformer import VisionTransformer

    model = VisionTransformer(image_size=SIZE, patch_size=PATCH, num_layers=DEPTH, num_heads=HEADS, hidden_dim=WIDTH,
                              mlp_dim=100, num_classes=CLASSES, representation_size=pre_logits).eval()
    tools.redraw(model, draw)
    quieten(name, model.encoder.pos_embedding, model.conv_proj.bias, 7, 1e-6)

    def save(directory):
        state = model.state_dict()
        if old:  # before 0.13
            state = {k.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): v
                     for k, v in state.items()}
        torch.save(state, directory / "vit.pth")

    finish(name, model, save, {"heads": HEADS}, library=f"torchvision {torchvision.__version__}",
           notes=["state dict"] + (["tensor names of 0.12: layout only"] if old else [])
           + (["pre_logits with tanh"] if pre_logits else []))


# ---- open_clip and OpenAI's CLIP -----------------------------------------------------------------------------------


class Tower(nn.Module):
    """The image half of a CLIP, with what the other half does not need to say."""

    def __init__(self, visual):
        super().__init__()
        self.visual = visual

    def forward(self, x):
        return self.visual(x)


def clip_outputs(model, x):
    visual = model.visual
    seen = {}
    hook = visual.ln_post.register_forward_hook(lambda m, i, o: seen.update(post=o))
    last = visual.transformer.register_forward_hook(lambda m, i, o: seen.update(blocks=o))
    pooled = model.visual(x)
    pooled = pooled[0] if isinstance(pooled, tuple) else pooled
    hook.remove()
    last.remove()
    # Features are normalised, as open_clip's are; OpenAI's code normalises the token that it pools alone.
    tokens = visual.ln_post(seen["blocks"]) if seen["post"].dim() == 2 else seen["post"]
    return {"features": tokens.numpy(), "pooled": pooled.numpy()}


def clip_pool(model, x):
    altered = copy.deepcopy(model)
    altered.visual.pool_type = "avg" if model.visual.pool_type == "tok" else "tok"
    return {"pooled": altered.visual(x).numpy()}


def open_clip_case(name, draw, vision=None, model_keys=None, preprocess=None, bare=None):
    import open_clip
    import safetensors.torch
    from open_clip.model import CLIP

    vision_cfg = dict(layers=DEPTH, width=WIDTH, head_width=8, patch_size=PATCH, image_size=SIZE, mlp_ratio=1.25) | (vision or {})
    text_cfg = dict(context_length=4, vocab_size=9, width=8, heads=2, layers=1)
    quick = bool((model_keys or {}).get("quick_gelu"))
    clip = CLIP(16, vision_cfg, text_cfg, quick_gelu=quick).eval()
    tools.redraw(clip, draw)
    visual = clip.visual
    quieten(name, visual.positional_embedding, None, 7, 1e-5)
    if vision_cfg.get("no_ln_pre"):
        quieten(name, visual.positional_embedding, None, 7, 1e-5)

    def save(directory):
        if bare:
            torch.save(clip.state_dict(), directory / "model.pt")
            return
        safetensors.torch.save_file({k: v.contiguous() for k, v in clip.state_dict().items()},
                                    directory / "open_clip_model.safetensors")
        config = {"model_cfg": dict(embed_dim=16, vision_cfg=vision_cfg, text_cfg=text_cfg, **(model_keys or {})),
                  "preprocess_cfg": preprocess or {"mean": [0.48145466, 0.4578275, 0.40821073],
                                                   "std": [0.26862954, 0.26130258, 0.27577711]}}
        (directory / "open_clip_config.json").write_text(json.dumps(config, indent=4) + "\n")

    attentional = "attentional_pool" in vision_cfg
    finish(name, Tower(visual), save, bare, eps=1e-5, run=clip_outputs, wrong_pool=None if attentional else clip_pool,
           library=f"open_clip {open_clip.__version__}",
           notes=["quick GELU" if quick else "GELU"] + [f"{k} {v}" for k, v in (vision or {}).items()])


def openai_case(name, draw):
    import clip.model

    clip.model.LayerNorm.forward = nn.LayerNorm.forward  # its own computes in float32 whatever the model does
    visual = clip.model.VisionTransformer(SIZE, PATCH, WIDTH, DEPTH, HEADS, 16).eval()
    tools.redraw(visual, draw)
    model = Tower(visual)
    quieten(name, visual.positional_embedding, None, 7, 1e-5)

    class Archive(Tower):  # what OpenAI's archives hold beside: the text tower and three numbers
        def __init__(self, visual):
            super().__init__(visual)
            for key, value in (("input_resolution", SIZE), ("context_length", 4), ("vocab_size", 9)):
                self.register_buffer(key, torch.tensor(value))
            self.token_embedding = nn.Embedding(9, 8)
            self.positional_embedding = nn.Parameter(torch.zeros(4, 8))
            self.text_projection = nn.Parameter(torch.zeros(8, 16))
            self.logit_scale = nn.Parameter(torch.zeros(()))

    def save(directory):
        archive = torch.jit.trace(Archive(visual), torch.zeros(1, 3, SIZE, SIZE))
        archive.save(str(directory / "ViT-B-16.pt"))

    def outputs(m, x):  # its transformer wants tokens first
        found = clip_outputs(m, x)
        post = {}
        hook = m.visual.transformer.register_forward_hook(lambda a, b, o: post.update(out=o))
        m.visual(x)
        hook.remove()
        return {"features": post["out"].permute(1, 0, 2).numpy(), "pooled": found["pooled"]}

    finish(name, model, save, {"heads": HEADS}, eps=1e-5, run=outputs, library="clip-anytorch 2.6.0",
           notes=["quick GELU", "TorchScript archive; its class is the image tower alone"])


# ---- vit-pytorch ---------------------------------------------------------------------------------------------------


def lucidrains_case(name, draw, kind):
    import vit_pytorch

    arguments = dict(image_size=SIZE, patch_size=PATCH, num_classes=CLASSES, dim=WIDTH, depth=DEPTH, heads=HEADS,
                     mlp_dim=100, dim_head=6)
    if kind == "simple":
        model = vit_pytorch.SimpleViT(**arguments).eval()
    else:
        model = vit_pytorch.ViT(**arguments, pool="mean" if kind == "mean" else "cls").eval()
    tools.redraw(model, draw)
    with torch.no_grad():
        if kind == "old":
            pos, bias = model.pos_embedding, model.to_patch_embedding[1].bias
            quieten(name, pos, bias, 7, 1e-5)

    def save(directory):
        torch.save({"model": model.state_dict()} if kind == "mean" else model.state_dict(), directory / "vit.pt")

    # A norm of nearly constant pixels loses what an offset of the pixels costs in f32: nearly zero ones instead.
    plain_input = tools.make_input

    def make_input(*arguments):
        x = plain_input(*arguments)
        half = x[1, :, :, : x.shape[3] // 2]
        half[half != 0] = (half[half != 0] - 0.5) * 3
        return x

    tools.make_input = make_input
    options = {"heads": HEADS}
    if kind == "simple":
        options["image-size"] = f"{SIZE}x{SIZE}"
    try:
        finish(name, model, save, options, eps=1e-5, flips=without("positions") if kind == "simple" else None,
               library=f"vit-pytorch {VIT_PYTORCH}", notes=[{"new": "ViT", "mean": "ViT, mean", "simple": "SimpleViT",
                                                         "old": "ViT with PreNorm"}[kind], "heads of 6 channels"])
    finally:
        tools.make_input = plain_input


# ---- names of timm, by others --------------------------------------------------------------------------------------


def features(model, x):
    tokens = model.forward_features(x)
    return {"features": tokens.numpy(), "pooled": tokens[:, 0].numpy()}


def dinov2_case(name, draw, chunks=0, ffn="mlp"):
    from dinov2.models.vision_transformer import DinoVisionTransformer

    model = DinoVisionTransformer(img_size=SIZE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS,
                                  mlp_ratio=2, ffn_layer=ffn, block_chunks=chunks, init_values=1.0).eval()
    tools.redraw(model, draw)
    quieten(name, model.pos_embed, model.patch_embed.proj.bias, 7, 1e-6)

    def run(m, x):
        m.interpolate_pos_encoding = lambda tokens, w, h: m.pos_embed
        found = m.forward_features(x)
        tokens = torch.cat([found["x_norm_clstoken"][:, None], found["x_norm_patchtokens"]], 1)
        return {"features": tokens.numpy(), "pooled": found["x_norm_clstoken"].numpy()}

    def drop(m):  # the depth is a list of lists
        blocks = m.blocks[-1] if chunks else m.blocks
        blocks[-1] = nn.Identity()

    flips = without("depth") | {"depth": drop}
    finish(name, model, lambda d: torch.save(model.state_dict(), d / "dinov2.pth"), {"heads": HEADS}, run=run, flips=flips,
           library="dinov2 0.0.1.dev2", notes=["state dict", f"ffn {ffn}"] + ([f"blocks in {chunks} chunks"] if chunks else []))


def relatives_case(name, draw, family):
    """DINO, MAE, I-JEPA and DeiT share timm's model and names; what lies around them in their files differs."""
    arguments = dict(img_size=SIZE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=1.25,
                     num_classes=CLASSES if family == "deit" else 0)
    if family == "ijepa":
        arguments |= dict(class_token=False, global_pool="avg", fc_norm=False)
    model = timm.create_model("vit_tiny_patch16_224", **arguments).eval()
    tools.redraw(model, draw)
    quieten(name, model.pos_embed, model.patch_embed.proj.bias, 6 + (family != "ijepa"), 1e-6)

    def save(directory):
        state = model.state_dict()
        other = {k: torch.full_like(v, 9.0) for k, v in state.items()}
        if family == "deit":
            stored = {"model": state, "epoch": 3}
        elif family == "dino":
            def wrap(entries):
                heads = {"head.mlp.0.weight": torch.zeros(8, WIDTH), "head.last_layer.weight_g": torch.zeros(8, 1)}
                return {f"module.backbone.{k}": v for k, v in entries.items()} | {f"module.{k}": v for k, v in heads.items()}
            stored = {"student": wrap(other), "teacher": {k.removeprefix("module."): v for k, v in wrap(state).items()},
                      "epoch": 3}
        elif family == "mae":
            decoder = {"mask_token": torch.zeros(1, 1, 8), "decoder_pos_embed": torch.zeros(1, 17, 8),
                       "decoder_embed.weight": torch.zeros(8, WIDTH), "decoder_pred.bias": torch.zeros(75),
                       "decoder_blocks.0.norm1.weight": torch.zeros(8)}
            stored = {"model": state | decoder}
        else:
            stored = {"encoder": {f"module.{k}": v for k, v in other.items()},
                      "predictor": {"module.predictor_embed.weight": torch.zeros(8, WIDTH)},
                      "target_encoder": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}
        torch.save(stored, directory / "checkpoint.pth")

    def run(m, x):
        if family == "deit":
            return logits(m, x)
        tokens = m.forward_features(x)
        return {"features": tokens.numpy(), "pooled": (tokens.mean(1) if family == "ijepa" else tokens[:, 0]).numpy()}

    finish(name, model, save, {"heads": HEADS}, run=run, library=f"timm {timm.__version__}",
           notes=["layout only: timm's model in the file of " + family])


def dinov3_case(name, draw, gated=False, bias=True):
    """facebookresearch/dinov3 stores periods in bf16 and a bias of keys with a mask."""
    arch = "vit_small_plus_patch16_dinov3_qkvb" if gated else "vit_small_patch16_dinov3_qkvb"
    model = timm.create_model(arch, img_size=(SIZE, 35), patch_size=(PATCH, 7), embed_dim=WIDTH, depth=DEPTH,
                              num_heads=HEADS, mlp_ratio=1.25, num_classes=0).eval()
    tools.redraw(model, draw)
    rope = model.rope
    periods = (100.0 ** (torch.arange(2, dtype=torch.float64) / 2)).to(torch.bfloat16)  # head size 8
    draw_rng = tools.rng_for(name, "periods")
    periods = (periods.double() * torch.from_numpy(draw_rng.uniform(0.9, 1.1, 2))).to(torch.bfloat16)
    rope.periods.copy_(periods.to(rope.periods.dtype))
    rope._create_embed_cached = rope.__dict__.get("_create_embed_cached")
    model.patch_embed.proj.bias.data = torch.from_numpy(
        tools.rng_for(name, "quiet").normal(0, (2 * 1e-5) ** 0.5, WIDTH)).float()

    def save(directory):
        stored = {"rope_embed.periods": periods, "mask_token": torch.zeros(1, WIDTH)}
        for key, value in model.state_dict().items():
            key = key.replace("reg_token", "storage_tokens").replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
            key = key.replace("mlp.fc1_g", "mlp.w1").replace("mlp.fc1_x", "mlp.w2")
            key = key.replace("mlp.fc2", "mlp.w3") if gated else key
            if key.endswith(("q_bias", "v_bias")):
                continue
            stored[key] = value
        for i, block in enumerate(model.blocks):
            attention = block.attn
            stored[f"blocks.{i}.attn.qkv.bias"] = torch.cat([attention.q_bias, torch.full((WIDTH,), 9.0), attention.v_bias])
            stored[f"blocks.{i}.attn.qkv.bias_mask"] = torch.cat([torch.ones(WIDTH), torch.zeros(WIDTH), torch.ones(WIDTH)])
        torch.save({k: v.detach() for k, v in stored.items()}, directory / "dinov3.pth")

    def run(m, x):
        embed = rope_table(periods.double(), 4, 5)
        m.rope.get_embed = lambda *a, **k: embed.to(x.dtype)
        return features(m, x)

    def turn(m):
        m.forward_features.__self__  # the table does not depend on m; shift the image's rows instead
        for block in m.blocks:
            block.attn.rotate_half = False

    finish(name, model, save, {"heads": HEADS, "image-size": f"{SIZE}x35"}, eps=1e-5, run=run,
           flips=without("positions") | {"rotation": turn}, library=f"timm {timm.__version__}", size=(SIZE, 35),
           patch=(PATCH, 7), notes=["layout only: timm's model under the names of facebookresearch/dinov3",
                                    "periods in bf16", "masked bias of keys"] + (["gated MLP"] if gated else []))


def rope_table(periods, rows, columns):
    """dinov3/layers/rope_position_encoding.py, in float64."""
    y, x = (torch.arange(rows) + 0.5) / rows * 2 - 1, (torch.arange(columns) + 0.5) / columns * 2 - 1
    coords = torch.stack(torch.meshgrid(y.double(), x.double(), indexing="ij"), -1).reshape(-1, 2)
    angles = (2 * torch.pi * coords[:, :, None] / periods).flatten(1).tile(2)
    return torch.cat([angles.sin(), angles.cos()], -1)


CASES = {
    "torchvision-vit": lambda n, d: torchvision_case(n, d),
    "torchvision-vit-old-names": lambda n, d: torchvision_case(n, d, old=True),
    "torchvision-vit-pre-logits": lambda n, d: torchvision_case(n, d, pre_logits=18),
    "open_clip": lambda n, d: open_clip_case(n, d),
    "open_clip-quickgelu": lambda n, d: open_clip_case(n, d, model_keys={"quick_gelu": True}),
    "open_clip-mean": lambda n, d: open_clip_case(
        n, d, vision=dict(pool_type="avg", final_ln_after_pool=True, ls_init_value=0.5, no_ln_pre=True),
        preprocess={"resize_mode": "squash", "interpolation": "bilinear", "mean": [0.5] * 3, "std": [0.5] * 3}),
    "open_clip-tanh": lambda n, d: open_clip_case(n, d, vision=dict(act_kwargs={"approximate": "tanh"},
                                                                    norm_kwargs={"eps": 1e-6})),
    "open_clip-weights": lambda n, d: open_clip_case(n, d, bare={"heads": HEADS, "arch": "open_clip:ViT-B-16"}),
    "open_clip-attentional": lambda n, d: open_clip_case(n, d, vision=dict(attentional_pool=True, attn_pooler_heads=4,
                                                                           attn_pooler_queries=3)),
    "openai-clip": openai_case,
    "lucidrains-vit": lambda n, d: lucidrains_case(n, d, "new"),
    "lucidrains-vit-mean": lambda n, d: lucidrains_case(n, d, "mean"),
    "lucidrains-simple-vit": lambda n, d: lucidrains_case(n, d, "simple"),
    "dinov2": lambda n, d: dinov2_case(n, d),
    "dinov2-chunks": lambda n, d: dinov2_case(n, d, chunks=2, ffn="swiglufused"),
    "dinov3": lambda n, d: dinov3_case(n, d),
    "dinov3-gated": lambda n, d: dinov3_case(n, d, gated=True),
    "deit-checkpoint": lambda n, d: relatives_case(n, d, "deit"),
    "dino-checkpoint": lambda n, d: relatives_case(n, d, "dino"),
    "mae-checkpoint": lambda n, d: relatives_case(n, d, "mae"),
    "ijepa-checkpoint": lambda n, d: relatives_case(n, d, "ijepa"),
}
if VIT_PYTORCH.startswith("0."):
    CASES = {"lucidrains-vit-old": lambda n, d: lucidrains_case(n, d, "old")}


def make(only=None):
    for name, case in CASES.items():
        if only and name not in only:
            continue
        for draw in range(8):  # the first that can fail in every way
            tools.fresh_directory(name)
            try:
                case(name, f"{name}{draw or ''}")
                break
            except AssertionError as error:
                print(f"{name}: draw {draw}: {error}")
        else:
            raise SystemExit(f"{name}: no draw can fail in every way")
