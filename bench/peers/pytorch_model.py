"""The model as torch.nn modules, in the way that timm writes it."""

import torch
import torch.nn.functional as F
from torch import nn

from harness.models import EPSILON


def _fill(module, arrays, prefix, dtype):
    """Gives the module, made on the device "meta", the tensors under `prefix` as its parameters."""
    state = {name: torch.from_numpy(arrays[f"{prefix}.{name}"]).to(dtype) for name, _ in module.named_parameters()}
    module.load_state_dict(state, assign=True)
    return module


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, shape, arrays, name, dtype):
        super().__init__()
        d, self.heads = shape.width, shape.heads

        def fill(module, part):
            return _fill(module, arrays, f"{name}.{part}", dtype)

        with torch.device("meta"):
            self.norm1, self.norm2 = fill(nn.LayerNorm(d, EPSILON), "norm1"), fill(nn.LayerNorm(d, EPSILON), "norm2")
            self.qkv, self.proj = fill(nn.Linear(d, 3 * d), "attn.qkv"), fill(nn.Linear(d, d), "attn.proj")
            self.fc1 = fill(nn.Linear(d, shape.hidden), "mlp.fc1")
            self.fc2 = fill(nn.Linear(shape.hidden, d), "mlp.fc2")
            self.ls1 = fill(Scale(d), "ls1") if shape.layer_scale else nn.Identity()
            self.ls2 = fill(Scale(d), "ls2") if shape.layer_scale else nn.Identity()

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + self.ls1(self.proj(y))
        return x + self.ls2(self.fc2(F.gelu(self.fc1(self.norm2(x)))))


class ViT(nn.Module):
    def __init__(self, shape, arrays, dtype):
        super().__init__()
        d, p = shape.width, shape.patch
        with torch.device("meta"):
            patch, norm = nn.Conv2d(3, d, p, stride=p), nn.LayerNorm(d, EPSILON)
            head = nn.Linear(d, shape.classes) if shape.classes else None
        self.patch = _fill(patch, arrays, "patch_embed.proj", dtype)
        self.cls = nn.Parameter(torch.from_numpy(arrays["cls_token"]).to(dtype))
        self.pos = nn.Parameter(torch.from_numpy(arrays["pos_embed"]).to(dtype))
        self.blocks = nn.Sequential(*(Block(shape, arrays, f"blocks.{i}", dtype) for i in range(shape.depth)))
        self.norm = _fill(norm, arrays, "norm", dtype)
        self.head = _fill(head, arrays, "head", dtype) if head else nn.Identity()

    def forward(self, images):
        x = self.patch(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.pos
        return self.head(self.norm(self.blocks(x))[:, 0])
