import pytest

from ytcurate.config import GIB, MIB
from ytcurate.errors import UsageError
from ytcurate.operations.lint import lint_spec
from ytcurate.operations.presets import preset_names
from ytcurate.operations.spec import build_spec

TREES = ["default", "cpu", "gpu_h100", "gpu_h200", "h100_8"]


@pytest.mark.parametrize("name", preset_names())
def test_the_spec_of_every_preset_gives_no_warning(name):
    heard = []
    build_spec(name, trees=TREES, max_row_weight=64 * MIB, on_warning=heard.append)
    assert heard == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"max_failed_jobs": 1}, "max_failed_jobs is not an option .* did you mean max_failed_job_count"),
        ({"mapper": {"memory_limt": 1}}, r"mapper\.memory_limt .* did you mean memory_limit\?"),
        ({"mapper": {"pool": "a"}}, r"mapper\.pool .* belongs at the top of the spec"),
        ({"mapper": {"table_writer": {}}}, r"mapper\.table_writer .* belongs under job_io"),
        ({"memory_limit": 1}, "memory_limit .* belongs under mapper"),
        ({"job_io": {"table_writer": {"max_row_wieght": 1}}}, "did you mean max_row_weight"),
        ({"resource_limits": {"slots": 1}}, "did you mean user_slots"),
        ({"scheduling_options_per_pool_tree": {"a": {"pol": "b"}}}, r"per_pool_tree\.a\.pol .* mean pool"),
        ({"mapper": {"tmpfs_volumes": [{"sise": 1}]}}, r"mapper\.tmpfs_volumes\.0\.sise .* mean size"),
        ({"auto_merge": {"modus": "relaxed"}}, "did you mean mode"),
        ({"mapper": {"disk_request": {"space": 1}}}, "did you mean disk_space"),
        ({"zzzqqq": 1}, "no known name is like it"),
        ({"mapper": "cat"}, "mapper must be a map of options, it is 'cat'"),
    ],
)
def test_a_wrong_name_is_an_error_that_says_the_right_one(spec, message):
    with pytest.raises(UsageError, match=message):
        lint_spec(spec)


def test_what_a_map_of_free_names_holds_is_not_checked():
    free = {"environment": {"ANY": "thing"}, "file_paths": ["//a"]}
    assert lint_spec({"mapper": free, "annotations": {"x": {"y": 1}}, "description": {"z": 1}}) == []


def test_an_option_newer_than_the_table_can_be_let_through_by_its_path():
    new = {"mapper": {"memory_limits": 1}, "unchecked_options": ["mapper.memory_limits"]}
    spec = build_spec("local", trees=TREES, overrides=new)
    assert spec["mapper"]["memory_limits"] == 1
    assert "unchecked_options" not in spec


VOLUME = {"path": "a", "size": GIB}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"alias": "mine"}, r"alias must start with \*, it is mine: write \*mine"),
        ({"annotations": {"x": "y" * 11_000}}, "annotations may be 10 KB .* they are 11 KB"),
        ({"pool_trees": []}, r"pool_trees must be a list of one tree or more, it is \[\]"),
        ({"pool_trees": ["a", "b"], "scheduling_tag_filter": "x"}, "one pool tree only, pool_trees are a, b"),
        ({"time_limit": 600}, "time_limit is in milliseconds, .* for 600 seconds write 600000"),
        ({"mapper": {"job_time_limit": 30}}, r"mapper\.job_time_limit is in milliseconds"),
        ({"time_limit": "10m"}, "time_limit must be a number, it is '10m'"),
        ({"max_stderr_count": 200}, "max_stderr_count may be from 0 to 150, it is 200"),
        ({"resource_limits": {"user_slots": 0}}, "user_slots may be 1 or more, it is 0"),
        ({"job_io": {"table_writer": {"max_row_weight": MIB}}}, "takes 5 MB or more"),
        ({"mapper": {"tmpfs_path": ".", "tmpfs_volumes": [VOLUME]}}, "exclude each other"),
        ({"mapper": {"tmpfs_volumes": [{"path": "/a"}]}}, "tmpfs path /a must be relative"),
        ({"mapper": {"tmpfs_path": "../x"}}, "must be relative and inside the sandbox"),
        ({"mapper": {"tmpfs_volumes": [VOLUME, {"path": "a/b"}]}}, "a and a/b must not lie in each other"),
        ({"mapper": {"tmpfs_volumes": [VOLUME], "memory_limit": GIB}}, "take 1 GiB, .* 1 GiB: raise it"),
        ({"mapper": {"memory_limit": 0}}, "leaves 0 GiB beside tmpfs"),
        ({"mapper": {"disk_request": {"disk_space": 1}, "inode_limit": 1}}, "exclude each other"),
        ({"mapper": {"disk_request": {"inode_count": 1}}}, "needs disk_space"),
        ({"mapper": {"disk_request": {"disk_space": 1, "account": "a"}}}, "needs medium_name"),
        ({"mapper": {"make_rootfs_writable": True}}, "needs mapper.layer_paths"),
        ({"mapper": {"environment": {"N": 1}}}, "environment.N must be text, it is 1"),
        ({"batch_row_count": 8}, "needs ordered"),
        ({"secure_vault": {"HF-TOKEN": "x"}}, "letters, digits and underscores"),
    ],
)
def test_what_a_cluster_would_refuse_is_refused_before(spec, message):
    with pytest.raises(UsageError, match=message):
        lint_spec(spec)


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        ({"job_count": 5}, "job_count makes jobs that cannot be interrupted"),
        ({"batch_row_count": 8, "ordered": True}, "batch_row_count makes jobs that cannot"),
        ({"auto_merge": {"mode": "relaxed"}}, "auto_merge makes jobs that cannot be interrupted"),
        ({"job_io": {"table_writer": {"max_row_weight": 800 * MIB}}}, "is 800 MiB: Tracto takes that"),
        ({"mapper": {"gpu_limit": 1}}, "a second copy of a slow job takes another GPU"),
        ({"mapper": {"tmpfs_path": ".", "memory_limit": GIB}}, "may take all of the job's memory"),
    ],
)
def test_what_is_probably_not_meant_gives_a_warning(spec, warning):
    (heard,) = lint_spec(spec)
    assert warning in heard


@pytest.mark.parametrize("place", ["title", "annotations", "mapper"])
def test_a_secret_outside_the_vault_is_refused_and_not_repeated(place):
    leak = {"title": "x hf_123456", "annotations": {"a": ["hf_123456"]}, "mapper": {"command": "hf_123456"}}
    spec = {"secure_vault": {"HF_TOKEN": "hf_123456"}, place: leak[place]}
    with pytest.raises(UsageError, match=f"{place}.* holds a secret") as refused:
        lint_spec(spec)
    assert "hf_123456" not in str(refused.value)
    with pytest.raises(UsageError, match="holds a secret"):
        lint_spec({place: leak[place]}, secrets=["hf_123456"])


def test_the_user_name_of_a_registry_is_no_secret():
    vault = {"docker_auth": {"username": "research", "password": "hunter-two"}}
    assert lint_spec({"secure_vault": vault, "pool": "research"}) == []
