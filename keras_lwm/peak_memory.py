"""The most memory that this process has had so far, where the system and the backend tell it."""

import re
from pathlib import Path

from keras_lwm.devices import peak_memory_of_gpu

_STATUS = Path("/proc/self/status")


def peak_memory() -> dict[str, float]:
    """Gigabytes by where: `peak memory`, under Linux alone; `on the GPU`, the process's first.

    Nothing is waited for.
    """
    peaks = {}
    if _STATUS.exists():
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        if kilobytes:  # Not told by every kernel.
            peaks["peak memory"] = int(kilobytes[1]) * 1024 / 1e9
    of_gpu = peak_memory_of_gpu()
    if of_gpu is not None:
        peaks["on the GPU"] = of_gpu / 1e9
    return peaks
