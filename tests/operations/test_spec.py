import pytest

from ytcurate.config import GIB, MIB
from ytcurate.errors import UsageError
from ytcurate.operations.presets import Preset, load_preset, preset_names
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges
from ytcurate.operations.spec import build_spec, mask_secrets

TREES = ["default", "cpu", "gpu_h100", "gpu_h200", "h100_8"]


def test_the_h100_preset_gives_this_spec():
    assert build_spec("h100", trees=TREES) == {
        "title": "ytcurate describe",
        "pool_trees": ["gpu_h100"],
        "data_weight_per_job": 3000 * 3 * MIB,
        "max_failed_job_count": 3,
        "max_speculative_job_count_per_task": 0,
        "mapper": {
            "cpu_limit": 10.0,
            "gpu_limit": 1,
            "memory_limit": 64 * GIB,
            "max_stderr_size": 16 * MIB,
            "user_job_memory_digest_default_value": 0.9,
        },
    }


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_builds(name):
    spec = build_spec(name, trees=TREES)
    assert spec["pool_trees"]
    assert spec["mapper"]["memory_limit"] >= 4 * GIB


def preset(**settings):
    base = {"name": "mine", "resources": JobResources(), "placement": Placement(), "data_weight_per_job": MIB}
    return Preset(**base | settings)


def test_tmpfs_is_taken_off_the_memory_because_the_client_adds_it():
    spec = build_spec(preset(resources=JobResources(memory_bytes=64 * GIB, tmpfs_bytes=60 * GIB)), trees=[])
    assert spec["mapper"]["memory_limit"] == 4 * GIB
    assert (spec["mapper"]["tmpfs_path"], spec["mapper"]["tmpfs_size"]) == (".", 60 * GIB)


def test_gpus_in_use_at_once_become_slots():
    placement = Placement(max_gpus=16)
    eight = preset(resources=JobResources(gpu=8), placement=placement)
    assert build_spec(eight, trees=[])["resource_limits"] == {"user_slots": 2}
    no_gpu = preset(placement=placement)
    assert "resource_limits" not in build_spec(no_gpu, trees=[])


def test_fewer_gpus_than_one_job_needs_are_refused():
    with pytest.raises(UsageError, match="a job needs 8 GPUs, max_gpus is 4"):
        build_spec(preset(resources=JobResources(gpu=8), placement=Placement(max_gpus=4)), trees=[])


def test_one_of_a_jobs_resources_can_be_changed_alone():
    mapper = build_spec("h100", trees=TREES, resources=ResourceChanges(cpu=4))["mapper"]
    assert (mapper["cpu_limit"], mapper["gpu_limit"], mapper["memory_limit"]) == (4, 1, 64 * GIB)
    mapper = build_spec("h100", trees=TREES, resources=ResourceChanges(tmpfs_bytes=GIB))["mapper"]
    assert (mapper["memory_limit"], mapper["tmpfs_size"]) == (63 * GIB, GIB)
    with pytest.raises(UsageError, match="tmpfs 64 GiB, memory 64 GiB"):
        build_spec("h100", trees=TREES, resources=ResourceChanges(tmpfs_bytes=64 * GIB))


def test_resources_given_whole_take_the_presets_place():
    spec = build_spec("h100", trees=TREES, resources=JobResources(cpu=1))
    assert (spec["mapper"]["gpu_limit"], spec["mapper"]["memory_limit"]) == (0, 4 * GIB)
    assert "max_speculative_job_count_per_task" not in spec


def test_a_run_of_its_own_is_named_annotated_and_sliced():
    own = {"data_weight_per_job": 7 * MIB, "alias": "*mine", "annotations": {"run": "a"}}
    spec = build_spec("local", trees=TREES, ordered=True, max_failed_job_count=0, **own)
    assert spec == spec | own | {"ordered": True, "max_failed_job_count": 0}


def test_secrets_go_into_the_vault_and_are_masked_where_a_spec_is_shown():
    spec = build_spec("local", trees=TREES, secure_vault={"HF_TOKEN": "hf_123456"})
    assert spec["secure_vault"] == {"HF_TOKEN": "hf_123456"}
    assert mask_secrets(spec) == spec | {"secure_vault": {"HF_TOKEN": "***"}}


def test_the_users_own_part_is_merged_last_and_deeply():
    spec = build_spec("h100", trees=TREES, overrides={"mapper": {"cpu_limit": 4}, "alias": "*mine"})
    assert spec["mapper"]["cpu_limit"] == 4
    assert spec["mapper"]["gpu_limit"] == 1
    assert spec["alias"] == "*mine"


def test_the_row_weight_is_raised_only_where_videos_are_passed_on():
    assert "job_io" not in build_spec("local", trees=TREES, max_row_weight=16 * MIB)
    spec = build_spec("local", trees=TREES, max_row_weight=64 * MIB)
    assert spec["job_io"] == {"table_writer": {"max_row_weight": 64 * MIB}}


def test_tmpfs_must_fit_into_the_memory():
    with pytest.raises(UsageError, match="tmpfs 8 GiB, memory 4 GiB"):
        JobResources(memory_bytes=4 * GIB, tmpfs_bytes=8 * GIB)


def test_a_preset_that_is_not_there_lists_those_that_are():
    with pytest.raises(UsageError, match=r"there are .*h100, h100-8, h200, local"):
        load_preset("h300")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resources: {cpus: 1}", "resources.cpus is not known; known are cpu, gpu, memory_gib, tmpfs_gib"),
        ("gpus: 1", "gpus is not known"),
        ("start_minutes: -1", "start_minutes must be 0 or more, it is -1"),
        ("seconds_per_clip: 0", "seconds_per_clip must be above 0, it is 0"),
        ("data_weight_per_job_mib: many", "a value is not a number"),
        ("- a list", "the file must be a map"),
        ("a: [", "not YAML"),
    ],
)
def test_a_preset_file_is_read_strictly(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_preset(str(path))
