#!/usr/bin/env python3
"""Writes put-text.golden, what cv2.putText draws, for ReportTest.cpp; and for test/tools/vitc/annotate.test a drawn
picture, annotated.png, and meta.mat, a list of classes like ImageNet's. Run by hand:

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install 'opencv-python-headless<4.13' pillow scipy
    /tmp/goldens/bin/python test/compiler/Driver/make_text_goldens.py

A case is a line with the picture's size and the text's origin, a line with the text, and a character for each pixel, row
by row: '#' where the text is. OpenCV 4.14 draws slanted lines otherwise, hence the older version.
"""
import pathlib

import cv2
import numpy as np
import scipy.io
from PIL import Image

HERE = pathlib.Path(__file__).parent
ASCII = "".join(chr(c) for c in range(ord(" "), ord("~") + 1) if chr(c) not in "{}")
CASES = [(40, 120, 0, 20, "236: Doberman")]
CASES += [(30, 170, 3, 19, ASCII[i : i + 12]) for i in range(0, len(ASCII), 12)]
CASES += [
    (24, 60, 0, 20, "cut off at the right border"),
    (12, 90, 0, 20, "below |_Qgjy,;"),  # the baseline lies outside
    (12, 90, -5, 6, "above ^AWMB#/"),
]


def draw(picture, text, origin):
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_COMPLEX, 0.5, (0, 255, 0))
    return picture


def annotated(source, lines):
    picture = np.asarray(Image.open(source).convert("RGB"))
    factor = -(-224 // min(picture.shape[:2]))
    picture = np.ascontiguousarray(picture.repeat(factor, 0).repeat(factor, 1))
    for i, line in enumerate(lines):
        draw(picture, line, (0, 20 * (i + 1)))
    return Image.fromarray(picture)


NAMES = ["T-shirt, top", "Trouser", "Pullover, jumper", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag, handbag",
         "Ankle boot, bootee"]


def write_meta(path):
    """Synsets as ImageNet's development kit has them: leaves in another order than their WordNet IDs, then inner ones."""
    fields = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height",
              "num_train_images"]
    leaves = [(f"n{index:08}", name, []) for index, name in enumerate(NAMES)]
    rows = leaves[5:] + leaves[:5] + [("n00000003", "footwear", [1, 3, 5]), ("n00000099", "garment", [2])]
    synsets = np.empty((len(rows), 1), dtype=[(field, "O") for field in fields])
    for i, (wnid, words, children) in enumerate(rows):
        synsets[i, 0] = (float(i + 1), wnid, words, "a gloss", float(len(children)),
                         np.array(children, float).reshape(1, -1), float(bool(children)), 0.0)
    scipy.io.savemat(path, {"synsets": synsets}, do_compression=True)


def main():
    with (HERE / "put-text.golden").open("wb") as file:
        file.write(f"# OpenCV {cv2.__version__}\n".encode())
        for height, width, x, y, text in CASES:
            picture = draw(np.zeros((height, width, 3), np.uint8), text, (x, y))
            pixels = np.where(picture[:, :, 1] == 255, ord("#"), ord(".")).astype(np.uint8)
            file.write(f"case {height} {width} {x} {y}\n{text}\n".encode() + pixels.tobytes() + b"\n")
    root = HERE.parents[2]
    inputs = root / "test/tools/vitc/Inputs"
    picture = annotated(root / "examples/pictures/0000_ankle-boot.png", ["9: Ankle boot"])
    picture.save(inputs / "annotated.png", optimize=True)
    write_meta(inputs / "meta.mat")


if __name__ == "__main__":
    main()
