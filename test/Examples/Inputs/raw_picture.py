"""Writes the pixels of a bundled PNG (8-bit grey, rows unfiltered, as extract.py writes them) to a file.

    raw_picture.py picture.png picture.raw
"""
import pathlib
import struct
import sys
import zlib

data = pathlib.Path(sys.argv[1]).read_bytes()
width, height = struct.unpack_from(">II", data, 16)
at = data.index(b"IDAT")
(length,) = struct.unpack_from(">I", data, at - 4)
rows = zlib.decompress(data[at + 4 : at + 4 + length])
pixels = [rows[y * (width + 1) + 1 : (y + 1) * (width + 1)] for y in range(height)]
pathlib.Path(sys.argv[2]).write_bytes(b"".join(pixels))
