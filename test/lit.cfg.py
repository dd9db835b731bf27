# Configuration of the lit tests. Run one by hand with
#   /usr/lib/llvm-22/bin/lit -v build/release/test/dialect --filter fuse-attention
#
# Tools are found through PATH: vitc and vit-opt of this build first, then LLVM's FileCheck, not and split-file.
# Substitutions beyond lit's own: %examples, %models (the bundled models), %testdir (this folder), %source, %build, %python, %cc, %cxx.
# Features: cpu-FLAG for every flag of /proc/cpuinfo, as in `REQUIRES: cpu-avx512f`, and sanitize in the preset of that
# name, for what the sanitizers rule out (`%if sanitize`). A test is only skipped for want of hardware.

import os

import lit.formats

config.name = "vitc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "goldens", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.source_root, "test")
config.test_exec_root = os.path.join(config.binary_root, "test")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.binary_root, "bin"), config.llvm_bin, config.environment["PATH"]]
)
# Variables must not leak from one CHECK-LABEL block into the next, where they would match by accident.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"

config.substitutions += [
    ("%examples", os.path.join(config.source_root, "examples")),
    ("%models", os.path.join(config.source_root, "examples", "models")),
    ("%testdir", config.test_source_root),
    ("%source", config.source_root),
    ("%build", config.binary_root),
    ("%python", config.python),
    ("%cc", config.cc),
    ("%cxx", config.cxx),
]

with open("/proc/cpuinfo") as cpuinfo:
    for line in cpuinfo:
        if line.startswith(("flags", "Features")):
            config.available_features |= {"cpu-" + flag for flag in line.split(":")[1].split()}
            break
if config.sanitize:
    config.available_features.add("sanitize")
