"""A prepared data set, looked at record by record."""

import tensorflow as tf
import tensorflow_datasets as tfds

from keras_lwm.datasets.check.facts import FrameFacts, depth_facts, label_facts, pixel_digest
from keras_lwm.datasets.check.reading import Reading
from keras_lwm.datasets.check.report import NUMBERS, SIZES, UNREADABLE, Finding
from keras_lwm.datasets.records import Records
from keras_lwm.datasets.sample import require_samples
from keras_lwm.palette import distinct_palette
from keras_lwm.void import void_id


class PreparedSource:
    """The frames of a prepared builder.

    Raises:
        ValueError: if it is not prepared, or its samples are not in the library's form.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder):
        self.title = self.name = builder.info.full_name
        self.where = str(builder.data_path)
        name = self.title.rpartition("/")[0]
        if not builder.is_prepared():
            raise ValueError(
                f"Found no prepared data set {name} in {builder.data_path}: prepare it with "
                f"`keras-lwm datasets build {name}`."
            )
        require_samples(builder)
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []
        self.notes: list[str] = []
        self.class_names = list(builder.info.metadata["class_names"])
        own = builder.info.metadata.get("palette") or distinct_palette(len(self.class_names))
        self.palette = [tuple(colour) for colour in own]
        self.reading = Reading(None, first_id=0, void_ids=(void_id(len(self.class_names)),))
        self._features = builder.info.features
        self._records, self._frames = {}, []
        self.frame_numbers = {}
        for split, info in builder.info.splits.items():
            self.frame_numbers[split] = info.num_examples
            try:
                self._records[split] = Records(builder, split)
            except ValueError as error:
                self.errors.append(Finding(UNREADABLE, split, str(error)))
                continue
            self._frames += [(split, index) for index in range(info.num_examples)]
        self._compare(getattr(builder, "OFFICIAL_NUMBERS", None) or {})

    def __len__(self) -> int:
        return len(self._frames)

    def facts(self, index: int) -> FrameFacts:
        split, number = self._frames[index]
        facts = FrameFacts(split, f"{split}/{number}", f"frame {number} of {split}")
        try:
            sample = self._sample(split, number)
        except (ValueError, OSError, tf.errors.OpError) as error:
            reason = str(error).strip().splitlines()[0]
            sentence = f"Cannot read {facts.image}: {reason.rstrip('.')}."
            facts.errors.append((UNREADABLE, facts.image, sentence))
            return facts
        if "name" in sample:
            facts.name = sample["name"].decode()
            facts.image = f"{facts.name} of {split}"
        facts.size = sample["image"].shape[:2]
        facts.digest = pixel_digest(sample["image"])
        label = label_facts(facts.image, sample["label"])
        # All void, and no depth anywhere, is how a frame without label or depth is stored.
        facts.has_label = bool((label.ids != self.reading.void_ids[0]).any())
        facts.has_depth = bool(sample["depth"].any())
        if facts.has_label:
            facts.label = label
        if facts.has_depth:
            facts.depth = depth_facts(facts.image, sample["depth"][..., 0], is_counted=False)
        for key in ("label", "depth"):
            size = sample[key].shape[:2]
            if size != facts.size:
                sentence = (
                    f"The {key} of {facts.image} is {size[0]}x{size[1]} (height x width): expected "
                    f"{facts.size[0]}x{facts.size[1]}, as its image."
                )
                facts.errors.append((SIZES, facts.image, sentence))
        return facts

    def sample(self, index: int, reading: Reading) -> dict:
        sample = self._sample(*self._frames[index])
        return {**sample, "label": sample["label"][..., None]}

    def _sample(self, split, number):
        sample = self._features.deserialize_example(self._records[split][number])
        sample = {key: value.numpy() for key, value in sample.items()}
        if sample["label"].ndim == 3:
            sample["label"] = sample["label"][..., 0]
        return sample

    def _compare(self, official):
        for split, number in official.items():
            found = self.frame_numbers.get(split, 0)
            if found != number:
                sentence = f"The split {split} has {found} frames: officially it has {number}."
                self.errors.append(Finding(NUMBERS, split, sentence))
