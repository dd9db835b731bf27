#!/usr/bin/env python3
"""Writes grid-cases.json: position tables resized by PyTorch and SciPy as the libraries call them, in float64.

Run by hand: python3 make_grid_cases.py > grid-cases.json (made with the versions in its first entry). SciPy samples
corners; PyTorch's `scale_factor` is what facebookresearch/dinov2 passes.
"""
import json

import numpy as np
import scipy
import scipy.ndimage
import torch
import torch.nn.functional as F

random = np.random.default_rng(3)
cases = []
GRIDS = [((5, 7), (8, 3)), ((4, 4), (9, 9)), ((6, 5), (2, 2)), ((3, 3), (1, 4)), ((1, 2), (3, 5))]


def case(kernel, scale, antialias, grid, to, resize):
    table = np.round(random.normal(size=(*grid, 2)), 3)
    out = np.asarray(resize(table))
    assert out.shape == (*to, 2)
    cases.append({"kernel": kernel, "scale": scale, "antialias": antialias, "from": list(grid), "to": list(to),
                  "table": table.ravel().tolist(), "resized": out.ravel().tolist()})


def torch_resize(**arguments):
    def resize(table):
        image = torch.from_numpy(table).permute(2, 0, 1)[None]
        return F.interpolate(image, **arguments)[0].permute(1, 2, 0).numpy()

    return resize


for grid, to in GRIDS:
    for antialias in (False, True):
        kernel = "cubic50" if antialias else "cubic75"
        case(kernel, "size", antialias, grid, to, torch_resize(size=to, mode="bicubic", antialias=antialias))
        case("linear", "size", antialias, grid, to, torch_resize(size=to, mode="bilinear", antialias=antialias))
        factors = [(t + 0.1) / g for t, g in zip(to, grid)]
        case(kernel, "offset", antialias, grid, to, torch_resize(scale_factor=factors, mode="bicubic", antialias=antialias))
    for kernel, mode in (("cubic75", "bicubic"), ("linear", "bilinear")):
        case(kernel, "corners", False, grid, to, torch_resize(size=to, mode=mode, align_corners=True))
    case("nearest", "size", False, grid, to, torch_resize(size=to, mode="nearest"))
    zoom = [t / g for t, g in zip(to, grid)] + [1]
    case("linear", "corners", False, grid, to, lambda table: scipy.ndimage.zoom(table, zoom, order=1))

versions = {"torch": torch.__version__, "scipy": scipy.__version__}
print(json.dumps({"versions": versions, "cases": cases}))
