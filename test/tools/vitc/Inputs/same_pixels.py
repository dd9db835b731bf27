"""Compares the pixels of two PNG files of 8-bit RGB: same_pixels.py A B."""
import struct
import sys
import zlib


def pixels(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert (depth, color) == (8, 2), (path, depth, color)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw, stride, rows = zlib.decompress(packed), 3 * width, []
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        above = rows[-1] if rows else bytes(stride)
        for x in range(stride):
            left, up, corner = (line[x - 3], above[x], above[x - 3]) if x >= 3 else (0, above[x], 0)
            estimate = left + up - corner
            paeth = min((left, up, corner), key=lambda value: abs(estimate - value))
            line[x] = line[x] + [0, left, up, (left + up) // 2, paeth][kind] & 255
        rows.append(bytes(line))
    return width, height, b"".join(rows)


if __name__ == "__main__":
    a, b = pixels(sys.argv[1]), pixels(sys.argv[2])
    assert a[:2] == b[:2], (a[:2], b[:2])
    assert a[2] == b[2], f"{sum(x != y for x, y in zip(a[2], b[2]))} bytes differ"
