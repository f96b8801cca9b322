"""The driver of batch, with workers that die at will: what is written, and when it gives up."""

import pickle

import pytest

from unmask.cluster import driver, records, results
from unmask.cluster.spans import Source, Span
from unmask.cluster.store import Store
from unmask.errors import FileError, ModelError

pytest.importorskip("pyarrow")
exceptions = pytest.importorskip("ray.exceptions")

NAMES = tuple(f"{number:02}.png" for number in range(20))
SOURCE = Source("somewhere", "", (Span(NAMES, NAMES),))


class Pool:
    """Workers in this process; as Ray's, a pool ends with the first of its workers that dies.

    `fate` says what becomes of a picture: "well", "fails", "kills" its worker, "kills once" or is
    "lost" on the way.
    """

    def __init__(self, **fate):
        self.fate = {f"{name[1:]}.png": one for name, one in fate.items()}
        self.tried = []

    def stream(self, spans, size):
        for task in (task for span in spans for task in span.tasks(size)):
            rows = []
            for name, _ in task:
                self.tried.append(name)
                match self.fate.get(name, self.fate.get("all.png", "well")):
                    case "kills":
                        raise exceptions.WorkerCrashedError
                    case "kills once":
                        self.fate[name] = "well"
                        raise exceptions.WorkerCrashedError
                    case "fails":
                        rows.append(records.failed(name, ValueError("as it must"), 0.1))
                    case "well":
                        rows.append({"id": name, "target": 0, "seconds": 0.1})
            yield {"rows": pickle.dumps(rows), "fatal": ""}


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "out"))
    made.begin("somewhere", "", {})
    return made


def drive(store, pool, masks=256):
    state = driver.Progress(len(SOURCE), 0)
    seen = [state]
    try:
        ended = driver._Driver(store, pool, state, seen.append).run(SOURCE, masks)
    finally:
        assert [one.done for one in seen] == sorted(one.done for one in seen)
    return ended


def written(store):
    """Ids in the files, doubles included."""
    return sorted(name for table in store.tables(["id"]) for name in table["id"].to_pylist())


@pytest.mark.parametrize("deaths", [0, 1, 5])
def test_workers_that_die_cost_nothing(store, deaths):
    pool = Pool(**{f"_{3 * n:02}": "kills once" for n in range(deaths)})
    ended = drive(store, pool)
    assert (ended.done, ended.failed, ended.restarts) == (20, 0, deaths)
    assert written(store) == list(NAMES)


@pytest.mark.parametrize(
    "deadly", [("07",), ("00",), ("19",), ("00", "01"), ("03", "04", "11", "18")]
)
def test_pictures_that_kill_are_rows_and_all_others_are_done(store, deadly):
    pool = Pool(**{f"_{name}": "kills" for name in deadly})
    ended = drive(store, pool)
    assert (ended.done, ended.failed) == (20, len(deadly))
    assert written(store) == list(NAMES)
    failures = results.open(store.url).failures
    assert sorted(failures) == [f"{name}.png" for name in deadly]
    assert all("died whenever it was tried, at last alone" in why for why in failures.values())
    # Once in its task, then in vain until patience is out, then alone.
    assert max(map(pool.tried.count, NAMES)) <= driver.PATIENCE + 2


def test_a_model_that_kills_every_worker_ends_the_run(store):
    pool = Pool(_all="kills")
    with pytest.raises(ModelError, match=r"3 pictures one after another killed their workers; 02"):
        drive(store, pool)
    assert written(store) == []
    assert set(pool.tried) == set(NAMES[:3])


def test_a_model_that_fails_on_every_picture_ends_the_run(store):
    with pytest.raises(ModelError, match=r"first 12 pictures all failed in the same way.*must"):
        drive(store, Pool(_all="fails"))
    assert written(store) == []


def test_ten_failures_among_others_do_not(store):
    pool = Pool(_all="fails", _00="well")
    ended = drive(store, pool)
    assert (ended.done, ended.failed) == (20, 19)
    assert written(store) == list(NAMES)


def test_a_picture_that_never_comes_back_is_told(store):
    with pytest.raises(FileError, match=r"1 pictures of somewhere never came back.*07\.png"):
        drive(store, Pool(_07="lost"))
    assert written(store) == [name for name in NAMES if name != "07.png"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ((100, 0, 0), "starting Ray and the workers"),
        ((100, 100, 0), ""),
        ((100, 20, 40, 1, 80.0), "0.5 pictures/s, 0:01:20 left"),
        ((10**6, 0, 3600, 0, 3600.0), "1.0 pictures/s, 11 days, 12:46:40 left"),
        ((100, 60, 40, 0, 8.0), "5.0 pictures/s"),
    ],
)
def test_how_fast_and_how_long(state, said):
    from unmask.cli.progress import rate

    assert rate(driver.Progress(*state)) == said
