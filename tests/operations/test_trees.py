import pytest

from ytcurate.errors import UsageError
from ytcurate.operations.trees import resolve_pool_trees

TRACTO = ["cpu", "gpu_h100", "gpu_h200", "gpu_h100-8", "default"]


@pytest.mark.parametrize(
    ("wish", "trees"),
    [
        ("h100", ["gpu_h100"]),
        ("H100", ["gpu_h100"]),
        ("h100-8", ["gpu_h100-8"]),
        ("h100_8", ["gpu_h100-8"]),
        ("cpu", ["cpu"]),
        ("default", ["default"]),
        ("gpu-h200", ["gpu_h200"]),
    ],
)
def test_a_wish_finds_the_tree_however_it_is_spelt(wish, trees):
    assert resolve_pool_trees([wish], TRACTO) == trees


def test_one_device_never_means_a_host_of_eight():
    with pytest.raises(UsageError, match=r"no such pool tree; it has cpu, gpu_h100-8\. Choose"):
        resolve_pool_trees(["h100"], ["cpu", "gpu_h100-8"])


def test_several_wishes_give_each_tree_once_in_their_order():
    assert resolve_pool_trees(["h200", "h100", "gpu_h200"], TRACTO) == ["gpu_h200", "gpu_h100"]


def test_a_name_that_only_ends_alike_is_another_tree():
    with pytest.raises(UsageError):
        resolve_pool_trees(["h100"], ["xh100"])


def test_an_account_without_trees_is_said_to_have_none():
    with pytest.raises(UsageError, match="it has none"):
        resolve_pool_trees(["h100"], [])
