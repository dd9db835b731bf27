"""One virtual environment per framework, so that none meets another's dependencies."""

import json
import os
import sys

from .processes import Failure, explain, python_of, run

REFERENCE = "reference"  # the environment of reference.py
_REFERENCE_PACKAGES = ("numpy", "scipy")

# Run inside an environment: bytes of the distributions named on the command line and of all that they require.
_SIZE = """
import importlib.metadata as metadata, json, os, re, sys
seen, queue, size = set(), sys.argv[1:], 0
while queue:
    name = re.sub(r"[-_.]+", "-", queue.pop()).lower()
    if name in seen:
        continue
    seen.add(name)
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    for file in found.files or []:
        path = str(file.locate())
        if not path.endswith(".pyc") and os.path.isfile(path):
            size += os.path.getsize(path)
    for requirement in found.requires or []:
        if "extra ==" not in requirement:
            queue.append(re.match(r"[A-Za-z0-9._-]+", requirement).group())
print(json.dumps(size))
"""


def folder_of(environments, name):
    """The folder of an environment; "" for peers that need none."""
    return os.path.join(environments, name) if name else ""


def missing(environments, name):
    """Why an environment cannot be used, or None."""
    if not name or os.path.exists(os.path.join(environments, name, "complete")):
        return None
    log = os.path.join(environments, name + ".log")
    if not os.path.exists(log):
        return f"not installed: no environment '{name}' in {environments}; install it with --setup"
    with open(log, encoding="utf-8", errors="replace") as f:
        return f"could not be installed: {explain(f.read())}"


def set_up(environments, peers, say, timeout=3600):
    """Makes the environments that are missing. One that fails is reported later, by `missing`."""
    os.makedirs(environments, exist_ok=True)
    wanted = {REFERENCE: (_REFERENCE_PACKAGES, {})}
    wanted.update({peer.environment: (peer.packages, peer.install_environ) for peer in peers if peer.environment})
    for name, (packages, environ) in wanted.items():
        if missing(environments, name) is None:
            continue
        say(f"installing {', '.join(packages)} for {name}")
        try:
            _install(folder_of(environments, name), packages, environ, timeout)
        except Failure as failure:
            with open(os.path.join(environments, name + ".log"), "w", encoding="utf-8") as log:
                log.write(f"{failure}\n")
            say(f"{name}: {failure}")


def _install(folder, packages, environ, timeout):
    run([sys.executable, "-m", "venv", "--clear", folder], timeout)
    python = python_of(folder)
    # pip's cache would return what was built with other settings.
    command = [python, "-m", "pip", "install", "--quiet", *(["--no-cache-dir"] if environ else [])]
    plain = [package for package in packages if "|" not in package]
    if plain:
        run([*command, *plain], timeout, env=environ)
    for package in packages:
        alternatives = [alternative.strip() for alternative in package.split("|")]
        for number, alternative in enumerate(alternatives if len(alternatives) > 1 else [], 1):
            try:
                run([*command, alternative], timeout, env=environ)
                break
            except Failure:
                if number == len(alternatives):
                    raise
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
        pass


def installed_bytes(environments, peer):
    """What a deployment of the peer takes on disk: its distributions and all that they require."""
    return json.loads(run([python_of(folder_of(environments, peer.environment)), "-c", _SIZE, *peer.deployed], 60))
