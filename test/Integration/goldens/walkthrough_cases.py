"""The PyTorch walk-through, repaired: a ViT that somebody wrote from scratch, without class token, positions, residuals and
norms of blocks, with a learned divisor of its scores and no softmax, saved as torch.save(model.state_dict()) and described
by a vit.json written by hand, whose `tensors` says what the file calls them.

As printed the code cannot run: it slices q, k and v out of the tokens instead of the channels, so that k is empty, returns
the scores without values, and feeds them to an MLP of another size. test/tools/vitc/walk-through.test has those."""

import torch
from torch import nn

import golden_tools as tools

NAME, SIZE, PATCH, WIDTH, HEADS, HIDDEN, DEPTH, CLASSES, EPS = "walk-through", (20, 21), (4, 3), 24, 3, 100, 2, 7, 1e-5

DESCRIPTION = """{
  "format": "vitc.vit", "version": 1,
  "source": {"library": "PyTorch", "arch": "a walk-through, repaired"},
  "input": {"size": [20, 21]},
  "width": 24, "depth": 2, "heads": 3,
  "patch": {"size": [4, 3], "norm_out": "layer"},
  "tokens": {"prefix": [], "pos_covers": "none"},
  "norm": {"eps": 1e-5},
  "block": {
    "placement": "none",
    "residual": false,
    "attn": {"scale": "learned_div", "softmax": false, "value": true, "out_proj": false},
    "mlp": {"act": "relu", "hidden": 100}
  },
  "final_norm": "none",
  "pool": {"kind": "none"},
  "head": {"layers": [{"from": "tokens", "out": 7}]},
  "tensors": {
    "patch_embedding.conv.{p}": "embed.patch.{p}",
    "patch_embedding.norm.{p}": "embed.norm_out.{p}",
    "blocks.{i}.attention.qkv.{p}": "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}",
    "blocks.{i}.attention.scale": "blk.{i}.scale",
    "blocks.{i}.ffn.0.{p}": "blk.{i}.fc1.{p}",
    "blocks.{i}.ffn.3.{p}": "blk.{i}.fc2.{p}",
    "head.{p}": "head.main.{p}"
  }
}
"""


class PatchEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x):
        return self.norm(self.conv(x).flatten(2).transpose(1, 2))


class Attention(nn.Module):
    softmax = False

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = (part.reshape(b, n, HEADS, c // HEADS).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        scores = q @ k.transpose(-1, -2) / self.scale
        if self.softmax:
            scores = scores.softmax(-1)
        return (scores @ v).transpose(1, 2).reshape(b, n, c)


class Block(nn.Module):
    residual = False

    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.ffn = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(HIDDEN, WIDTH))

    def forward(self, x):
        y = self.attention(x) + (x if self.residual else 0)
        return self.ffn(y) + (y if self.residual else 0)


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embedding = PatchEmbedding()
        self.blocks = nn.ModuleList([Block() for _ in range(DEPTH)])
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.patch_embedding(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def each(kind, change):
    def flip(model):
        for module in model.modules():
            if isinstance(module, kind):
                change(module)

    return flip


def set_divisor(attention):
    with torch.no_grad():
        attention.scale.mul_(2**0.5)


FLIPS = {
    "activation": each(nn.Sequential, lambda ffn: ffn.__setitem__(1, nn.GELU())),
    "eps x1000": tools.scale_eps,
    "softmax scale": each(Attention, set_divisor),
    "depth": tools.drop_last_block,
    "softmax": each(Attention, lambda attention: setattr(attention, "softmax", True)),
    "residual": each(Block, lambda block: setattr(block, "residual", True)),
}


def run(model, x):
    return {"logits": model(x).numpy()}


def make(names):
    if NAME not in names:
        return
    model = ViT().eval()
    tools.redraw(model, NAME)
    rng = tools.rng_for(NAME, "quiet")
    with torch.no_grad():
        # A patch of zeros is its bias, whose variance is that of eps.
        model.patch_embedding.conv.bias.copy_(torch.from_numpy(rng.normal(0, (2 * EPS) ** 0.5, WIDTH)))
        for block in model.blocks:
            block.attention.scale.copy_(torch.from_numpy(rng.uniform(5, 8, 1)))
    directory = tools.fresh_directory(NAME)
    torch.save(model.state_dict(), directory / "vit.pth")
    (directory / "vit.json").write_text(DESCRIPTION)
    info = {"class": "the PyTorch walk-through", "versions": tools.versions(),
            "notes": [f"repaired; patch {PATCH[0]}x{PATCH[1]} on {SIZE[0]}x{SIZE[1]}, normalised; width {WIDTH}, {HEADS} heads, "
                      f"MLP {HIDDEN}; eps {EPS}; relu; scores divided by a learned number, no softmax; no class token, "
                      "positions, residuals or norms of blocks; logits of each patch"]}
    tools.finish_case(NAME, model, run, None, SIZE, 3, PATCH, SIZE[0] // PATCH[0] * (SIZE[1] // PATCH[1]) // 2, info,
                      flips=FLIPS)


CASES = {NAME: None}
