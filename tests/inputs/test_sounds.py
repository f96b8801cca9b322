"""Sounds: what is read, what is hidden, and what is refused before any call."""

import numpy as np
import pytest

import unmask
from helpers.later import later
from unmask.errors import FileError, ModelError, SettingError, UnmaskWarning
from unmask.inputs import read
from unmask.inputs.sound_values import is_clipped
from unmask.inputs.spreading import BANDS, Spreading, frequencies, split

soundfile = later("soundfile")
RATE = 8000
RNG = np.random.default_rng(0)
STEPS = 2603  # a prime number of no frame's multiple
TONE = (0.5 * np.sin(np.arange(STEPS) * 0.31) + 0.05 * RNG.normal(size=STEPS)).astype(np.float32)


def spec(layout="NT", **more):
    return unmask.load(lambda b: b, layout=layout, preprocess="raw", **more).input


def sample(given=TONE, layout="NT", *, axes="time", rate=RATE, **more):
    own = given if isinstance(given, unmask.inputs.Sound) else unmask.sound(given, RATE, axes=axes)
    return read(spec(layout, rate=rate, **more), "ear", own)


def refused(match, given, *rest, error=SettingError, **more):
    with pytest.raises(error, match=match):
        unmask.sound(given, *rest, **more)


# --- what is read


@pytest.mark.parametrize(("subtype", "atol"), [("PCM_16", 4e-5), ("PCM_24", 2e-7), ("FLOAT", 0)])
def test_files_of_any_bits_hold_the_same_sound(tmp_path, subtype, atol):
    path = tmp_path / "tone.wav"
    soundfile.write(path, TONE, RATE, subtype=subtype)
    found = unmask.sound(path)
    assert (found.rate, found.samples.shape, str(found)) == (RATE, (1, STEPS), "tone.wav")
    np.testing.assert_allclose(found.samples[0], TONE, atol=atol)


def test_flac_and_ogg_are_read(tmp_path):
    for name, atol in (("t.flac", 4e-5), ("t.ogg", 0.2)):
        soundfile.write(tmp_path / name, TONE, RATE)
        np.testing.assert_allclose(unmask.sound(tmp_path / name).samples[0], TONE, atol=atol)


def test_whole_numbers_are_loudest_at_the_ends_of_their_type():
    for dtype, values in (("int16", [-(2**15), 0, 2**14]), ("uint8", [0, 128, 192])):
        found = unmask.sound(np.array(values, dtype), RATE).samples
        np.testing.assert_allclose(found, [[-1.0, 0.0, 0.5]])


def test_channels_may_come_first_or_last():
    both = np.stack([TONE, -TONE])
    for given in (both, both.T):
        np.testing.assert_array_equal(unmask.sound(given, RATE).samples, both)


def test_what_is_no_sound_is_refused(tmp_path):
    refused("a sound without its rate", TONE)
    refused("rate=16: expected samples a second.*16 kHz are rate=16000", TONE, 16)
    refused("rate='8000'", TONE, "8000")
    refused("has no samples", np.zeros(0), RATE)
    refused("a single sample", np.zeros(1), RATE)
    refused("not finite", np.array([0.0, np.nan, 1.0]), RATE)
    refused("shape \\(40, 50\\)", np.zeros((40, 50)), RATE)
    refused("expected numbers", np.array(["a", "b"]), RATE)
    refused("axes='frequency'", TONE, RATE, axes="frequency")
    refused("there is no file", tmp_path / "none.wav", error=FileError)
    (tmp_path / "empty.wav").write_bytes(b"")
    refused("is no sound that can be read", tmp_path / "empty.wav", error=FileError)
    refused("expected a sound that ends with .wav", tmp_path / "a.xyz")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    refused("none.wav is empty", tmp_path / "none.wav")


def test_a_file_knows_its_rate(tmp_path):
    soundfile.write(tmp_path / "tone.wav", TONE, RATE)
    refused("says that it has 8,000 samples a second", tmp_path / "tone.wav", 16000)
    assert unmask.sound(tmp_path / "tone.wav", 8000).rate == 8000


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "tone.flac"
    soundfile.write(path, TONE, RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused("cut short|no sound", path, error=FileError)


# --- what a model gets


def test_it_is_resampled_to_the_models_rate():
    seconds = np.arange(22050) / 22050
    given = unmask.sound(np.sin(2 * np.pi * 440 * seconds), 22050)
    made = read(spec(rate=16000), "ear", given)
    wanted = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert made.array.shape == (16000,)
    np.testing.assert_allclose(made.array[400:-400], wanted[400:-400], atol=2e-3)
    # Nothing above half the lower rate goes through.
    high = unmask.sound(np.sin(2 * np.pi * 6000 * seconds), 22050)
    assert np.abs(read(spec(rate=8000), "ear", high).array[200:-200]).max() < 0.01


@pytest.mark.parametrize("layout", ["NT", "NCT", "NTC"])
def test_stereo_is_mixed_with_a_note_where_one_channel_is_taken(layout):
    both = np.stack([TONE, np.zeros_like(TONE)])
    with pytest.warns(UnmaskWarning, match="2 channels of the sound are mixed to one"):
        made = sample(both, layout, channels=None if layout == "NT" else 1)
    np.testing.assert_allclose(made.array.ravel(), TONE / 2, atol=1e-6)


def test_channels_are_kept_where_they_are_taken_and_never_made_up():
    both = np.stack([TONE, -TONE])
    for layout in ("NCT", "NTC"):
        made = sample(both, layout, channels=2).array
        np.testing.assert_array_equal(made if layout == "NCT" else made.T, both)
    with pytest.raises(SettingError, match="1 channel, and the model takes 2"):
        sample(TONE, "NCT", channels=2)


def test_a_length_that_does_not_fit_is_refused_with_the_remedy():
    with pytest.raises(SettingError, match=r"2,603 samples .* takes 8,000 .*put silence"):
        sample(size=(8000,))
    with pytest.raises(SettingError, match=r"takes 2,000 .*cut it"):
        sample(size=(2000,))
    second = unmask.sound(np.tile(TONE, 4)[:RATE], RATE)
    with pytest.raises(SettingError, match="at which rate, rate=16000"):
        read(spec(size=(16000,)), "ear", second)


def test_a_model_of_something_else_is_refused():
    with pytest.raises(ModelError, match="layout NCHW, and no samples of a sound"):
        sample(layout="NCHW")
    scaled = unmask.load(lambda b: b, layout="NT", preprocess="unit").input
    with pytest.raises(ModelError, match="preprocess='raw' for a sound"):
        read(scaled, "ear", unmask.sound(TONE, RATE))
    with pytest.raises(SettingError, match="rate="):
        spec(rate=0)


def test_what_is_odd_about_a_sound_is_noted():
    loud = np.clip(4 * TONE, -1, 1)
    assert is_clipped(unmask.sound(loud, RATE))
    assert not is_clipped(unmask.sound(TONE, RATE))
    with pytest.warns(UnmaskWarning, match="clipped"):
        sample(loud)
    with pytest.warns(UnmaskWarning, match="beyond 1"):
        sample(30 * TONE)
    with pytest.warns(UnmaskWarning, match="silent"):
        sample(np.zeros(STEPS))
    with pytest.warns(UnmaskWarning, match="does not say at which rate"):
        read(spec(), "ear", unmask.sound(TONE, RATE))


def test_a_function_gets_the_samples_as_they_are():
    made = read(unmask.load(lambda b: b).input, "ear", unmask.sound(TONE, 44100))
    np.testing.assert_array_equal(made.array, TONE)


# --- what is hidden


@pytest.mark.parametrize("hop", [1, 2, 7, 40])
def test_envelopes_are_linear_between_the_middles_of_frames(hop):
    spread = Spreading.of(STEPS, hop)
    mask = RNG.random((3, spread.frames)).astype(np.float32)
    at = (np.arange(STEPS) + 0.5) / hop - 0.5
    wanted = [np.interp(at, np.arange(spread.frames), row) for row in mask]
    np.testing.assert_allclose(spread.envelope(mask), wanted, atol=2e-6)


def test_bands_sum_to_the_sound_and_hold_their_own_frequencies():
    rate, middles = 16000, frequencies(16000)
    seconds = np.arange(4001) / rate
    for band in (3, 11, 20):
        tone = np.sin(2 * np.pi * middles[band] * seconds)[None]
        parts = split(tone, rate)
        np.testing.assert_allclose(parts.sum(axis=0), tone, atol=1e-6)
        energy = np.square(parts).sum(axis=(1, 2))
        assert energy.argmax() == band
        assert energy[band] > 0.9 * energy.sum()


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
@pytest.mark.parametrize("layout", ["NT", "NCT", "NTC"])
@pytest.mark.parametrize("fill", ["silence", "noise", "mean"])
def test_all_shown_is_the_sound_and_all_hidden_the_fill(axes, layout, fill):
    given = np.stack([TONE, TONE[::-1]]) if layout != "NT" else TONE
    made = sample(given, layout, axes=axes, channels=None if layout == "NT" else 2)
    hidden = made.fill(fill, 3)
    ends = np.stack([np.ones(made.shape), np.zeros(made.shape)]).astype(np.float32)
    batch = made.masked(ends, hidden)
    assert batch.shape == (2, *made.array.shape)
    np.testing.assert_allclose(batch[0], made.array, atol=1e-5)
    np.testing.assert_allclose(batch[1], np.broadcast_to(hidden, made.array.shape), atol=1e-5)


def test_masks_of_time_and_frequency_are_linear():
    made = sample(axes="time-frequency")
    assert made.shape == (BANDS, 33)
    masks = RNG.random((2, *made.shape)).astype(np.float32)
    one, two = made.masked(masks, made.fill("silence", 0))
    both = made.masked(masks.sum(axis=0, keepdims=True) / 2, made.fill("silence", 0))[0]
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-5)
    # A band alone is that band of the sound.
    mask = np.zeros((1, *made.shape), np.float32)
    mask[0, 6] = 1
    alone = made.masked(mask, made.fill("silence", 0))[0]
    np.testing.assert_allclose(alone, split(TONE[None], RATE)[6, 0], atol=1e-5)


def test_another_sound_and_a_function_are_fills(tmp_path):
    soundfile.write(tmp_path / "other.wav", TONE[::-1], RATE, subtype="FLOAT")
    for axes in ("time", "time-frequency"):
        made = sample(axes=axes)
        nothing = np.zeros((1, *made.shape), np.float32)
        for fill in (str(tmp_path / "other.wav"), unmask.sound(TONE[::-1], RATE), TONE[::-1]):
            hidden = made.masked(nothing, made.fill(fill, 0))[0]
            np.testing.assert_allclose(hidden, TONE[::-1], atol=1e-5)
        computed = made.fill(lambda given, mask: -given, 0).function(nothing[0])
        hidden = made.masked(nothing, computed[None])[0]
        np.testing.assert_allclose(hidden, -TONE, atol=1e-5)
        with pytest.raises(SettingError, match="one of the same length"):
            made.fill(unmask.sound(TONE[:-9], RATE), 0)
        with pytest.raises(SettingError, match="silence, mean, zero"):
            made.fill("black", 0)


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_steps_turn_it_part_by_part(axes):
    made = sample(axes=axes)
    start, end = made.array, np.zeros_like(made.array)
    count = int(np.prod(made.shape))
    order, edges = RNG.permutation(count), [0, count // 3, count]
    batches = list(made.steps(start, end, order, edges, 2))
    assert [len(batch) for batch in batches] == [2, 1]
    turned = np.ones(count, np.float32)
    turned[order[: count // 3]] = 0
    found = np.concatenate(batches)
    np.testing.assert_allclose(found[0], start, atol=1e-5)
    np.testing.assert_allclose(found[2], end, atol=1e-5)
    wanted = made.masked(turned.reshape(1, *made.shape), made.fill("silence", 0))[0]
    np.testing.assert_allclose(found[1], wanted, atol=1e-5)


def test_long_sounds_have_more_cells():
    def cells(steps, axes="time"):
        return sample(np.tile(TONE, 40)[:steps], axes=axes).defaults["grid"]

    assert [cells(s) for s in (10, RATE, 3 * RATE, 12 * RATE)] == [(1,), (24,), (30,), (96,)]
    assert cells(10 * RATE, "time-frequency") == (12, 16)


# --- maps come home


def test_a_map_of_frames_comes_home_to_samples_and_back():
    made = sample(unmask.sound(np.tile(TONE, 3), 22050), rate=RATE)
    home = made.original
    values = np.cumsum(RNG.normal(size=made.shape)).astype(np.float32)
    back = home.back(values, 0)
    assert back.shape == home.shape == (3 * STEPS,)
    assert back.dtype == np.float32
    flat = np.full(made.shape, 0.25)
    np.testing.assert_allclose(home.forward(home.back(flat, 0), 0), flat, atol=1e-9)
    assert np.corrcoef(home.forward(back, 0), values)[0, 1] > 0.99


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_what_is_heard_is_what_the_mask_shows(axes):
    given = unmask.sound(np.tile(TONE, 3), 22050, axes=axes)
    home = read(spec(rate=RATE), "ear", given).original
    shape = (home.frames,) if axes == "time" else (BANDS, home.frames)
    np.testing.assert_allclose(home.heard(np.ones(shape)), given.samples, atol=1e-5)
    half = np.zeros(shape)
    half[..., : home.frames // 2] = 1
    heard = home.heard(half)[0]
    middle = len(heard) // 2
    np.testing.assert_allclose(heard[: middle - 300], given.samples[0, : middle - 300], atol=1e-5)
    assert np.abs(heard[middle + 300 :]).max() < 1e-5
    # It fades over a frame: no step is larger than those of the sound itself.
    assert np.abs(np.diff(heard)).max() <= np.abs(np.diff(given.samples)).max() * 1.01


def test_arrays_of_other_libraries_are_masked_alike():
    torch = pytest.importorskip("torch")
    for axes in ("time", "time-frequency"):
        made = sample(axes=axes)
        masks = RNG.random((3, *made.shape)).astype(np.float32)
        fill = made.fill("noise", 0)
        there = made.sent(torch.as_tensor)
        found = there.masked(torch.as_tensor(masks), torch.as_tensor(fill))
        np.testing.assert_allclose(found.numpy(), made.masked(masks, fill), atol=1e-5)


def test_an_onnx_file_says_its_rate(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from helpers import onnx_models

    path = onnx_models.mean(tmp_path / "ear.onnx", ["N", 1, 800])
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"unmask.rate": "16000"})
    onnx.save(model, path)
    found = unmask.load(path)
    assert found.input.rate == 16000
    assert "sounds of 800 samples at 16,000 Hz" in repr(found)
    assert unmask.load(path, rate=8000).input.rate == 8000
