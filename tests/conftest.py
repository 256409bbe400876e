"""Chooses the Keras backend before anything imports Keras: `pytest --backend jax`."""

import gc
import os
import signal
import tempfile

import pytest

BACKENDS = ("tensorflow", "jax", "torch")
# Folders and files of tests that compute nothing by a backend; and of the ablation, which trains as
# recipes do.
UNDER_ONE_BACKEND = {
    *("datasets", "rgbd_folder"),
    *("test_datasets_build.py", "test_datasets_check.py"),
    *("test_export_files.py", "test_image_files.py", "test_image_listing.py"),
    *("test_prediction_files.py", "test_report_files.py", "test_tables.py", "test_subsets.py"),
    *("test_sheets.py", "test_run_folder.py", "test_atomic_write.py", "test_augmentation.py"),
    *("test_page.py", "test_page_in_a_browser.py", "test_cli_report.py"),
    *("test_description.py", "test_samples.py", "test_fuzzed_folders.py", "test_ablation.py"),
    *("test_scale_shift.py", "test_made_files.py", "test_making_depth.py", "test_cli_depth.py"),
    "test_ablation_bootstrap.py",
    *("test_depth_sources.py", "test_notebooks.py", "test_progress_bar.py", "test_board.py"),
    *("test_summary.py", "test_recipe_options.py", "test_typed_commands.py", "test_ahead.py"),
    *("test_strangers_videos.py", "test_replaced.py", "test_measures_benchmark.py"),
    *("test_more_scenes_benchmark.py", "test_maps_over_epochs_benchmark.py"),
    *("test_video_reading.py", "test_video_writing.py", "test_video_predictions.py"),
}


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        choices=BACKENDS,
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help="the Keras backend that the tests run on",
    )
    parser.addoption(
        "--examples",
        type=int,
        default=100,
        help="how many random batches, folders and so on the tests in tests/faults try",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    backend = config.getoption("--backend")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A shell lets jobs in the background ignore it, and then nothing that Ctrl-C ends would end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if backend == "jax":
        # The time of these tests is compiling, again and again for other shapes.
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    if backend == "torch" and hasattr(config, "workerinput"):
        # Each worker would take all cores, and wait for those of the other.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    _share_compiled_functions(config)


def _share_compiled_functions(config):
    """Lets JAX compile nothing twice, in workers and in the processes that tests start.

    Not by the user's cache: every run of the tests compiles everything once.
    """
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.TemporaryDirectory(prefix="keras_lwm_tests_jax_")
    config.add_cleanup(folder.cleanup)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"


def pytest_report_header(config):
    return f"keras backend: {config.getoption('--backend')}"


def pytest_collection(session):
    import keras

    backend = session.config.getoption("--backend")
    assert keras.backend.backend() == backend, "Keras was imported before its backend was chosen."


def pytest_ignore_collect(collection_path, config):
    """What is named after a backend is tested under it alone: `test_torch_device.py`.

    And what one backend is enough for, under TensorFlow alone.
    """
    of = [own for own in BACKENDS if collection_path.name.startswith(f"test_{own}_")]
    of += ["tensorflow"] if collection_path.name in UNDER_ONE_BACKEND else []
    return True if of and of != [config.getoption("--backend")] else None


@pytest.fixture(scope="module", autouse=True)
def no_more_compiled_functions_than_of_one_file(request):
    """JAX keeps every function that it ever compiled: two workers would grow beyond 12 GB."""
    yield
    if request.config.getoption("--backend") == "jax":
        import jax

        jax.clear_caches()
        gc.collect()
