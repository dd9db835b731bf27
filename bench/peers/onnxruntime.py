"""ONNX Runtime, CPU provider. Settings as its page "Thread management" advises; int8 by dynamic quantization, which its
page "Quantize ONNX models" recommends for transformers: by its own tool, and in a graph quantized by hand, which has
one node for each linear layer and its attention operator."""

import os

from .base import Peer

_GRAPHS = {"plain graph": "exporters' graph",
           "attention op": "graph with fused Attention, as its transformers optimizer writes"}
_SESSION = "all graph optimizations; intra_op threads N, inter_op 1"
_DYNAMIC = "quantize_dynamic: MatMul weights s8 per channel, activations u8 per tensor at run time"
_BY_HAND = "DynamicQuantizeMatMul (weights s8 per channel, activations u8 per tensor) and MultiHeadAttention"


class OnnxRuntime(Peer):
    key = "onnxruntime"
    title = "ONNX Runtime"
    environment = "onnxruntime"
    packages = ("numpy", "onnx", "onnxruntime")
    deployed = ("onnxruntime",)
    variants = {"f32": {name: f"{graph}; {_SESSION}" for name, graph in _GRAPHS.items()},
                "int8": {**{name: f"{graph}; {_DYNAMIC}; {_SESSION}" for name, graph in _GRAPHS.items()},
                         "by hand": f"{_BY_HAND}; {_SESSION}"}}

    def prepare(self, case):
        from . import onnx_graph
        path = os.path.join(case.folder, "model.onnx")
        if case.variant == "by hand":
            onnx_graph.write(case, path, "MultiHeadAttention", weight_bits=self._weight_bits())
            return
        onnx_graph.write(case, path, "Attention" if case.variant == "attention op" else "nodes")
        if case.precision == "int8":
            self._quantize(path)

    @staticmethod
    def _weight_bits():
        """Without VNNI the 8-bit products saturate in 16 bits; ONNX Runtime then advises 7-bit weights."""
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return 8 if "vnni" in f.read() else 7

    @classmethod
    def _quantize(cls, path):
        from onnx import TensorProto
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(path, path + ".int8", op_types_to_quantize=["MatMul", "Attention"], per_channel=True,
                         weight_type=QuantType.QInt8, reduce_range=cls._weight_bits() < 8,
                         # Behind com.microsoft's Attention, shape inference knows no types.
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})
        os.replace(path + ".int8", path)

    def load(self, case):
        import onnxruntime

        from harness import weights
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(os.path.join(case.folder, "model.onnx"), options,
                                               providers=["CPUExecutionProvider"])
        feed = {"images": weights.read_images(case)}
        return lambda: session.run(None, feed)[0]
