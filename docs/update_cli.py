#!/usr/bin/env python3
"""Writes the help texts of vitc into docs/cli.md: python3 docs/update_cli.py build/release/bin/vitc

A help text stands between ```text and ``` under a line `<!-- vitc help COMMAND -->`.
"""
import pathlib
import re
import subprocess
import sys

page = pathlib.Path(__file__).with_name("cli.md")


def block(match):
    words = match.group(1).split()[1:]
    text = subprocess.run([sys.argv[1], *words], capture_output=True, text=True, check=True).stdout
    return f"<!-- {match.group(1)} -->\n\n```text\n{text}```"


if len(sys.argv) != 2:
    sys.exit(__doc__)
page.write_text(re.sub(r"<!-- (vitc help[a-z ]*) -->\n\n```text\n.*?```", block, page.read_text(), flags=re.DOTALL))
