"""Makes and shows small .npy files without NumPy, as an independent check of vitc's reader and writer.

npy.py make PATH f4|u1 2x3 PATTERN   PATTERN: a number for all elements, or `count` for 0, 1, 2, ... (u1: modulo 256)
npy.py show PATH                     prints the shape and the elements
"""
import ast
import struct
import sys


def make(path, kind, shape, pattern):
    dims = tuple(int(d) for d in shape.split("x"))
    total = 1
    for d in dims:
        total *= d
    values = range(total) if pattern == "count" else [float(pattern)] * total
    text = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % ({"f4": "<f4", "u1": "|u1"}[kind], dims)
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    data = (struct.pack(f"<{total}f", *values) if kind == "f4" else bytes(int(v) % 256 for v in values))
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data)


def show(path):
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    (length,) = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0 and data[9 + length] == 10
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False, header
    count = (len(data) - 10 - length) // 4
    print(header["shape"], *("%.6g" % v for v in struct.unpack(f"<{count}f", data[10 + length:])))


if sys.argv[1] == "make":
    make(*sys.argv[2:])
else:
    show(sys.argv[2])
