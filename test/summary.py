"""Prints `N passed, N failed, N skipped` over all single tests of a run, from the results that ctest, lit and
GoogleTest left in a folder. Fails if a test failed, or was skipped for another reason than missing hardware.

    summary.py build/release/test-results
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases(path):
    """Yields (name, outcome, reason) of every test of a JUnit-style file."""
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            yield name, "failed", ""
        elif skipped is not None:
            yield name, "skipped", " ".join((skipped.get("message") or skipped.text or "").split())
        elif case.get("status") in ("notrun", "disabled"):
            yield name, "skipped", "disabled"
        else:
            yield name, "passed", ""


def for_hardware(reason):
    """lit says which feature is missing, and all our features are of the CPU; GoogleTests say "hardware: ..."."""
    return "hardware:" in reason or "Missing required feature(s): cpu-" in reason


def main():
    folder = pathlib.Path(sys.argv[1])
    single = [case for path in sorted(folder.glob("*.xml")) if path.stem != "ctest" for case in cases(path)]
    outcomes = {path.stem: {outcome for _, outcome, _ in cases(path)} for path in folder.glob("*.xml")}
    # Where the single tests of a program are known, the program is not one test more; but if it failed and none of
    # them did, it fell over on its own.
    for name, outcome, reason in cases(folder / "ctest.xml"):
        program = name.split(".")[-1]
        if program not in outcomes or (outcome == "failed" and "failed" not in outcomes[program]):
            single.append((program, outcome, reason))

    counts = {"passed": 0, "failed": 0, "skipped": 0}
    refused = 0
    for name, outcome, reason in single:
        counts[outcome] += 1
        if outcome == "failed":
            print(f"failed: {name}")
        elif outcome == "skipped" and for_hardware(reason):
            print(f"skipped: {name}: {reason}")
        elif outcome == "skipped":
            refused += 1
            print(f"error: {name} was skipped, and not for want of hardware: {reason}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or refused else 0


if __name__ == "__main__":
    sys.exit(main())
