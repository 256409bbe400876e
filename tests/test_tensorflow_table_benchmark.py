"""The table of speed: sides in processes of their own, in turn, and what is printed of them."""

from benchmark_modules import module

table = module("table")


def test_sides_take_steps_in_turn_and_a_ratio_is_to_the_first():
    options = {"backbone": "efficientnet_lite0", "channels": 8, "size": (32, 32), "batch": 2}
    sides = [
        table.Side("step", "tensorflow", "step", {**options, "weighting": "uniform"}),
        table.Side("class ids", "tensorflow", "inference", options),
    ]
    rows = table.compare(sides, rounds=2)
    assert [row[0] for row in rows] == ["step", "class ids"]
    assert all(float(cell) >= 0 for row in rows for cell in row[1:])
    assert rows[0][4] == "1.000" and float(rows[1][4]) < 1


def test_every_backend_is_beside_plain_pytorch():
    titles = table.sides()
    for text in ("without depth", "480x640", "1024x2048"):
        [chosen] = [sides for title, sides in titles.items() if text in title]
        assert {side.backend for side in chosen} == {"peer", *table.BACKENDS}
        assert chosen[0].backend == "peer", "ratios are to the first"


def test_a_comparison_is_a_table_of_markdown():
    rows = [["one", "1.0", "2.00", "0.500", "1.000"]]
    text = module("sides").as_markdown("a title", table.HEAD, rows)
    assert text.splitlines() == [
        "### a title",
        "",
        "|  | building, s | first, s | later, s | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| one | 1.0 | 2.00 | 0.500 | 1.000 |",
    ]
