"""vitc: a shared library compiled ahead, loaded with ctypes. Needs the standard library only."""

import ctypes
import json
import math
import os
import subprocess

from harness.processes import explain

from .base import Peer


class _Options(ctypes.Structure):
    """The beginning of vitc_options (runtime/include/vitc/api.h); the library takes defaults for the rest."""

    _fields_ = [("struct_size", ctypes.c_size_t), ("threads", ctypes.c_uint32), ("concurrency", ctypes.c_uint32)]


class Vitc(Peer):
    key = "vitc"
    title = "vitc"
    variants = {precision: {"": "vitc compile --batch N, best level of the CPU; run on N threads"}
                for precision in ("f32", "bf16", "int8")}

    def environ(self, case):
        return {}

    @staticmethod
    def library(case):
        return os.path.join(case.folder, "model.so")

    def version(self):
        return self.build

    def prepare(self, case):
        command = [case.tools["vitc"], "compile", case.model, "-o", self.library(case), "--name", "model",
                   "--batch", str(case.batch), "--precision", case.precision, "--weights", "file"]
        if case.tools.get("target"):
            command += ["--target", case.tools["target"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(explain(done.stderr))

    def load(self, case):
        library = ctypes.CDLL(self.library(case))
        library.model_last_message.restype = library.model_level.restype = ctypes.c_char_p
        text = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, "model_metadata")))
        metadata = json.loads(text)

        def check(status):
            if status:
                raise RuntimeError(library.model_last_message().decode())

        model = ctypes.c_void_p()
        check(library.model_create(ctypes.byref(model), ctypes.byref(_Options(ctypes.sizeof(_Options), case.threads))))
        self.build = f"{metadata['vitc']}, {library.model_level(model).decode()}"
        count = math.prod(case.images_shape)
        images = (ctypes.c_float * count)()
        with open(os.path.join(case.model, "images.f32"), "rb") as f:
            f.readinto(images)
        outputs = [(ctypes.c_float * (case.batch * math.prod(o["shape"])))() for o in metadata["outputs"]]

        def run():
            check(library.model_run(model, images, ctypes.c_size_t(case.batch), *outputs))
            return outputs[0]

        return run

    def save(self, result, path):
        with open(path, "wb") as f:
            f.write(result)
