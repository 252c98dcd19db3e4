import pytest

from ytcurate.config import GIB, MIB
from ytcurate.errors import UsageError
from ytcurate.operations.presets import Preset, load_preset, preset_names
from ytcurate.operations.resources import JobResources, Placement
from ytcurate.operations.slicing import Rate, plan_jobs, usual_data_weight, wave_rows


def preset(gpu=1, max_gpus=None, **settings):
    """A clip a second, four minutes to start, twenty to run: 1200 clips per job."""
    base = {
        "name": "mine",
        "resources": JobResources(gpu=gpu),
        "placement": Placement(max_gpus=max_gpus),
        "seconds_per_clip": 1.0,
        "start_minutes": 4.0,
        "target_job_minutes": 20.0,
    }
    return Preset(**base | settings)


def plan(rows, chosen, **settings):
    return plan_jobs(rows, rows * 3 * MIB, chosen, **settings)


def test_a_job_gets_the_clips_of_its_target_time():
    made = plan(12_000, preset())
    assert (made.jobs, made.clips_per_job, made.jobs_at_once) == (10, 1200, 10)
    assert made.data_weight_per_job == 1200 * 3 * MIB
    assert (made.job_minutes, made.minutes) == (24, 24)
    assert made.gpu_hours == pytest.approx(10 * 24 / 60)
    assert made.start_share == pytest.approx(4 / 24)


def test_a_measured_rate_takes_the_place_of_the_presets():
    made = plan(12_000, preset(), rate=Rate(2.0, measured=True))
    assert (made.jobs, made.clips_per_job) == (20, 600)
    assert (made.to_json()["measured"], made.to_json()["seconds_per_clip"]) == (True, 2.0)


def test_jobs_are_a_multiple_of_those_that_run_at_once():
    made = plan(10_800, preset(max_gpus=8))  # nine jobs by target: the ninth would run alone
    assert (made.jobs, made.jobs_at_once, made.minutes) == (8, 8, 4 + 1350 / 60)
    assert plan(25_000, preset(max_gpus=8)).jobs == 24


def test_a_small_input_is_spread_over_the_gpus_only_while_jobs_outlast_their_start_twice():
    assert plan(4000, preset(max_gpus=8)).jobs == 8  # 500 clips: 8.3 minutes each
    assert plan(2000, preset(max_gpus=8)).jobs == 4
    assert plan(300, preset(max_gpus=8)).jobs == 1
    assert plan(4000, preset()).jobs == 4  # how many there are is not known: by target


def test_jobs_without_a_gpu_are_counted_as_the_preset_says():
    made = plan(6000, preset(gpu=0, jobs_at_once=2))
    assert (made.jobs, made.jobs_at_once, made.gpu_hours) == (4, 2, 0)
    assert "GPU" not in str(made)
    assert plan(6000, preset(gpu=0)).jobs_at_once == 5


def test_there_are_never_more_jobs_than_clips():
    made = plan(3, preset(max_gpus=8, start_minutes=0.0))
    assert (made.jobs, made.clips_per_job) == (3, 1)


def test_a_weight_in_the_preset_is_taken_as_it_is():
    made = plan(1000, preset(max_gpus=8, data_weight_per_job=300 * MIB))
    assert (made.jobs, made.clips_per_job, made.data_weight_per_job) == (10, 100, 300 * MIB)
    assert made.minutes == pytest.approx(2 * (4 + 100 / 60))


def test_jobs_of_eight_cards_need_eight():
    made = plan(12_000, preset(gpu=8, max_gpus=20))
    assert (made.jobs_at_once, made.gpu_hours) == (2, pytest.approx(8 * (10 * 4 / 60 + 12_000 / 3600)))
    with pytest.raises(UsageError, match="a job needs 8 GPUs, max_gpus is 4"):
        plan(12_000, preset(gpu=8), max_gpus=4)


def test_a_wave_is_three_jobs_for_each_that_runs_at_once():
    assert wave_rows(100_000, 1, preset(max_gpus=4)) == pytest.approx(3 * 4 * 1200, rel=0.05)
    assert wave_rows(10**7, 1, preset()) == pytest.approx(3 * 64 * 1200, rel=0.05)
    assert wave_rows(500, 1, preset(max_gpus=4)) == 500
    assert wave_rows(1000, 1000 * MIB, preset(max_gpus=1, data_weight_per_job=100 * MIB)) == 334


def test_the_waves_of_a_run_are_about_equally_long():
    rows, wave = 16_000, wave_rows(16_000, 1, preset(max_gpus=4))
    assert -(-rows // wave) * wave - rows < rows / wave + wave * 0.01


def test_a_plan_prints_in_one_line():
    assert str(plan(12_000, preset(max_gpus=10))) == (
        "12000 rows, 37.7 GB → 10 jobs of 1200 clips, 10 at once: about 24 min, 4 GPU-hours, "
        "17% of it starting (1 s per clip assumed)"
    )
    assert str(plan(1, preset(gpu=0))).startswith("1 row, 3.15 MB → 1 job of 1 clip, 1 at once: about 4 min,")


def test_nothing_to_do_is_a_plan_of_no_jobs():
    made = plan(0, preset())
    assert (made.jobs, made.minutes, made.gpu_hours, made.clips_per_job) == (0, 0, 0, 0)
    assert made.data_weight_per_job == usual_data_weight(preset())
    assert str(made) == "0 rows: nothing to do"
    assert made.to_json()["start_share"] == 0
    assert wave_rows(0, 0, preset()) == 0


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_plans_jobs_that_outlast_their_start(name):
    made = plan(100_000, load_preset(name))
    assert made.start_share < 1 / 3
    assert GIB < usual_data_weight(load_preset(name)) < 10 * GIB
