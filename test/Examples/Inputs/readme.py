"""Takes the example out of README.md: its only C block, and the shell block before it.

    readme.py README.md --write-example example.c --write-commands commands.sh
"""
import argparse
import pathlib
import re

parser = argparse.ArgumentParser()
parser.add_argument("readme", type=pathlib.Path)
parser.add_argument("--write-example", type=pathlib.Path, required=True)
parser.add_argument("--write-commands", type=pathlib.Path, required=True)
args = parser.parse_args()

blocks = re.findall(r"^```(\w+)\n(.*?)^```$", args.readme.read_text(), re.MULTILINE | re.DOTALL)
(place,) = [i for i, (language, _) in enumerate(blocks) if language == "c"]
assert blocks[place - 1][0] == "sh"
args.write_example.write_text(blocks[place][1])
args.write_commands.write_text(blocks[place - 1][1])
