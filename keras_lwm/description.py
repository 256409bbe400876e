"""What a model file says of itself: its classes, their colours, and how it was trained."""

import dataclasses
import json

from keras_lwm.palette import distinct_palette
from keras_lwm.void import check_num_classes, void_id


@dataclasses.dataclass(frozen=True)
class Description:
    """Travels with every file that a model is saved or exported to.

    Args:
        class_names: one name a class, in the order of the class ids; at least 2.
        palette: one RGB triple, 0 to 255, a class.
        options: plain values: the options of the run that trained the model.
        footprint: plain values: what the network of an exported file needs (see
            `keras_lwm.large_images.graph.Footprint`); empty where nothing is known.

    Raises:
        ValueError: if there are fewer than 2 classes, or not one colour of 0 to 255 a class.
    """

    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    options: dict = dataclasses.field(default_factory=dict)
    footprint: dict = dataclasses.field(default_factory=dict, compare=False)

    def __post_init__(self):
        names = tuple(str(name) for name in self.class_names)
        palette = tuple(tuple(int(channel) for channel in colour) for colour in self.palette)
        if len(names) != len(palette):
            raise ValueError(
                f"Expected one colour a class; received {len(names)} class names and "
                f"{len(palette)} colours."
            )
        check_num_classes(len(names))
        for colour in palette:
            if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
                raise ValueError(f"Expected colours of three numbers 0 to 255; received {colour}.")
        object.__setattr__(self, "class_names", names)
        object.__setattr__(self, "palette", palette)

    @property
    def void(self) -> int:
        """Label id of pixels that belong to no class; no model predicts it."""
        return void_id(len(self.class_names))

    @classmethod
    def unnamed(cls, num_classes: int) -> "Description":
        """Describes a model whose file says nothing: classes by number, colours made up here."""
        names = [f"class {index}" for index in range(num_classes)]
        return cls(names, distinct_palette(num_classes))

    def as_json(self) -> str:
        """Returns one line of JSON, with the void id beside the fields."""
        values = {**dataclasses.asdict(self), "void": self.void}
        if not self.footprint:
            del values["footprint"]
        return json.dumps(values, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, source) -> "Description":
        """Reads what `as_json` wrote; `source` is the file that the error names.

        Raises:
            ValueError: if `text` is not such a description.
        """
        try:
            values = json.loads(text)
            names, footprint = values["class_names"], values.get("footprint", {})
            if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
                raise TypeError("class_names is no list of strings")
            if not isinstance(values["options"], dict) or not isinstance(footprint, dict):
                raise TypeError("options or footprint is no dictionary")
            return cls(names, values["palette"], values["options"], footprint)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(
                f"Expected a description of classes as keras_lwm writes it in {source}; received "
                f"one that cannot be read ({type(error).__name__}: {error})."
            ) from error
