"""What stands in which kind of room."""

from keras_lwm.datasets.rooms import clutter, seating, storage
from keras_lwm.datasets.rooms.arrangement import anywhere, at_wall, store
from keras_lwm.datasets.rooms.groups import bed_set, desk_set, dining_set, sofa_set, tv_set

PROGRAMMES = {"bedroom": 0.28, "living": 0.26, "dining": 0.15, "office": 0.11, "studio": 0.2}


def choose(rng) -> str:
    """A kind of room, by its share."""
    return str(rng.choice(list(PROGRAMMES), p=list(PROGRAMMES.values())))


def furnish(room, rng, programme: str) -> None:
    """Puts the furniture of that kind of room in, large pieces first."""
    {
        "bedroom": _bedroom,
        "living": _living,
        "dining": _dining,
        "office": _office,
        "studio": _studio,
    }[programme](room, rng)


def _bedroom(room, rng):
    bed_set(room, rng)
    if rng.random() < 0.85:
        store(room, rng, 1, [storage.wardrobe, storage.wardrobe, storage.dresser])
    if rng.random() < 0.5:
        desk_set(room, rng)
    if rng.random() < 0.65:
        tv_set(room, rng)
    store(room, rng, int(rng.integers(0, 3)), [storage.bookcase, storage.dresser])
    if rng.random() < 0.3:
        anywhere(room, rng, seating.armchair(rng), things=clutter.ON_SOFT, density=0.3)


def _living(room, rng):
    sofa_set(room, rng)
    if rng.random() < 0.4:
        at_wall(room, rng, seating.sofa(rng), clutter.ON_SOFT, 0.25)
    for _ in range(rng.integers(0, 2)):
        anywhere(room, rng, seating.armchair(rng), things=clutter.ON_SOFT, density=0.3)
    store(room, rng, int(rng.integers(1, 3)), [storage.bookcase, storage.bookcase, storage.dresser])
    if rng.random() < 0.35:
        dining_set(room, rng)


def _dining(room, rng):
    kitchen = rng.random() < 0.6
    if kitchen:
        store(room, rng, 1, [storage.counter])
        store(room, rng, 2, [storage.counter, storage.refrigerator])
    dining_set(room, rng)
    store(room, rng, 1, [storage.dresser, storage.bookcase])
    if rng.random() < 0.5:
        tv_set(room, rng)
    if not kitchen and rng.random() < 0.7:
        sofa_set(room, rng)


def _office(room, rng):
    for _ in range(rng.integers(1, 4)):
        desk_set(room, rng)
    store(
        room,
        rng,
        int(rng.integers(1, 4)),
        [storage.bookcase, storage.bookcase, storage.dresser, storage.wardrobe],
    )
    if rng.random() < 0.5:
        at_wall(room, rng, seating.sofa(rng), clutter.ON_SOFT, 0.3)
    if rng.random() < 0.35:
        dining_set(room, rng)


def _studio(room, rng):
    bed_set(room, rng)
    sofa_set(room, rng)
    if rng.random() < 0.6:
        desk_set(room, rng)
    store(room, rng, int(rng.integers(1, 3)), [storage.bookcase, storage.counter, storage.wardrobe])
    if rng.random() < 0.5:
        dining_set(room, rng)
