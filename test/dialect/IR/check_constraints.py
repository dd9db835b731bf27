"""Checks that each numbered constraint stands in the documentation (.td), in a verifier and in a test that breaks it.

Usage: check_constraints.py SOURCE_ROOT
"""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
number = re.compile(r"\b[a-z]+(?:_[a-z]+)*_c\d+\b")


def found(folder, pattern):
    return {name for path in (root / folder).glob(pattern) for name in number.findall(path.read_text())}


documented = found("dialect/IR", "*.td")
diagnosed = found("dialect/IR", "*.cpp")
# Shared checks of linear ops print a prefix and a number.
shared = re.findall(r'verifyLinear\(.*"(\w+)"\)', "".join(p.read_text() for p in (root / "dialect/IR").glob("*.cpp")))
diagnosed |= {f"{op}_c{i}" for op in shared for i in (1, 2, 3)}
broken = set()
for path in (root / "test/dialect/IR").glob("invalid*"):
    for line in path.read_text().splitlines():
        if "expected-error" in line or "CHECK" in line:
            broken |= set(number.findall(line))

assert len(documented) > 60, documented
for where, names in [("a verifier", diagnosed), ("a test that breaks it", broken)]:
    for name in sorted(documented - names):
        print(f"{name} is documented and has not {where}")
for name in sorted((diagnosed | broken) - documented):
    print(f"{name} is not documented in a .td file")
sys.exit(documented != diagnosed or documented - broken != set())
