"""Checks that the example in the documentation of each pass stands in the pass's test.

usage: check_pass_examples.py Passes.td TEST_FOLDER

For each `def NAME : VitPass<"vit-x", ...>`, the lines of the first ```mlir block must occur in x.mlir, in order and
with nothing but comments between them. Indentation does not count.
"""

import pathlib
import re
import sys


def code_lines(text):
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("//")]


def contains(lines, wanted):
    return any(lines[i : i + len(wanted)] == wanted for i in range(len(lines)))


def main():
    passes_td, folder = map(pathlib.Path, sys.argv[1:])
    passes = list(re.finditer(r'^def \w+ : VitPass<"vit-([\w-]+)".*?^}', passes_td.read_text(), re.M | re.S))
    if not passes:
        sys.exit(f"{passes_td}: expected passes, found none")
    failures = 0
    for match in passes:
        name, test = match[1], folder / f"{match[1]}.mlir"
        example = re.search(r"```mlir\n(.*?)```", match[0], re.S)
        if not example:
            print(f"vit-{name}: expected an example in its description")
            failures += 1
        elif not contains(code_lines(test.read_text()), code_lines(example[1])):
            print(f"vit-{name}: its example does not stand in {test}")
            failures += 1
    sys.exit(1 if failures else 0)


main()
