"""Sounds from end to end: exact where the truth is known, and real models."""

import json
from dataclasses import replace

import numpy as np
import pytest

import unmask
from helpers.later import later
from helpers.places import SHARED
from unmask import evaluation
from unmask.inputs.spreading import frequencies

soundfile = later("soundfile")
AUDIO = SHARED / "real" / "audio"
real = pytest.mark.skipif(not AUDIO.is_dir(), reason="the real sounds are absent")
RATE, STEPS = 8000, 3000
RNG = np.random.default_rng(0)
NOISE = 0.2 * RNG.normal(size=STEPS)
WEIGHTS = RNG.normal(size=STEPS)


def weighed(batch):
    return np.asarray(batch, np.float64) @ WEIGHTS


def explained(axes="time", **settings):
    chosen = {"masks": 128, "estimator": "centered", **settings}
    return unmask.explain(weighed, unmask.sound(NOISE, RATE, axes=axes), 0, **chosen)


def drawn(seed, axes):
    """A burst of one frequency in noise, which alone decides; its score, and where it is."""
    rng = np.random.default_rng(seed)
    noise, length = 0.05 * rng.normal(size=STEPS), 400
    start = int(rng.integers(200, STEPS - length - 200))
    band = int(rng.integers(6, 20))
    tone = np.sin(2 * np.pi * frequencies(RATE)[band] / RATE * np.arange(length))
    burst = 0.5 * tone * np.hanning(length)
    sound = noise.copy()
    sound[start : start + length] += burst

    def score(batch):
        part = np.asarray(batch, np.float64)[:, start : start + length]
        return 1 / (1 + np.exp(-8 * (part @ burst / (burst @ burst) - 0.5)))

    return unmask.sound(sound, RATE, axes=axes), score, (start, start + length), band


def test_a_linear_model_is_exact_where_cells_are_frames():
    # Whole balanced blocks: E[f | frame shown] - E[f] is half of what the frame is worth, seen
    # through the fades between frames.
    block = explained(grid=75, shift=False, masks=1).plan.masks.block_size
    made = explained(grid=75, shift=False, masks=2 * block)
    assert made.model_maps.shape == (1, 75)
    spread = made.original.frames, 40
    at = (np.arange(STEPS) + 0.5) / spread[1] - 0.5
    shares = np.stack([np.interp(at, np.arange(75), unit) for unit in np.eye(75)])
    worth = shares @ (NOISE * WEIGHTS) / 2
    np.testing.assert_allclose(made.model_maps[0] - made.levels[0], worth, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_planted_evidence_has_the_peak(axes):
    found = []
    for seed in range(40):
        given, score, (start, end), band = drawn(seed, axes)
        made = unmask.explain(score, given, 0, masks=1000)
        if axes == "time":
            found.append(start <= made.map.argmax() < end)
            continue
        row, frame = np.unravel_index(made.map.argmax(), made.map.shape)
        at = made.original.times[frame] * RATE
        found.append(start <= at < end and abs(row - band) <= 1)
    assert np.mean(found) >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_intervals_hold_the_truth(axes):
    given, planted, *_ = drawn(1, axes)

    def score(batch):  # and what a mask happens to show, which no balance takes out
        return (
            planted(batch) + 0.3 * np.modf(np.abs(np.sin(1e4 * np.asarray(batch).mean(axis=1))))[0]
        )

    settings = {"estimator": "centered", "batch_size": 256}
    truth = np.mean(
        [
            unmask.explain(score, given, 0, masks=8192, seed=1000 + seed, **settings).map
            for seed in range(6)
        ],
        axis=0,
    )
    held = []
    for seed in range(40):
        low, high = unmask.explain(score, given, 0, masks=1024, seed=seed, **settings).interval()
        held.append(((low[0] <= truth) & (truth <= high[0])).mean())
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_it_is_saved_read_gone_on_with_and_merged(tmp_path, axes):
    made = explained(axes)
    read = unmask.Explanation.load(made.save(tmp_path / "noise.npz"))
    np.testing.assert_array_equal(read.maps, made.maps)
    np.testing.assert_array_equal(read.significant(), made.significant())
    assert read.original.same(made.original)
    more = unmask.extend(read, weighed, masks=64)
    np.testing.assert_array_equal(more.maps, explained(axes, masks=192).maps)
    parts = [explained(axes, masks=1024, shard=(number, 2)) for number in (1, 2)]
    whole = explained(axes, masks=1024)
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, whole.maps)
    other = unmask.sound(-NOISE, RATE, axes=axes)
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(unmask.explain(weighed, other, 0, masks=1024))


def test_a_damaged_file_is_no_explanation(tmp_path):
    made = explained()
    shorter = type(made.original)(unmask.sound(NOISE[:-500], RATE), RATE, 40)
    path = replace(made, original=shorter).save(tmp_path / "wrong.npz")
    with pytest.raises(unmask.FileError, match="the sound is not that of the masks"):
        unmask.Explanation.load(path)


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_the_batch_changes_no_bit(axes):
    one, other = (explained(axes, batch_size=size) for size in (7, 32))
    np.testing.assert_allclose(one.maps, other.maps, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_it_is_measured(axes):
    made = explained(axes)
    case = unmask.metrics.case(weighed, made.original.given, 0)
    curves = unmask.metrics.both(case, made.map)
    whole = weighed(NOISE[None].astype(np.float32))[0]
    assert curves["deletion"].scores[0] == pytest.approx(whole, rel=1e-4)
    assert curves["insertion"].scores[-1] == pytest.approx(whole, rel=1e-4)
    assert curves["deletion"].scores[-1] == pytest.approx(0, abs=1e-3)
    (row,) = evaluation.evaluate_stored(weighed, [made], wanted=["deletion"])
    assert not row.error


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_it_is_drawn_reported_and_heard(axes, tmp_path):
    given, score, (start, end), _ = drawn(2, axes)
    made = unmask.explain(score, given, 0, masks=1024)
    assert len(made.plot(certainty=True).axes) == 3
    assert made._repr_png_() is not None
    page = unmask.report([made])
    assert page.count("<audio") == 2
    assert "as sound.wav" in page
    heard, rate = soundfile.read(made.export(tmp_path / "heard.wav"))
    assert (rate, heard.shape) == (RATE, (STEPS,))
    # What is heard is the burst: most of what is left of the sound lies where it is.
    energy = np.square(heard)
    assert energy[start:end].sum() > 0.9 * energy.sum() > 0
    with pytest.raises(unmask.SettingError, match=r"written as .wav"):
        made.export(tmp_path / "heard.mp3")


@pytest.mark.slow
def test_a_report_plays_in_a_browser(tmp_path):
    browser = pytest.importorskip("helpers.browser")
    given, score, *_ = drawn(2, "time")
    made = unmask.explain(score, given, 0, masks=1024)
    (tmp_path / "page.html").write_text(unmask.report([made]))
    options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with browser.sync_api.sync_playwright() as playwright:
        found = next(path for name in browser.PROGRAMS if (path := browser.shutil.which(name)))
        chromium = playwright.chromium.launch(executable_path=found, args=options)
        page = chromium.new_page()
        problems = []
        page.on("console", lambda said: problems.append(said.text))
        page.goto((tmp_path / "page.html").as_uri())
        seconds = page.evaluate("""() => Promise.all([...document.querySelectorAll('audio')].map(
            (audio) => new Promise((done, fail) => {
                audio.onended = () => done(audio.duration);
                audio.onerror = () => fail(audio.error);
                audio.play().catch(fail);
            })))""")
        assert seconds == [pytest.approx(STEPS / RATE)] * 2
        assert not problems
        chromium.close()


def test_only_media_are_exported(tmp_path):
    made = unmask.explain(lambda b: b.mean(axis=1), unmask.series(np.arange(9.0)), 0, masks=64)
    with pytest.raises(unmask.SettingError, match=r"export\(\) is for a sound"):
        made.export(tmp_path / "a.wav")


@pytest.mark.slow
@real
def test_the_command_line_takes_a_sound(tmp_path):
    cli = pytest.importorskip("unmask.cli")
    import shlex

    from typer.testing import CliRunner

    from unmask.reports.reproduce import reproduction

    model = AUDIO / "kws_dscnn_speech_commands.onnx"
    said = ["explain", AUDIO / "yes.wav", "-m", model, "--rate", 16000]
    said += ["--sound-axes", "time-frequency", "-n", 500, "-o", tmp_path, "--json"]
    done = CliRunner().invoke(cli.app, [*map(str, said)])
    assert done.exit_code == 0, done.output
    frames = json.loads(done.stdout)["targets"][0]["frames"]
    made = unmask.Explanation.load(tmp_path / "yes.npz")
    assert len(frames) == made.map.size
    assert frames[0]["hertz"] < frames[-1]["hertz"] < 8000
    assert {one.suffix for one in tmp_path.glob("yes-*")} == {".png", ".wav"}
    again = tmp_path / "again"
    words = [*shlex.split(reproduction(made).command())[1:], "-o", str(again)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    np.testing.assert_array_equal(unmask.Explanation.load(again / "yes.npz").map, made.map)
    wrong = ["explain", str(AUDIO / "yes.wav"), "-m", str(AUDIO / "fsdd_digits_cnn.onnx")]
    refused = CliRunner().invoke(cli.app, wrong)
    assert refused.exit_code == 2
    assert "--rate 8000 of the model" in " ".join(refused.output.split())
    refused = CliRunner().invoke(cli.app, ["explain", "--text", "a", "--sound-axes", "time"])
    assert refused.exit_code == 2
    assert "--sound-axes: give a sound's file" in " ".join(refused.output.split())


@pytest.mark.slow
@real
def test_the_speech_detectors_map_lies_on_the_speech():
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(AUDIO / "silero_vad_16k_sequence.onnx")
    state = np.zeros((1, 1, 128), np.float32)

    def frames(wave):
        padded = np.concatenate([np.zeros(64, np.float32), wave])
        return np.stack([padded[at : at + 576] for at in range(0, len(wave) - 511, 512)])

    def speech(batch):  # its frames are the batch, so each sound is a call
        feeds = [{"input": frames(wave), "h": state, "c": state} for wave in np.asarray(batch)]
        return np.array([session.run(["speech_probs"], feed)[0].mean() for feed in feeds])

    wave = unmask.sound(AUDIO / "easy10s.wav").samples.mean(axis=0)[: 4 * 16000]
    made = unmask.explain(speech, unmask.sound(wave, 16000), 0, masks=500)
    there = session.run(["speech_probs"], {"input": frames(wave), "h": state, "c": state})[0] > 0.5
    there = np.repeat(np.convolve(there, [1, 1, 1], "same") > 0, 512)  # and 30 ms around
    rise = np.maximum(made.map[: len(there)] - made.levels[0], 0)
    assert rise[there].sum() >= 0.8 * rise.sum()


@pytest.mark.parametrize("axes", ["time", "time-frequency"])
def test_it_leaves_as_xarray_with_its_times(axes):
    pytest.importorskip("xarray")
    made = explained(axes)
    found = made.to_xarray()
    assert found["map"].dims[1:] == (("time",) if axes == "time" else ("frequency", "time"))
    np.testing.assert_array_equal(found["map"].values, made.maps)
    assert 0 < float(found["time"][0]) < float(found["time"][-1]) < STEPS / RATE + 0.01
