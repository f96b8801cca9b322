"""Figures of a sound's map: waveform, spectrogram, influence."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmask.draw import sounds
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError

RATE, STEPS = 8000, 2500


def evidence(bands=0, hertz=1000):
    tone = 0.5 * np.sin(2 * np.pi * hertz / RATE * np.arange(STEPS))
    values = np.full((bands, 60) if bands else STEPS, 0.5)
    values[..., : values.shape[-1] // 4] = 0.9
    return sounds.Waves(
        tone[None],
        RATE,
        RATE / 2,
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(values.shape, 0.05),
        lambda: values > 0.6,
    )


@pytest.mark.parametrize("bands", [0, 24])
def test_a_waveform_a_spectrogram_and_the_influence_or_a_color_bar(bands):
    figure = sounds.draw_sound(evidence(bands), title="tone", certainty=True)
    assert len(figure.axes) == 3
    assert pixels(figure).shape[1] == sounds.WIDTH
    assert figure.axes[0].get_xlim() == (0, STEPS / RATE)


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_stands_in_the_row_of_its_frequency(hertz):
    found = sounds.spectrogram(evidence(hertz=hertz).samples[0], RATE, RATE / 2, 50)
    row = np.log1p(hertz / 700) / np.log1p(RATE / 2 / 700) * sounds.ROWS
    assert abs(found[:, 20].argmax() - row) <= 3
    assert found.min() >= 0
    assert found.max() == 1


def test_silence_has_a_spectrogram_too():
    assert np.isfinite(sounds.spectrogram(np.zeros(300), RATE, RATE / 2, 20)).all()


@pytest.mark.parametrize("bands", [0, 24])
def test_colors_lie_where_the_influence_is(bands):
    shown = evidence(bands)
    over = shown.scale.lay(shown.picture, shown.spread(shown.values)).astype(int)
    colored = np.ptp(over, axis=-1) > 0
    quarter = shown.columns // 4
    assert colored[:, : quarter - 20].all()
    assert not colored[:, quarter + 20 :].any()


@pytest.mark.parametrize("name", sounds.PANELS)
@pytest.mark.parametrize("bands", [0, 24])
def test_panels_go_into_a_users_axes(name, bands):
    ax = Figure().subplots()
    assert sounds.draw_panel(ax, name, evidence(bands), title="tone") is ax.figure
    with pytest.raises(SettingError, match="for a sound"):
        sounds.draw_panel(ax, "picture", evidence(bands), title="tone")
