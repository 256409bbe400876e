"""From options to a compiled model: what each option is passed to, precisions, refusals."""

import importlib
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import training_samples

import keras_lwm
from keras_lwm import experiment
from keras_lwm.description import Description
from keras_lwm.experiment import model as experiment_model
from keras_lwm.mining import WEIGHTINGS
from keras_lwm.run_folder.models import save_model
from keras_lwm_cli import training_options

RECIPES = Path(__file__).parents[1] / "recipes"
GROUPS = ("NETWORK", "WEIGHTING", "OBJECTIVE", "OPTIMIZER", "CURRICULUM", "AUGMENTATION", "FIT")
OPTIONS = {
    **{"backbone": "efficientnet_lite0", "variant": "light", "channels": 4, "weights": None},
    **{"weighting": "lwm", "optimizer": "adamw", "learning_rate": 1e-3, "encoder_rate": 0.1},
    **{"precision": "float32", "seed": 0},
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_command_line_has_the_options_that_are_passed_on(group):
    assert set(getattr(training_options, group)) == set(getattr(experiment_model, group))


def test_every_option_is_an_argument_of_what_it_is_passed_to():
    takers = {
        "NETWORK": keras_lwm.RefineNet,
        "OBJECTIVE": keras_lwm.DepthPrivilegedModel,
        "OPTIMIZER": experiment.new_optimizer,
        "CURRICULUM": keras_lwm.CurriculumCallback,
        "AUGMENTATION": keras_lwm.Augmentation,
    }
    for group, taker in takers.items():
        assert set(getattr(experiment_model, group)) <= set(inspect.signature(taker).parameters)
    taken = {name for weighting in WEIGHTINGS.values() for name in weighting().get_config()}
    assert set(experiment.WEIGHTING) <= taken


def test_options_without_a_value_are_not_passed_on():
    options = {"channels": 8, "variant": None, "frozen_batch_norm": False, "seed": 3}
    assert experiment.given(options, experiment.NETWORK) == {
        "channels": 8,
        "frozen_batch_norm": False,
    }


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_precision_is_that_of_the_networks_layers_but_not_of_its_heads(precision):
    before = keras.config.dtype_policy().name
    model = experiment.new_model({**OPTIONS, "precision": precision}, num_classes=3, steps=10)
    backbone = model.get_layer("backbone").layers
    convolutions = [layer for layer in backbone if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {precision.removeprefix("mixed_")}
    assert {layer.variable_dtype for layer in convolutions} == {"float32"}
    assert {keras.backend.standardize_dtype(x.dtype) for x in model.outputs} == {"float32"}
    for name in ("segmentation_logits", "side_8_logits", "depth_logit", "depth_metres"):
        assert model.get_layer(name).compute_dtype == "float32"
    assert model.optimizer.scales_loss == (precision == "mixed_float16")
    assert keras.config.dtype_policy().name == before


def test_a_network_that_cannot_be_built_leaves_the_dtype_policy_as_it_was():
    before = keras.config.dtype_policy().name
    with pytest.raises(ValueError, match="vgg"):
        experiment.new_model(
            {**OPTIONS, "precision": "mixed_bfloat16", "backbone": "vgg"}, num_classes=3, steps=10
        )
    assert keras.config.dtype_policy().name == before


def test_a_network_that_sees_depth_is_not_asked_to_predict_it():
    options = {**OPTIONS, "depth_input": True}
    with pytest.raises(ValueError, match="needs no predicted depth, such as uniform.*'lwm'"):
        experiment.new_model(options, num_classes=3, steps=10)
    options["weighting"] = "uniform"
    model = experiment.new_model(options, num_classes=3, steps=10, frame_size=(30, 40))
    assert "depth" not in model.output
    assert model.get_layer("depth_picture").focal_length == 32.0
    assert set(model.learning_rate_multipliers) == {"backbone", "depth_backbone"}
    with pytest.raises(ValueError, match="received 0.5 and no teacher"):
        experiment.new_model({**OPTIONS, "distillation_weight": 0.5}, num_classes=3, steps=10)


def test_an_option_that_the_weighting_does_not_take_is_refused():
    with pytest.raises(ValueError, match="weighting 'focal' takes; received window, tau"):
        experiment.new_weighting("focal", {"gamma": 1.0, "window": 3, "tau": 0.1, "bins": None})
    assert experiment.new_weighting("focal", {"gamma": 1.0, "window": None}).gamma == 1.0


def test_the_learning_rate_rises_then_falls_to_zero():
    for schedule in ("cosine", "poly"):
        optimizer = experiment.new_optimizer(100, 0.5, schedule=schedule, warm_up=0.1)
        rate = keras.saving.deserialize_keras_object(optimizer.get_config()["learning_rate"])
        first, rising, highest, falling, last = (float(rate(step)) for step in (0, 5, 10, 50, 100))
        assert 0 <= first < rising < highest == pytest.approx(0.5)
        assert highest > falling > last == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["rooms", "rgbd_folder", "nyu_depth_v2", "sun_rgbd", "cityscapes"])
def test_every_recipe_states_all_that_a_model_is_made_of(monkeypatch, tmp_path, name):
    monkeypatch.syspath_prepend(RECIPES)
    command = importlib.import_module(name).main
    folder = [str(tmp_path)] if name == "rgbd_folder" else []
    options = command.make_context(name, folder).params
    needed = {"precision", "seed", "weighting", "encoder_rate", "epochs", "batch_size"}
    needed |= {"backbone", *experiment.OPTIMIZER, *experiment_model.AUGMENTATION}
    assert not [name for name in needed if options[name] is None]


def test_a_teacher_has_the_outputs_that_segment_and_the_classes_of_the_taught(tmp_path):
    network = training_samples.tiny_network()
    description = Description([f"c{index}" for index in range(4)], [(0, 0, 0)] * 4)
    file = tmp_path / "teacher.keras"
    save_model(keras_lwm.DepthPrivilegedModel(network), file, {}, description)
    teacher = experiment.open_teacher(file, ["c0", "c1", "c2", "c3"])
    assert set(teacher.output) == {"segmentation", "side_8"}
    image = training_samples.tiny_batch()[0].astype("float32")
    for name, maps in teacher.predict_on_batch(image).items():
        np.testing.assert_allclose(maps, network.predict_on_batch(image)[name], atol=1e-5)
    with pytest.raises(ValueError, match=r"of the 3 classes c0, c1, c2; that of .* has 4: c0, c1"):
        experiment.open_teacher(file, ["c0", "c1", "c2"])
    with pytest.raises(ValueError, match=f"folder of a run.*found no model at {tmp_path}"):
        experiment.open_teacher(tmp_path, ["c0", "c1"])
    network.save(file)
    with pytest.raises(ValueError, match=r"teacher.keras has no names of any\."):
        experiment.open_teacher(file, ["c0", "c1"])
