"""Near duplicates against the rule written out plainly, and what follows from the rule."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ytcurate.errors import UsageError
from ytcurate.vectors.bounds import choose_bound
from ytcurate.vectors.duplicates import find_duplicates


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def at_angles(*degrees):
    """Vectors in a plane: the similarity of two is the cosine of the angle between them."""
    radians = np.deg2rad(degrees)
    return unit(np.stack([np.cos(radians), np.sin(radians), np.zeros(len(degrees))], axis=1))


def clusters(seed, count, dimension, centres, noise):
    """Vectors around some centres, in no order, of which a part are near each other."""
    random = np.random.default_rng(seed)
    middles = random.standard_normal((centres, dimension))
    spread = noise * random.uniform(0, 1, (count, 1)) * random.standard_normal((count, dimension))
    return unit(middles[random.integers(centres, size=count)] + spread)


def by_the_rule(matrix, threshold, earlier=None, rank=None):
    """The rule of the module's docstring, one clip at a time, in float64."""
    wide, known = matrix.astype(float), np.zeros((0, matrix.shape[1])) if earlier is None else earlier
    rank = np.zeros(len(matrix)) if rank is None else rank
    leaders = [(True, place, vector) for place, vector in enumerate(known.astype(float))]
    of, in_earlier = np.full(len(matrix), -1), np.zeros(len(matrix), bool)
    for place in sorted(range(len(matrix)), key=lambda place: (-rank[place], place)):
        scores = [np.float32(vector @ wide[place]) for _, _, vector in leaders]
        top = int(np.argmax(scores)) if scores else -1
        if top >= 0 and scores[top] >= threshold - 1e-6:
            in_earlier[place], of[place], _ = leaders[top]
        else:
            leaders.append((False, place, wide[place]))
    return of, in_earlier


@pytest.mark.parametrize("rows_at_once", [7, 64, 2048])
@pytest.mark.parametrize("noise", [0.2, 0.5, 1.0])
def test_duplicates_are_those_of_the_rule_whatever_the_blocks(noise, rows_at_once):
    matrix = clusters(1, 700, 32, 40, noise)
    earlier = clusters(1, 90, 32, 40, noise)[50:]
    rank = np.random.default_rng(2).integers(5, size=700)
    found = find_duplicates(matrix, threshold=0.9, earlier=earlier, rank=rank, rows_at_once=rows_at_once)
    of, in_earlier = by_the_rule(matrix, 0.9, earlier, rank)
    assert found.of.tolist() == of.tolist()
    assert found.in_earlier.tolist() == in_earlier.tolist()
    assert 0 < found.kept.sum() < 700


@pytest.mark.parametrize("rows_at_once", [64, 2048])
def test_with_a_bound_duplicates_are_the_same(monkeypatch, rows_at_once):
    random = np.random.default_rng(3)
    matrix = random.standard_normal((5000, 128)) * np.arange(1, 129) ** -0.5
    matrix[4000:] = matrix[:1000] + random.uniform(0, 0.2, (1000, 1)) * random.standard_normal((1000, 128))
    # Scenes that are nearly near: in some blocks all pairs pass the bound.
    matrix[100:140] = matrix[100] + 0.075 * random.standard_normal((40, 128))
    matrix = unit(matrix)
    assert choose_bound(matrix, 0.9) is not None
    with_bound = find_duplicates(matrix, threshold=0.9, rows_at_once=rows_at_once)
    monkeypatch.setattr("ytcurate.vectors.bounds._WORTH_IT_FROM", 10**9)
    assert choose_bound(matrix, 0.9) is None
    without = find_duplicates(matrix, threshold=0.9)
    assert with_bound.of.tolist() == without.of.tolist()
    assert np.array_equal(with_bound.similarity, without.similarity, equal_nan=True)
    assert 4000 < without.kept.sum() < 5000
    assert 1 < without.kept[100:140].sum() < 40


def test_vectors_that_are_all_alike_have_no_bound_and_one_leader():
    matrix = np.repeat(at_angles(20), 5000, axis=0)
    assert choose_bound(matrix, 0.95) is None
    found = find_duplicates(matrix)
    assert found.of.tolist() == [-1] + [0] * 4999
    assert str(found) == "5000 clips, 4999 near duplicates"


def test_a_chain_loses_its_middle_only():
    # 0 and 15 degrees are 0.966 similar, 15 and 30, too; 0 and 30 are 0.866.
    found = find_duplicates(at_angles(0, 15, 30), threshold=0.95)
    assert found.of.tolist() == [-1, 0, -1]
    assert found.similarity[1] == pytest.approx(np.cos(np.deg2rad(15)))
    assert np.isnan(found.similarity[[0, 2]]).all()


def test_a_duplicate_is_one_of_the_most_similar_kept_clip_and_of_the_first_if_two_are():
    found = find_duplicates(at_angles(0, 30, 17, 4), threshold=0.95)
    assert found.of.tolist() == [-1, -1, 1, 0]
    twice = find_duplicates(at_angles(0, 20, 20, 10), threshold=0.98, rank=[1, 1, 0, 0])
    assert twice.of.tolist() == [-1, -1, 1, 0]


def test_the_highest_rank_stays_and_nan_is_lowest():
    alike = at_angles(0, 1, 2, 3)
    assert find_duplicates(alike, rank=[0.1, np.nan, 0.9, 0.9]).of.tolist() == [2, 2, -1, 2]
    assert find_duplicates(alike, rank=[1, 1, 1, 1]).of.tolist() == [-1, 0, 0, 0]


def test_clips_of_an_earlier_run_are_known_and_go_before():
    found = find_duplicates(at_angles(0, 40, 42, 80), threshold=0.99, earlier=at_angles(40, 120, 121))
    assert found.of.tolist() == [-1, 0, 0, -1]
    assert found.in_earlier.tolist() == [False, True, True, False]
    assert str(found) == "4 clips, 2 near duplicates, 2 of them of an earlier run"


def test_running_again_with_what_was_kept_finds_nothing_new():
    matrix = clusters(5, 600, 32, 30, 0.5)
    first = find_duplicates(matrix, threshold=0.9)
    kept = matrix[first.kept]
    assert find_duplicates(kept, threshold=0.9).kept.all()
    again = find_duplicates(matrix, threshold=0.9, earlier=kept)
    assert again.in_earlier.all()
    assert again.of[first.kept].tolist() == list(range(len(kept)))
    # Clips that were looked at later may be more similar, never less.
    assert (again.similarity >= first.similarity)[~first.kept].all()


def test_threshold_1_finds_equal_vectors():
    matrix = clusters(6, 300, 64, 300, 0.5)
    found = find_duplicates(np.concatenate([matrix, matrix]), threshold=1)
    assert found.of.tolist() == [-1] * 300 + list(range(300))


def test_no_clips_give_no_duplicates():
    assert find_duplicates(np.empty((0, 4), np.float32)).of.tolist() == []


def test_duplicates_do_not_depend_on_the_number_of_threads():
    code = (
        "import sys; from tests.vectors.test_duplicates import clusters;"
        "from ytcurate.vectors.duplicates import find_duplicates;"
        "found = find_duplicates(clusters(7, 4500, 64, 900, 0.5), threshold=0.9);"
        "sys.stdout.buffer.write(found.of.tobytes() + found.similarity.tobytes())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(answers) == 1


def test_what_does_not_fit_is_refused():
    matrix = at_angles(0, 1)
    with pytest.raises(UsageError, match=r"threshold must be more than 0 and at most 1, it is 1\.5"):
        find_duplicates(matrix, threshold=1.5)
    with pytest.raises(UsageError, match="earlier has vectors of 2 components and these have 3"):
        find_duplicates(matrix, earlier=matrix[:, :2])
    with pytest.raises(UsageError, match=r"one number per clip is expected, 2 of them; the shape is \(3,\)"):
        find_duplicates(matrix, rank=[1, 2, 3])
    with pytest.raises(UsageError, match=r"matrix: one vector per row is expected, the shape is \(3,\)"):
        find_duplicates(matrix[0])
