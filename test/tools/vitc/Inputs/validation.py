"""For reference-systems.test: a folder of classes, and the validation steps of MindSpore's tutorial.

validation.py steps FOLDER          replaces the resize of FOLDER/vit.json by shortest side and centre crop
validation.py pictures FILE FOLDER  FILE as the picture of each of seven classes
"""
import json
import os
import shutil
import sys

if sys.argv[1] == "steps":
    path = sys.argv[2] + "/vit.json"
    description = json.load(open(path))
    steps = description["preprocess"]["steps"]
    assert steps[0]["op"] == "resize" and steps[0]["mode"] == "squash", steps
    steps[:1] = [{"op": "resize", "mode": "shortest", "size": [32], "filter": "bilinear", "antialias": False, "impl": "opencv",
                  "rounding": "lround"}, {"op": "center_crop", "size": description["input"]["size"], "round": "floor"}]
    json.dump(description, open(path, "w"))
else:
    for i in range(7):
        os.makedirs(f"{sys.argv[3]}/n0{i}")
        shutil.copyfile(sys.argv[2], f"{sys.argv[3]}/n0{i}/picture.png")
