"""PyTorch, CPU build. Settings as its "Performance Tuning Guide" and its page on inductor's CPU backend advise:
inference mode, scaled_dot_product_attention, threads set, and frozen weights for torch.compile."""

import os
import shutil

from .base import Peer

_EAGER = "inference_mode, F.scaled_dot_product_attention, set_num_threads(N)"
_COMPILED = "torch.compile, inductor with freezing, set_num_threads(N)"
_AUTOTUNE = "torch.compile mode max-autotune, inductor with freezing, set_num_threads(N)"
_PACKAGE = "torch.export and AOTInductor with freezing, set_num_threads(N)"
# In f32 eager and torch.compile multiply with MKL, which is slow on CPUs of other makers; oneDNN is not.
_ONEDNN = "; linear layers on oneDNN by torch.utils.mkldnn"


class PyTorch(Peer):
    key = "pytorch"
    title = "PyTorch"
    environment = "pytorch"
    # The CPU build where pip's configuration knows one: the general build brings gigabytes of CUDA libraries.
    packages = ("numpy", "torch==2.13.0+cpu | torch")
    deployed = ("torch",)
    per_threads = True  # in generated code
    variants = {
        "f32": {"eager": _EAGER, "eager oneDNN": _EAGER + _ONEDNN, "compile": _COMPILED, "AOTInductor": _PACKAGE},
        "bf16": {"eager": "weights in bf16; " + _EAGER, "compile": "weights in bf16; " + _COMPILED,
                 "max-autotune": "weights in bf16; " + _AUTOTUNE, "AOTInductor": "weights in bf16; " + _PACKAGE}}

    def environ(self, case):
        environ = super().environ(case)
        # Compiled code is kept with the prepared files: the cold start is that of a second process.
        environ.update(TORCHINDUCTOR_CACHE_DIR=case.folder, TORCHINDUCTOR_FREEZING="1",
                       TORCHINDUCTOR_COMPILE_THREADS="1")
        compiler = shutil.which(case.tools.get("cxx") or "g++")
        if compiler:
            environ["CXX"] = compiler
        return environ

    def prepare(self, case):
        import torch
        if case.variant == "AOTInductor":
            model, images = self._model(case)
            with torch.no_grad():
                torch._inductor.aoti_compile_and_package(torch.export.export(model, (images,)),
                                                         package_path=self._package(case),
                                                         inductor_configs={"freezing": True})
        elif not case.variant.startswith("eager"):
            self.load(case)()

    @staticmethod
    def _package(case):
        return os.path.join(case.folder, "model.pt2")

    @staticmethod
    def _model(case):
        import torch

        from harness import weights

        from .pytorch_model import ViT
        torch.set_num_threads(case.threads)
        dtype = torch.bfloat16 if case.precision == "bf16" else torch.float32
        return ViT(case.shape, weights.read(case), dtype).eval(), torch.from_numpy(weights.read_images(case)).to(dtype)

    def load(self, case):
        import torch
        if case.variant == "AOTInductor":
            from harness import weights
            torch.set_num_threads(case.threads)
            model = torch._inductor.aoti_load_package(self._package(case))
            dtype = torch.bfloat16 if case.precision == "bf16" else torch.float32
            images = torch.from_numpy(weights.read_images(case)).to(dtype)
        else:
            model, images = self._model(case)
        if case.variant == "eager oneDNN":
            from torch.utils import mkldnn
            for block in model.blocks:
                for name in ("qkv", "proj", "fc1", "fc2"):
                    setattr(block, name, mkldnn.to_mkldnn(getattr(block, name)))
        elif case.variant == "compile":
            model = torch.compile(model)
        elif case.variant == "max-autotune":
            model = torch.compile(model, mode="max-autotune")
        # Inductor freezes parameters under no_grad only.
        mode = torch.inference_mode if case.variant.startswith("eager") else torch.no_grad

        def run():
            with mode():
                return model(images)

        return run

    def save(self, result, path):
        super().save(result.detach().float().numpy(), path)
