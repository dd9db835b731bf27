#!/usr/bin/env python3
"""Writes resize-*.golden: what Pillow makes of generated pictures, for ResizeTest.cpp.

Needs Pillow and NumPy; run by hand when a case is added, never by the build:

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install pillow==12.3.0 numpy
    /tmp/goldens/bin/python test/runtime/make_resize_goldens.py

Pillow up to 12.3 runs the horizontal pass first, but for pictures taller than 100 widths. Pillow 13 runs the vertical
pass first for many more shapes, which moves the rounding between the passes and so some results by one; the checkpoints
there are were evaluated without it.

A file holds a text line for each case, followed by the raw bytes of the model's input (height x width x channels).
Sources are not stored: pixel() below and sourcePixel() in ResizeTest.cpp are the same function.
"""
import pathlib

import numpy as np
import PIL
from PIL import Image

NONE, SQUASH, SHORTEST = 0, 1, 2
BILINEAR, BICUBIC = 2, 3
FLOOR, HALF_EVEN = 0, 1
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


def to_image(pixels, model_channels):
    h, w, channels = pixels.shape
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    return image.convert("L" if model_channels == 1 else "RGB")


def resized(image, resize, filter, rh, rw):
    if resize == SQUASH:
        return image.resize((rw, rh), filter)
    if resize == SHORTEST:  # torchvision.transforms.functional._compute_resized_output_size
        w, h = image.size
        short, long = (w, h) if w <= h else (h, w)
        new_short, new_long = rh, int(rh * long / short)
        size = (new_short, new_long) if w <= h else (new_long, new_short)
        return image if size == (w, h) else image.resize(size, filter)
    return image


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
    (h, w, channels, seed), (mh, mw, mc), (resize, filter, rh, rw, crop, rounding) = case
    image = resized(to_image(picture(h, w, channels, seed), mc), resize, filter, rh, rw)
    pixels = np.asarray(image)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if crop:
        pixels = crop_axis(crop_axis(pixels, 0, mh, rounding), 1, mw, rounding)
    assert pixels.shape == (mh, mw, mc), (case, pixels.shape)
    return pixels.tobytes()


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


def main():
    assert int(PIL.__version__.split(".")[0]) < 13, "Pillow 13 orders the passes differently, see above"
    for name, cases in [("squash", squash_cases), ("crop", crop_cases), ("channels", channels_cases),
                        ("real", real_cases)]:
        out = pathlib.Path(__file__).with_name(f"resize-{name}.golden")
        with out.open("wb") as file:
            file.write(f"# Pillow {PIL.__version__}, NumPy {np.__version__}\n".encode())
            for case in cases():
                data = run(case)
                words = " ".join(str(n) for group in case for n in group)
                file.write(f"case {words} {len(data)}\n".encode() + data + b"\n")
        print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
