"""Models of rows: scikit-learn's on DataFrames, and boosters where they are installed."""

import warnings

import numpy as np
import pytest

import unmask

pytest.importorskip("sklearn")
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 120),
        "fare": RNG.gamma(2, 20, 120),
        "port": RNG.choice(["S", "C", "Q"], 120),
        "deck": pd.Categorical(RNG.choice(["A", "B"], 120)),
        "noise": RNG.normal(size=120),
    }
)
KIND = np.where((FRAME["port"] == "C") ^ (RNG.uniform(size=120) < 0.05), "lived", "died")
NUMBERS = ["age", "fare", "noise"]


def explained(model, row, target=None, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return unmask.explain(model, row, target, **{"masks": 600, **settings})


def test_a_pipeline_of_columns_gets_frames():
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(), ["port", "deck"])
    )
    fitted = make_pipeline(columns, LogisticRegression()).fit(FRAME, KIND)
    place = int(np.flatnonzero(FRAME["port"] == "C")[0])
    model = unmask.load(fitted)
    assert "rows of 5 columns in a DataFrame" in repr(model)
    made = explained(model, unmask.row(FRAME.iloc[place], FRAME), "lived")
    assert made.original.row.units[made.map.argmax()].name == "port"
    assert made.significant()[2]
    score = fitted.predict_proba(FRAME.iloc[[place]])[0, 1]
    assert made.targets[0].score == pytest.approx(score, abs=1e-12)
    # The function itself gets the same.
    same = explained(fitted.predict_proba, unmask.row(FRAME.iloc[place], FRAME), 1)
    np.testing.assert_allclose(same.map, made.map, rtol=1e-6)


def test_an_array_becomes_the_frame_that_a_model_was_fitted_with():
    fitted = LogisticRegression().fit(FRAME[NUMBERS], KIND)
    made = explained(fitted, unmask.row(FRAME[NUMBERS].to_numpy()[3], FRAME[NUMBERS].to_numpy()))
    assert made.original.row.labels[0] == f"age = {FRAME['age'][3]}"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["age", "fare", "port"], "not fitted with port, noise is missing"),
        (["fare", "age", "noise"], r"in another order .* names="),
        (["age", "fare"], "a row of 2 columns, and LogisticRegression takes 3"),
    ],
)
def test_other_columns_are_refused(columns, words):
    fitted = LogisticRegression().fit(FRAME[NUMBERS], KIND)
    with pytest.raises(unmask.SettingError, match=words):
        unmask.explain(fitted, unmask.row(FRAME[columns].iloc[0], FRAME[columns]))


def test_gaps_and_categories_of_a_gradient_boosting():
    frame = FRAME.drop(columns="port").mask(RNG.uniform(size=(120, 4)) < 0.1)
    frame["deck"] = frame["deck"].astype("category")
    kind = np.where(frame["fare"].fillna(0) > 30, "dear", "cheap")
    fitted = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(frame, kind)
    place = int(frame["fare"].idxmax())
    made = explained(fitted, unmask.row(frame.iloc[[place]], frame), "dear")
    assert made.original.row.units[made.map.argmax()].name == "fare"
    numbers = frame[["age", "fare"]]
    strict = LogisticRegression().fit(numbers.fillna(0), kind)
    with pytest.raises(unmask.ModelError, match=r"takes no gaps .* fill them"):
        unmask.explain(strict, unmask.row(numbers.iloc[0], numbers))


def test_what_a_regressor_predicts_is_its_score():
    weights = np.array([2.0, -1.0, 0.0])
    rows = FRAME[NUMBERS].to_numpy()
    fitted = Ridge(alpha=1e-9).fit(rows, rows @ weights)
    made = explained(fitted, unmask.row(rows[5], rows), 0, masks=4000)
    worth = (rows[5] - rows.mean(axis=0)) * weights / 2
    np.testing.assert_allclose(made.map - made.levels[0], worth, atol=1e-3)
    forest = RandomForestRegressor(5, random_state=0).fit(rows, rows @ weights)
    assert explained(forest, unmask.row(rows[5], rows), 0).map.shape == (3,)


def test_a_margin_is_a_score():
    rows = FRAME[NUMBERS].to_numpy()
    made = explained(SVC().fit(rows, KIND), unmask.row(rows[5], rows))
    assert made.targets[0].label == "lived"


def test_arrays_that_may_be_anything_are_asked_about():
    rows = RNG.normal(size=(40, 6))
    fitted = LogisticRegression().fit(rows, rows[:, 0] > 0)
    with pytest.raises(unmask.ModelError, match=r"give it unmask.row\(values, background=rows\)"):
        unmask.explain(fitted, rows[0])
    assert explained(fitted, unmask.series(rows[0])).map.shape == (6,)


def boosters():
    rows = FRAME[NUMBERS].to_numpy()
    return rows, (rows[:, 1] > 30).astype(int)


@pytest.mark.parametrize("framed", [False, True])
def test_xgboost(framed):
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed")
    rows, kind = boosters()
    table = FRAME[NUMBERS] if framed else rows
    fitted = xgboost.XGBClassifier(n_estimators=8).fit(table, kind)
    place = int(rows[:, 1].argmax())
    given = unmask.row(rows[place], table)
    made = explained(fitted, given, 1)
    assert made.map.argmax() == 1
    own = explained(fitted.get_booster(), given, 0)
    np.testing.assert_allclose(own.map, made.map, atol=1e-5)
    assert unmask.load(fitted.get_booster()).activation == "probabilities"


@pytest.mark.parametrize("framed", [False, True])
def test_lightgbm(framed):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed")
    rows, kind = boosters()
    table = FRAME[NUMBERS] if framed else rows
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, kind)
    place = int(rows[:, 1].argmax())
    given = unmask.row(rows[place], table)
    made = explained(fitted, given, 1)
    assert made.map.argmax() == 1
    own = explained(fitted.booster_, given, 0)
    np.testing.assert_allclose(own.map, made.map, atol=1e-6)
