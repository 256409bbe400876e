"""Files of data sets that are fetched by hand, or by hand where a machine cannot do it itself."""

import urllib.request
import warnings
from collections.abc import Sequence
from pathlib import Path

import tensorflow_datasets as tfds

_PATIENCE_SECONDS = 20


def required_file(folder: Path, name: str, source: str) -> Path:
    """`folder/name`, or a `ValueError` that says what to put there and where it is to be had."""
    path = folder / name
    if not path.is_file():
        raise ValueError(f"Expected the file {path}; there is none: put it there, from {source}.")
    return path


def download(dl_manager: tfds.download.DownloadManager, url: str) -> Path:
    """The file at `url`, downloaded unless it was before.

    Raises:
        OSError, http.client.HTTPException, tfds.download.DownloadError: if it cannot be had.
    """
    if not any(Path(dl_manager.download_dir).glob(f"*{Path(url).suffix}")):
        # TFDS goes on trying for minutes before it says that there is no network.
        question = urllib.request.Request(url, method="HEAD")
        urllib.request.urlopen(question, timeout=_PATIENCE_SECONDS).close()
    return Path(dl_manager.download(url))


def warn_of_other_counts(path: Path, lists: dict[str, Sequence], official: dict[str, int]) -> None:
    """Warns if a file of split lists does not name as many frames as the published one."""
    counts = {split: len(frames) for split, frames in lists.items()}
    if counts != official:
        warnings.warn(
            f"{path} lists {_in_words(counts)} frames, the official one {_in_words(official)}: "
            "scores will not compare with published ones.",
            stacklevel=2,
        )


def _in_words(counts):
    return " and ".join(f"{number} {split}" for split, number in counts.items())
