"""The Keras goldens, each container as its framework writes it.

keras2-*: the Keras walk-through (functional, tf-keras, NHWC, static batch of 8, patches padded "same", no bias for
queries, keys and values, class token and positions in layers that the model does not track). As printed, the positions
are a variable that no whole-model format of Keras can save; made a tensor, they stand in the configuration.
keras3-*: keras-hub's ViT and vit-keras, on Keras 3 with JAX."""

import importlib.util
import os

LEGACY = importlib.util.find_spec("tf_keras") is not None
os.environ.update({"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_ENABLE_X64": "1"})
os.environ.update({"TF_USE_LEGACY_KERAS": "1"} if LEGACY else {"KERAS_BACKEND": "jax"})

import numpy as np  # noqa: E402

import array_models as arrays  # noqa: E402
import golden_tools as tools  # noqa: E402

if LEGACY:
    import tensorflow as tf
    import tf_keras as keras

    layers = keras.layers
else:
    import jax
    import keras
    import keras_hub
    from vit_keras import vit as vit_keras

    jax.config.update("jax_default_matmul_precision", "highest")


def set_float(dtype):
    (keras.backend if LEGACY else keras.config).set_floatx(np.dtype(dtype).name)


# ---- the walk-through ---------------------------------------------------------------------------------------------


def attention(x, c):
    batch, n, d = x.shape
    head = d // c["heads"]
    qkv = layers.Dense(3 * d, use_bias=False)(x)
    qkv = tf.transpose(tf.reshape(qkv, [batch, n, 3, c["heads"], head]), [2, 0, 3, 1, 4])
    q, k, v = qkv[0], qkv[1], qkv[2]
    scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(head, x.dtype))
    x = tf.matmul(tf.nn.softmax(scores, axis=-1), v)
    x = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, n, d])
    return layers.Dense(d)(x)


def walkthrough(c, dtype, params):
    """As printed but for the size and, with "constants", the positions."""
    image = layers.Input((*c["size"], 3), batch_size=c["batch"])
    x = layers.Conv2D(c["width"], c["patch"], strides=c["patch"], padding="same")(image)
    x = tf.reshape(x, [c["batch"], -1, c["width"]])
    cls = layers.Layer().add_weight(name="cls", shape=(1, 1, c["width"]), initializer="zeros")
    pos = layers.Layer().add_weight(name="pos", shape=(1, x.shape[1] + 1, c["width"]))
    if params:
        cls.assign(params["cls"].astype(dtype))
        pos.assign(params["pos"].astype(dtype))
    x = tf.concat([tf.tile(cls, [c["batch"], 1, 1]), x], axis=1)
    x = x + (tf.convert_to_tensor(pos) if c["constants"] else pos)
    gelu = (lambda t: tf.nn.gelu(t, approximate=True)) if c["tanh_form"] else "gelu"
    for _ in range(c["depth"]):
        x = x + attention(layers.LayerNormalization(epsilon=c["eps"])(x), c)
        y = layers.LayerNormalization(epsilon=c["eps"])(x)
        y = layers.Dropout(0.1)(layers.Dense(c["hidden"], activation=gelu)(y))
        x = x + layers.Dropout(0.1)(layers.Dense(c["width"])(y))
    x = layers.LayerNormalization(epsilon=c["eps"])(x)
    x = x[:, 0] if c["pool"] == "cls" else tf.reduce_mean(x, axis=1)
    model = keras.Model(image, layers.Dense(c["classes"])(x))
    object.__setattr__(model, "untracked", {"cls": cls, "pos": pos})  # or Keras would track them
    return model


# ---- keras-hub and vit-keras --------------------------------------------------------------------------------------


def tanh_gelu(x):
    return keras.ops.gelu(x, approximate=True)


def hub(c, dtype, params):
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(*c["size"], 3), patch_size=c["patch"], num_layers=c["depth"], num_heads=c["heads"],
        hidden_dim=c["width"], mlp_dim=c["hidden"], layer_norm_epsilon=c["eps"])
    if c["tanh_form"]:
        for block in backbone.get_layer("vit_encoder").encoder_layers:
            block.mlp.dense_1.activation = tanh_gelu
    if not c["classes"]:
        return backbone
    return keras_hub.models.ViTImageClassifier(backbone=backbone, num_classes=c["classes"],
                                               pooling={"cls": "token", "mean": "gap"}[c["pool"]],
                                               intermediate_dim=c["pre_logits"] or None, activation=None)


def google(c, dtype, params):
    model = vit_keras.build_model(image_size=c["size"], patch_size=c["patch"][0], num_layers=c["depth"],
                                  hidden_size=c["width"], num_heads=c["heads"], name="vit", mlp_dim=c["hidden"],
                                  classes=c["classes"], representation_size=c["pre_logits"] or None)
    for layer in model.layers:
        if hasattr(layer, "mlpblock"):
            layer.layernorm1.epsilon = layer.layernorm2.epsilon = c["eps"]
            if c["tanh_form"]:
                layer.mlpblock.layers[1].function = tanh_gelu
        elif layer.name == "Transformer_encoder_norm":
            layer.epsilon = c["eps"]
        elif layer.name == "ExtractToken" and c["pool"] == "mean":
            layer.function = lambda v: keras.ops.mean(v, axis=1)
    return model


# ---- weights ------------------------------------------------------------------------------------------------------


def path_of(variable):
    return variable.name.split(":")[0] if LEGACY else variable.path


def variables(model):
    """Weights by path; the state of random numbers is none."""
    named = {path_of(v): v for v in model.weights if "seed" not in path_of(v)}
    return named | getattr(model, "untracked", {})


def build(config, dtype, params):
    set_float(dtype)
    keras.backend.clear_session()
    model = {"walkthrough": lambda *a: walkthrough(*a), "hub": lambda *a: hub(*a),
             "google": lambda *a: google(*a)}[config["kind"]](config, dtype, params)
    for name, variable in variables(model).items():
        if params and name in params:
            variable.assign(params[name].astype(dtype))
    return model


def forward(params, config, x):
    dtype = next(iter(params.values())).dtype
    model = build(config, dtype, params)
    x = x.transpose(0, 2, 3, 1).astype(dtype)
    if config["kind"] == "walkthrough":  # two images of a batch of eight
        return {"logits": np.asarray(model(np.concatenate([x] * (config["batch"] // 2))))[:2]}
    y = np.asarray(model(x, training=False))
    if config["classes"]:
        return {"logits": y}
    return {"features": y, "pooled": y[:, 0] if config["pool"] == "cls" else y.mean(axis=1)}


def number(name, kind):
    """"dense_6/bias" -> 6."""
    layer = name.split("/")[0]
    return int(layer[len(kind) + 1:] or 0) if layer.startswith(kind) else -1


def draw(shapes, config, name):
    if config["kind"] == "walkthrough":
        place = {n: number(n, "dense") % 4 if 0 <= number(n, "dense") < 4 * config["depth"] else -1 for n in shapes}
        mlp_in = tuple(n for n in shapes if place[n] == 2 and n.endswith("bias"))
        mlp_out = tuple(n for n in shapes if place[n] == 3 and n.endswith("kernel"))
    else:
        mlp_in, mlp_out = ("mlp/dense_1/bias", "_Dense_0/bias"), ("mlp/dense_2/kernel", "_Dense_1/kernel")
    names = {n: n.replace("embeddings", "pos_embed").replace("class_token", "cls_token") if n.startswith("vit_") else n
             for n in shapes}
    names = {n: "pos_embed" if n == "pos" else v for n, v in names.items()}

    def fan_in(n, shape):
        return np.prod(shape[:1] if n.split("/")[-2:-1] and n.split("/")[-2] in ("query", "key", "value") else shape[:-1])

    values = arrays.redraw({names[n]: s for n, s in shapes.items()}, name, "/", fan_in, ("gamma",), mlp_in, mlp_out)
    return {n: values[names[n]] for n in shapes}


# ---- cases --------------------------------------------------------------------------------------------------------

BASE = dict(size=(20, 28), patch=(4, 4), width=24, heads=3, hidden=30, depth=2, eps=1e-6, tanh_form=False, pool="cls",
            pre_logits=0, classes=7, batch=8, constants=True)
WALK = BASE | dict(kind="walkthrough", size=(13, 23), patch=(5, 7))  # padded by 1+1 and 2+3 pixels
HUB, GOOGLE = BASE | dict(kind="hub"), BASE | dict(kind="google")

CASES = {
    "keras2-vit-h5": (WALK | dict(depth=1), "model.h5"),
    "keras2-vit-keras": (WALK | dict(depth=1), "model.keras"),
    "keras2-vit-weights-h5": (WALK | dict(constants=False, hidden=40), "weights.h5"),
    "keras2-vit-numbered": (WALK | dict(depth=1, constants=False), "model.weights.h5"),
} if LEGACY else {
    "keras3-hub-h5": (HUB | dict(eps=1e-5), "model.h5"),
    "keras3-hub-keras": (HUB | dict(depth=1, pool="mean", patch=(4, 7)), "model.keras"),
    "keras3-hub-numbered": (HUB | dict(depth=1, size=(20, 20)), "model.weights.h5"),
    "keras3-hub-preset": (HUB | dict(depth=1, pre_logits=20, classes=13), ""),
    "keras3-hub-features": (HUB | dict(depth=1, classes=0), ""),
    "keras3-google-h5": (GOOGLE | dict(), "model.h5"),
    "keras3-google-keras": (GOOGLE | dict(depth=1, pre_logits=20), "model.keras"),
    "keras3-google-numbered": (GOOGLE | dict(depth=1, size=(20, 20)), "model.weights.h5"),
}


def save(model, directory, file):
    if not file:
        model.save_to_preset(str(directory))
    elif "weights" in file:
        model.save_weights(str(directory / file))
    else:
        model.save(str(directory / file))


def flips_for(config):
    def change(key, value):
        return lambda model: model.config.__setitem__(key, value)

    def scale_queries(model):
        for name, value in model.params.items():
            if "/query/" in name:
                model.params[name] = value * 2**0.5
            elif number(name, "dense") >= 0 and value.ndim == 2 and value.shape[1] == 3 * value.shape[0]:
                value[:, : value.shape[0]] *= 2**0.5

    def roll(model):
        name = next(n for n in model.params if n.endswith(("pos", "pos_embedding", "embeddings")))
        model.params[name] = np.roll(model.params[name], 1, axis=-2)

    flips = {"activation": change("tanh_form", True), "eps x1000": change("eps", config["eps"] * 1000),
             "softmax scale": scale_queries, "positions": roll}
    def drop_last_block(model):  # layers are numbered, so that none can be left out
        for name, value in model.params.items():
            if number(name, "dense") in (4 * config["depth"] - 3, 4 * config["depth"] - 1):
                model.params[name] = np.zeros_like(value)

    if config["depth"] > 1:
        flips["depth"] = drop_last_block if config["kind"] == "walkthrough" else change("depth", config["depth"] - 1)
    return flips


def wrong_pool(model, x):
    model.config = model.config | {"pool": {"cls": "mean", "mean": "cls"}[model.config["pool"]]}
    outputs = arrays.run(model, x)
    return {key: value for key, value in outputs.items() if key != "features"}


def make_case(name, config, file):
    params = draw({n: tuple(v.shape) for n, v in variables(build(config, "float32", None)).items()}, config, name)
    same = config["kind"] == "walkthrough"
    rows, columns = (-(-s // p) for s, p in zip(config["size"], config["patch"]))
    quiet = columns + 1  # in the second row, so that no padding touches it
    pos = params[next(n for n in params if n.endswith(("pos", "pos_embedding", "embeddings")))]
    bias = params[next(n for n in params if n.endswith("bias") and n.split("/")[-2] in ("conv2d", "embedding", "patch_embedding"))]
    arrays.quiet(pos.reshape(1, -1, config["width"]), 1 + quiet, bias, config["eps"], name)
    directory = tools.fresh_directory(name)
    save(build(config, "float32", params), directory, file)

    info = {"class": {"walkthrough": "the Keras walk-through", "hub": "keras-hub ViTImageClassifier" if config["classes"]
                      else "keras-hub ViTBackbone", "google": "vit_keras.vit.build_model"}[config["kind"]],
            "versions": tools.versions(keras=keras.__version__, **({"tensorflow": tf.__version__} if LEGACY else {
                "keras-hub": keras_hub.__version__, "jax": jax.__version__})),
            "notes": [f"{file or 'preset'}; patch {config['patch'][0]}x{config['patch'][1]} on "
                      f"{config['size'][0]}x{config['size'][1]}{', padded' if same else ''}; width {config['width']}, "
                      f"{config['heads']} heads, MLP {config['hidden']}; eps {config['eps']}; gelu; {config['pool']}"]}
    if file:
        info["model"] = file
    if "weights" in file:
        options = {"heads": config["heads"], "image-size": f"{config['size'][0]}x{config['size'][1]}"}
        if config["kind"] == "walkthrough":
            for token in ("cls", "pos"):
                np.save(directory / "golden" / f"{token}.npy", params[token])
            options["tensors"] = {f"embed.{token}": f"golden/{token}.npy" for token in ("cls", "pos")}
        elif config["kind"] == "hub":
            del options["heads"]
        info["options"] = options

    def input_of(case, channels, size, patch, _):
        x = original(case, channels, size, patch, 0)
        pads = [max((n - 1) * p + p - s, 0) // 2 if same else 0 for n, p, s in zip((rows, columns), patch, size)]
        top, left = (quiet // columns) * patch[0] - pads[0], (quiet % columns) * patch[1] - pads[1]
        x[:, :, top : top + patch[0], left : left + patch[1]] = 0
        return x

    original, tools.make_input = tools.make_input, input_of
    try:
        tools.finish_case(name, arrays.ArrayModel(forward, params, config), arrays.run, wrong_pool, config["size"], 3,
                          config["patch"], quiet, info, flips=flips_for(config))
    finally:
        tools.make_input = original
    x = np.load(directory / "golden" / "input.npy")  # as the model takes it
    np.save(directory / "golden" / "input.npy", np.ascontiguousarray(x.transpose(0, 2, 3, 1)))


def make(names):
    for name in names:
        if name in CASES:
            make_case(name, *CASES[name])
