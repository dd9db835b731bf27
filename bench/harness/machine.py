"""Facts about this machine, and which CPUs a measurement is pinned to."""

import os
import platform


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _first_thread_of_core(cpu):
    try:
        with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", encoding="ascii") as f:
            return int(f.read().replace("-", ",").split(",")[0])
    except (OSError, ValueError):
        return cpu


def pick_cpus(count, allowed=None):
    """`count` CPUs, one per core as long as there are cores; None where the process may not use as many."""
    allowed = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
    seen, firsts, seconds = set(), [], []
    for cpu in allowed:
        core = _first_thread_of_core(cpu)
        (seconds if core in seen else firsts).append(cpu)
        seen.add(core)
    ordered = firsts + seconds
    return ordered[:count] if count <= len(ordered) else None


def free_memory():
    """Bytes that can be had without swapping."""
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith("MemAvailable"))


def describe():
    return {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0)), "load_at_start": os.getloadavg()[0],
            "memory": free_memory(), "system": platform.platform(), "python": platform.python_version()}
