"""ggml on its CPU backend, through the bindings of ggml-python, built for this machine with
llamafile's products, as llama.cpp builds it. Weights lie in their type, activations are f32: the library converts rows
as its products need them."""

import ctypes

from harness.models import EPSILON

from .base import Peer

_FLASH, _PLAIN = "ggml_flash_attn_ext", "attention by ggml_mul_mat and ggml_soft_max_ext"


class Ggml(Peer):
    key = "ggml"
    title = "ggml"
    environment = "ggml"
    packages = ("numpy", "ggml-python")
    deployed = ("ggml-python",)
    install_environ = {"CMAKE_ARGS": "-DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON"}
    variants = {"f32": {"plain": f"weights f32; {_PLAIN}", "flash": f"weights f32; {_FLASH}"},
                "bf16": {"plain": f"weights bf16; {_PLAIN}", "flash": f"weights bf16; {_FLASH}"},
                "int8": {"plain": f"weights Q8_0; {_PLAIN}", "flash": f"weights Q8_0; {_FLASH}"}}

    def version(self):
        import ggml
        return f"{ggml.ggml_version().decode()} (ggml-python {super().version()})"

    def load(self, case):
        import numpy as np

        from harness import weights
        graph = _Graph(case, weights.read(case))
        images = np.ascontiguousarray(weights.read_images(case))
        return lambda: graph.run(images)


class _Graph:
    def __init__(self, case, arrays):
        import ggml
        self.g, self.case, self.arrays, self.pending = ggml, case, arrays, []
        self.backend = ggml.ggml_backend_cpu_init()
        ggml.ggml_backend_cpu_set_n_threads(self.backend, case.threads)
        self.constants, self.ctx = self._context(), self._context()
        images = self._new(ggml.GGML_TYPE_F32, self.case.images_shape)
        self.result = self._forward(images)
        ggml.ggml_set_output(self.result)
        self.buffer = ggml.ggml_backend_alloc_ctx_tensors(self.constants, self.backend)
        for tensor, data in self.pending:
            ggml.ggml_backend_tensor_set(tensor, data.ctypes.data_as(ctypes.c_void_p), 0, data.nbytes)
        self.pending.clear()
        self.images = images
        self.graph = ggml.ggml_new_graph_custom(self.ctx, 8192, False)
        ggml.ggml_build_forward_expand(self.graph, self.result)
        self.memory = ggml.ggml_gallocr_new(ggml.ggml_backend_get_default_buffer_type(self.backend))
        if not ggml.ggml_gallocr_alloc_graph(self.memory, self.graph):
            raise MemoryError("ggml_gallocr_alloc_graph failed")

    def _context(self):
        size = 16384 * self.g.ggml_tensor_overhead() + self.g.ggml_graph_overhead_custom(8192, False)
        return self.g.ggml_init(self.g.ggml_init_params(mem_size=size, mem_buffer=None, no_alloc=True))

    def _new(self, kind, shape):
        """A tensor outside the graph; ggml counts dimensions from the innermost."""
        extents = [*reversed(shape), 1, 1, 1, 1][:4]
        return self.g.ggml_new_tensor_4d(self.constants, kind, *extents)

    def tensor(self, name, shape=None, kind=None):
        """A weight; `kind` is its type in memory, f32 by default."""
        import numpy as np
        g, array = self.g, np.ascontiguousarray(self.arrays[name].reshape(shape or self.arrays[name].shape))
        kind = g.GGML_TYPE_F32 if kind is None else kind
        tensor = self._new(kind, array.shape)
        if kind != g.GGML_TYPE_F32:
            packed = np.empty(g.ggml_nbytes(tensor), np.uint8)
            source = array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            g.ggml_quantize_chunk(kind, source, packed.ctypes.data_as(ctypes.c_void_p), 0, array.shape[0],
                                  array.shape[1], None)
            array = packed
        self.pending.append((tensor, array))
        return tensor

    def linear(self, x, name):
        g = self.g
        kind = {"f32": g.GGML_TYPE_F32, "bf16": g.GGML_TYPE_BF16, "int8": g.GGML_TYPE_Q8_0}[self.case.precision]
        product = g.ggml_mul_mat(self.ctx, self.tensor(f"{name}.weight", kind=kind), x)
        return g.ggml_add(self.ctx, product, self.tensor(f"{name}.bias"))

    def norm(self, x, name):
        g = self.g
        scaled = g.ggml_mul(self.ctx, g.ggml_norm(self.ctx, x, EPSILON), self.tensor(f"{name}.weight"))
        return g.ggml_add(self.ctx, scaled, self.tensor(f"{name}.bias"))

    def scaled(self, x, name):
        return self.g.ggml_mul(self.ctx, x, self.tensor(name)) if name in self.arrays else x

    def attention(self, x, name):
        g, c, shape, batch = self.g, self.ctx, self.case.shape, self.case.batch
        t, d, h = shape.tokens, shape.width, shape.heads
        qkv = self.linear(x, f"{name}.qkv")
        q, k, v = (g.ggml_permute(c, g.ggml_view_4d(c, qkv, d // h, h, t, batch, 4 * d // h, 12 * d, 12 * d * t,
                                                    4 * d * i), 0, 2, 1, 3) for i in range(3))
        if self.case.variant == "flash":
            y = g.ggml_flash_attn_ext(c, q, k, v, None, (d // h) ** -0.5, 0.0, 0.0)
        else:
            scores = g.ggml_soft_max_ext(c, g.ggml_mul_mat(c, k, q), None, (d // h) ** -0.5, 0.0)
            mixed = g.ggml_mul_mat(c, g.ggml_cont(c, g.ggml_transpose(c, v)), scores)
            y = g.ggml_cont(c, g.ggml_permute(c, mixed, 0, 2, 1, 3))
        return self.linear(g.ggml_reshape_3d(c, y, d, t, batch), f"{name}.proj")

    def embed(self, images):
        g, c, shape, batch = self.g, self.ctx, self.case.shape, self.case.batch
        t, d, p = shape.tokens, shape.width, shape.patch
        kernel = self.tensor("patch_embed.proj.weight")
        x = g.ggml_conv_2d(c, kernel, images, p, p, 0, 0, 1, 1)
        x = g.ggml_cont(c, g.ggml_permute(c, g.ggml_reshape_3d(c, x, t - 1, d, batch), 1, 0, 2, 3))
        x = g.ggml_add(c, x, self.tensor("patch_embed.proj.bias"))
        self.arrays["cls_tokens"] = self.arrays["cls_token"].repeat(batch, axis=0)
        return g.ggml_add(c, g.ggml_concat(c, self.tensor("cls_tokens"), x, 1), self.tensor("pos_embed"))

    def _forward(self, images):
        g, c, shape = self.g, self.ctx, self.case.shape
        x = self.embed(images)
        for i in range(shape.depth):
            block = f"blocks.{i}"
            y = self.attention(self.norm(x, f"{block}.norm1"), f"{block}.attn")
            x = g.ggml_add(c, x, self.scaled(y, f"{block}.ls1.gamma"))
            y = g.ggml_gelu_erf(c, self.linear(self.norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
            x = g.ggml_add(c, x, self.scaled(self.linear(y, f"{block}.mlp.fc2"), f"{block}.ls2.gamma"))
        width, row = shape.width, 4 * shape.width
        x = g.ggml_cont(c, g.ggml_view_2d(c, x, width, self.case.batch, row * shape.tokens, 0))
        x = self.norm(x, "norm")
        return self.linear(x, "head") if shape.classes else x

    def run(self, images):
        import numpy as np
        g = self.g
        g.ggml_backend_tensor_set(self.images, images.ctypes.data_as(ctypes.c_void_p), 0, images.nbytes)
        status = g.ggml_backend_graph_compute(self.backend, self.graph)
        if status != g.GGML_STATUS_SUCCESS:
            raise RuntimeError(f"ggml_backend_graph_compute returned {status}")
        result = np.empty((self.case.batch, self.case.shape.outputs), np.float32)
        g.ggml_backend_tensor_get(self.result, result.ctypes.data_as(ctypes.c_void_p), 0, result.nbytes)
        return result
