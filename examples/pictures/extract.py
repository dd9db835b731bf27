#!/usr/bin/env python3
"""Writes the bundled pictures: the first ten test images of each Fashion-MNIST class, as PNG, and labels.csv and list.txt.

    extract.py [--data /usr/share/datasets/fashion-mnist] [--output FOLDER]

Needs Debian's package dataset-fashion-mnist and nothing beyond Python's own library.
"""
import argparse
import gzip
import pathlib
import struct
import zlib

LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
PER_CLASS = 10


def read_idx(path, dimensions):
    """Returns (sizes, bytes) of an idx file of unsigned bytes."""
    data = gzip.decompress(path.read_bytes())
    magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", data)
    if magic != 0x0800 + dimensions:
        raise SystemExit(f"{path}: expected an idx file of {dimensions} dimensions, found magic {magic:#x}")
    return sizes, data[4 + 4 * dimensions :]


def grey_png(pixels, width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits, grey
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--output", type=pathlib.Path, default=here)
    args = parser.parse_args()

    (count, height, width), images = read_idx(args.data / "t10k-images-idx3-ubyte.gz", 3)
    _, classes = read_idx(args.data / "t10k-labels-idx1-ubyte.gz", 1)
    taken = [0] * len(LABELS)
    rows = ["picture,class,label"]
    for index in range(count):
        which = classes[index]
        if taken[which] == PER_CLASS:
            continue
        taken[which] += 1
        name = f"{index:04d}_{LABELS[which].lower().replace(' ', '-').replace('/', '-')}.png"
        pixels = images[index * height * width : (index + 1) * height * width]
        (args.output / name).write_bytes(grey_png(pixels, width, height))
        rows.append(f"{name},{which},{LABELS[which]}")
    (args.output / "labels.csv").write_text("\n".join(rows) + "\n")
    # The same for `vitc eval`.
    (args.output / "list.txt").write_text("".join(" ".join(row.split(",")[:2]) + "\n" for row in rows[1:]))


if __name__ == "__main__":
    main()
