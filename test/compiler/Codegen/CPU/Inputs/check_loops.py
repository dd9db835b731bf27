"""Checks the multiply-add loops of a library's assembly, and the instructions of its runtime.

usage: check_loops.py MODEL.s PREFIX [--pipes CPU N]...

* No loop of a product (in the kernels gemm_* and attention_*) touches the stack: every accumulator has a register.
* With --pipes: by llvm-mca's model of CPU, which has N pipes of multiply-adds, the loop of the largest tile keeps
  them busy for at least 90 % of its time.
* Functions outside the levels' code, the runtime, hold no fused multiply-add and no dot product.

Prints one line for each level: loops of products, the accumulators of the largest, and how many of the loops of
elementary functions (softmax, activations) touch the stack, which they may.
"""

import collections
import pathlib
import re
import subprocess
import sys

# A multiply-add into a register; without FMA, the addition.
MULTIPLY_ADD = re.compile(r"^(vfn?madd\w+ps|addps|fmla)\b")
# Elementary functions put an exponent into place; products do not.
SHIFT = re.compile(r"^(v?pslld|shl)\b")
FUSED = re.compile(r"^(v?fn?m(add|sub)\w*|fml[as]|vdpbf\w+|vpdp\w+|[us]dot|bfdot|bfmmla|[us]mmla|tdp\w+)\b")
STACK = re.compile(r"\(%[er]sp|\[sp\b")
LABEL = re.compile(r"^([\w.$]+):")
JUMP = re.compile(r"^(?:j\w+|b|b\.\w+|cbn?z|tbn?z)\s+(?:.*,\s*)?(\.L\w+)$")


def functions(text):
    """Name and instructions (labels among them) of each function."""
    name, body = None, []
    for line in text.splitlines():
        label = LABEL.match(line)
        if label and not label[1].startswith(".L"):
            name, body = label[1], []
        elif line.strip().startswith(".size") and name:
            yield name, body
            name = None
        elif name and (label or (line.startswith("\t") and not line.strip().startswith("."))):
            body.append(label[1] + ":" if label else line.strip().replace("\t", " "))


def innermost_loops(body):
    """Instruction lists between a label and a jump back to it that hold no other such jump."""
    at = {line[:-1]: i for i, line in enumerate(body) if line.endswith(":")}
    back = []
    for i, line in enumerate(body):
        jump = JUMP.match(line)
        if jump and at.get(jump[1], i) < i:
            back.append((at[jump[1]], i))
    for first, last in back:
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in back):
            yield [line for line in body[first : last + 1] if not line.endswith(":")]


def accumulators(loop):
    """Registers that the loop adds products to."""
    found = set()
    for line in loop:
        operation = MULTIPLY_ADD.match(line)
        if operation:
            registers = re.findall(r"%[xyz]mm\d+|\bv\d+", line)
            found.add(registers[0] if operation[1] == "fmla" else registers[-1])
    return found


def busy(loop, cpu, pipes):
    """The share of the pipes' time that multiply-adds take, as llvm-mca has it."""
    text = "\n".join(re.sub(r"\.L\w+$", ".L0", line) for line in loop)
    command = ["llvm-mca", "-mtriple=aarch64", "-mcpu=" + cpu, "-iterations=300", "-instruction-info=false"]
    result = subprocess.run(command, input=f".L0:\n{text}\n", text=True, capture_output=True, check=True)
    cycles = int(re.search(r"Total Cycles:\s+(\d+)", result.stdout)[1]) / 300
    return sum(bool(MULTIPLY_ADD.match(line)) for line in loop) / pipes / cycles


def main():
    path, prefix, *rest = sys.argv[1:]
    levels, failures, runtime, largest = {}, [], 0, []
    for name, body in functions(pathlib.Path(path).read_text()):
        if not name.startswith(prefix + "."):
            runtime += 1
            failures += [f"{name}: {line}" for line in body if FUSED.match(line)]
            continue
        level, _, function = name[len(prefix) + 1 :].partition(".")
        if not re.match(r"(gemm|attention)_\d+_", function):
            continue
        counts = levels.setdefault(level, collections.Counter())
        for loop in innermost_loops(body):
            if sum(bool(MULTIPLY_ADD.match(line)) for line in loop) < 4:
                continue
            touches = [line for line in loop if STACK.search(line)]
            if any(SHIFT.match(line) for line in loop):
                counts["elementary"] += 1
                counts["elementary on the stack"] += bool(touches)
                continue
            counts["products"] += 1
            counts["accumulators"] = max(counts["accumulators"], len(accumulators(loop)))
            largest = max(largest, loop, key=lambda loop: len(accumulators(loop)))
            failures += [f"{name}: {line}" for line in touches]
    for level, counts in levels.items():
        print(
            f"{level}: {counts['products']} loops of products, at most {counts['accumulators']} accumulators; "
            f"{counts['elementary on the stack']} of {counts['elementary']} loops of elementary functions on the stack"
        )
    print(f"runtime: {runtime} functions")
    for cpu, pipes in zip(rest[1::3], rest[2::3]):
        share = busy(largest, cpu, int(pipes))
        print(f"{cpu}: {100 * share:.1f} % of {pipes} pipes")
        if share < 0.9:
            failures.append(f"{cpu}: expected at least 90 %")
    for failure in failures:
        print("error:", failure)
    sys.exit(1 if failures or not levels or not runtime else 0)


if __name__ == "__main__":
    main()
