"""The JAX goldens: Google's vision_transformer and big_vision as flax modules with their names, saved as they save them.

Neither project is packaged, so their modules are written down here, from flax's own layers (which decide what is
computed): vit_jax/models_vit.py and big_vision/models/vit.py. Names of the published files differ from flax's automatic
ones (MultiHeadDotProductAttention_1, MlpBlock_3), so they are given."""

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

import array_models as arrays
import golden_tools as tools

jax.config.update("jax_enable_x64", True)  # the references; f32 weights and inputs still compute in f32

# The names that the two projects give to the layers of a block.
GOOGLE = dict(attention="MultiHeadDotProductAttention_1", norm2="LayerNorm_2", mlp="MlpBlock_3")
BIG_VISION = dict(attention="MultiHeadDotProductAttention_0", norm2="LayerNorm_1", mlp="MlpBlock_0")


class MlpBlock(nn.Module):
    hidden: int
    tanh_form: bool

    @nn.compact
    def __call__(self, x):
        y = nn.Dense(self.hidden, name="Dense_0")(x)
        return nn.Dense(x.shape[-1], name="Dense_1")(nn.gelu(y, approximate=self.tanh_form))


class Block(nn.Module):
    config: dict

    @nn.compact
    def __call__(self, x):
        c, names = self.config, self.config["names"]
        y = nn.LayerNorm(epsilon=c["eps"], name="LayerNorm_0")(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=c["heads"], name=names["attention"])(y, y)
        y = nn.LayerNorm(epsilon=c["eps"], name=names["norm2"])(x)
        return x + MlpBlock(c["hidden"], c["tanh_form"], name=names["mlp"])(y)


class AddPositions(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x + self.param("pos_embedding", nn.initializers.zeros, (1, x.shape[1], x.shape[2]))


class Encoder(nn.Module):
    config: dict

    @nn.compact
    def __call__(self, x):
        c = self.config
        if c["positions"] == "all":
            x = AddPositions(name="posembed_input")(x)
        for i in range(c["depth"]):
            x = Block(c, name=f"encoderblock_{i}")(x)
        return nn.LayerNorm(epsilon=c["eps"], name="encoder_norm")(x)


class MapHead(nn.Module):
    config: dict

    @nn.compact
    def __call__(self, x):
        c = self.config
        probe = self.param("probe", nn.initializers.zeros, (1, 1, x.shape[-1]))
        probe = jnp.tile(probe, [x.shape[0], 1, 1])
        x = nn.MultiHeadDotProductAttention(num_heads=c["heads"], name="MultiHeadDotProductAttention_0")(probe, x)
        y = nn.LayerNorm(epsilon=c["eps"], name="LayerNorm_0")(x)
        return (x + MlpBlock(c["hidden"], c["tanh_form"], name="MlpBlock_0")(y))[:, 0]


def sincos(h, w, width):
    y, x = np.mgrid[:h, :w]
    omega = 1.0 / 10000.0 ** (np.arange(width // 4) / (width // 4 - 1))
    y, x = (np.einsum("m,d->md", v.flatten(), omega) for v in (y, x))
    return np.concatenate([np.sin(x), np.cos(x), np.sin(y), np.cos(y)], axis=1)[None]


class Vit(nn.Module):
    config: dict

    @nn.compact
    def __call__(self, x):
        c = self.config
        x = nn.Conv(c["width"], c["patch"], strides=c["patch"], padding="VALID", name="embedding")(x)
        n, h, w, d = x.shape
        x = x.reshape(n, h * w, d)
        if c["positions"] == "patch":
            x = x + self.param("pos_embedding", nn.initializers.zeros, (1, h * w, d))
        if c["positions"] == "sincos":
            x = x + sincos(h, w, d).astype(x.dtype)
        if c["cls"]:
            x = jnp.concatenate([jnp.tile(self.param("cls", nn.initializers.zeros, (1, 1, d)), [n, 1, 1]), x], axis=1)
        x = features = Encoder(c, name="Transformer")(x)
        x = {"cls": lambda: x[:, 0], "mean": lambda: x.mean(axis=1), "max": lambda: x.max(axis=1),
             "map": lambda: MapHead(c, name="MAPHead_0")(x)}[c["pool"]]()
        if c["pre_logits"]:
            x = jnp.tanh(nn.Dense(c["pre_logits"], name="pre_logits")(x))
        if not c["classes"]:
            return {"features": features, "pooled": x}
        return {"logits": nn.Dense(c["classes"], name="head")(x)}


def nested(params):
    return flax.traverse_util.unflatten_dict({tuple(k.split("/")): v for k, v in params.items()})


def forward(params, config, x):
    with jax.default_matmul_precision("highest"):
        return Vit(config).apply({"params": nested(params)}, jnp.asarray(x.transpose(0, 2, 3, 1)))


def fan_in(name, shape):
    return np.prod(shape[:-2] if name.split("/")[-2] in ("query", "key", "value") else shape[:-1])


BASE = dict(names=GOOGLE, size=(20, 28), patch=(5, 7), width=24, heads=3, hidden=30, depth=2, eps=1e-6, tanh_form=True,
            cls=True, positions="all", pool="cls", pre_logits=0, classes=7)

CASES = {
    "jax-vit": dict(note="vision_transformer, token", pre_logits=20),
    "jax-vit-gap": dict(note="vision_transformer, gap; compressed", cls=False, pool="mean", compressed=True, hidden=100),
    "jax-bigvision-tok": dict(note="big_vision, tok: positions on patches only", names=BIG_VISION, positions="patch",
                              prefix="params/", pre_logits=24, classes=13),
    "jax-bigvision-optimizer": dict(note="big_vision, gap; a training checkpoint", names=BIG_VISION, positions="patch",
                                    cls=False, pool="mean", prefix="opt/target/", heads=2),
    "jax-bigvision-siglip": dict(note="SigLIP: attention pooling, scanned blocks, bf16, a text tower beside it",
                                 names=BIG_VISION, positions="patch", cls=False, pool="map", classes=0,
                                 prefix="params/img/", scanned=True, bf16=True),
    "jax-bigvision-sincos": dict(note="big_vision, sincos2d positions, which no file holds", names=BIG_VISION,
                                 positions="sincos", cls=False, pool="mean", heads=2, hidden=100,
                                 options={"image-size": "20x28"}),
}


def scan(params):
    """All blocks in one tensor, as nn.scan stores them."""
    result, blocks = {}, {}
    for name, value in params.items():
        parts = name.split("/")
        if len(parts) > 1 and parts[1].startswith("encoderblock_"):
            blocks.setdefault("/".join([parts[0], "encoderblock"] + parts[2:]), []).append((int(parts[1][13:]), value))
        else:
            result[name] = value
    return result | {name: np.stack([v for _, v in sorted(values, key=lambda v: v[0])])
                     for name, values in blocks.items()}


def save(path, case, params):
    if case.get("scanned"):
        params = scan(params)
    prefix = case.get("prefix", "")
    params = {prefix + name: value for name, value in params.items()}
    rng = tools.rng_for(path.parent.name, "others")
    if prefix == "params/img/":
        params |= {"params/txt/Embed_0/embedding": rng.normal(size=(5, 8)).astype(np.float32),
                   "params/t": np.float32([2.3]), "params/b": np.float32([-10])}
    if prefix == "opt/target/":
        params |= {"opt/state/step": np.int32(5), "opt/state/param_states/cls/m": np.float32([1, 2])}
    (np.savez_compressed if case.get("compressed") else np.savez)(path, **params)


def scale_queries(model):
    for name in model.params:
        if "/query/" in name:
            model.params[name] = model.params[name] * 2**0.5


def flips_for(config):
    def change(key, value):
        return lambda model: model.config.__setitem__(key, value)

    def roll(model):
        name = next(n for n in model.params if n.endswith("pos_embedding"))
        model.params[name] = np.roll(model.params[name], 1, axis=1)

    flips = {"activation": change("tanh_form", False), "eps x1000": change("eps", config["eps"] * 1000),
             "softmax scale": scale_queries, "depth": change("depth", 1),
             "positions": change("positions", "none") if config["positions"] == "sincos" else roll}
    return flips


def wrong_pool(model, x):
    model.config = model.config | {"pool": {"cls": "mean", "mean": "max", "map": "mean"}[model.config["pool"]]}
    outputs = arrays.run(model, x)
    return {key: value for key, value in outputs.items() if key != "features"}


def make_case(name, case):
    config = BASE | {k: v for k, v in case.items() if k in BASE}
    shapes = jax.eval_shape(Vit(config).init, jax.random.key(0), jnp.zeros((1, *config["size"], 3)))["params"]
    shapes = {"/".join(path): leaf.shape for path, leaf in flax.traverse_util.flatten_dict(shapes).items()}
    params = arrays.redraw(shapes, name, "/", fan_in, ("/scale",), ("/Dense_0/bias",), ("/Dense_1/kernel",))
    rows, columns = (s // p for s, p in zip(config["size"], config["patch"]))
    quiet_patch = rows * columns // 2
    if config["positions"] != "sincos":
        pos = params[next(n for n in params if n.endswith("pos_embedding"))]
        offset = 1 if config["positions"] == "all" and config["cls"] else 0
        arrays.quiet(pos, offset + quiet_patch, params["embedding/bias"], config["eps"], name)
    if case.get("bf16"):
        params = {k: v.astype(ml_dtypes.bfloat16) for k, v in params.items()}
    directory = tools.fresh_directory(name)
    save(directory / "weights.npz", case, params)
    model = arrays.ArrayModel(forward, params, config)
    flips = flips_for(config)
    if config["positions"] == "sincos":
        del flips["eps x1000"]  # no token can be made quiet
    info = {"class": case["note"].split(",")[0].split(":")[0],
            "options": case.get("options", {}),
            "versions": tools.versions(jax=jax.__version__, flax=flax.__version__),
            "notes": [case["note"], f"patch {config['patch'][0]}x{config['patch'][1]} on "
                      f"{config['size'][0]}x{config['size'][1]}; width {config['width']}, {config['heads']} heads, MLP "
                      f"{config['hidden']}; eps {config['eps']}; gelu_tanh"]
            + (["weights in bf16; reference from the rounded weights"] if case.get("bf16") else [])}
    tools.finish_case(name, model, arrays.run, wrong_pool, config["size"], 3, config["patch"], quiet_patch, info,
                      flips=flips)


def make(names):
    for name in names:
        if name in CASES:
            make_case(name, CASES[name])
