"""What stands in which kind of room."""

from dataclasses import replace

import numpy as np

from keras_lwm.datasets.rooms import clutter, fittings, seating, storage, tables
from keras_lwm.datasets.rooms.arrangement import (
    anywhere,
    at_wall,
    beside,
    cluttered,
    in_front,
    rug,
    store,
)


def bed_set(room, rng) -> None:
    """A bed with its head at the wall, and night stands beside it."""
    bed = seating.bed(rng)
    place = at_wall(room, rng, bed, clutter.ON_SOFT, 0.25)
    if place is None:
        return
    for side in (-1, 1):
        if rng.random() < 0.75:
            beside(room, rng, storage.night_stand(rng), place, bed.size[0], side)
    if rng.random() < 0.25:
        rug(room, rng, in_front(place[0], place[1], bed.size[1] / 2 + 0.2))


def sofa_set(room, rng) -> None:
    """A sofa at the wall, a low table and a rug before it, a screen across from it."""
    sofa = seating.sofa(rng)
    place = at_wall(room, rng, sofa, clutter.ON_SOFT, 0.25, front=0.9)
    if place is None:
        return
    centre, quarter, _ = place
    ahead = in_front(centre, quarter, sofa.size[1] / 2 + 0.65)
    if rng.random() < 0.4:
        rug(room, rng, ahead)
    table = tables.coffee_table(rng)
    if rng.random() < 0.85 and room.layout.take(ahead, table.size, quarter):
        full = cluttered(rng, table, clutter.ON_TABLES, 0.8)
        room.add(full, (*ahead, 0.0), quarter * np.pi / 2)
    for side in (-1, 1):
        if rng.random() < 0.45:
            beside(room, rng, tables.side_table(rng), place, sofa.size[0], side)
    if rng.random() < 0.85:
        tv_set(room, rng, walls=[(quarter + 2) % 4, (quarter + 1) % 4])


def tv_set(room, rng, walls=(0, 1, 2, 3)) -> None:
    """A screen on a low stand, or on the wall above it."""
    stand = storage.tv_stand(rng) if rng.random() < 0.75 else storage.dresser(rng)
    width = min(rng.uniform(0.7, 1.3), stand.size[0] * 0.95)
    stand = replace(stand, surfaces=[])
    hung = rng.random() < 0.35
    if not hung:
        screen = fittings.standing_screen(rng, width).placed((0.0, -0.02, stand.size[2]))
        stand = stand.holding(screen)
    place = room.layout.place_at_wall(rng, stand.size, 0.5, walls)
    if place is None:
        return
    centre, quarter, s = place
    room.add(stand, (*centre, 0.0), quarter * np.pi / 2, stand.size[2] + 0.3)
    if not hung:
        return
    low = stand.size[2] + rng.uniform(0.15, 0.35)
    if room.layout.take_wall(quarter, s, (width, 0.6 * width), low):
        room.hang(fittings.television(rng, width, low), quarter, s, low + 0.3)


def desk_set(room, rng) -> None:
    """A desk, with a monitor or not, and its chair."""
    desk = tables.desk(rng)
    width, depth, height = desk.size
    screen = rng.random() < 0.8
    if screen:
        monitor = fittings.standing_screen(rng, rng.uniform(0.45, 0.62))
        x = rng.uniform(-0.12, 0.12) * width
        desk = desk.holding(monitor.placed((x, -depth / 2 + 0.16, height)))
        half = monitor.size[0] / 2 + 0.02
        surface = desk.surfaces[0]
        sides = [
            replace(surface, x=(surface.x[0], x - half)),
            replace(surface, x=(x + half, surface.x[1])),
        ]
        desk = replace(desk, surfaces=sides)
    place = at_wall(room, rng, desk, clutter.ON_TABLES, 1.0, front=0.6)
    if place is None:
        return
    centre, quarter, _ = place
    seat = seating.office_chair(rng) if rng.random() < 0.65 else seating.chair(rng)
    spot = in_front(centre, quarter, depth / 2 + seat.size[1] / 2 + rng.uniform(0.05, 0.4))
    if room.layout.take(spot, seat.size, quarter):
        room.add(seat, (*spot, 0.0), (quarter + 2) * np.pi / 2 + rng.normal(0, 0.12))


def dining_set(room, rng) -> None:
    """A table away from the walls with a set of equal chairs along both sides."""
    table = tables.dining_table(rng)
    width, depth, _ = table.size
    place = room.layout.place_free(rng, (width + 1.1, depth + 1.1, 1.0), margin=0.0)
    if place is None:
        place = room.layout.place_free(rng, table.size, margin=0.2)
        if place is None:
            return
    centre, quarter = place
    room.layout.taken.pop()  # the table and each chair take their own place below
    room.layout.take(centre, table.size, quarter, 0.0)
    yaw = quarter * np.pi / 2
    if rng.random() < 0.2:
        rug(room, rng, centre)
    room.add(cluttered(rng, table, clutter.ON_TABLES, 0.7), (*centre, 0.0), yaw)
    seed = int(rng.integers(2**31))
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    columns = (-0.25, 0.25) if width > 1.25 else (0.0,)
    seats = [(fraction * width, side) for side in (-1, 1) for fraction in columns]
    for x, side in seats:
        if rng.random() < 0.15:
            continue
        seat = seating.chair(np.random.default_rng(seed))  # one set of equal chairs
        spot = turn @ (x, side * (depth / 2 + seat.size[1] / 2 + rng.uniform(0.03, 0.3)))
        spot = np.asarray(centre) + spot
        if room.layout.take(spot, seat.size, quarter, 0.03):
            facing = yaw + (np.pi if side > 0 else 0.0) + rng.normal(0, 0.06)
            room.add(seat, (*spot, 0.0), facing)


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
