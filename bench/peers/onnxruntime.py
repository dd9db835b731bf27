"""ONNX Runtime, CPU provider. Settings as its page "Thread management" advises; int8 by its own dynamic quantization,
which its page "Quantize ONNX models" recommends for transformers."""

import os

from .base import Peer

_GRAPHS = {"plain graph": "exporters' graph",
           "attention op": "graph with fused Attention, as its transformers optimizer writes"}
_SESSION = "all graph optimizations; intra_op threads N, inter_op 1"
_DYNAMIC = "quantize_dynamic: MatMul weights s8 per channel, activations u8 per tensor at run time"


class OnnxRuntime(Peer):
    key = "onnxruntime"
    title = "ONNX Runtime"
    environment = "onnxruntime"
    packages = ("numpy", "onnx", "onnxruntime")
    deployed = ("onnxruntime",)
    variants = {"f32": {name: f"{graph}; {_SESSION}" for name, graph in _GRAPHS.items()},
                "int8": {name: f"{graph}; {_DYNAMIC}; {_SESSION}" for name, graph in _GRAPHS.items()}}

    def prepare(self, case):
        from . import onnx_graph
        path = os.path.join(case.folder, "model.onnx")
        onnx_graph.write(case, path, attention_op=case.variant == "attention op")
        if case.precision == "int8":
            self._quantize(path)

    @staticmethod
    def _quantize(path):
        from onnx import TensorProto
        from onnxruntime.quantization import QuantType, quantize_dynamic
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            has_vnni = "vnni" in f.read()
        # Without VNNI the 8-bit products saturate in 16 bits; ONNX Runtime then advises 7-bit weights.
        quantize_dynamic(path, path + ".int8", op_types_to_quantize=["MatMul", "Attention"], per_channel=True,
                         weight_type=QuantType.QInt8, reduce_range=not has_vnni,
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
