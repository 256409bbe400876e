"""Materials, and how a room chooses them: the same woods and fabrics clothe several classes."""

from dataclasses import dataclass

import numpy as np

from keras_lwm.datasets.rooms.patterns import PATTERNS

WOODS = ("c8a06a", "a87444", "7a4b2a", "4a2e1e", "d8bf94", "8f5f3c", "5d3a24", "b98a5a")
LACQUERS = ("f0efea", "e4e0d6", "3a3a3c", "22211f", "8d979c", "b9c4b4", "cfd6da", "6f2a2a")
FABRICS = (
    "7c7f86", "4d5663", "9a8b78", "c4b49c", "6b2f33", "2f4a5e", "3e5a48", "b5651d", "d9d2c5",
    "2d2d33", "855b6c", "a7b3bd", "d0a95c", "5b7a99", "7a3b2e", "e6e1da",
)  # fmt: skip
CARPETS = ("7c7f86", "9a8b78", "c4b49c", "a7b3bd", "d9d2c5", "8c7a70")
PAINTS = (
    "efe9dc", "e8e4e0", "d9d4c4", "c9d4d6", "d6dccb", "e2cfae", "b9c7b5", "c7a58b", "9fb0bf",
    "b7aeb8", "f3f1ec", "d4c2b4", "8a9a98", "a25f4d",
)  # fmt: skip
METALS = ("9a9a9c", "5a5a5e", "c9c9cb", "2b2b2d", "a58d5c")
BRIGHTS = (
    "b3262b", "1f4e9c", "2e7d4f", "e0a52a", "e8e3d8", "5c3a7a", "d36b28", "262626", "7fb0c8",
    "c9417a", "8a8f3c", "f2f2f2", "3f6f77", "703324",
)  # fmt: skip
STONES = ("d8d4cc", "b7b0a6", "8c8a88", "5d5a58", "e8e4de", "a08f7c")


def linear(colour: str) -> np.ndarray:
    """Linear RGB in [0, 1] of an sRGB colour written as six hexadecimal digits."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255.0
    return channels**2.2


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks.

    pattern: a name in `PATTERNS`; colours: (k, 3) linear RGB; gloss: strength of its highlight,
    0 to 1; glow: 0 for a surface that is lit, else the brightness of one that shines by itself;
    specular: a depth sensor loses it (glass, screens).
    """

    pattern: str
    colours: np.ndarray
    gloss: float = 0.05
    glow: float = 0.0
    specular: bool = False

    def albedo(self, points: np.ndarray) -> np.ndarray:
        """Linear RGB (n, 3) at `points` (n, 3) of the solid's texture frame."""
        return PATTERNS[self.pattern](points, self.colours)


def _tinted(rng, names, count=1, spread=0.12):
    """`count` colours of the list, each a little off."""
    chosen = rng.choice(len(names), size=count, replace=len(names) < count)
    colours = np.stack([linear(names[i]) for i in chosen])
    return np.clip(colours * rng.uniform(1 - spread, 1 + spread, (count, 3)), 0.01, 0.92).astype(
        np.float32
    )


def _shades(rng, names, low=0.55, high=0.85):
    """A colour and a darker shade of it."""
    colour = _tinted(rng, names)[0]
    return np.stack([colour, colour * rng.uniform(low, high)])


def one_of(rng, *colours: str, gloss=0.05, glow=0.0) -> Material:
    """Plain, in one of these colours, exactly."""
    return Material("plain", linear(rng.choice(colours))[None], gloss=gloss, glow=glow)


def wood(rng) -> Material:
    return Material("wood", _shades(rng, WOODS, 0.45, 0.8), gloss=rng.uniform(0.02, 0.25))


def joinery(rng, wooden=0.6) -> Material:
    """Of a cabinet, a table, a chair or a bed: wood, with this probability, or lacquer."""
    if rng.random() < wooden:
        return wood(rng)
    return Material("plain", _tinted(rng, LACQUERS), gloss=rng.uniform(0.05, 0.35))


def fabric(rng, patterned=0.5, names=FABRICS) -> Material:
    """Cloth, with this probability of a pattern in two colours, else plain or of two shades."""
    if rng.random() < patterned:
        pattern = rng.choice(["stripes", "plaid", "dots", "floral"])
        return Material(str(pattern), _tinted(rng, names, 2), gloss=0.02)
    pattern = rng.choice(["weave", "weave", "carpet", "plain"])
    return Material(str(pattern), _shades(rng, names, 0.6, 0.9), gloss=0.02)


def upholstery(rng) -> Material:
    """Of a sofa or a seat: seldom patterned, sometimes leather."""
    return leather(rng) if rng.random() < 0.25 else fabric(rng, patterned=0.2)


def leather(rng) -> Material:
    return Material("plain", _tinted(rng, ("3b2418", "1f1d1c", "6d4327", "d8cfc0", "7a2a22")), 0.3)


def metal(rng) -> Material:
    return Material("plain", _tinted(rng, METALS), gloss=0.5)


def bright(rng) -> Material:
    return Material("plain", _tinted(rng, BRIGHTS, spread=0.25), gloss=rng.uniform(0.05, 0.4))


def wall_finish(rng) -> Material:
    kind = rng.random()
    if kind < 0.68:
        return Material("plaster", _tinted(rng, PAINTS))
    if kind < 0.86:
        return Material("wallpaper", _shades(rng, PAINTS, 0.72, 0.93))
    if kind < 0.93:
        return Material("brick", np.concatenate([_tinted(rng, ("9c5a44", "c9c1b5", "7a4a3c")),
                                                 _tinted(rng, STONES)]))  # fmt: skip
    return Material("wood", _shades(rng, WOODS, 0.6, 0.85))


def floor_finish(rng) -> Material:
    kind = rng.random()
    if kind < 0.5:
        return Material("planks", _shades(rng, WOODS, 0.5, 0.8), gloss=rng.uniform(0.03, 0.25))
    if kind < 0.78:
        return Material("carpet", _shades(rng, CARPETS, 0.7, 0.88), gloss=0.0)
    return Material("tiles", np.concatenate([_tinted(rng, STONES), _tinted(rng, STONES)]), 0.2)


def ceiling_finish(rng) -> Material:
    if rng.random() < 0.85:
        return Material("plaster", _tinted(rng, PAINTS[:2] + PAINTS[10:11]))
    return Material("planks", _shades(rng, WOODS[:1] + WOODS[4:5] + LACQUERS[:1], 0.7, 0.9))


def countertop(rng) -> Material:
    if rng.random() < 0.5:
        return Material("marble", _tinted(rng, STONES, 2), gloss=0.3)
    return joinery(rng)


def artwork(rng) -> Material:
    """What a frame holds."""
    pattern = "landscape" if rng.random() < 0.5 else "abstract"
    names = BRIGHTS if rng.random() < 0.6 else FABRICS
    return Material(pattern, _tinted(rng, names, 4, 0.3), gloss=0.05)


def display(rng) -> Material:
    """A screen: dark, or showing a programme."""
    if rng.random() < 0.65:
        colours = np.stack([linear("0c0d10"), linear("4a525c")])
        return Material("screen", colours * rng.uniform(0.7, 1.6), gloss=0.6, specular=True)
    pattern = "landscape" if rng.random() < 0.5 else "abstract"
    glow = rng.uniform(0.5, 1.1)
    return Material(pattern, _tinted(rng, BRIGHTS, 4, 0.3), glow=glow, specular=True)


def view(rng, brightness: float) -> Material:
    """What is seen through a window, `brightness` from night (0.02) to noon (2)."""
    ground = _tinted(rng, ("3f5a33", "8f8378", "59636b", "b0a294", "2f4427"))
    sky = _tinted(rng, ("dfe8f0", "b8d0ea", "8fb4dc", "e9e4da"), 2)
    return Material("outdoors", np.concatenate([sky, ground]), glow=brightness, specular=True)
