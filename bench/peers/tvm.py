"""TVM: relax from ONNX, compiled for this machine's CPU with its default schedules. Its tutorial advises tuning, but
the tuner of 0.27 (the pipeline static_shape_tuning) ends with a segmentation fault on these graphs."""

import os

from .base import Peer


class Tvm(Peer):
    key = "tvm"
    title = "TVM"
    environment = "tvm"
    packages = ("numpy", "onnx", "apache-tvm")
    deployed = ("apache-tvm",)
    per_threads = True  # in generated code
    variants = {"f32": {"": "relax, llvm -mcpu=native, default schedules: untuned, as the tuner of 0.27 crashes"}}

    def environ(self, case):
        return {**super().environ(case), "TVM_NUM_THREADS": str(case.threads)}

    @staticmethod
    def _target(case):
        import tvm
        cpu = tvm.get_global_func("target.llvm_get_system_cpu")()
        return tvm.target.Target({"kind": "llvm", "mcpu": str(cpu), "num-cores": case.threads})

    def prepare(self, case):
        import tvm
        from tvm.relax.frontend.onnx import from_onnx

        from harness import weights

        from . import onnx_graph
        graph = onnx_graph.build(case.shape, weights.read(case), case.batch)
        module = from_onnx(graph, keep_params_in_input=False)
        with self._target(case) as target:
            executable = tvm.compile(module, target)
        executable.export_library(os.path.join(case.folder, "model.so"))

    def load(self, case):
        import tvm
        from tvm import relax

        from harness import weights
        device = tvm.cpu()
        library = tvm.runtime.load_module(os.path.join(case.folder, "model.so"))
        machine = relax.VirtualMachine(library, device)
        images = tvm.runtime.tensor(weights.read_images(case), device)
        return lambda: machine["main"](images)

    def save(self, result, path):
        super().save((result if hasattr(result, "numpy") else result[0]).numpy(), path)
