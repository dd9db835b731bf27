"""What golden_tools.finish_case() needs of a model whose weights are arrays by name, for frameworks other than torch."""

import numpy as np

import golden_tools as tools

TOKENS = ("cls", "cls_token", "probe", "pos_embedding", "pos_embed")


class ArrayModel:
    """`forward(params, config, x)` computes the outputs, by name, in the type of the arrays."""

    def __init__(self, forward, params, config):
        self.forward, self.params, self.config = forward, dict(params), dict(config)

    def cast(self, dtype):
        self.params = {name: value.astype(dtype) for name, value in self.params.items()}
        return self

    def float(self):
        return self.cast(np.float32)

    def double(self):
        return self.cast(np.float64)


def run(model, x):
    outputs = model.forward(model.params, model.config, x.numpy())
    return {name: np.asarray(value) for name, value in outputs.items()}


def redraw(shapes, draw, separator, fan_in, norms, mlp_in, mlp_out):
    """Weights as golden_tools.redraw() draws them, f32. `fan_in(name, shape)` is the number of inputs of a matrix;
    names that end in one of `norms` are gains; `mlp_in` and `mlp_out` are the ends of the MLP's bias and matrix."""
    rng = tools.rng_for(draw, "weights")
    values = {}
    for name, shape in sorted(shapes.items()):
        last = name.rsplit(separator, 1)[-1]
        if last in TOKENS:
            value = rng.normal(0, 0.5, shape)
        elif name.endswith(norms):
            value = rng.uniform(0.7, 1.3, shape)
        elif last in ("bias", "beta"):
            value = rng.uniform(-0.3, 0.3, shape)
            if name.endswith(mlp_in):
                value[..., 1::2] += tools.MLP_IN_SHIFT
        else:
            gain = tools.MLP_OUT_GAIN if name.endswith(mlp_out) else 1
            value = rng.normal(0, gain * fan_in(name, shape) ** -0.5, shape)
        values[name] = value.astype(np.float32)
    return values


def quiet(pos, row, bias, eps, name):
    """golden_tools.make_quiet_token() for a table [1, rows, width]."""
    noise = tools.rng_for(name, "quiet").normal(0, (2 * eps) ** 0.5, pos.shape[-1])
    pos[0, row] = (noise - bias.astype(np.float64)).astype(np.float32)
