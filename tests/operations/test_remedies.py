import pytest

from ytcurate.operations.failure import _innermost, _messages
from ytcurate.operations.remedies import remedy_for


@pytest.mark.parametrize(
    ("told", "remedy"),
    [
        ("Row weight is too large: 20 > 16", "cut shorter clips"),
        ("max_row_weight: Expected <= 134217728, found 838860800", "set 128 MiB or less"),
        ("Total size of tmpfs volumes must be less than or equal to memory limit", "raise mapper.memory"),
        ("No pool trees are specified for operation", "--pool-tree"),
        ("ModuleNotFoundError: No module named 'ytcurate.describers'", "was not sent to the job"),
        ("ModuleNotFoundError: No module named 'vllm'", "add it to the image"),
        ("SystemError: unknown opcode", "the Python version used here"),
        ("Job aborted: resource_overdraft", "user_job_memory_digest_default_value"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "larger or more cards"),
        ("Memory limit exceeded while parsing YSON stream", "too large for a proxy"),
        ("User job memory usage: Memory limit exceeded", "--memory-gib"),
        ("Docker image pulling failed", "secure_vault.docker_auth"),
        ('Account "research" disk space limit exceeded', "suspend_operation_if_account_limit_exceeded"),
        ("ValueError: no such thing", ""),
    ],
)
def test_known_words_give_a_remedy(told, remedy):
    found = remedy_for(told)
    assert remedy in found
    assert bool(remedy) == bool(found)


def test_the_innermost_message_and_all_of_them_are_found_in_a_tree_of_errors():
    error = {"message": "a", "inner_errors": [{"message": "b", "inner_errors": [{"message": "c"}]}]}
    assert _innermost(error) == "c"
    assert _messages(error) == ["a", "b", "c"]
    assert _messages(None) == []
