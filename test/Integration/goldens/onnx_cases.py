"""The ONNX goldens: models of hf_cases, hf_family_cases and timm_cases through both of PyTorch's exporters.

Beside `model.onnx` stand variants of it that compute the same: `scrambled.onnx` (all names replaced, nodes in random
order, operands of Add and Mul swapped) and `optimised.onnx` (ONNX Runtime's basic optimisations, then scrambled). Their
weights are external data that lie in model.onnx itself, so that they are small. Run by make_goldens.py under
transformers 4.x with timm, onnx, onnxscript and onnxruntime."""

import copy
import random

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import transformers as hf
from onnx import TensorProto, numpy_helper
from torch import nn

import golden_tools as tools
import hf_cases
import hf_family_cases
import timm_cases
import timm_family_cases

# exporter: "script" is torch.onnx.export(dynamo=False), "dynamo" the one on torch.export. attn: what the model calls.
CASES = {
    "onnx-script11-hf-vit": dict(base="hf4-vit", exporter="script", opset=11, attn="eager"),
    "onnx-script14-hf-vitmodel": dict(base="hf4-vitmodel", exporter="script", opset=14, dynamic=True),
    "onnx-script17-hf-deit-teacher": dict(base="hf4-deit-teacher", exporter="script", opset=17, dynamic=True),
    "onnx-script13-hf-clip": dict(base="hf4-clip-projection", exporter="script", opset=13, attn="eager", dynamic=True),
    # Half of attention's scale, a float32, is folded into the constant query.
    "onnx-script17-hf-siglip": dict(base="hf4-siglip-vision", exporter="script", opset=17, dynamic=True,
                                    variants=("optimised",)),
    "onnx-script14-hf-dinov2": dict(base="hf4-dinov2-classifier", exporter="script", opset=14),
    "onnx-script14-hf-dinov2-resized": dict(base="hf4-dinov2-resized", exporter="script", opset=14,
                                             variants=("optimised",)),
    "onnx-script12-timm-reg4": dict(base="timm-vit-reg4-gap", exporter="script", opset=12, attn="eager"),
    "onnx-script17-timm-vit": dict(base="timm-vit", exporter="script", opset=17, dynamic=True),
    "onnx-dynamo-hf-vit": dict(base="hf4-vit", exporter="dynamo", opset=18),
    "onnx-dynamo-hf-deit": dict(base="hf4-deit", exporter="dynamo", opset=None, dynamic=True),
    "onnx-dynamo-hf-clip": dict(base="hf4-clip-projection", exporter="dynamo", opset=20),
    # The exporter projects the probe, in float32.
    "onnx-dynamo-hf-siglip": dict(base="hf4-siglip-vision", exporter="dynamo", opset=None),
    # The exporter resizes the positions, in float32.
    "onnx-dynamo-hf-dinov2-registers": dict(base="hf4-dinov2-registers-resized", exporter="dynamo", opset=None),
    "onnx-dynamo-hf-dinov2-swiglu": dict(base="hf4-dinov2-swiglu", exporter="dynamo", opset=None),
    "onnx-dynamo-timm-deit-distilled": dict(base="timm-deit-distilled", exporter="dynamo", opset=None, external=True),
    "onnx-script14-timm-beit": dict(base="timm-beit", exporter="script", opset=14),
    "onnx-script14-timm-dinov3": dict(base="timm-dinov3-gated", exporter="script", opset=14, variants=("optimised",)),
    # timm keeps its sines in float32, also in the reference; they are recognised and computed anew.
    "onnx-dynamo-timm-eva02": dict(base="timm-eva02-large", exporter="dynamo", opset=None, variants=("optimised",)),
    "onnx-dynamo23-timm-deit3": dict(base="timm-deit3", exporter="dynamo", opset=23),
}


class Outputs(nn.Module):
    """Only tensors, in the framework's order."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        out = self.model(image)
        return out if isinstance(out, torch.Tensor) else tuple(v for v in out.to_tuple() if isinstance(v, torch.Tensor))


def build(name, case):
    """The model with its weights, how to run it, its mistakes, and its sizes."""
    base = case["base"]
    quiet = 6
    if base in hf_cases.CASES:
        spec = hf_cases.BASE | hf_cases.CASES[base]
        model, config = hf_cases.build(spec)
        tools.redraw(model, f"{base}{spec.get('draw', '')}")
        embeddings = getattr(model, model.base_model_prefix, model).embeddings
        prefix = 2 if spec["cls"].startswith("DeiT") else 1
        tools.make_quiet_token(embeddings.position_embeddings, embeddings.patch_embeddings.projection.bias,
                               prefix + quiet, spec["eps"], base)
        return model, hf_cases.run, hf_cases.wrong_pool, None, spec["image"], spec["patch"], quiet, spec["cls"]
    if base in hf_family_cases.CASES:
        spec = hf_family_cases.CASES[base]
        model, vision = hf_family_cases.build(spec)
        tools.redraw(model, f"{base}{spec.get('draw', '')}")
        eps = next(m.eps for m in hf_family_cases.tower(model).modules() if isinstance(m, nn.LayerNorm))
        hf_family_cases.make_quiet(model, base, quiet, eps)
        size = spec.get("size") or [vision["image_size"]] * 2
        return (model, hf_family_cases.run, hf_family_cases.wrong_pool, hf_family_cases.flips_of(spec), tuple(size),
                (5, 5), quiet, spec["cls"])
    if base in timm_family_cases.CASES:
        arch, args = timm_family_cases.CASES[base]
        model = timm.create_model(arch, **args).eval()
        tools.redraw(model, f"{base}{case.get('draw', '')}")
        timm_family_cases.quieten(model, quiet, base)
        return (model, timm_family_cases.run, timm_family_cases.wrong_pool, timm_family_cases.flips_of(model),
                model.patch_embed.img_size, model.patch_embed.patch_size, quiet, arch)
    spec = timm_cases.CASES[base]
    model = timm.create_model(spec["arch"], **timm_cases.SMALL | spec["args"]).eval()
    tools.redraw(model, base)
    prefix = model.pos_embed.shape[1] - model.patch_embed.num_patches
    tools.make_quiet_token(model.pos_embed, model.patch_embed.proj.bias, prefix + quiet, timm_cases.eps_of(model), base)
    return (model, timm_cases.run, timm_cases.wrong_pool, None, model.patch_embed.img_size,
            model.patch_embed.patch_size, quiet, spec["arch"])


def export(model, case, size, path):
    model = copy.deepcopy(model)
    if case.get("attn") == "eager":
        if hasattr(model, "set_attn_implementation"):
            model.set_attn_implementation("eager")
        for module in model.modules():
            if hasattr(module, "fused_attn"):
                module.fused_attn = False
    image = torch.randn(2 if case.get("dynamic") else 1, 3, *size)
    options = dict(input_names=["image"], opset_version=case["opset"])
    if case["exporter"] == "script":
        options |= dict(dynamo=False, dynamic_axes={"image": {0: "batch"}} if case.get("dynamic") else None)
    else:
        options |= dict(dynamo=True, external_data=bool(case.get("external")),
                        dynamic_shapes={"image": {0: torch.export.Dim("batch")}} if case.get("dynamic") else None)
    torch.onnx.export(Outputs(model), (image,), str(path), **options)


# ---- variants ----------------------------------------------------------------------------------------------------


def scramble(graph, rng):
    """Other names, another order of nodes, other orders of commutative operands."""
    names = {}

    def rename(old):
        if old and old not in names:
            names[old] = f"v{rng.randrange(10**9)}_{len(names)}"
        return names.get(old, "")

    for group in (graph.input, graph.output, graph.initializer):
        for value in group:
            value.name = rename(value.name)
    del graph.value_info[:]
    nodes = list(graph.node)
    for i, node in enumerate(nodes):
        node.name, node.doc_string = f"n{i}", ""
        del node.metadata_props[:]
        node.input[:] = [rename(v) for v in node.input]
        node.output[:] = [rename(v) for v in node.output]
        if node.op_type in ("Add", "Mul") and rng.random() < 0.5:
            node.input[:] = list(node.input)[::-1]
    rng.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)
    tensors = list(graph.initializer)
    rng.shuffle(tensors)
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def borrow_weights(model, directory):
    """Weights that model.onnx, or its external data, holds as well become external data of that file."""
    files = {p.name: p.read_bytes() for p in sorted(directory.iterdir()) if p.name.startswith("model.onnx")}
    for tensor in model.graph.initializer:
        raw = numpy_helper.to_array(tensor).tobytes()
        found = [(name, data.find(raw)) for name, data in files.items() if len(raw) >= 64 and raw in data]
        if tensor.data_type != TensorProto.FLOAT or not found:
            continue
        name, offset = found[0]
        del tensor.float_data[:]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in (("location", name), ("offset", offset), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))


def make_variants(name, directory, labels):
    original = directory / "model.onnx"
    optimised = directory / "optimised.onnx"  # beside the original, whose external data it may name
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(optimised)
    onnxruntime.InferenceSession(str(original), options, providers=["CPUExecutionProvider"])
    models = {"scrambled": onnx.load(original), "optimised": onnx.load(optimised)}
    optimised.unlink()
    for label in labels:
        model = models[label]
        scramble(model.graph, random.Random(f"{name}/{label}"))
        model.doc_string, model.producer_version = "", model.producer_version
        del model.metadata_props[:]
        borrow_weights(model, directory)
        onnx.save(model, directory / f"{label}.onnx")


def strip(path):
    """Without the traces of source files that exporters leave, which name this machine's paths, and with shorter names of
    values (half of a tiny file is names)."""
    model = onnx.load(path, load_external_data=False)

    def short(text):
        return text.replace("/model/", "/").replace("/vision_model/", "/").replace("/encoder/", "/e/")

    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string, node.name = "", short(node.name)
        node.input[:] = [short(v) for v in node.input]
        node.output[:] = [short(v) for v in node.output]
        del node.metadata_props[:]
    for value in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output):
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    model.graph.doc_string = ""
    onnx.save(model, path)


def make(only=None):
    for name, case in CASES.items():
        if only and name not in only:
            continue
        directory = tools.fresh_directory(name)
        model, run, wrong_pool, flips, size, patch, quiet, cls = build(name, case)
        export(model, case, size, directory / "model.onnx")
        strip(directory / "model.onnx")
        make_variants(name, directory, case.get("variants", ("scrambled", "optimised")))
        graph = onnx.load(directory / "model.onnx", load_external_data=False)
        info = {"framework": f"torch {torch.__version__}, {case['exporter']} exporter", "class": cls, "model": "model.onnx",
                "versions": tools.versions(transformers=hf.__version__, timm=timm.__version__, onnx=onnx.__version__,
                                           onnxruntime=onnxruntime.__version__),
                "notes": [f"as {case['base']}", f"opset {graph.opset_import[0].version}",
                          f"{case.get('attn', 'sdpa')} attention"]
                + (["dynamic batch"] if case.get("dynamic") else [])
                + (["external data"] if case.get("external") else [])}
        tools.finish_case(name, model, run, wrong_pool, size, 3, patch, quiet, info, None, flips)
