"""From linear light to the 8-bit picture of an ordinary camera."""

import numpy as np
from scipy.ndimage import gaussian_filter


def photograph(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Linear RGB (H, W, 3) -> uint8 RGB: exposure, white balance, vignette, tone curve, noise."""
    height, width, _ = colour.shape
    luminance = colour @ np.array([0.21, 0.72, 0.07])
    key = rng.uniform(0.15, 0.3)
    exposed = colour * key / np.exp(np.mean(np.log(luminance + 1e-3)))
    exposed = gaussian_filter(exposed, (0.45, 0.45, 0.0))
    warmth, tint = rng.normal(0.0, 0.07), rng.normal(0.0, 0.025)
    exposed = exposed * np.exp([warmth, tint, -warmth])
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    exposed = exposed * (1.0 - rng.uniform(0.0, 0.18) * (x**2 + y**2))[..., None]
    toned = exposed * (1.0 + exposed / 6.0) / (1.0 + exposed)  # Reinhard's curve, white at 2.4
    shot = rng.uniform(0.0, 0.0006) * toned + rng.uniform(0.0, 0.00004)
    toned = toned + np.sqrt(shot) * rng.normal(size=colour.shape)
    encoded = np.clip(toned * 1.45, 0.0, 1.0) ** (1.0 / 2.2)
    return np.round(255.0 * encoded).astype(np.uint8)
