"""Figures of a volume's map: planes as radiologists are used to them, and where the peak is."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmask.draw import volumes
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError

SHAPE = (9, 12, 15)
AFFINES = {
    "RAS": np.diag([1.0, 2, 3, 1]),
    "LPI": np.diag([-1.0, -2, -3, 1]),
    "SPL": np.array([[0, 0, -1.5, 0], [0, -2, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]]),
}


def evidence(codes="", peak=(2, 8, 11)):
    volume = np.random.default_rng(0).normal(size=SHAPE)
    values = np.full(SHAPE, 0.5)
    values[peak] = 0.9
    affine = AFFINES.get(codes)
    spacing = (1.0, 1, 1) if affine is None else tuple(np.linalg.norm(affine[:3, :3], axis=0))
    return volumes.Solid(
        volume,
        codes,
        spacing,
        affine,
        None,
        values,
        Look().scale(values, 0.5),
        "score while visible",
        lambda: np.full(SHAPE, 0.05),
        lambda: values > 0.6,
    )


@pytest.mark.parametrize("codes", ["", *AFFINES])
def test_the_peak_is_where_the_cross_is(codes):
    shown = evidence(codes)
    for axis in range(3):
        plane = shown.plane(shown.values, axis, shown.peak[axis])
        assert np.unravel_index(plane.argmax(), plane.shape) == shown.at(axis)
        over = shown.over(axis, shown.peak[axis]).astype(int)
        colored = np.argwhere(np.ptp(over, axis=-1) > 0)
        np.testing.assert_array_equal(colored, [shown.at(axis)])


@pytest.mark.parametrize("codes", AFFINES)
def test_up_and_front_are_above_and_the_patients_right_is_on_the_left(codes):
    shown = evidence(codes)
    # Where each voxel lies, in millimeters to the right, the front and up.
    places = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    world = places @ shown.affine[:3, :3].T
    for axis in range(3):
        plane = np.stack(
            [shown.plane(world[..., one], axis, shown.peak[axis]) for one in range(3)], axis=-1
        )
        down, across = plane[1, 0] - plane[0, 0], plane[0, 1] - plane[0, 0]
        assert down[1 if shown.name(axis) == "axial" else 2] < 0
        side = 1 if shown.name(axis) == "sagittal" else 0
        assert across[side] < 0  # to the left is front or right, so to the right it falls


def test_the_stacked_axis_goes_up():
    assert [evidence(codes).stacked for codes in ("", *AFFINES)] == [0, 2, 2, 0]


@pytest.mark.parametrize("codes", ["", *AFFINES])
def test_planes_and_slices_are_drawn_in_their_proportions(codes):
    shown = evidence(codes)
    figure = volumes.draw_volume(shown, title="head", certainty=True)
    count = min(volumes.SLICES, SHAPE[shown.stacked])
    assert len(figure.axes) == 3 + count + 1
    assert pixels(figure).shape[1] == volumes.WIDTH
    for axis, ax in enumerate(figure.axes[:3]):
        box = ax.get_window_extent()
        tall, wide = shown.extent(axis)
        assert box.height / box.width == pytest.approx(tall / wide, rel=0.02)


@pytest.mark.parametrize("name", volumes.PANELS)
def test_panels_go_into_a_users_axes(name):
    ax = Figure().subplots()
    assert volumes.draw_panel(ax, name, evidence("RAS"), title="head") is ax.figure
    assert ax.images[0].get_array().shape == (12, 9, 3)
    with pytest.raises(SettingError, match="for a volume"):
        volumes.draw_panel(ax, "picture", evidence(), title="head")
