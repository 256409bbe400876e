"""Training on several devices, in one process and in two, takes the steps of one device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
BACKEND = keras.backend.backend()
# Under PyTorch every process has one device.
DEVICES = {"tensorflow": [2], "jax": [2, 8], "torch": []}[BACKEND]


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def environments(processes):
    """What tells each of several processes of the others, as the engine has it."""
    ports = free_ports(processes)
    workers = [f"localhost:{port}" for port in ports]
    for index in range(processes):
        if BACKEND == "jax":
            yield {
                "JAX_COORDINATOR_ADDRESS": workers[0],
                "JAX_NUM_PROCESSES": str(processes),
                "JAX_PROCESS_ID": str(index),
            }
        elif BACKEND == "tensorflow":
            task = {"type": "worker", "index": index}
            yield {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": task})}
        else:
            yield {
                "MASTER_ADDR": "localhost",
                "MASTER_PORT": str(ports[0]),
                "WORLD_SIZE": str(processes),
                "RANK": str(index),
                "LOCAL_RANK": str(index),
            }


def trained_elsewhere(folder, devices=1, processes=1):
    """What `replicas.py` writes, of each of its processes."""
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    shared = {
        **os.environ,
        "KERAS_BACKEND": BACKEND,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    files = [folder / f"{index}.npz" for index in range(processes)]
    more = environments(processes) if processes > 1 else [{}]
    started = [
        subprocess.Popen(
            [sys.executable, HERE / "replicas.py", file, str(devices)],
            env={**shared, **own},
            stderr=subprocess.PIPE,
            text=True,
        )
        for file, own in zip(files, more, strict=True)
    ]
    for each in started:
        _, errors = each.communicate()
        assert each.returncode == 0, errors
    return [dict(np.load(file)) for file in files]


@pytest.fixture(scope="module")
def of_one_device():
    from parity.replicas import trained

    return trained()


def assert_same(arrays, expected):
    assert arrays.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(arrays[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def test_one_of_two_steps_is_skipped_and_what_is_compared_is_a_number(of_one_device):
    assert of_one_device["log skipped_steps"].tolist() == [1, 1]
    assert len(of_one_device) > 50
    assert all(np.isfinite(values).all() for values in of_one_device.values())


@pytest.mark.parametrize("devices", DEVICES)
def test_devices_of_one_process_take_the_steps_of_one(devices, of_one_device, tmp_path):
    [arrays] = trained_elsewhere(tmp_path, devices=devices)
    assert_same(arrays, of_one_device)


def test_two_processes_take_the_steps_of_one(of_one_device, tmp_path):
    for arrays in trained_elsewhere(tmp_path, processes=2):
        assert_same(arrays, of_one_device)
