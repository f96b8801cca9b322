"""Turns are fair, stopping is prompt, and one job's end is not another's."""

import math
import threading
import time

import numpy as np
import pytest

import unmask
from unmask.app import scheduler as scheduler_module
from unmask.app.jobs import Job
from unmask.app.scheduler import Scheduler

PICTURE = np.random.default_rng(1).integers(0, 255, (12, 20, 3), np.uint8)

pytestmark = pytest.mark.filterwarnings("ignore::unmask.UnmaskWarning")


@pytest.fixture
def log():
    return []


@pytest.fixture
def line(monkeypatch):
    monkeypatch.setattr(scheduler_module, "SLICE", 0.0)  # one batch a turn
    made = Scheduler(active=2, quantum=0.05)
    yield made
    made.close()


def job(log, name, masks=96, wait=0.002, error=None):
    def model(batch):
        time.sleep(wait)
        if log.count(name) == error:
            raise ValueError(name)
        log.append(name)
        return batch.mean(axis=(1, 2, 3))

    loaded = unmask.load(model, preprocess="unit", name=name)
    made = unmask.prepare(loaded, PICTURE, 0, masks=masks, grid=4, batch_size=8)
    log.clear()
    return Job(made, lambda: None)


def settled(*jobs):
    end = time.monotonic() + 30
    while not all(one.finished for one in jobs):
        assert time.monotonic() < end
        time.sleep(0.005)


def test_active_jobs_alternate(line, log):
    first, second = job(log, "a"), job(log, "b")
    line.call(lambda: [line.add(first), line.add(second)])
    settled(first, second)
    assert log == ["a", "b"] * 12


@pytest.mark.slow
def test_who_waits_gets_a_place_and_a_turn(line, log):
    jobs = [job(log, name, masks=400) for name in "abcde"]
    line.call(lambda: [line.add(one) for one in jobs]).result()
    assert [one.place for one in jobs] == [0, 0, 1, 2, 3]
    settled(*jobs)
    # The last one began before the first was done: nobody waits for a whole run.
    assert log.index("e") < len(log) - log[::-1].index("a")
    assert all(one.masks == 400 and one.place == 0 for one in jobs)
    line.call(lambda: None).result()  # the turn at hand is over
    assert line.length == 0


def test_stopping_one_that_waits_is_prompt(line, log):
    jobs = [job(log, name, masks=4000) for name in "abc"]
    for one in jobs:
        line.add(one)
    jobs[2].stop()
    settled(jobs[2])
    assert jobs[2].state == "stopped"
    assert not jobs[0].finished
    for one in jobs:
        one.stop()
    settled(*jobs)


def test_a_call_comes_between_two_turns(line, log):
    long = job(log, "a", masks=40_000)
    line.add(long)
    threads = []
    assert line.call(lambda: threads.append(threading.current_thread().name) or 7).result(5) == 7
    assert threads == ["unmask-scheduler"]
    assert not long.finished
    with pytest.raises(ZeroDivisionError):
        line.call(lambda: 1 / 0).result(5)
    long.stop()
    settled(long)


def test_a_failing_job_leaves_the_others_alone(line, log):
    bad, good = job(log, "bad", error=3), job(log, "good")
    line.call(lambda: [line.add(bad), line.add(good)])
    settled(bad, good)
    assert (bad.state, good.state) == ("failed", "done")
    assert "ValueError: bad" in bad.error
    assert bad.masks == bad.explanation.masks == 24


def test_a_fault_of_the_apps_own_ends_one_job_only(line, log, monkeypatch):
    bad, good = job(log, "bad"), job(log, "good")
    monkeypatch.setattr(bad, "_look", lambda: 1 / 0)
    line.call(lambda: [line.add(bad), line.add(good)])
    settled(bad, good)
    assert (bad.state, good.state) == ("failed", "done")
    assert "ZeroDivisionError" in bad.error


def test_the_end_is_told_after_the_last_look(line, log):
    seen = []
    one = job(log, "a", masks=96)
    one._changed = lambda: seen.append((one.state, one.explanation and one.explanation.masks))
    line.call(lambda: line.add(one))
    settled(one)
    line.call(lambda: None).result()
    assert seen[-1] == ("done", 96)
    assert all(masks == 96 for state, masks in seen if state == "done")


def test_a_costly_map_is_looked_at_less_often(log):
    one = job(log, "a")
    one._looked = -math.inf
    assert one._due()  # the first look is at once
    one._costs = [0.9, 0.03]
    for seconds, due in ((0.5, False), (0.99, False), (1.01, True)):
        one.seconds = seconds  # of which 6% pay for the look that was and the next
        assert one._due() is due
    one._looked = math.inf
    assert not one._due()
