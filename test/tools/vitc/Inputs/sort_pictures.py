"""Sorts the bundled pictures into a folder for each class: sort_pictures.py PICTURES TO."""
import csv
import os
import shutil
import sys

pictures, to = sys.argv[1:]
for row in csv.DictReader(open(os.path.join(pictures, "labels.csv"))):
    folder = os.path.join(to, row["class"] if "/" in row["label"] else row["label"])
    os.makedirs(folder, exist_ok=True)
    shutil.copy(os.path.join(pictures, row["picture"]), folder)
