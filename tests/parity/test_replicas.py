"""Training on several devices of TensorFlow takes the steps of one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def test_two_replicas_take_the_steps_of_one_device_and_skip_together(tmp_path):
    """A replica whose gradients are not finite keeps the other from its step as well."""
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    out = tmp_path / "weights.npz"
    subprocess.run([sys.executable, HERE / "replicas.py", out], env=environment, check=True)
    arrays = dict(np.load(out))
    for name in ("valid", "invalid"):
        ones = [key for key in arrays if key.startswith(f"{name}|one|")]
        assert len(ones) > 10
        for key in ones:
            other = arrays[key.replace("|one|", "|two|")]
            np.testing.assert_allclose(other, arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)
    assert arrays["valid|skipped"].tolist() == [0, 0]
    assert (arrays["invalid|skipped"] > 0).all()
