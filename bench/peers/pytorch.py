"""PyTorch, CPU build. Settings as its "Performance Tuning Guide" and its page on inductor's CPU backend advise:
inference mode, scaled_dot_product_attention, threads set, and frozen weights for torch.compile."""

import shutil

from .base import Peer

_EAGER = "inference_mode, F.scaled_dot_product_attention, set_num_threads(N)"
_COMPILED = _EAGER + ", torch.compile with inductor's freezing"


class PyTorch(Peer):
    key = "pytorch"
    title = "PyTorch"
    environment = "pytorch"
    # The CPU build where pip's configuration knows one: the general build brings gigabytes of CUDA libraries.
    packages = ("numpy", "torch==2.13.0+cpu | torch")
    deployed = ("torch",)
    variants = {
        "f32": {"eager": _EAGER, "compile": _COMPILED, "max-autotune": _COMPILED + ", mode max-autotune"},
        "bf16": {"eager": "weights in bf16; " + _EAGER, "compile": "weights in bf16; " + _COMPILED,
                 "max-autotune": "weights in bf16; " + _COMPILED + ", mode max-autotune"}}

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
        if case.variant != "eager":
            self.load(case)()

    def load(self, case):
        import torch

        from harness import weights

        from .pytorch_model import ViT
        torch.set_num_threads(case.threads)
        dtype = torch.bfloat16 if case.precision == "bf16" else torch.float32
        with torch.inference_mode():
            model = ViT(case.shape, weights.read(case), dtype).eval()
            images = torch.from_numpy(weights.read_images(case))
        if case.variant == "compile":
            model = torch.compile(model)
        elif case.variant == "max-autotune":
            model = torch.compile(model, mode="max-autotune")

        def run():
            # no_grad rather than inference_mode where inductor freezes parameters.
            with torch.inference_mode() if case.variant == "eager" else torch.no_grad():
                return model(images.to(dtype))

        return run

    def save(self, result, path):
        super().save(result.detach().float().numpy(), path)
