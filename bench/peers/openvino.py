"""OpenVINO, CPU device. Settings as its page "Latency hint" advises; int8 by NNCF's post-training quantization, the
only way that its documentation describes."""

import os

from .base import Peer

_HINT = "latency hint, 1 stream, N threads"


class OpenVino(Peer):
    key = "openvino"
    title = "OpenVINO"
    environment = "openvino"
    packages = ("numpy", "onnx", "openvino", "nncf")
    deployed = ("openvino",)
    variants = {"f32": {"": f"{_HINT}, inference precision f32"},
                "bf16": {"": f"{_HINT}, inference precision bf16"},
                "int8": {"": f"{_HINT}; nncf.quantize for transformers, 8 calibration images, inference precision f32",
                         "rest bf16": f"{_HINT}; nncf.quantize as above, inference precision bf16"}}

    def prepare(self, case):
        import openvino

        from . import onnx_graph
        source = os.path.join(case.folder, "source.onnx")
        onnx_graph.write(case, source)
        model = openvino.Core().read_model(source)
        if case.precision == "int8":
            model = self._quantize(case, model)
        openvino.save_model(model, os.path.join(case.folder, "model.xml"), compress_to_fp16=False)

    @staticmethod
    def _quantize(case, model):
        import nncf
        import numpy as np
        rng = np.random.default_rng(11)
        pictures = [rng.standard_normal(case.images_shape, dtype=np.float32) for _ in range(max(1, 8 // case.batch))]
        return nncf.quantize(model, nncf.Dataset(pictures), model_type=nncf.ModelType.TRANSFORMER,
                             subset_size=len(pictures))

    def load(self, case):
        import openvino

        from harness import weights
        bf16 = case.precision == "bf16" or case.variant == "rest bf16"
        compiled = openvino.Core().compile_model(os.path.join(case.folder, "model.xml"), "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(case.threads),
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32"})
        request = compiled.create_infer_request()
        request.set_input_tensor(openvino.Tensor(weights.read_images(case)))

        def run():
            request.infer()
            return request.get_output_tensor().data

        return run
