"""One explanation over many workers: the same bits, given the same scores."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unmask
from unmask.cluster.executors import ProcessExecutor, RayExecutor
from unmask.cluster.shards import put, score, shards
from unmask.errors import ModelError, SettingError
from unmask.estimate.scores import Scores

pytest.importorskip("cloudpickle")

PICTURE = np.random.default_rng(8).integers(0, 256, (20, 33, 3), np.uint8)


def corners(batch):
    """Scores that are sums of a few numbers of one input each: they depend on no batch."""
    return np.stack([batch[:, 1, 2, 0], batch[:, 5, 30, 1] + batch[:, 9, 9, 2]], axis=1) / 512


def prepared(masks=300, batch_size=40, **options):
    return unmask.prepare(
        corners, PICTURE, [0, 1], masks=masks, batch_size=batch_size, grid=(3, 4), **options
    )


def last(estimates):
    *_, final = estimates
    return final


def same(one, other):
    assert [number for number, _ in one.parts] == [number for number, _ in other.parts]
    assert np.array_equal(one.scores, other.scores)


@settings(max_examples=25)
@given(
    masks=st.integers(1, 400),
    batch_size=st.integers(1, 70),
    batches=st.integers(1, 9),
    done=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 24)), unique_by=lambda x: x[0]),
)
def test_shards_are_the_masks_left_in_whole_batches(masks, batch_size, batches, done):
    run = prepared(masks, batch_size)
    size = run.plan.masks.block_size
    parts = tuple(sorted((number, np.zeros((min(n, size), 2))) for number, n in done))
    before = Scores(run.plan.masks, 2, parts)
    goal = max(masks, before.count)
    made = list(shards(run, before, goal, batches))
    ends = [before.count, *(shard.stop for shard in made)]
    assert [shard.start for shard in made] == ends[:-1]
    assert ends[-1] == max(before.count, masks)
    assert all((shard.stop - shard.start) % batch_size == 0 for shard in made[:-1])


@pytest.mark.parametrize("batches", [1, 3])
def test_shards_scored_apart_are_the_run(batches):
    run = prepared()
    whole = last(unmask.stream(run))
    joined = Scores.empty(run.plan.masks, 2)
    for shard in shards(run, run.start, 300, batches):
        joined = put(run, joined, score(run, shard))
    same(joined, whole)
    assert np.array_equal(run.explanation(joined).maps, run.explanation(whole).maps)


def test_a_model_sees_the_batches_that_it_would_see_in_one_process():
    run, seen = prepared(), []

    def watched(batch):
        seen.append(batch.copy())
        return corners(batch)

    question = replace(run.question, model=unmask.load(watched))
    run = replace(run, answer=replace(run.answer, question=question))
    list(unmask.stream(run))
    alone, seen[:] = list(seen), []
    for shard in shards(run, run.start, 300, 2):
        score(run, shard)
    assert len(seen) == len(alone) == 8
    assert all(np.array_equal(one, other) for one, other in zip(seen, alone, strict=True))


def test_going_on_from_an_estimate():
    run = prepared()
    whole = last(unmask.stream(run))
    blocks = dict(whole.parts)
    some = Scores(run.plan.masks, 2, ((0, blocks[0][:5]), (3, blocks[3])))
    joined = some
    for shard in shards(run, some, 300, 2):
        joined = put(run, joined, score(run, shard))
    same(joined, whole)


class InTurn:
    """An executor without workers: shards one after another, in this process."""

    def stream(self, run, estimate, goal):
        for shard in shards(run, estimate, goal, 2):
            estimate = put(run, estimate, score(run, shard))
            yield estimate


@pytest.mark.parametrize("shard", [(1, 1), (2, 3)])
def test_stopping_and_shards_of_a_run_are_the_loops_own(shard):
    options = {"grid": (3, 4), "batch_size": 40, "masks": 600}
    if shard == (1, 1):
        options = {**options, "masks": None, "max_masks": 2000, "until": 0.9}
    else:
        options["shard"] = shard
    alone = unmask.explain(corners, PICTURE, [0, 1], **options)
    apart = unmask.explain(corners, PICTURE, [0, 1], executor=InTurn(), **options)
    assert 0 < apart.masks < 2000
    same(apart.estimate, alone.estimate)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="workers=0"):
        ProcessExecutor("demo", workers=0)


@pytest.mark.slow
def test_processes_give_the_same_bits():
    with ProcessExecutor(corners, workers=2, batches=2) as executor:
        for seed in (0, 1):
            options = {"masks": 300, "batch_size": 40, "grid": (3, 4), "seed": seed}
            alone = unmask.explain(corners, PICTURE, [0, 1], **options)
            apart = unmask.explain(corners, PICTURE, [0, 1], executor=executor, **options)
            same(apart.estimate, alone.estimate)
            assert apart.maps.tobytes() == alone.maps.tobytes()
            assert apart.stderrs.tobytes() == alone.stderrs.tobytes()
            assert apart.reliabilities == alone.reliabilities
        with pytest.raises(ModelError, match="is not the one that is explained"):
            unmask.explain("demo", PICTURE, executor=executor, masks=64)


@pytest.mark.slow
def test_links_numbers_and_similarities_are_sent():
    asked = [
        ([0, unmask.contrast(0, 1)], {"link": "log"}),
        ([0], {"link": np.tanh}),
        (["output:1", unmask.output(0, "closeness", within=0.1)], {}),
        ([unmask.similar_to([1.0, 2.0])], {}),
    ]
    with ProcessExecutor(corners, workers=1) as executor:
        for targets, more in asked:
            chosen = {"masks": 96, "grid": (3, 4), **more}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = unmask.explain(corners, PICTURE, targets, executor=executor, **chosen)
                alone = unmask.explain(corners, PICTURE, targets, **chosen)
            np.testing.assert_array_equal(made.maps, alone.maps)


@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_actors_of_ray_give_the_same_bits_and_one_may_die():
    import ray

    options = {"masks": 2000, "batch_size": 40, "grid": (3, 4)}
    alone = unmask.explain(corners, PICTURE, [0, 1], **options)
    with RayExecutor(corners, workers=2, batches=2) as executor:
        run = unmask.prepare(corners, PICTURE, [0, 1], **options)
        counts = []
        for estimate in executor.stream(run, run.start, 2000):
            counts.append(estimate.count)
            if len(counts) == 3:
                ray.kill(executor._actors[0], no_restart=False)
        same(estimate, alone.estimate)
        assert counts == sorted(counts)
        again = unmask.explain(corners, PICTURE, [0, 1], executor=executor, **options)
        assert again.maps.tobytes() == alone.maps.tobytes()
