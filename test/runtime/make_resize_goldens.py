#!/usr/bin/env python3
"""Writes resize-*.golden: what each library makes of generated pictures, for ResizeTest.cpp.

Run by hand when a case is added, never by the build, once in an environment of each library:

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install numpy pillow==12.3.0 'opencv-python-headless<5'
    /tmp/goldens/bin/python test/runtime/make_resize_goldens.py pillow opencv
    ... pip install numpy torch==2.13.0, and `torch`
    ... pip install numpy tensorflow==2.21.0, and `tensorflow`

Pillow up to 12.3 runs the horizontal pass first, but for pictures taller than 100 widths. Pillow 13 runs the vertical
pass first for many more shapes, which moves the rounding between the passes and so some results by one; the checkpoints
there are were evaluated without it.

torchvision resizes tensors of u8 by torch.nn.functional.interpolate, which is called here directly; on CPUs with AVX2 it
computes in integers. OpenCV's cubic is taken without IPP; its vector code still rounds some pixels otherwise than its
scalar code, by one. The sizes of the cases that round the long side are MindSpore's.

A file holds a text line for each case, followed by the raw bytes of the model's input: u8 height x width x channels, or
f32 channels x height x width. Sources are not stored: picture() below and sourcePixel() in ResizeTest.cpp are the same
function.
"""
import pathlib
import sys

import numpy as np

NONE, SQUASH, SHORTEST = 0, 1, 2
NEAREST, LANCZOS, BILINEAR, BICUBIC, BOX, HAMMING = range(6)
FLOOR, HALF_EVEN = 0, 1
PILLOW, TORCH, TORCH_PLAIN, TENSORFLOW, OPENCV, TORCH_F32 = range(6)
SIZE_FLOOR, SIZE_LROUND = 0, 1
M = np.uint64(0xFFFFFFFF)


def picture(h, w, channels, seed):
    """Blocks of noise, of black and white dots (which make bicubic overshoot), of gradients and of flat colour."""
    y, x, c = np.meshgrid(*(np.arange(n, dtype=np.uint64) for n in (h, w, channels)), indexing="ij")
    bits = (x * np.uint64(0x9E3779B1) ^ y * np.uint64(0x85EBCA77) ^ c * np.uint64(0xC2B2AE3D)
            ^ np.uint64(seed * 0x27D4EB2F)) & M
    bits ^= bits >> np.uint64(15)
    bits = bits * np.uint64(0x2C1B3C6D) & M
    bits ^= bits >> np.uint64(12)
    bits = bits * np.uint64(0x297A2D39) & M
    bits ^= bits >> np.uint64(15)
    block = ((x >> np.uint64(3)) + (y >> np.uint64(3)) + np.uint64(seed)) & np.uint64(3)
    noise = bits & np.uint64(255)
    dots = (bits & np.uint64(1)) * np.uint64(255)
    gradient = (x * np.uint64(3) + y * np.uint64(5) + c * np.uint64(40)) & np.uint64(255)
    flat = (((x >> np.uint64(5)) ^ (y >> np.uint64(5)) ^ c) & np.uint64(1)) * np.uint64(255)
    return np.choose(block.astype(int), [noise, dots, gradient, flat]).astype(np.uint8)


def to_model_channels(pixels, model_channels):
    """What Pillow's convert() does to channels."""
    if model_channels == 1 and pixels.shape[2] > 1:
        grey = pixels[:, :, :3].astype(np.int64) @ [19595, 38470, 7471] + 0x8000
        return (grey >> 16).astype(np.uint8)[:, :, None]
    if model_channels == 3 and pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :model_channels])


def resize_pillow(pixels, h, w, filter):
    from PIL import Image
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return np.asarray(image.resize((w, h), filter)).reshape(h, w, -1)


def resize_opencv(pixels, h, w, filter):
    import cv2
    cv2.ipp.setUseIPP(False)
    mode = {NEAREST: cv2.INTER_NEAREST, BILINEAR: cv2.INTER_LINEAR, BICUBIC: cv2.INTER_CUBIC}[filter]
    return cv2.resize(pixels, (w, h), interpolation=mode).reshape(h, w, -1)


def resize_torch(pixels, h, w, filter, antialias, floats=False):
    import torch
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    if floats:
        tensor = tensor.float()
    if filter == NEAREST:
        result = torch.nn.functional.interpolate(tensor, size=(h, w), mode="nearest")
    else:
        mode = "bilinear" if filter == BILINEAR else "bicubic"
        result = torch.nn.functional.interpolate(tensor, size=(h, w), mode=mode, align_corners=False,
                                                 antialias=antialias)
    return result[0].permute(1, 2, 0).numpy()


def resize_tensorflow(pixels, h, w, filter):
    import tensorflow as tf
    method = {NEAREST: "nearest", BILINEAR: "bilinear", BICUBIC: "bicubic"}[filter]
    return tf.image.resize(pixels, (h, w), method=method).numpy()


RESIZE = {
    PILLOW: resize_pillow,
    TORCH: lambda *a: resize_torch(*a, True),
    TORCH_PLAIN: lambda *a: resize_torch(*a, False),
    TORCH_F32: lambda *a: resize_torch(*a, True, True),
    TENSORFLOW: resize_tensorflow,
    OPENCV: resize_opencv,
}


def resized_size(h, w, resize, rh, rw, size_round):
    if resize == SQUASH:
        return rh, rw
    if resize == NONE:
        return h, w
    short, long = (w, h) if w <= h else (h, w)
    if size_round == SIZE_LROUND:  # mindspore's ResizeOp: std::lround(static_cast<float>(long) / short * side)
        new_long = int(np.floor(np.float64(np.float32(long) / np.float32(short) * np.float32(rh)) + 0.5))
    else:  # torchvision.transforms.functional._compute_resized_output_size
        new_long = int(rh * long / short)
    return (new_long, rh) if w <= h else (rh, new_long)


def crop_axis(pixels, axis, size, rounding):
    have = pixels.shape[axis]
    if have < size:
        # torchvision pads (size - have) // 2 before; Hugging Face's NumPy centre crop ceils
        before = (size - have) // 2 if rounding == HALF_EVEN else -((have - size) // 2)
        padding = [(0, 0)] * 3
        padding[axis] = (before, size - have - before)
        return np.pad(pixels, padding)
    first = round((have - size) / 2) if rounding == HALF_EVEN else (have - size) // 2
    return np.take(pixels, range(first, first + size), axis)


def run(case):
    (h, w, channels, seed), (mh, mw, mc), (resize, filter, rh, rw, crop, rounding), (rules, size_round, f32) = case
    pixels = to_model_channels(picture(h, w, channels, seed), mc)
    size = resized_size(h, w, resize, rh, rw, size_round)
    if size != (h, w):
        pixels = RESIZE[rules](pixels, *size, filter)
    if crop:
        pixels = crop_axis(crop_axis(pixels, 0, mh, rounding), 1, mw, rounding)
    assert pixels.shape == (mh, mw, mc), (case, pixels.shape)
    if f32:
        return pixels.astype("<f4").transpose(2, 0, 1).tobytes()
    assert pixels.dtype == np.uint8
    return pixels.tobytes()


def by_pillow(cases):
    for case in cases():
        yield (*case, (PILLOW, SIZE_FLOOR, 0))


def squash_cases():
    seed = 0
    # Squash: up, down, mixed, unchanged axes, extreme ratios; odd sizes throughout.
    sizes = [(97, 61), (13, 17), (1, 1), (3, 200), (211, 5), (47, 31), (47, 90), (64, 31), (301, 233), (48, 32), (1, 77),
             (500, 1)]
    for filter in (BILINEAR, BICUBIC):
        for h, w in sizes:
            seed += 1
            yield (h, w, 3, seed), (47, 31, 3), (SQUASH, filter, 47, 31, 0, 0)


def crop_cases():
    seed = 100
    # Shortest side, then a crop: h - c of every residue mod 4, both roundings; and crops larger than the result.
    for filter in (BILINEAR, BICUBIC):
        for rounding in (FLOOR, HALF_EVEN):
            for h, w, side, crop in [(80, 61, 37, 32), (61, 83, 35, 32), (35, 39, 35, 32), (70, 76, 38, 32),
                                     (33, 100, 34, 32), (25, 30, 24, 29), (19, 90, 27, 32), (400, 301, 36, 32),
                                     (9, 131, 33, 32)]:
                seed += 1
                yield (h, w, 3, seed), (crop, crop, 3), (SHORTEST, filter, side, side, 1, rounding)
    # Squash with a crop of another shape; a crop alone; nothing at all.
    yield (90, 55, 3, 91), (32, 24, 3), (SQUASH, BICUBIC, 39, 27, 1, HALF_EVEN)
    yield (90, 55, 3, 92), (32, 24, 3), (SQUASH, BILINEAR, 35, 31, 1, FLOOR)
    yield (39, 27, 3, 93), (32, 24, 3), (NONE, BILINEAR, 0, 0, 1, HALF_EVEN)
    yield (21, 40, 3, 94), (32, 24, 3), (NONE, BILINEAR, 0, 0, 1, FLOOR)
    yield (32, 24, 3, 95), (32, 24, 3), (NONE, BILINEAR, 0, 0, 0, 0)


def channels_cases():
    seed = 200
    # Channels: grey to RGB, RGB and RGBA to grey, RGBA to RGB.
    for filter in (BILINEAR, BICUBIC):
        for channels, wanted in [(1, 1), (1, 3), (3, 1), (4, 1), (4, 3)]:
            for h, w in [(75, 43), (21, 29)]:
                seed += 1
                yield (h, w, channels, seed), (28, 33, wanted), (SQUASH, filter, 28, 33, 0, 0)
    # Taller than 100 widths: Pillow then runs the vertical pass first.
    for filter in (BILINEAR, BICUBIC):
        for h, w, channels, wanted in [(816, 3, 3, 3), (590, 5, 4, 1), (603, 6, 4, 3), (401, 4, 1, 3), (400, 4, 3, 3)]:
            seed += 1
            yield (h, w, channels, seed), (28, 33, wanted), (SQUASH, filter, 28, 33, 0, 0)
        yield (707, 7, 3, seed + 100), (32, 24, 3), (SHORTEST, filter, 6, 6, 1, HALF_EVEN)


def real_cases():
    # Real sizes.
    yield (480, 641, 3, 201), (224, 224, 1), (SHORTEST, BICUBIC, 256, 256, 1, HALF_EVEN)
    yield (1023, 767, 3, 202), (96, 96, 3), (SHORTEST, BILINEAR, 105, 105, 1, FLOOR)


SIZES = [(97, 61), (13, 12), (1, 1), (3, 100), (111, 5), (23, 31), (46, 34), (301, 133), (1, 77)]


def filter_cases():
    seed = 300
    for filter in (NEAREST, LANCZOS, BOX, HAMMING):
        for h, w in SIZES:
            seed += 1
            yield (h, w, 3, seed), (23, 17, 3), (SQUASH, filter, 23, 17, 0, 0)
        for channels, wanted in [(1, 3), (4, 1)]:
            seed += 1
            yield (75, 43, channels, seed), (23, 17, wanted), (SQUASH, filter, 23, 17, 0, 0)
        yield (80, 61, 3, seed), (23, 17, 3), (SHORTEST, filter, 27, 27, 1, HALF_EVEN)


def other_cases(rules, f32, size_round=SIZE_FLOOR, filters=(NEAREST, BILINEAR, BICUBIC)):
    seed = 400 + 40 * rules
    for filter in filters:
        own = (rules, size_round, int(f32 and filter != NEAREST))
        for h, w in SIZES:
            seed += 1
            yield (h, w, 3, seed), (23, 17, 3), (SQUASH, filter, 23, 17, 0, 0), own
        for channels, wanted in [(1, 1), (1, 3), (4, 1), (4, 3)]:
            seed += 1
            yield (35, 43, channels, seed), (23, 17, wanted), (SQUASH, filter, 23, 17, 0, 0), own
        # Shortest side and crop: sizes whose two roundings differ, crops of both, one that pads.
        for h, w, side, crop in [(80, 61, 27, 20), (61, 83, 25, 20), (25, 30, 18, 20), (59, 90, 22, 20)]:
            seed += 1
            rounding = FLOOR if size_round == SIZE_LROUND else HALF_EVEN
            yield (h, w, 3, seed), (crop, crop, 3), (SHORTEST, filter, side, side, 1, rounding), own


def torch_cases():
    yield from other_cases(TORCH, False)
    yield from other_cases(TORCH_PLAIN, False)


def pillow_version():
    import PIL
    assert int(PIL.__version__.split(".")[0]) < 13, "Pillow 13 orders the passes differently, see above"
    return f"Pillow {PIL.__version__}"


LIBRARIES = {
    "pillow": (pillow_version, [(name, lambda cases=cases: by_pillow(cases))
                                for name, cases in [("squash", squash_cases), ("crop", crop_cases),
                                                    ("channels", channels_cases), ("real", real_cases),
                                                    ("filters", filter_cases)]]),
    "torch": (lambda: f"PyTorch {__import__('torch').__version__}",
              [("torch", torch_cases),
               ("torch-f32", lambda: other_cases(TORCH_F32, True, filters=(BILINEAR, BICUBIC)))]),
    "tensorflow": (lambda: f"TensorFlow {__import__('tensorflow').__version__}",
                   [("tensorflow", lambda: other_cases(TENSORFLOW, True))]),
    "opencv": (lambda: f"OpenCV {__import__('cv2').__version__}",
               [("opencv", lambda: other_cases(OPENCV, False, SIZE_LROUND))]),
}


def main():
    for library in sys.argv[1:] or sorted(LIBRARIES):
        version, files = LIBRARIES[library]
        for name, cases in files:
            out = pathlib.Path(__file__).with_name(f"resize-{name}.golden")
            with out.open("wb") as file:
                file.write(f"# {version()}, NumPy {np.__version__}\n".encode())
                for case in cases():
                    data = run(case)
                    words = " ".join(str(n) for group in case for n in group)
                    file.write(f"case {words} {len(data)}\n".encode() + data + b"\n")
            print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
