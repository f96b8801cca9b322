"""Rows of tables: what is read, refused and noted, and what a model gets."""

import warnings
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

import unmask
from unmask.errors import FileError, ModelError, SettingError, UnmaskWarning
from unmask.inputs import InputSpec, read
from unmask.inputs.filling import Several
from unmask.inputs.table_row import BACKGROUND

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
OTHERS = RNG.normal(size=(40, 3))
FRAME = pd.DataFrame(
    {
        "age": [21, 34, 55, 40],
        "fare": [7.25, 71.3, 8.05, np.nan],
        "port": ["S", "C", "S", "Q"],
        "deck": pd.Categorical(["A", None, "B", "A"], categories=["A", "B", "C"], ordered=True),
        "alone": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01", "2021-02-03", "2022-03-04", "2020-01-01"]),
        "ties": pd.array([1, None, 3, 4], "Int64"),
    }
)


def sample(values, background=None, **said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmaskWarning)
        return read(InputSpec(), "f", unmask.row(values, background, **said))


def test_a_frame_comes_back_as_it_was():
    for place in range(len(FRAME)):
        found = sample(FRAME.iloc[[place]], FRAME)
        pd.testing.assert_frame_equal(
            found.opened(found.whole()), FRAME.iloc[[place]].reset_index(drop=True)
        )
    rows = np.stack(found.fill("background", 0).fills)
    pd.testing.assert_frame_equal(found.opened(rows), FRAME)


def test_a_series_and_a_mapping_have_the_types_of_the_background():
    for one in (FRAME.iloc[0], FRAME.iloc[0].to_dict()):
        found = sample(one, FRAME)
        pd.testing.assert_frame_equal(found.opened(found.whole()), FRAME.iloc[[0]])
    turned = dict(reversed(FRAME.iloc[0].to_dict().items()))
    assert sample(turned, FRAME).names == tuple(FRAME.columns)


def test_a_number_that_a_column_of_whole_numbers_does_not_hold():
    found = sample({**FRAME.iloc[0].to_dict(), "age": 21.5}, FRAME)
    assert found.opened(found.whole())["age"].tolist() == [21.5]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_an_array_of_numbers_stays_one(dtype):
    table = (10 * RNG.normal(size=(5, 4))).astype(dtype)
    found = sample(table[0], table)
    batch = found.opened(found.whole())
    assert isinstance(batch, np.ndarray)
    assert batch.dtype == ("float32" if dtype == "float32" else "float64")
    np.testing.assert_array_equal(batch, table[:1])
    assert sample(table[0].astype("float64"), table).opened(found.whole()).dtype == "float64"


def test_lists_with_words_are_arrays_of_objects():
    rows = [[1.5, "red", None], [2, "blue", 4.0]]
    found = sample(rows[0], rows)
    assert found.opened(found.whole())[0, :2].tolist() == [1.5, "red"]
    assert np.isnan(found.opened(found.whole())[0, 2])


@drawn(st.data())
@settings(max_examples=60, deadline=None)
def test_a_mask_shows_whole_units_and_nothing_between(data):
    columns = data.draw(st.integers(2, 9))
    owner = data.draw(st.lists(st.integers(0, 3), min_size=columns, max_size=columns))
    groups = {
        f"g{one}": [place for place in range(columns) if owner[place] == one]
        for one in (0, 1)
        if owner.count(one)
    }
    if columns - sum(map(len, groups.values())) + len(groups) < 2:
        return
    seed = data.draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    table, row = rng.normal(size=(6, columns)), rng.normal(size=columns)
    found = sample(row, table, groups=groups)
    names = [unit.name for unit in found.row.units]
    assert sorted(place for unit in found.row.units for place in unit.places) == [*range(columns)]
    assert [min(unit.places) for unit in found.row.units] == sorted(
        min(unit.places) for unit in found.row.units
    )
    mask = rng.uniform(size=(5, len(names)))
    fill = table[rng.integers(6, size=5)]
    batch = found.masked(mask, fill)
    for unit, shown in zip(found.row.units, (mask > 0.5).T, strict=True):
        for place in unit.places:
            np.testing.assert_array_equal(
                batch[:, place], np.where(shown, row[place], fill[:, place])
            )
    # In parts it is the same.
    parts = [found.masked(mask[i : i + 2], fill[i : i + 2]) for i in range(0, 5, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), batch)


def test_steps_turn_a_row_into_another_unit_by_unit():
    found = sample([1.0, 2.0, 3.0], OTHERS, groups={"g": [0, 2]})
    order, end = np.array([1, 0]), np.zeros(3)
    steps = np.concatenate([*found.steps(found.array, end, order, [0, 1, 2], 2)])
    np.testing.assert_array_equal(steps, [[1, 2, 3], [1, 0, 3], [0, 0, 0]])


def test_fills():
    found = sample(FRAME.iloc[1], FRAME)
    assert isinstance(found.fill("background", 0), Several)
    mean = found.opened(found.fill("mean", 0)[None]).iloc[0]
    assert (mean["age"], mean["port"], mean["deck"], bool(mean["alone"])) == (37.5, "S", "A", True)
    assert mean["fare"] == pytest.approx(FRAME["fare"].mean())
    other = found.opened(found.fill((1, 2.5, "Q", "B", True, datetime(2020, 1, 1), 3), 0)[None])
    assert other["port"].tolist() == ["Q"]
    one = sample([1.0, 2.0], [[3.0, 4.0]])
    np.testing.assert_array_equal(one.fill("background", 0), [3, 4])
    np.testing.assert_array_equal(one.fill([5, 6], 0), [5, 6])


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        ("blur", "fill='blur': hidden columns hold"),
        ([1.0], "fill of 1 values: expected 3"),
        ((1.0, "a", 2.0), "fill: 'a' for 'column 1', expected a number"),
        (len, "hidden columns hold"),
        (["background", "mean"], "takes turns by itself"),
    ],
)
def test_another_fill_is_refused(fill, words):
    with pytest.raises(SettingError, match=words):
        unmask.prepare(lambda b: b.sum(axis=1), unmask.row([1.0, 2, 3], OTHERS), 0, fill=fill)


def test_without_a_background_the_fill_says_what_is_hidden():
    given = unmask.row([1.0, 2.0, 3.0])
    with pytest.raises(SettingError, match="has no background"):
        unmask.explain(lambda b: b.sum(axis=1), given, 0)
    made = unmask.explain(lambda b: b @ [1.0, 2.0, 3.0], given, 0, fill=[0, 0, 0], masks=256)
    np.testing.assert_allclose(made.map - made.levels[0], [0.5, 2, 4.5], atol=1e-5)
    assert unmask.predict(lambda b: b.sum(axis=1), given)[0].score == 6


def test_many_rows_are_drawn_and_it_is_said():
    rows = RNG.normal(size=(BACKGROUND + 5, 2))
    given = unmask.row(rows[0], rows)
    assert given.background.shape == (BACKGROUND, 2)
    np.testing.assert_array_equal(given.background, unmask.row(rows[0], rows).background)
    with pytest.warns(UnmaskWarning, match="1,005 rows, 1,000 are taken"):
        read(InputSpec(), "f", given)


@pytest.mark.parametrize(
    ("row", "background", "words"),
    [
        ([1.0, 2.0], [[3.0, 4.0]], "the background is a single row"),
        ([1.0, 2.0], [[1.0, 4.0], [1.0, 5.0]], "column 0: the same in every row"),
        (["Z", 2.0], [["A", 4.0], ["B", 5.0]], "the background has no column 0 = Z"),
    ],
)
def test_what_makes_a_map_less_than_it_seems_is_noted(row, background, words):
    with pytest.warns(UnmaskWarning, match=words):
        made = unmask.explain(
            lambda b: b[:, 1].astype(float), unmask.row(row, background), 0, masks=64
        )
    assert any(words in note for note in made.notes)


@pytest.mark.parametrize(
    ("row", "background", "said", "words"),
    [
        ([1.0], [[1.0]], {}, "single column"),
        ([1.0, 2.0], [[1.0, 2.0]], {"groups": {"g": [0, 1]}}, "single group"),
        ([1.0, 2.0], [[1.0]], {}, "the row has 2 columns, and the background 1"),
        ([], [[1.0]], {}, "the row is empty"),
        ([1.0, 2.0], np.zeros((0, 2)), {}, "the background is empty"),
        ([[1.0, 2.0], [3.0, 4.0]], None, {}, "table of 2 rows: say which with number="),
        ([[1.0, 2.0], [3.0, 4.0]], None, {"number": 2}, "number=2: expected a whole number"),
        ([[1.0, 2.0], [3.0]], None, {}, "not of one length"),
        (np.zeros((2, 2, 2)), None, {}, r"shape \(2, 2, 2\)"),
        ([1.0, np.inf], [[1.0, 2.0]], {}, "'column 1' holds infinite numbers"),
        ([1.0, 1e300], [[1.0, 2.0]], {}, "'column 1' has values beyond those of float32"),
        ([1.0, "a"], [[1.0, 2.0]], {}, "'column 1' holds something else in the row, and numbers"),
        ([1.0, [2]], [[1.0, [3]]], {}, "shape|holds a list"),
        ([1.0, {}], [[1.0, {}]], {}, "'column 1' holds a dict"),
        ([1.0, 2.0], [[1.0, 2.0]], {"names": ["a"]}, "1 names for the 2 columns"),
        ([1.0, 2.0], [[1.0, 2.0]], {"names": "ab"}, "names='ab': expected a list"),
        ([1.0, 2.0], [[1.0, 2.0]], {"names": ["a", "a"]}, "two columns are called 'a'"),
        ([1.0, 2.0], [[1.0, 2.0]], {"groups": {"g": ["a"]}}, "columns are 0 to 1"),
        ([1.0, 2.0], [[1.0, 2.0]], {"groups": {"g": [2]}}, "names the column 2"),
        ([1.0, 2.0], [[1.0, 2.0]], {"groups": {"g": []}}, "a list of columns is expected"),
        ([1.0, 2.0], [[1.0, 2.0]], {"groups": {"g": "a"}}, "a list of columns is expected"),
        (
            [1.0, 2.0, 3.0],
            OTHERS,
            {"names": ["width", "size", "c"], "groups": {"g": ["with"]}},
            "Did you mean width",
        ),
        ([1.0, 2.0, 3.0], OTHERS, {"groups": {"g": [0, 1], "h": [1]}}, "in 'g' and in 'h'"),
        (
            [1.0, 2.0, 3.0],
            OTHERS,
            {"names": ["a", "b", "c"], "groups": {"a": ["b", "c"]}},
            "also the name of a column",
        ),
    ],
)  # fmt: skip
def test_what_is_no_row_is_refused(row, background, said, words):
    with pytest.raises(SettingError, match=words):
        unmask.row(row, background, **said)


def test_columns_that_are_not_those_of_the_background():
    with pytest.raises(SettingError, match="port only in the row, age only in the background"):
        unmask.row(FRAME[["fare", "port"]].iloc[[0]], FRAME[["age", "fare"]])
    with pytest.raises(SettingError, match=r"the row has no column 'prot'\. Did you mean port"):
        unmask.row(FRAME.iloc[[0]], FRAME, names=["age", "prot"])
    given = unmask.row(FRAME, FRAME, names=["port", "age"], number=3)
    assert given.labels == ("port = Q", "age = 40")
    frame = pd.DataFrame(np.zeros((2, 2)), columns=[("a", 1), ("a", 2)])
    with pytest.raises(SettingError, match="expected texts"):
        unmask.row(frame.iloc[[0]], frame)


def test_more_columns_than_can_be_told_apart_go_into_groups():
    wide = RNG.normal(size=(3, 1100))
    with pytest.raises(SettingError, match=r"1,100 columns .* at most 1,024 .* groups="):
        read(InputSpec(), "f", unmask.row(wide[0], wide))
    groups = {f"g{i}": [*range(10 * i, 10 * i + 10)] for i in range(110)}
    assert read(InputSpec(), "f", unmask.row(wide[0], wide, groups=groups)).shape == (110,)


def test_models_of_something_else_are_refused():
    given = unmask.row([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]])
    for spec, words in (
        (InputSpec(layout="NCHW"), "inputs of layout NCHW, and no rows"),
        (InputSpec(layout="NT", size=(3,)), "a row of 2 columns, and f takes 3"),
    ):
        with pytest.raises((ModelError, SettingError), match=words):
            read(spec, "f", given)
    words = unmask.row([1.0, "a"], [[1.0, "b"], [2.0, "a"]])
    with pytest.raises(ModelError, match="f takes numbers, and column 1 hold something else"):
        read(InputSpec(layout="NT", size=(2,)), "f", words)


def test_gaps_are_for_models_that_take_them():
    rows = np.where(RNG.uniform(size=(30, 3)) < 0.2, np.nan, RNG.normal(size=(30, 3)))
    rows[0, 0] = np.nan
    given = unmask.row([1.0, 2.0, 3.0], rows, names=["a", "b", "c"])
    made = unmask.explain(lambda b: np.nansum(b, axis=1), given, 0, masks=128)
    assert np.isfinite(made.map).all()

    def strict(batch):
        if np.isnan(batch).any():
            raise ValueError("Input contains NaN")
        return batch.sum(axis=1)

    calls = []
    for model in (strict, lambda b: b.sum(axis=1)):

        def counted(batch, model=model):
            calls.append(len(batch))
            return model(batch)

        calls.clear()
        with pytest.raises(ModelError, match=r"takes no gaps .* has some in a, b, c: fill them"):
            unmask.explain(counted, given, 0)
        assert sum(calls) <= 2  # before the first mask


def test_files_are_read(tmp_path):
    text = FRAME[["age", "fare", "port"]]
    text.to_csv(tmp_path / "a.csv", index=False)
    text.to_csv(tmp_path / "b.csv", index=False, sep=";")
    np.save(tmp_path / "c.npy", FRAME[["age", "fare"]].to_numpy())
    pytest.importorskip("pyarrow")
    text.to_parquet(tmp_path / "d.parquet")
    for name in ("a.csv", "b.csv", "d.parquet"):
        given = unmask.row(tmp_path / name, tmp_path / name, number=1)
        assert given.labels == ("age = 34", "fare = 71.3", "port = C"), name
        assert np.isnan(given.background[3, 1])
        assert str(given) == f"{name}, row 1"
    assert unmask.row(tmp_path / "c.npy", number=2).labels == ("column 0 = 55", "column 1 = 8.05")
    with pytest.raises(FileError, match="no file"):
        unmask.row(tmp_path / "e.csv")
    with pytest.raises(SettingError, match="ends with"):
        unmask.row(tmp_path / "e.txt")
