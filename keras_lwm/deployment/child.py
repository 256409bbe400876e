"""Running an export in a process of its own, whose failure is a sentence of this one."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from keras_lwm.deployment.exported import REQUEST, RESULT, ExportRequest


def export_in_child(request: ExportRequest) -> dict:
    """Has a request fulfilled, by Keras on TensorFlow and without a GPU.

    Keras chooses its backend once a process, and TensorFlow beside another user of the GPU takes
    its memory: hence a process of its own.

    Returns:
        `inputs`, `outputs` and `parameters` of the file written.

    Raises:
        ValueError: the model cannot be exported; the sentence is the child's, and its traceback
            a note of the error.
        RuntimeError: the process died.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(dataclasses.asdict(request))
        Path(folder, REQUEST).write_text(text, encoding="utf-8")
        process = subprocess.run(
            [sys.executable, "-P", "-m", "keras_lwm.deployment.export_process", folder],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        result = Path(folder, RESULT)
        if not result.exists():
            error = RuntimeError(
                f"The process that exports {request.title} ended with exit code "
                f"{process.returncode} before it was done."
            )
            error.add_note(process.stderr[-4000:])
            raise error
        answer = json.loads(result.read_text(encoding="utf-8"))
    if "error" in answer:
        error = ValueError(answer["error"])
        error.add_note(process.stderr[-4000:])
        raise error
    return answer


def _environment():
    importable = [str(Path(entry or ".").resolve()) for entry in sys.path]
    return {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONPATH": os.pathsep.join(importable),
    }
