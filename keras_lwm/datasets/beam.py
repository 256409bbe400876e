"""Preparing by Apache Beam: its workers write the shards that are missing, one at a time each."""

from collections.abc import Sequence
from pathlib import Path

from keras_lwm.extras import imports_of

with imports_of("beam", "Preparing a data set by Apache Beam"):
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions


def beam_options(options: Sequence[str]) -> PipelineOptions:
    """Beam's options, each `"NAME=VALUE"` or the `"NAME"` of a switch.

    Raises:
        ValueError: for one that Beam does not know.
    """
    parsed = PipelineOptions([f"--{option}" for option in options])
    # Beam itself ignores what it does not know, so that a misspelt option would change nothing.
    known = parsed.get_all_options()
    unknown = [option for option in options if option.partition("=")[0] not in known]
    if unknown:
        raise ValueError(f"Expected options of Apache Beam; received {unknown[0]!r}.")
    return parsed


def write_shards(builder, shards: Sequence, folder: Path, download_config) -> None:
    """Writes shards into a folder that all workers share.

    Args:
        builder: a `PartwiseBuilder`; each worker makes its own of the same arguments, and asks it
            for the frames.
        shards: its shards that are to be written.
        folder: where to, on a file system of all workers.
        download_config: TFDS's, with `beam_options`, and perhaps `beam_runner`.

    Raises:
        ValueError: for a frame that cannot be used, or a worker that finds other frames.
    """
    config = download_config.replace(beam_options=None, beam_runner=None)
    runner, options = download_config.beam_runner, download_config.beam_options
    try:
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            _ = (
                pipeline
                | beam.Create(list(shards))
                # Else a runner may keep all of them together, in one worker.
                | beam.Reshuffle()
                | beam.ParDo(_WriteShard(builder, folder, config))
            )
    except Exception as error:
        sentence = _sentence_of(error)
        if sentence is None:
            raise
        raise ValueError(sentence) from error


_BEGIN, _END = "<<<keras_lwm: ", ">>>"


def _sentence_of(error):
    """What a worker had to say; the error of a runner holds it among a traceback."""
    begin, end = (str(error).rfind(mark) for mark in (_BEGIN, _END))
    return str(error)[begin + len(_BEGIN) : end] if 0 <= begin < end else None


class _WriteShard(beam.DoFn):
    """Writes a shard; the frames are looked for once a worker."""

    def __init__(self, builder, folder, config):
        self._builder = builder
        self._data_set = str(builder.data_path.parent)
        self._folder = folder
        self._config = config
        self._frames = None

    def process(self, shard):
        try:
            self._write(shard)
        except ValueError as error:
            raise ValueError(f"{_BEGIN}{error}{_END}") from error

    def _write(self, shard):
        if self._frames is None:
            if str(self._builder.data_path.parent) != self._data_set:
                raise ValueError(
                    f"Expected the frames of {self._data_set} on every worker; one found those of "
                    f"{self._builder.data_path.parent}."
                )
            self._frames = self._builder.frames_of_worker(self._config)
        self._builder.write_shard(self._folder, shard, self._frames)
