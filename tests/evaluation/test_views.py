import pytest

from keras_lwm.evaluation import MultiScale, SlidingWindow
from keras_lwm.evaluation.views import window_starts


@pytest.mark.parametrize("length", [5, 7, 8, 20, 33])
@pytest.mark.parametrize(("window", "overlap"), [(7, 1 / 3), (7, 0), (5, 0.9), (1, 0.5)])
def test_windows_cover_the_length_evenly_with_the_overlap_asked_for(length, window, overlap):
    starts = window_starts(length, window, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(length - window, 0)
    steps = [after - before for before, after in zip(starts, starts[1:], strict=False)]
    assert all(0 < step <= max(window * (1 - overlap), 1) for step in steps)
    assert not steps or max(steps) - min(steps) <= 1


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"scales of at least 0.01; received \(\)"):
        MultiScale(())
    with pytest.raises(ValueError, match="overlap from 0 to below 1; received 1"):
        SlidingWindow((4, 4), overlap=1)
    with pytest.raises(ValueError, match=r"\(height, width\); received \(0, 4\)"):
        SlidingWindow((0, 4))
