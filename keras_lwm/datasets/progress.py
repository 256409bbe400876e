"""Lets the progress bar of a TFDS builder show a total."""

import tensorflow_datasets as tfds


def expect_examples(builder: tfds.core.DatasetBuilder, numbers: dict[str, int]) -> None:
    """Tells how many examples each split will have, which TFDS knows of downloaded sets only.

    To be called at the beginning of `_download_and_prepare`, which replaces these numbers by those
    it has written.
    """
    template = tfds.core.ShardedFileTemplate(
        dataset_name=builder.name,
        data_dir=builder.data_path,
        filetype_suffix=builder.info.file_format.file_suffix,
    )
    builder.info.set_splits(
        tfds.core.SplitDict(
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[number],
                num_bytes=0,
                filename_template=template.replace(split=split),
            )
            for split, number in numbers.items()
        )
    )
