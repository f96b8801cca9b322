"""A link gives the map of a target that says so itself, and is said wherever the map is shown."""

import json
import warnings

import numpy as np
import pytest

import unmask
from helpers.toy_models import NOISE, bright_and_squared
from unmask.errors import FileError, ModelOutputError, SettingError
from unmask.models import Detections
from unmask.reports.reproduce import reproduction
from unmask.targets import links

QUICK = {"masks": 192, "grid": (3, 4), "batch_size": 16}
CLASSES = unmask.load(bright_and_squared, labels=["bright", "squared"])


def explained(target=0, model=CLASSES, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unmask.explain(model, NOISE, target, **{**QUICK, **settings})


def log_odds(p):
    return np.log(p / (1 - p))


@pytest.mark.parametrize(
    ("link", "function"), [("logit", log_odds), ("log", np.log), (np.sqrt, np.sqrt)]
)
@pytest.mark.parametrize("estimator", ["adaptive", "paper"])
def test_the_map_is_that_of_the_linked_score(link, function, estimator):
    made = explained(link=link, estimator=estimator)
    own = explained(lambda outputs: function(outputs[:, 0]), estimator=estimator)
    np.testing.assert_allclose(made.map, own.map, rtol=1e-6)
    np.testing.assert_allclose(made.stderr, own.stderr, rtol=1e-5)
    assert made.targets[0].score == explained().targets[0].score  # still what the model says


def test_identity_changes_no_bit():
    np.testing.assert_array_equal(explained(link="identity").map, explained().map)
    assert "link" not in explained().plan.as_json()


def test_a_difference_is_one_of_linked_scores():
    made = explained(unmask.contrast(0, 1), link="log")
    own = explained(lambda outputs: np.log(outputs[:, 0]) - np.log(outputs[:, 1]))
    np.testing.assert_allclose(made.map, own.map, rtol=1e-6)
    assert made.measure(0) == "difference of log scores while visible"


def test_of_a_single_score_log_odds_are_cut_at_a_millionth():
    low, high = links.read_link("logit")(np.array([0.0, 1.0]))
    assert (low, high) == pytest.approx((log_odds(1e-6), -log_odds(1e-6)))
    assert links.read_link("log")(np.array([0.0]))[0] == pytest.approx(np.log(1e-6))


def test_it_is_for_detectors_texts_and_rows_alike():
    def lamp(images):
        return [
            Detections([[6, 4, 16, 11]], [[1.0]], [one[4:11, 6:16].mean() / 255]) for one in images
        ]

    detector = unmask.load(lamp, detector="function", labels=["lamp"])
    made = explained("all", detector, link="logit", batch_size=4)
    assert made.measure(0) == "log-odds of the similarity while visible"
    assert made.estimate.mean[0] < 0 < explained("all", detector, batch_size=4).estimate.mean[0]
    words = unmask.text("one two three")
    lengths = unmask.explain(lambda texts: [1.0 + len(text) for text in texts], words, link="log")
    assert lengths.measure(0) == "log score while visible"


@pytest.mark.filterwarnings("ignore:the outputs of")
@pytest.mark.parametrize(
    ("make", "link", "message"),
    [
        (lambda b: 3 * bright_and_squared(b), "logit", "for scores from 0 to 1.*activation='sof"),
        (lambda b: bright_and_squared(b) - 1, "log", "for scores from 0 on, .*identity"),
        # The score of the target would do, and the other tells what both are.
        (lambda b: bright_and_squared(b) * [1, -9], "logit", "there is one of -"),
    ],
)
def test_scores_that_it_is_not_for_are_refused_before_the_first_mask(make, link, message):
    calls = []

    def model(batch):
        calls.append(len(batch))
        return make(batch)

    with pytest.raises(SettingError, match=message):
        unmask.prepare(model, NOISE, 0, link=link, **QUICK)
    assert calls == [1]


def test_logits_are_refused_and_a_function_of_them_is_not():
    model = unmask.load(lambda b: bright_and_squared(b), activation="logits")
    with pytest.raises(SettingError, match="returns logits, and link='logit' is for probabilities"):
        explained(0, model, link="logit")
    explained(lambda outputs: outputs[:, 0], model, link="logit")


def test_a_score_beyond_its_bounds_ends_the_run_at_its_mask():
    def model(batch):
        return np.where(np.ptp(batch, axis=(1, 2, 3)) > 0, batch.mean(axis=(1, 2, 3)) / 127, 0.5)

    def hot(outputs):
        return outputs[:, 0]

    dark = NOISE // 3
    with pytest.raises(ModelOutputError, match=r"link='logit' is for scores .*masks 0 to 15"):
        unmask.explain(model, dark, hot, link="logit", fill="white", **QUICK)


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("probit", "link='probit': expected one of identity, logit, log"),
        (3, "link=3: expected one of"),
        (lambda scores: scores[:1].sum(), r"returned an array of shape \(\)"),
        (lambda scores: scores / 0, "expected finite numbers"),
        (lambda scores: scores.nothing, "failed on scores of shape .*AttributeError"),
    ],
)
def test_what_is_no_link_is_refused_before_the_first_mask(link, message):
    with pytest.raises(SettingError, match=message), np.errstate(all="ignore"):
        unmask.prepare(CLASSES, NOISE, 0, link=link, **QUICK)


def test_it_is_saved_gone_on_with_and_merged(tmp_path):
    first = unmask.Explanation.load(explained(link="logit").save(tmp_path / "one.npz"))
    assert first.plan.link == "logit"
    assert first.measure(0) == "log-odds while visible"
    more = unmask.extend(first, CLASSES, masks=64)
    np.testing.assert_array_equal(more.maps, explained(link="logit", masks=256).maps)
    parts = [explained(link="logit", shard=(number, 2)) for number in (1, 2)]
    np.testing.assert_array_equal(parts[0].merge(parts[1]).map, explained(link="logit").map)
    with pytest.raises(SettingError, match="the link differ, logit and identity"):
        parts[0].merge(explained(shard=(2, 2)))


def test_a_function_is_given_again(tmp_path):
    first = unmask.Explanation.load(explained(link=np.sqrt).save(tmp_path / "one.npz"))
    assert first.plan.link == "function sqrt"
    with pytest.raises(SettingError, match="link=function sqrt is not stored"):
        unmask.extend(first, CLASSES, masks=64)
    with pytest.raises(SettingError, match="link=log: the explanation was made with function"):
        unmask.extend(first, CLASSES, masks=64, link="log")
    more = unmask.extend(first, CLASSES, masks=64, link=np.sqrt)
    np.testing.assert_array_equal(more.maps, explained(link=np.sqrt, masks=256).maps)
    assert "the link (function sqrt)" in reproduction(first).missing


def test_a_checkpoint_of_another_link_is_another_runs(tmp_path):
    place = tmp_path / "scores"
    explained(link="logit", checkpoint=place, masks=64)
    with pytest.raises(FileError, match="belongs to another run"):
        explained(checkpoint=place)
    again = explained(link="logit", checkpoint=place)
    assert again.model_calls < explained(link="logit").model_calls
    np.testing.assert_array_equal(again.map, explained(link="logit").map)


def test_a_damaged_link_is_told(tmp_path):
    made = explained()
    object.__setattr__(made.plan, "link", "probit")
    with pytest.raises(FileError, match="plan: link: expected one of identity, logit, log"):
        unmask.Explanation.load(made.save(tmp_path / "one.npz"))


def test_figure_and_report_and_code_say_it():
    made = explained(link="logit")
    texts = [text.get_text() for text in made.plot().texts]
    assert any("link logit" in text for text in texts)
    assert any("log-odds while visible" in text for text in texts)
    page = unmask.report([made])
    assert "<th scope=row>link</th><td>logit</td>" in page
    assert "log-odds while visible" in page
    again = reproduction(made)
    assert " --link logit " in again.command()
    assert "    link='logit',\n" in again.python()
    assert "link" not in reproduction(explained()).python()


def test_doubts_know_it():
    """A score below 1 in a hundred is no small log-odds, and one that is cut tells little."""
    quiet = explained(model=lambda b: 0.01 + 0.001 * bright_and_squared(b))
    assert any("hardly vary" in note and "link='logit'" in note for note in quiet.notes)
    linked = explained(model=lambda b: 0.01 + 0.001 * bright_and_squared(b), link="logit")
    assert not any("leave less" in note or "link='logit'" in note for note in linked.notes)
    never = explained(model=lambda b: 1e-9 * bright_and_squared(b), link="logit")
    assert any("the log-odds of 'class 0' was -13.8" in note for note in never.notes)
    rare = explained(
        model=lambda b: (bright_and_squared(b) > 0.45) * 0.9 + 1e-9, link="logit", fill="black"
    )
    (note,) = [note for note in rare.notes if "is cut" in note]
    assert "of the masks leave 'class 0' a score within 1e-06 of 0 or 1" in note


def test_on_the_command_line(tmp_path):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask import cli

    def ran(*words):
        street = str(unmask.demo.pictures()["street"])
        return CliRunner().invoke(cli.app, ["explain", street, "-o", str(tmp_path), *words])

    got = ran("-n", "256", "--link", "logit", "--json")
    assert json.loads(got.stdout)["settings"]["link"] == "logit"
    assert unmask.Explanation.load(tmp_path / "street.npz").plan.link == "logit"
    assert "The maps are of the log-odds." in ran("-n", "256", "--link", "logit").output
    assert ran("--link", "probit").exit_code == 2


def test_a_row_of_a_batch_keeps_it():
    pytest.importorskip("pyarrow")
    from unmask.cluster.driver import _fingerprint
    from unmask.cluster.records import rows
    from unmask.models.source import ModelSource

    (row,) = rows("a.png", explained(link="logit"), "grid")
    assert json.loads(row["plan"])["link"] == "logit"
    # What older versions began is gone on with.
    said = [
        _fingerprint(ModelSource(), None, "grid", None, None, settings)
        for settings in ({}, {"link": "identity"}, {"link": "logit"})
    ]
    assert said[0] == said[1] != said[2]
