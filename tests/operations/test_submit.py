from ytcurate.operations.failure import _last_words

TRACEBACK = """\
Traceback (most recent call last):
  File "_py_runner.py", line 163, in <module>
{error}
"""


def test_our_own_error_is_reported_without_its_class():
    stderr = TRACEBACK.format(error="ytcurate.errors.EngineUnavailable: model m: cannot be loaded: no config")
    assert _last_words(stderr) == "model m: cannot be loaded: no config"


def test_what_the_engines_process_died_of_is_added():
    log = (
        "(EngineCore pid=9) ERROR 11-22 02:27:40 [core.py:1510] Traceback (most recent call last):\n"
        "(EngineCore pid=9) ERROR 11-22 02:27:40 [core.py:1510] torch.OutOfMemoryError: CUDA out of memory.\n"
    )
    stderr = log + TRACEBACK.format(error="ytcurate.errors.EngineUnavailable: model m: vLLM does not start.")
    assert _last_words(stderr) == (
        "model m: vLLM does not start. "
        "The engine's process ended with torch.OutOfMemoryError: CUDA out of memory."
    )


def test_any_other_exception_is_reported_as_python_does():
    stderr = TRACEBACK.format(error="ValueError: no such thing") + "Exception ignored in: <function f>\n"
    assert _last_words(stderr) == "ValueError: no such thing"


def test_a_job_that_wrote_no_traceback_is_reported_by_its_last_line():
    assert _last_words("starting\nkilled\n") == "killed"
    assert _last_words("") == ""
