"""IREE: compiled ahead for this machine's CPU, weights in a parameter archive, run on its local task pool."""

import os
import subprocess
import sys

from harness.processes import explain

from .base import Peer

_COMPILE = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
            "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"]


class Iree(Peer):
    key = "iree"
    title = "IREE"
    environment = "iree"
    packages = ("numpy", "iree-base-compiler[onnx]", "iree-base-runtime")
    deployed = ("iree-base-runtime",)
    variants = {"f32": {"": " ".join(_COMPILE) + "; local-task, N groups"}}

    def prepare(self, case):
        from . import onnx_graph
        source, mlir = (os.path.join(case.folder, f"model.{suffix}") for suffix in ("onnx", "mlir"))
        onnx_graph.write(case, source)
        tool = os.path.join(os.path.dirname(sys.executable), "")
        _run([tool + "iree-import-onnx", source, "--opset-version", "17", "--externalize-params",
              "--save-params-to", os.path.join(case.folder, "model.irpa"), "-o", mlir])
        _run([tool + "iree-compile", mlir, *_COMPILE, "-o", os.path.join(case.folder, "model.vmfb")])

    def load(self, case):
        import iree.runtime as rt

        from harness import weights
        rt.flags.parse_flags(f"--task_topology_group_count={case.threads}")
        config = rt.Config("local-task")
        archive = rt.ParameterIndex()
        archive.load(os.path.join(case.folder, "model.irpa"))
        parameters = rt.create_io_parameters_module(config.vm_instance, archive.create_provider(scope="model"))
        module = rt.VmModule.mmap(config.vm_instance, os.path.join(case.folder, "model.vmfb"))
        context = rt.SystemContext(vm_modules=[parameters, rt.create_hal_module(config.vm_instance, config.device),
                                               module], config=config)
        function = getattr(context.modules, module.name).vit
        images = rt.asdevicearray(config.device, weights.read_images(case))
        return lambda: function(images).to_host()


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])}: {explain(done.stderr)}")
