"""Writes the HDF5 files of this folder: python3 make_files.py. Needs h5py, numpy and ml_dtypes.

Every dataset holds 0, 1, 2 … in the order of its elements, so that the tests need no second file.
"""

from pathlib import Path

import h5py
import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parent


def values(shape, dtype="<f4"):
    return np.arange(np.prod(shape), dtype="f8").reshape(shape).astype(dtype)


def storage(group):
    """The ways to store a dataset."""
    group["contiguous"] = values((2, 3))
    group["scalar"] = np.float32(7)
    group["empty"] = values((0, 3))
    for dtype in ("<f2", ">f2", ">f4", "<f8", ">f8", "<i8", ">u2", "|i1", "?"):
        group["type " + dtype.replace("<", "le ").replace(">", "be ").replace("|", "")] = values((2, 3), dtype)
    marked = group.create_dataset("type bfloat16", data=values((2, 3)).astype(ml_dtypes.bfloat16).view("V2"))
    marked.attrs["dtype"] = "bfloat16"
    group.create_dataset("single", data=values((5, 7)), chunks=(5, 7))
    group.create_dataset("single gzip", data=values((5, 7)), chunks=(5, 7), compression="gzip")
    group.create_dataset("chunks", data=values((5, 7)), chunks=(2, 3))
    group.create_dataset("chunks gzip", data=values((5, 7)), chunks=(2, 3), compression="gzip", shuffle=True)
    group.create_dataset("chunks be", data=values((5, 7), ">f4"), chunks=(2, 3), shuffle=True)
    group.create_dataset("cube", data=values((3, 4, 5)), chunks=(2, 2, 2), compression="gzip")


def compact(group):
    space = h5py.h5s.create_simple((2, 3))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    set_id = h5py.h5d.create(group.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist)
    set_id.write(h5py.h5s.ALL, h5py.h5s.ALL, values((2, 3)))


def implicit(group):
    space = h5py.h5s.create_simple((5, 7))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((2, 3))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    set_id = h5py.h5d.create(group.id, b"implicit", h5py.h5t.IEEE_F32LE, space, plist)
    set_id.write(h5py.h5s.ALL, h5py.h5s.ALL, values((5, 7)))


def attributes(group):
    group.attrs["scalar"] = "gelu"
    group.attrs["bytes"] = b"tanh"
    group.attrs["fixed"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
    group.attrs["variable"] = ["one", "", "three"]
    group.attrs["number"] = 3.5
    for i in range(12):  # more than a header keeps
        group.attrs[f"attribute {i}"] = f"value {i}"


def main():
    # Superblock, layout: 0 and 3; 3 and 4; 3 and 5 (as of HDF5 2.0).
    for libver in ("earliest", "v110", "latest"):
        with h5py.File(ROOT / f"{libver}.h5", "w", libver=libver) as file:
            storage(file.create_group("storage"))
            compact(file["storage"])
            implicit(file["storage"])
            attributes(file.create_group("attributes"))
        if libver == "v110":
            continue
        with h5py.File(ROOT / f"{libver}-many.h5", "w", libver=libver) as file:
            # More links than one node holds.
            group = file.create_group("links")
            for i in range(70):
                group[f"a link with a long name {i}"] = np.float32(i)
    with h5py.File(ROOT / "refused.h5", "w", libver="latest") as file:
        file.create_dataset("growing", data=values((5, 7)), chunks=(2, 3), maxshape=(None, 7))
    with h5py.File(ROOT / "refused-lzf.h5", "w") as file:
        file.create_dataset("lzf", data=values((50, 70)), compression="lzf")
    for path in sorted(ROOT.glob("*.h5")):
        print(f"{path.name:20} {path.stat().st_size}")


if __name__ == "__main__":
    main()
