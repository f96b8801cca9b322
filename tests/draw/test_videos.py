"""Figures of a video's map: a strip of frames, and the influence over time."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmask.draw import videos
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError


def evidence(count=20, peak=13, height=9, width=12):
    values = np.full((count, height, width), 0.5)
    values[peak, 2, 3] = 0.9
    return videos.Strip(
        np.full((count, height, width, 3), 90, np.uint8),
        np.arange(count) / 10,
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(values.shape, 0.05),
        lambda: values > 0.6,
    )


@pytest.mark.parametrize("count", [2, 8, 20, 300])
def test_the_frame_of_the_peak_is_among_those_that_are_drawn(count):
    for peak in (0, count // 2, count - 1):
        chosen = evidence(count, peak).chosen
        assert peak in chosen
        assert chosen == sorted(set(chosen))
        assert len(chosen) == min(count, videos.FRAMES)


@pytest.mark.parametrize(("count", "height", "width"), [(3, 9, 12), (20, 12, 9)])
def test_frames_stand_over_the_same_with_the_map(count, height, width):
    shown = evidence(count, count - 1, height, width)
    figure = videos.draw_video(shown, title="clip", certainty=True)
    assert len(figure.axes) == 2 * len(shown.chosen) + 2
    assert pixels(figure).shape[1] == videos.WIDTH
    (line, _) = figure.axes[-2].lines
    assert line.get_ydata().argmax() == shown.peak


@pytest.mark.parametrize("name", videos.PANELS)
def test_panels_show_the_frame_of_the_peak(name):
    ax = Figure().subplots()
    assert videos.draw_panel(ax, name, evidence(), title="clip") is ax.figure
    colored = np.argwhere(np.ptp(ax.images[0].get_array().astype(int), axis=-1) > 0)
    np.testing.assert_array_equal(colored, [[2, 3]])
    with pytest.raises(SettingError, match="for a video"):
        videos.draw_panel(ax, "picture", evidence(), title="clip")
