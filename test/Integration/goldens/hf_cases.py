"""The Hugging Face goldens. Run by make_goldens.py under transformers 4.x and again under 5.x."""


import numpy as np
import torch
import transformers as hf

import golden_tools as tools

GENERATION = int(hf.__version__.split(".")[0])
HALF = {"f16": torch.float16, "bf16": torch.bfloat16}

# Small odd shapes; image and patch are (height, width). `draw` picks other weights where a lone logit cancels.
BASE = dict(image=(20, 20), patch=(5, 5), width=24, heads=3, hidden=30, channels=3, classes=7, eps=1e-12, act="gelu")
SQUASH = dict(kind="ViTImageProcessor", size={"height": 20, "width": 20}, resample=2,
              image_mean=[0.5, 0.4, 0.45], image_std=[0.5, 0.25, 0.3])
# Crop difference 23 - 20 = 3: Hugging Face's offset is floor(3/2) = 1, torchvision's rounds half to even, 2.
SQUASH_CROP = dict(kind="DeiTImageProcessor", size={"height": 23, "width": 23}, resample=3,
                   crop_size={"height": 20, "width": 20})
SHORTEST_CROP = dict(kind="CLIPImageProcessor", size={"shortest_edge": 23}, resample=3,
                     crop_size={"height": 20, "width": 20})

CLASSIFIER, MODEL = "ViTForImageClassification", "ViTModel"
DEIT, TEACHER = "DeiTForImageClassification", "DeiTForImageClassificationWithTeacher"

CASES = {
    4: {
        "hf4-vit": dict(cls=CLASSIFIER, hidden=100, processor=SQUASH, picture=(53, 41, "RGB"),
                        labels=["T-shirt/top", "Chêne", "naïve \"quoted\"", "snow leopard, ounce", "d", "e", "f"]),
        "hf4-vit-patch5x7": dict(cls=CLASSIFIER, image=(27, 30), patch=(5, 7), classes=13, eps=1e-6,
                                 act="gelu_pytorch_tanh", qkv_bias=False, picture=(45, 30, "P"),
                                 processor=SQUASH | dict(size={"height": 27, "width": 30}, resample=3,
                                                         do_convert_rgb=True)),
        "hf4-vit-grey": dict(cls=CLASSIFIER, channels=1, classes=1, width=32, heads=2, eps=1e-3, act="relu", draw=1,
                             processor=SQUASH | dict(image_mean=[0.286], image_std=[0.353]), picture=(45, 30, "L")),
        "hf4-vit-crop": dict(cls=CLASSIFIER, act="quick_gelu", eps=1e-5, processor=SHORTEST_CROP,
                             picture=(41, 53, "RGBA")),
        "hf4-vit-upscale": dict(cls=CLASSIFIER, act="gelu_new", eps=1e-6, classes=2,
                                processor=SQUASH | dict(do_convert_rgb=True), picture=(13, 17, "L")),
        "hf4-deit": dict(cls=DEIT, processor=SQUASH_CROP, picture=(53, 41, "RGB")),
        "hf4-deit-teacher": dict(cls=TEACHER, classes=13, act="silu", eps=1e-6, picture=(45, 30, "RGB"),
                                 processor=SQUASH_CROP | dict(resample=2)),
        "hf4-vitmodel": dict(cls=MODEL, pooler=True, heads=2),
        "hf4-vitmodel-no-pooler": dict(cls=MODEL, pooler=False, eps=1e-5),
        "hf4-vit-f16": dict(cls=CLASSIFIER, dtype="f16", eps=1e-3, hidden=50, processor=SQUASH,
                            picture=(53, 41, "RGB")),
        "hf4-vit-sharded": dict(cls=CLASSIFIER, shard="20KB", eps=1e-6),
    },
    5: {
        "hf5-vit": dict(cls=CLASSIFIER, processor=SQUASH, picture=(53, 41, "RGB")),
        # Its files do not say whose rules resize: a user has to.
        "hf5-vit-pillow": dict(cls=CLASSIFIER, eps=1e-5, processor=SQUASH | dict(kind="ViTImageProcessorPil"),
                               picture=(45, 30, "RGB"), options={"resize-rules": "pillow"}),
        "hf5-vit-new-names": dict(cls=CLASSIFIER, new_names=True, classes=13, hidden=50, eps=1e-6,
                                  act="gelu_pytorch_tanh", qkv_bias=False),
        "hf5-deit": dict(cls=DEIT, processor=SQUASH_CROP, picture=(53, 41, "RGB"), eps=1e-6),
        "hf5-deit-teacher": dict(cls=TEACHER, classes=1, act="quick_gelu", draw=1),
        "hf5-deit-teacher-new-names": dict(cls=TEACHER, new_names=True, eps=1e-5, heads=2),
        "hf5-vitmodel": dict(cls=MODEL, pooler=True, pooler_size=20),
        "hf5-vitmodel-new-names": dict(cls=MODEL, pooler=True, new_names=True, eps=1e-6, act="relu"),
        "hf5-vitmodel-no-pooler": dict(cls=MODEL, pooler=False, heads=2, eps=1e-3),
        "hf5-vit-bf16": dict(cls=CLASSIFIER, dtype="bf16", eps=1e-3, hidden=50),
    },
}[GENERATION]


def scalar(pair):
    return pair[0] if pair[0] == pair[1] else list(pair)


def build(case):
    is_deit = case["cls"].startswith("DeiT")
    config = (hf.DeiTConfig if is_deit else hf.ViTConfig)(
        hidden_size=case["width"], num_hidden_layers=2, num_attention_heads=case["heads"],
        intermediate_size=case["hidden"], hidden_act=case["act"], layer_norm_eps=case["eps"],
        image_size=scalar(case["image"]), patch_size=scalar(case["patch"]), num_channels=case["channels"],
        qkv_bias=case.get("qkv_bias", True), num_labels=case["classes"],
        # Eager attention computes its softmax in float32 even for a float64 model; sdpa keeps float64 throughout.
        attn_implementation="sdpa")
    if "labels" in case:
        config.id2label = dict(enumerate(case["labels"]))
        config.label2id = {v: k for k, v in enumerate(case["labels"])}
    if "pooler_size" in case:
        config.pooler_output_size = case["pooler_size"]
    cls = getattr(hf, case["cls"])
    model = cls(config) if "pooler" not in case else cls(config, add_pooling_layer=case["pooler"])
    return model.eval(), config


def run(model, x):
    out = model(pixel_values=x)
    if "Classification" in type(model).__name__:
        return {"logits": out.logits.numpy()}
    features = out.last_hidden_state
    # Without a pooler Hugging Face returns no pooled row; the row of the class token is what one would read.
    pooled = out.pooler_output if model.pooler is not None else features[:, 0]
    return {"features": features.numpy(), "pooled": pooled.numpy()}


def wrong_pool(model, x):
    """Mean of the patches where the class token belongs; for the teacher model its class head alone."""
    if hasattr(model, "distillation_classifier"):
        return {"logits": model(pixel_values=x).cls_logits.numpy()}
    base = getattr(model, model.base_model_prefix, model)
    features = base(pixel_values=x).last_hidden_state
    mean = features[:, 1 if base.embeddings.position_embeddings.shape[1] % 2 else 2 :].mean(1)
    if hasattr(model, "classifier"):
        return {"logits": model.classifier(mean).numpy()}
    return {"pooled": (model.pooler(mean[:, None]) if model.pooler is not None else mean).numpy()}


def pixels(processor, image, **changes):
    # Grey pictures that stay grey go in as an array with its channel axis, which the 4.x processors insist on.
    fed = np.asarray(image)[..., None] if image.mode == "L" and not processor.do_convert_rgb else image
    return np.asarray(processor(fed, return_tensors="np", **changes)["pixel_values"][0])


def u8(processor, image, **changes):
    out = pixels(processor, image, do_rescale=False, do_normalize=False, **changes)
    assert out.min() >= 0 and out.max() <= 255 and (out == np.round(out)).all()
    return np.ascontiguousarray(out.transpose(1, 2, 0)).astype(np.uint8)


def preprocess(case, name, directory):
    settings = {k: v for k, v in case["processor"].items() if k != "kind"}
    processor = getattr(hf, case["processor"]["kind"])(**settings)
    processor.save_pretrained(directory)
    if "picture" not in case:
        return None
    image = tools.make_picture(name, *case["picture"])
    pillow_kind = case["processor"]["kind"].removesuffix("Pil") + ("Pil" if GENERATION >= 5 else "")
    pillow = getattr(hf, pillow_kind)(**settings)
    by_torch = GENERATION >= 5 and not case["processor"]["kind"].endswith("Pil")
    return dict(image=image, u8=u8(processor, image), u8_pillow=u8(pillow, image),
                u8_other_filter=u8(processor, image, resample=5 - settings["resample"]),
                pixel_values=pixels(processor, image).astype(np.float32),
                rules="torchvision on u8 tensors" if by_torch else "Pillow")


def make(only=None):
    for name, overrides in CASES.items():
        if only and name not in only:
            continue
        case = BASE | overrides
        directory = tools.fresh_directory(name)
        model, config = build(case)
        dtype = HALF.get(case.get("dtype"), torch.float32)
        tools.redraw(model, f"{name}{case.get('draw', '')}", dtype)
        embeddings = getattr(model, model.base_model_prefix, model).embeddings
        prefix = 2 if case["cls"].startswith("DeiT") else 1
        quiet = 6
        tools.make_quiet_token(embeddings.position_embeddings, embeddings.patch_embeddings.projection.bias,
                               prefix + quiet, case["eps"], name, dtype)
        save_options = {"save_original_format": False} if case.get("new_names") else {}
        if "shard" in case:
            save_options["max_shard_size"] = case["shard"]
        model.to(dtype).save_pretrained(directory, safe_serialization=True, **save_options)
        model.float()
        picture = preprocess(case, name, directory) if "processor" in case else None
        info = {"framework": f"transformers {hf.__version__}", "class": case["cls"],
                "versions": tools.versions(transformers=hf.__version__),
                "notes": notes(case)}
        if "options" in case:
            info["options"] = case["options"]
        tools.finish_case(name, model, run, wrong_pool, case["image"], case["channels"], case["patch"], quiet, info,
                          picture)


def notes(case):
    out = [f"patch {case['patch'][0]}x{case['patch'][1]} on {case['image'][0]}x{case['image'][1]}",
           f"width {case['width']}, {case['heads']} heads, MLP {case['hidden']}", f"eps {case['eps']:g}", case["act"]]
    if not case.get("qkv_bias", True):
        out.append("no q, k, v bias")
    if case.get("dtype"):
        out.append(f"weights in {case['dtype']}; reference from the rounded weights")
    if case.get("new_names"):
        out.append("in-memory tensor names of generation 5 (save_original_format=False)")
    if case.get("shard"):
        out.append("sharded")
    if case.get("pooler") is False:
        out.append("no pooler: pooled is the class token's row of features")
    if "processor" in case:
        p = case["processor"]
        out.append(f"{p['kind']}: {'squash' if 'height' in p['size'] else 'shortest'} "
                   f"{'bicubic' if p['resample'] == 3 else 'bilinear'}" + (", centre crop" if "crop_size" in p else ""))
    return out
