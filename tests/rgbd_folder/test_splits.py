"""Drawn splits keep scenes whole and come near to their shares; lists name frames and scenes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_lwm.rgbd_folder.splits import draw_splits, read_list

SIZES = st.lists(st.integers(1, 30), min_size=3, max_size=25)
SHARES = st.tuples(st.integers(1, 8), st.integers(0, 4), st.integers(0, 4))


def frames_of(sizes):
    return {f"s{s}/{f}": f"s{s}" for s, size in enumerate(sizes) for f in range(size)}


@given(SIZES, SHARES, st.integers(0, 5))
def test_every_frame_is_in_one_split_with_the_rest_of_its_scene(sizes, parts, seed):
    scene_of, shares = frames_of(sizes), np.array(parts) / sum(parts)
    splits = draw_splits(scene_of, shares, seed)
    assert sorted(sum(splits.values(), [])) == sorted(scene_of)
    scenes = [{scene_of[name] for name in names} for names in splits.values()]
    assert sum(map(len, scenes)) == len(sizes) and all(scenes)
    assert draw_splits(dict(reversed(scene_of.items())), shares, seed) == splits


@given(st.integers(60, 200), SHARES)
def test_small_scenes_meet_the_shares_to_a_frame_a_split(number, parts):
    scene_of, shares = frames_of([1] * number), np.array(parts) / sum(parts)
    splits = draw_splits(scene_of, shares, seed=0)
    wanted = dict(zip(("train", "val", "test"), shares * number, strict=True))
    for split, names in splits.items():
        assert abs(len(names) - wanted[split]) <= 2


def test_seeds_draw_differently():
    scene_of = frames_of([2] * 20)
    draws = [draw_splits(scene_of, (0.6, 0.2, 0.2), seed) for seed in range(3)]
    assert draws[0] != draws[1] != draws[2]


def test_fewer_scenes_than_splits():
    with pytest.raises(ValueError, match=r"at least 3 scenes .*found 2: 's0', 's1'"):
        draw_splits(frames_of([4, 4]), (0.5, 0.3, 0.2), 0)


def test_a_list_names_frames_and_whole_scenes(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("s1\r\n\r\na/3\r\nunknown\r\n")
    names_of = {"s1": ["s1/0", "s1/1"], "a/3": ["a/3"]}
    assert read_list(path, names_of) == ["s1/0", "s1/1", "a/3", "unknown"]
    path.write_text("s1\ns1/0\n")
    with pytest.raises(ValueError, match=r"train\.txt names the frame 's1/0' twice"):
        read_list(path, names_of)
