"""JAX on its CPU backend: one jitted function, compiled ahead with the weights as arguments."""

from harness.models import EPSILON

from .base import Peer


class Jax(Peer):
    key = "jax"
    title = "JAX"
    environment = "jax"
    packages = ("numpy", "jax")
    deployed = ("jax",)
    variants = {"f32": {"": "jax.jit; XLA sizes its pool by the CPU affinity"},
                "bf16": {"": "jax.jit, weights in bf16; XLA sizes its pool by the CPU affinity"}}

    def environ(self, case):
        return {**super().environ(case), "JAX_PLATFORMS": "cpu"}

    def load(self, case):
        import jax
        import jax.numpy as jnp

        from harness import weights
        dtype = jnp.bfloat16 if case.precision == "bf16" else jnp.float32
        arrays = {name: jnp.asarray(array, dtype) for name, array in weights.read(case).items()}
        images = jnp.asarray(weights.read_images(case), dtype)
        function = jax.jit(lambda a, x: _forward(case.shape, a, x)).lower(arrays, images).compile()
        return lambda: jax.block_until_ready(function(arrays, images))


def _norm(x, arrays, name):
    import jax.numpy as jnp
    wide = x.astype(jnp.float32)
    wide = (wide - wide.mean(-1, keepdims=True)) / jnp.sqrt(wide.var(-1, keepdims=True) + EPSILON)
    return wide.astype(x.dtype) * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


def _linear(x, arrays, name):
    return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]


def _forward(shape, arrays, images):
    import jax
    import jax.numpy as jnp
    b, t, d, p = images.shape[0], shape.tokens, shape.width, shape.patch
    x = jax.lax.conv_general_dilated(images, arrays["patch_embed.proj.weight"], (p, p), "VALID")
    x = x.reshape(b, d, t - 1).transpose(0, 2, 1) + arrays["patch_embed.proj.bias"]
    x = jnp.concatenate([jnp.broadcast_to(arrays["cls_token"], (b, 1, d)), x], 1) + arrays["pos_embed"]
    for i in range(shape.depth):
        block = f"blocks.{i}"
        qkv = _linear(_norm(x, arrays, f"{block}.norm1"), arrays, f"{block}.attn.qkv")
        q, k, v = (qkv[..., j * d:(j + 1) * d].reshape(b, t, shape.heads, d // shape.heads) for j in range(3))
        y = jax.nn.dot_product_attention(q, k, v).reshape(b, t, d)
        x = x + _linear(y, arrays, f"{block}.attn.proj") * arrays.get(f"{block}.ls1.gamma", 1)
        y = jax.nn.gelu(_linear(_norm(x, arrays, f"{block}.norm2"), arrays, f"{block}.mlp.fc1"), approximate=False)
        x = x + _linear(y, arrays, f"{block}.mlp.fc2") * arrays.get(f"{block}.ls2.gamma", 1)
    row = _norm(x, arrays, "norm")[:, 0]
    return _linear(row, arrays, "head") if shape.classes else row
