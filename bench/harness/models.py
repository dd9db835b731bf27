"""The models of the comparison, as numbers: shapes, arithmetic, and what one measured case is. Standard library only.

Tensors have timm's names and shapes (weights.py makes them), images are f32 NCHW and already normalised.
"""

import math
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Shape:
    """A pre-norm Vision Transformer with a class token, learned positions and exact GELU, as timm builds it."""

    width: int
    depth: int
    heads: int
    patch: int = 16
    image: int = 224
    classes: int = 1000  # 0: no head, the output is the class token after the last norm
    layer_scale: bool = False
    architecture: str = ""  # timm's name

    @property
    def grid(self):
        return self.image // self.patch

    @property
    def tokens(self):
        return self.grid**2 + 1

    @property
    def hidden(self):
        return 4 * self.width

    @property
    def outputs(self):
        """Floats per image."""
        return self.classes or self.width

    @property
    def gflop(self):
        """Nominal GFLOP of one image: two per multiply-add of the patch embedding, the products and the head."""
        t, d = self.tokens, self.width
        block = t * (4 * d * d + 2 * d * self.hidden) + 2 * t * t * d
        return 2e-9 * (self.depth * block + (t - 1) * d * 3 * self.patch**2 + d * self.classes)

    @property
    def weight_bytes(self):
        return 4 * sum(math.prod(extents) for extents in self.tensors().values())

    def tensors(self):
        """Shapes by name, in the order of the forward pass."""
        d, shapes = self.width, {}

        def linear(name, n_out, n_in):
            shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (n_out, n_in), (n_out,)

        def norm(name):
            shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (d,)

        shapes["patch_embed.proj.weight"], shapes["patch_embed.proj.bias"] = (d, 3, self.patch, self.patch), (d,)
        shapes["cls_token"], shapes["pos_embed"] = (1, 1, d), (1, self.tokens, d)
        for i in range(self.depth):
            norm(f"blocks.{i}.norm1")
            linear(f"blocks.{i}.attn.qkv", 3 * d, d)
            linear(f"blocks.{i}.attn.proj", d, d)
            norm(f"blocks.{i}.norm2")
            linear(f"blocks.{i}.mlp.fc1", self.hidden, d)
            linear(f"blocks.{i}.mlp.fc2", d, self.hidden)
            if self.layer_scale:
                shapes[f"blocks.{i}.ls1.gamma"] = shapes[f"blocks.{i}.ls2.gamma"] = (d,)
        norm("norm")
        if self.classes:
            linear("head", self.classes, d)
        return shapes


def _vit(size, width, depth, heads, image=224):
    return Shape(width, depth, heads, image=image, architecture=f"vit_{size}_patch16_{image}")


PRESETS = {shape.architecture: shape for shape in (
    _vit("tiny", 192, 12, 3),
    _vit("small", 384, 12, 6),
    _vit("base", 768, 12, 12),
    _vit("large", 1024, 24, 16),
    _vit("base", 768, 12, 12, image=384),
    Shape(384, 12, 6, patch=14, image=518, classes=0, layer_scale=True, architecture="vit_small_patch14_dinov2"),
)}
# What a person calls them.
TITLES = {"vit_tiny_patch16_224": "ViT-Ti/16", "vit_small_patch16_224": "ViT-S/16", "vit_base_patch16_224": "ViT-B/16",
          "vit_large_patch16_224": "ViT-L/16", "vit_base_patch16_384": "ViT-B/16 at 384",
          "vit_small_patch14_dinov2": "DINOv2-S/14 at 518"}
PRECISIONS = ("f32", "bf16", "int8")
EPSILON = 1e-6  # of every layer norm, as in timm


@dataclass(frozen=True)
class Case:
    """One row: a model in one runtime. Everything that a worker needs to know."""

    preset: str
    precision: str
    batch: int
    threads: int
    peer: str  # key in peers.PEERS
    variant: str = ""  # one of the peer's variants for the precision
    model: str = ""  # folder with model.safetensors, images.f32 and expected.f32
    folder: str = ""  # where the peer keeps what prepare made
    tools: dict = field(default_factory=dict)  # paths that peers use: vitc, cxx

    @property
    def shape(self):
        return PRESETS[self.preset]

    @property
    def images_shape(self):
        return (self.batch, 3, self.shape.image, self.shape.image)

    def as_dict(self):
        return asdict(self)
