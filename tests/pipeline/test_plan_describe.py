"""What is wrong for every row is refused before anything is started, in one sentence."""

import json
import shutil

import pydantic
import pytest

import ytcurate
from ytcurate.config import GIB, EngineSettings, FrameSampling
from ytcurate.demo.sample import MODEL
from ytcurate.describers.prompts import DESCRIBE, load_question
from ytcurate.errors import SchemaMismatch, TableMissing, UsageError
from ytcurate.operations.resources import Placement, ResourceChanges
from ytcurate.pipeline.plan_describe import plan_describe
from ytcurate.tables.rows import CLIPS, Column
from ytcurate.tables.store import create_table

QWEN = "Qwen/Qwen2.5-VL-{}-Instruct"


@pytest.fixture
def clips(client, workdir):
    """A table of a thousand clips of three megabytes, by its attributes' word; its videos are short."""
    path = f"{workdir}/clips"
    create_table(client, path, CLIPS)
    rows = [{"ds_index": n, "segment_index": 0, "video": b"v" * 3000, "outcome": "ok"} for n in range(1000)]
    client.write_table(path, rows)
    return path


@pytest.fixture
def plan(client, workdir, clips):
    def make(table=clips, result=f"{workdir}/result", **settings):
        return plan_describe(table, result, client=client, **{"model": QWEN.format("7B")} | settings)

    return make


def refused(plan, reason, error=UsageError, **settings):
    with pytest.raises(error) as raised:
        plan(**settings)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_model_that_does_not_fit_the_gpu(plan):
    refused(plan, "needs about 137 GiB", model=QWEN.format("72B"))
    refused(
        plan,
        "needs about 62 GiB",
        model=QWEN.format("32B"),
        engine=EngineSettings(gpu_memory_utilization=0.5),
    )


def test_a_context_too_small_for_the_pixel_budget(plan):
    refused(plan, "--max-model-len 8192 is too small", engine=EngineSettings(max_model_len=8192))
    budget = FrameSampling(total_pixels=7000 * 28 * 28, max_frames=40)
    assert plan(engine=EngineSettings(max_model_len=8192), frames=budget).rows == 1000


def test_a_checkpoint_without_a_place_for_video(plan, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    refused(plan, "has no place for a video", model=str(folder))


def test_a_schema_that_cannot_be_enforced(plan):
    schema = {"type": "object", "properties": {"when": {"type": "string", "format": "date"}}}
    refused(plan, "schema.when: 'format' cannot be enforced", schema=schema)
    refused(
        plan,
        '"model" would be there twice',
        schema={"type": "object", "properties": {"model": {"type": "string"}}},
    )


def test_a_table_that_is_not_one_of_clips(client, plan, workdir):
    create_table(client, f"{workdir}/texts", [Column("ds_index", "int64"), Column("segment_index", "int64")])
    refused(plan, 'has no column "video"', error=SchemaMismatch, table=f"{workdir}/texts")
    refused(plan, "no such table", error=TableMissing, table=f"{workdir}/nothing")


def test_pool_trees_gpus_and_options_that_do_not_exist(plan):
    refused(plan, "it has cpu, default", placement=Placement(pool_trees=("b200",)))
    refused(plan, "memory_limt", spec={"mapper": {"memory_limt": 1}})
    refused(plan, "8 GPUs", engine=EngineSettings(tensor_parallel=8))


def test_a_run_without_a_model(plan):
    refused(plan, "give a model", model=None)


def test_the_plan_says_what_it_will_cost(plan):
    made = plan(placement=Placement(max_gpus=4))
    jobs = made.to_json()["jobs"]
    assert jobs["rows"] == 1000
    assert jobs["jobs"] * jobs["clips_per_job"] >= 1000
    assert jobs["gpu_hours"] > 0
    assert "GPU-hours" in str(made)
    assert "MB of code to send" in str(made)
    spec = made.to_json()["spec"]
    assert spec["resource_limits"] == {"user_slots": 4}
    assert spec["max_speculative_job_count_per_task"] == 0
    assert spec["data_weight_per_job"] == jobs["data_weight_per_job"]


def test_jobs_are_cut_by_the_rate_that_was_measured(plan):
    import dataclasses

    assumed, slower = plan(), dataclasses.replace(plan(), seconds_per_clip=40.0)
    assert slower.jobs(1000).jobs > assumed.jobs(1000).jobs
    assert slower.jobs(1000).rate.measured


def test_what_the_user_asks_wins_over_the_preset(plan):
    made = plan(resources=ResourceChanges(cpu=3, memory_bytes=20 * GIB), job_minutes=5)
    assert made.to_json()["spec"]["mapper"]["cpu_limit"] == 3
    assert made.to_json()["spec"]["mapper"]["memory_limit"] == 20 * GIB
    assert made.preset.target_job_minutes == 5
    assert made.mapper.buffering.decode_threads == 3
    assert made.mapper.buffering.max_ahead_bytes <= 5 * GIB


def test_one_card_gets_one_copy_and_eight_get_eight_where_the_model_fits(plan):
    assert plan().mapper.engine.data_parallel == 1
    eight = plan(resources=ResourceChanges(gpu=8), placement=Placement(max_gpus=8))
    assert (eight.mapper.engine.tensor_parallel, eight.mapper.engine.data_parallel) == (1, 8)
    large = plan(model=QWEN.format("72B"), resources=ResourceChanges(gpu=8))
    assert (large.mapper.engine.tensor_parallel, large.mapper.engine.data_parallel) == (4, 2)


class Label(pydantic.BaseModel):
    category: str
    is_safe: bool


def test_columns_follow_the_questions(plan):
    types = {column.name: column.type for column in plan(schema=Label).columns}
    assert (types["category"], types["is_safe"], types["reply"]) == ("utf8", "boolean", "utf8")
    several = plan(questions=[DESCRIBE, load_question("label")], keep_video=True)
    names = [column.name for column in several.columns]
    assert {"description", "label_category", "label_reply", "label_outcome", "video"} <= set(names)


def test_what_is_shown_and_kept_holds_no_secret(plan, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    made = plan()
    assert made.spec(made.jobs(1), with_secrets=True)["secure_vault"]["HF_TOKEN"] == "hf_verysecret"
    assert "hf_verysecret" not in json.dumps(made.to_json(), default=str) + repr(made)


def test_a_run_is_known_by_all_that_decides_what_its_rows_say(plan):
    base = plan().fingerprint
    assert plan(preset="h200", resources=ResourceChanges(cpu=2)).fingerprint == base
    for change in (
        {"model": QWEN.format("3B")},
        {"prompt": ytcurate.Prompt("Why?")},
        {"sampling": ytcurate.Sampling(temperature=0)},
        {"frames": FrameSampling(fps=1)},
        {"keep_video": True},
    ):
        assert plan(**change).fingerprint != base


def test_an_endpoint_needs_no_checkpoint_and_no_gpu(plan, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    engine = EngineSettings(describer="endpoint", endpoint_url="http://server/v1")
    made = plan(model="any-name", engine=engine)
    spec = made.spec(made.jobs(10), with_secrets=True)
    assert spec["mapper"]["gpu_limit"] == 0
    assert spec["secure_vault"] == {"OPENAI_API_KEY": "sk-secret"}
    assert "sk-secret" not in json.dumps(made.to_json(), default=str)
