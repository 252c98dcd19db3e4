from ytcurate.pipeline.advice import advise, sum_up

FINE = {
    "clips_done": 100,
    "outcome_ok": 100,
    "decode_ms": 300_000,
    "engine_waited_ms": 400,
    "engine_start_ms": 10_000,
    "stream_ms": 40_000,
    "output_tokens": 2000,
    "prompt_tokens": 700_000,
}


def test_figures_are_those_of_one_job():
    figures = sum_up(FINE)
    assert (figures.clips_per_second, figures.seconds_per_clip) == (2.5, 0.4)
    assert (figures.engine_wait_share, figures.start_share) == (0.01, 0.2)
    assert figures.decode_s_per_clip == 3


def test_nothing_is_advised_when_all_is_well():
    assert advise(FINE, cpu_limit=10, max_tokens=256) == []
    assert advise({}, cpu_limit=10, max_tokens=256) == []


def test_an_engine_that_waits_needs_more_cores():
    (advice,) = advise(FINE | {"engine_waited_ms": 8800}, cpu_limit=10, max_tokens=256)
    assert advice == (
        "the engine waited 22% of its time for pictures: raise the cores of a job from 10 to 13 (--cpu)."
    )


def test_replies_that_are_cut_off_need_more_tokens():
    (advice,) = advise(FINE | {"outcome_truncated": 9}, cpu_limit=10, max_tokens=256)
    assert "9 of 100 replies stop at 256 tokens: raise --max-tokens" in advice


def test_starts_that_cost_much_need_longer_jobs():
    (advice,) = advise(FINE | {"engine_start_ms": 40_000}, cpu_limit=10, max_tokens=256)
    assert "starting engines took 50% of the jobs' time" in advice


def test_engines_that_died_are_named():
    (advice,) = advise(FINE | {"engine_restarts": 2}, cpu_limit=10, max_tokens=256)
    assert "engines died and were started again 2 times" in advice
