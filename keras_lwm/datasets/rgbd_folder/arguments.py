"""What may be said of a folder, before anybody looks at it."""

import re
from collections.abc import Sequence


def check_arguments(
    depth_unit: float | None, size: tuple[int, int] | None, splits: Sequence[str] | None
) -> None:
    """Raises a `ValueError` for options of `RgbdFolder` that no folder can have."""
    if depth_unit is not None and not 0 < depth_unit < float("inf"):
        raise ValueError(f"Expected depth_unit, metres per unit, above 0; received {depth_unit!r}.")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"Expected size=(height, width), in pixels; received {size!r}.")
    for split in splits or ():
        if not re.fullmatch(r"\w+", split) or split == "all":
            raise ValueError(
                f"Expected names of splits made of letters, digits and '_', not 'all'; "
                f"received {split!r}."
            )
