"""Search against sorting all scores."""

import numpy as np
import pytest

from ytcurate.errors import UsageError
from ytcurate.vectors.search import search_vectors


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def matrix():
    return unit(np.random.default_rng(1).standard_normal((100_000, 24)))


def best_by_sorting(matrix, queries, k):
    scores = (queries.astype(float) @ matrix.T.astype(float)).astype(np.float32)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("k", [1, 10, 1000])
def test_the_best_are_those_of_sorting_all_scores(matrix, k):
    queries = unit(np.random.default_rng(2).standard_normal((3, 24)))
    scores, places = search_vectors(matrix, queries, k)
    assert places.tolist() == best_by_sorting(matrix, queries, k).tolist()
    assert np.allclose(scores, np.take_along_axis(queries @ matrix.T, places, axis=1), atol=1e-5)
    assert (scores.dtype, places.dtype) == (np.float32, np.int64)


def test_of_equal_scores_the_lower_place_comes_first(matrix):
    twice = matrix[np.arange(70_000) % 35_000]
    _, places = search_vectors(twice, matrix[[7]], 4)
    following = int(best_by_sorting(matrix[:35_000], matrix[[7]], 2)[0, 1])
    assert places.tolist() == [[7, 35_007, following, following + 35_000]]
    _, places = search_vectors(np.repeat(matrix[:1], 50_000, axis=0), matrix[:1], 5)
    assert places.tolist() == [[0, 1, 2, 3, 4]]


def test_only_those_that_may_be_found_are(matrix):
    among = np.arange(len(matrix)) % 1000 == 3
    _, places = search_vectors(matrix, matrix[[5]], 10, among=among)
    assert places.tolist() == (best_by_sorting(matrix[among], matrix[[5]], 10) * 1000 + 3).tolist()
    assert search_vectors(matrix, matrix[[5]], 10, among=among & False)[1].shape == (1, 0)


def test_a_mapped_file_is_searched_without_being_copied(matrix, tmp_path):
    np.save(tmp_path / "matrix.npy", matrix)
    mapped = np.load(tmp_path / "matrix.npy", mmap_mode="r")
    assert search_vectors(mapped, matrix[[9]], 1)[1].tolist() == [[9]]


def test_of_few_vectors_all_are_found_and_of_none_none(matrix):
    _, places = search_vectors(matrix[:3], matrix[[1]], 10)
    assert sorted(places[0].tolist()) == [0, 1, 2]
    assert places[0, 0] == 1
    assert search_vectors(matrix[:0], matrix[:2], 5)[1].shape == (2, 0)


def test_what_does_not_fit_is_refused(matrix):
    with pytest.raises(UsageError, match="a query has 8 components and the vectors have 24"):
        search_vectors(matrix, matrix[:1, :8], 1)
    with pytest.raises(UsageError, match="k must be at least 1, it is 0"):
        search_vectors(matrix, matrix[:1], 0)
