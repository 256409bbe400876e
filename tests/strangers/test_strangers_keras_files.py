"""`.keras` and `.weights.h5` files that want more than to be read are refused in a sentence."""

import json
import os
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_lwm import Predictor, keras_files
from keras_lwm.networks import transfer_weights

SECRET = np.arange(4.0).reshape(1, 1, 2, 2)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.keras"
    small_model().save(path)
    return path


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "made_by_the_attack"


def small_model():
    image = keras.Input((None, None, 3), name="image")
    return keras.Model(image, keras.layers.Conv2D(2, 1, name="logits")(image))


def packed_anew(honest, path, changed=(), entries=()):
    """The honest file with entries of other contents, and further entries."""
    changed = dict(changed)
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, changed.pop(name, source.read(name)))
        for entry, content in (*changed.items(), *entries):
            target.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def refuses(read, path, message):
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    after = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    assert after == before


def test_an_honest_file_is_read(honest, tmp_path):
    expected = keras.saving.load_model(honest).get_weights()
    path = packed_anew(honest, tmp_path / "again.keras")
    for mine, own in zip(Predictor(path).network.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, own)


def model_with_code(place):
    """A model that makes a folder whenever it is built."""
    image = keras.Input((None, None, 3))
    lambda_layer = keras.layers.Lambda(
        lambda x: (__import__("os").makedirs(place, exist_ok=True), x)[1]
    )
    return keras.Model(image, keras.layers.Conv2D(2, 1)(lambda_layer(image)))


def test_the_code_of_a_lambda_is_not_run(tmp_path, marker):
    path = tmp_path / "lambda.keras"
    model_with_code(str(marker)).save(path)
    marker.rmdir()
    refuses(Predictor, path, r"code of its own.*none of that is run or read \(Keras says: .*\)\.$")
    assert not marker.exists()
    keras.saving.load_model(path, safe_mode=False)
    assert marker.exists(), "the attack of this test is none"


def layer_of(module, class_name, config, **more):
    return {"module": module, "class_name": class_name, "config": config, **more}


def function_of(module, name, **arguments):
    """A Lambda of a function that can be imported."""
    function = layer_of(module, "function", name, registered_name=name)
    return layer_of("keras.layers", "Lambda", {"function": function, "arguments": arguments})


ATTACKS = {
    "a class of Python's": lambda place: layer_of(
        "subprocess", "Popen", {"args": ["mkdir", place]}, registered_name="Popen"
    ),
    "a function of Python's": lambda place: function_of("os", "mkdir"),
    "a built-in function": lambda place: function_of("builtins", "exec"),
    "a function of Keras' code": lambda place: function_of(
        "keras.src.utils.file_utils", "copy", dst=place
    ),
    "a download": lambda place: function_of(
        "keras.utils", "get_file", origin=Path(__file__).as_uri(), cache_dir=place
    ),
    "a SavedModel": lambda place: layer_of("keras.layers", "TFSMLayer", {"filepath": place}),
    "a file of words": lambda place: layer_of(
        "keras.layers", "StringLookup", {"vocabulary": __file__}
    ),
}
IN_SAFE_MODE = "none of that is run or read"
REFUSALS = dict.fromkeys(("a SavedModel", "a file of words", "a pickle"), IN_SAFE_MODE)
REFUSALS["a network of terabytes"] = "Cannot load"
if keras.backend.backend() != "tensorflow":  # It waits for room, for ten seconds.
    ATTACKS["a network of terabytes"] = lambda place: layer_of(
        "keras.layers", "Conv2D", {"filters": 10**12, "kernel_size": 1}
    )
if keras.backend.backend() == "torch":
    ATTACKS["a pickle"] = lambda place: layer_of(
        "keras.layers", "TorchModuleWrapper", {"module": "Y29zCm1rZGlyCg==", "name": "attack"}
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_but_layers_is_made_of_a_configuration(attack, honest, tmp_path, marker):
    with zipfile.ZipFile(honest) as archive:
        configuration = json.loads(archive.read("config.json"))
    [layer] = [own for own in configuration["config"]["layers"] if own["name"] == "logits"]
    attacking = ATTACKS[attack](str(marker))
    layer.pop("registered_name", None)
    layer.update(attacking, config={"name": "logits", **attacking["config"]})
    changed = {"config.json": json.dumps(configuration)}
    message = REFUSALS.get(attack, "Could not locate|Could not deserialize|Cannot deserialize")
    refuses(Predictor, packed_anew(honest, tmp_path / "evil.keras", changed), message)
    assert not marker.exists()


def link_entry(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("../outside", "has its place outside"),
        ("assets/../../outside", "has its place outside"),
        ("..\\outside", "has its place outside"),
        ("/tmp/outside", "has its place outside"),
        ("C:/outside", "has its place outside"),
        (link_entry("assets/link"), "is a link"),
    ],
)
def test_an_entry_outside_of_the_archive(entry, message, honest, tmp_path):
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    path = packed_anew(honest, folder / "evil.keras", entries=[(entry, "/etc/passwd")])
    for read in (Predictor, lambda path: transfer_weights(small_model(), path)):
        refuses(read, path, message)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["evil.keras"]


BOMBS = ("config.json", "model.weights.h5", "assets/bomb", "keras_lwm_description.json")


@pytest.mark.parametrize("name", BOMBS)
def test_an_entry_that_would_fill_the_memory(name, honest, tmp_path, monkeypatch):
    for limit in ("_HARMLESS_BYTES", "_MOST_JSON_BYTES"):
        monkeypatch.setattr(keras_files, limit, 2**16)
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as target:
        for own in source.namelist():
            if own != name:
                target.writestr(own, source.read(own))
        target.writestr(name, bytes(2**20), zipfile.ZIP_DEFLATED)
    refuses(Predictor, path, rf"'{name}' becomes 1048576 bytes, of \d+ that are stored\.$")


def test_limits_are_far_beyond_what_networks_have():
    assert keras_files._MOST_JSON_BYTES >= 60e6
    assert keras_files._HARMLESS_BYTES >= 256e6


# What takes the place of an array in a file of weights.


def link_to_another_file(vars, secret):
    vars["0"] = h5py.ExternalLink(str(secret), "secret")


def link_to_a_pipe(vars, secret):
    # To look whether it leads anywhere would wait for ever.
    os.mkfifo(secret.with_suffix(".pipe"))
    vars["0"] = h5py.ExternalLink(str(secret.with_suffix(".pipe")), "secret")


def link_by_name(vars, secret):
    vars["0"] = h5py.SoftLink("/elsewhere")
    vars.file["elsewhere"] = SECRET


def storage_in_another_file(vars, secret):
    vars.create_dataset("0", (1, 1, 3, 2), "f4", external=[(str(secret), 0, 24)])


def view_of_another_file(vars, secret):
    layout = h5py.VirtualLayout((1, 1, 2, 2), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (1, 1, 2, 2))
    vars.create_virtual_dataset("0", layout)


def circle(vars, secret):
    vars["0"] = vars.parent


def nothing_of_terabytes(vars, secret):
    vars.create_dataset("0", (2**20, 2**20), "f4", chunks=(64, 64), compression="gzip")


IN_WEIGHTS = {
    link_to_another_file: "is a link",
    link_to_a_pipe: "is a link",
    link_by_name: "is a link",
    storage_in_another_file: "is kept in other files",
    view_of_another_file: "is kept in other files",
    circle: "has two names",
    nothing_of_terabytes: "declares 4398046511104 bytes, of which 0 are stored",
}


@pytest.mark.parametrize("attack", IN_WEIGHTS)
def test_weights_that_are_not_in_the_file(attack, honest, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = SECRET
    weights = tmp_path / "evil.weights.h5"
    with zipfile.ZipFile(honest) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))
    with h5py.File(weights, "r+") as file:
        place = "layers/conv2d/vars"
        assert file[place]["0"].shape == (1, 1, 3, 2)
        del file[place]["0"]
        attack(file[place], secret)
    changed = {"model.weights.h5": weights.read_bytes()}
    archive = packed_anew(honest, tmp_path / "evil.keras", changed)
    model = small_model()
    refuses(Predictor, archive, IN_WEIGHTS[attack])
    for path in (archive, weights):
        refuses(lambda path: transfer_weights(model, path), path, IN_WEIGHTS[attack])


@pytest.mark.parametrize("text", ["[" * 10**5, "[]", "null", '{"config": 1}', '"\\ud800"', "{"])
def test_a_configuration_of_other_things(text, honest, tmp_path):
    refuses(
        Predictor, packed_anew(honest, tmp_path / "evil.keras", {"config.json": text}), "evil.keras"
    )


COLOURS = [[0, 0, 0], [1, 1, 1]]
DESCRIPTIONS = [
    "[" * 10**5,
    {"palette": [[1e400, 0, 0], [0, 0, 0]]},
    {"palette": [[0, 0], [0, 0]]},
    {"palette": [[0, 0, 300], [0, 0, 0]]},
    {"palette": [[0, 0, -1], [0, 0, 0]]},
    {"class_names": "ab"},
    {"class_names": {"a": 0, "b": 1}},
    {"class_names": [["a"], ["b"]]},
    {"options": "many"},
    {"footprint": [1]},
]


@pytest.mark.parametrize("changes", DESCRIPTIONS)
def test_a_description_of_other_things(changes, honest, tmp_path):
    text = changes
    if isinstance(changes, dict):
        values = {"class_names": ["a", "b"], "palette": COLOURS, "options": {}, **changes}
        text = json.dumps(values)
    entries = [("keras_lwm_description.json", text)]
    path = packed_anew(honest, tmp_path / "evil.keras", entries=entries)
    refuses(Predictor, path, "Expected a description of classes")


def test_a_legacy_file_under_another_name(tmp_path, marker):
    model_with_code(str(marker)).save(tmp_path / "legacy.h5")
    marker.rmdir()
    (tmp_path / "legacy.h5").rename(tmp_path / "legacy.keras")
    refuses(Predictor, tmp_path / "legacy.keras", "Expected a .keras file")
    model = small_model()
    refuses(lambda path: transfer_weights(model, path), tmp_path / "legacy.keras", "another netw")
    assert not marker.exists()
