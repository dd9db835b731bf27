"""For attention.test: a picture, and what docs/pictures.md says of the drawn one, computed anew.

attention.py make PNG NPY           a picture of 40 x 60 pixels, as a file and as u8 [40, 60, 3]
attention.py check PNG DRAWN VALUES [BLOCK]
                                    DRAWN is PNG with the rollout in VALUES over it, or with a block's maps: of a model with a
                                    class token and 7 x 7 patches that sees all of the picture
"""
import struct
import sys
import zlib

from outputs import read_npy
from same_pixels import pixels

HEIGHT, WIDTH, GRID = 40, 60, 7
POINTS = [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)]


def make(png, npy):
    rows = [bytes((3 * x + 2 * y + 90 * c) % 256 for x in range(WIDTH) for c in range(3)) for y in range(HEIGHT)]

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    with open(png, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b""))
    header = repr({"descr": "|u1", "fortran_order": False, "shape": (HEIGHT, WIDTH, 3)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(npy, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"".join(rows))


def colour(value):
    below = min(int(4 * value), 3)
    return [round(a + (4 * value - below) * (b - a)) for a, b in zip(POINTS[below], POINTS[below + 1])]


def check(png, drawn, values, block=None):
    tokens = 1 + GRID * GRID
    shape, numbers = read_npy(values)
    if block is None:
        assert shape[-1] == tokens, shape
        attention = numbers[1:]
    else:  # the row of the class token, the mean over heads
        assert shape[-2:] == (tokens, tokens), shape
        heads = [numbers[h * tokens * tokens + 1 : h * tokens * tokens + tokens] for h in range(shape[-3])]
        attention = [sum(column) / len(heads) for column in zip(*heads)]
    assert len(set(attention)) > 10
    least, most = min(attention), max(attention)
    width, height, source = pixels(png)
    wide, tall, result = pixels(drawn)
    factor = 6  # until the shorter side has 224 pixels
    assert (width, height, wide, tall) == (WIDTH, HEIGHT, factor * WIDTH, factor * HEIGHT)
    for y in range(tall):
        for x in range(wide):
            patch = int((y + 0.5) * GRID / tall) * GRID + int((x + 0.5) * GRID / wide)
            heat = colour((attention[patch] - least) / (most - least))
            for c in range(3):
                pixel = source[3 * (y // factor * WIDTH + x // factor) + c]
                got, want = result[3 * (y * wide + x) + c], (pixel + heat[c] + 1) // 2
                assert abs(got - want) <= 1, (y, x, c, got, want)  # f32 values, whose colours may round otherwise
    print("as documented")


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
