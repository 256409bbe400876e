"""Large images made smaller before a network sees them."""

import numpy as np


def reduced(image: np.ndarray, longest_side: int | None) -> np.ndarray:
    """An image whose longer side is at most so many pixels, its aspect kept.

    Args:
        image: (H, W, 3), uint8 or float32, 0 to 255.
        longest_side: pixels; None for any number.

    Returns:
        The image itself, where it is no larger; else a mean of its pixels, weighted by their
        distance (a triangle as wide as two pixels of the result), of the same type.
    """
    height, width = image.shape[:2]
    if longest_side is None or max(height, width) <= longest_side:
        return image
    from PIL import Image

    scale = longest_side / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    channels = (Image.fromarray(image[..., channel]) for channel in range(image.shape[-1]))
    resized = [channel.resize(size, Image.Resampling.BILINEAR) for channel in channels]
    return np.stack([np.asarray(channel) for channel in resized], axis=-1)


def check_longest_side(longest_side: int | None) -> int | None:
    """Raises ValueError unless it is a positive whole number, or None."""
    if longest_side is not None and (longest_side != int(longest_side) or longest_side < 1):
        raise ValueError(f"Expected longest_side of at least 1 pixel; received {longest_side!r}.")
    return longest_side
