# poison.py FILE TENSOR: makes the first f32 of a tensor in a safetensors file NaN.
import json
import struct
import sys

path, tensor = sys.argv[1:]
with open(path, "r+b") as file:
    size = struct.unpack("<Q", file.read(8))[0]
    begin = json.loads(file.read(size))[tensor]["data_offsets"][0]
    file.seek(8 + size + begin)
    file.write(struct.pack("<f", float("nan")))
