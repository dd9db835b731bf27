"""alpha_png.py FILE: a picture of 30 x 20 with transparency, of 16 bits, that asks to be turned."""
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


width, height = 30, 20
rows = b"".join(
    b"\0" + b"".join(struct.pack(">4H", x * 2000, y * 3000, (x * y) % 7 * 9000, 65535) for x in range(width))
    for y in range(height)
)
exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)
with open(sys.argv[1], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 16, 6, 0, 0, 0)))
    f.write(chunk(b"eXIf", exif) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
