"""One describer of each kind on the tiny checkpoint, started once for all tests here: a start costs most."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from ytcurate.config import EngineSettings, Sampling
from ytcurate.demo.sample import MODEL
from ytcurate.demo.world import encode_video, random_scene
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.describers.start import start_describer
from ytcurate.media.frames import sample_frames

CONTEXT_TOKENS = 1024
API_KEY = "a-key-for-this-test"

LABEL = ReplySchema.of(
    {
        "type": "object",
        "properties": {
            "colour": {"enum": ["red", "blue"]},
            "moving": {"type": "boolean"},
            "count": {"type": "integer", "minimum": 0, "maximum": 9},
            "title": {"type": "string", "maxLength": 12},
        },
    }
)
STORY = ReplySchema.of(
    {"type": "object", "properties": {"story": {"type": "string", "minLength": 300, "maxLength": 400}}}
)
QUESTIONS = (
    DESCRIBE,
    Prompt("What is shown?", name="shown"),
    Prompt("Label this video.", schema=LABEL, name="label"),
    Prompt("Tell a story.", schema=STORY, name="story"),
)
"""The tiny model answers the first two alike; the last needs more words than it is given."""
SAMPLING = Sampling(temperature=0, max_tokens=64)


def settings(**changed):
    return EngineSettings(max_clips_in_flight=4, max_model_len=CONTEXT_TOKENS, **changed)


@pytest.fixture(scope="package")
def scenes():
    rng = np.random.default_rng(987)
    return [random_scene(rng) for _ in range(20)]


@pytest.fixture(scope="package")
def videos(scenes):
    """Twenty clips of the world that the checkpoint was not trained on."""
    return [encode_video([scene], seed=n) for n, scene in enumerate(scenes)]


@pytest.fixture(scope="package")
def unseen(scenes, videos):
    """What they show, and their pictures."""
    return [(scene, sample_frames(video)) for scene, video in zip(scenes, videos, strict=True)]


@pytest.fixture(scope="package")
def vllm_describer():
    made = start_describer(str(MODEL), questions=QUESTIONS, sampling=SAMPLING, engine=settings())
    yield made
    made.close()


@pytest.fixture(scope="package")
def transformers_describer():
    made = start_describer(
        str(MODEL), questions=QUESTIONS, sampling=SAMPLING, engine=settings(describer="transformers")
    )
    yield made
    made.close()


@pytest.fixture(scope="package")
def endpoint_url(tmp_path_factory):
    """vLLM's own server in a process of its own, as a user would start it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(MODEL), "--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port)),
        *("--max-model-len", str(CONTEXT_TOKENS), "--max-num-batched-tokens", "2048", "--max-num-seqs", "4"),
        *("--enforce-eager", "--trust-request-mm-kwargs", "--api-key", API_KEY),
        *("--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})),
    ]
    environment = os.environ | {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=log.parent)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="package")
def endpoint_describer(endpoint_url):
    from ytcurate.describers.endpoint import EndpointDescriber

    made = EndpointDescriber(
        "tiny",
        questions=QUESTIONS,
        sampling=SAMPLING,
        engine=settings(describer="endpoint", endpoint_url=endpoint_url),
        api_key=API_KEY,
    )
    yield made
    made.close()


def _wait_until_healthy(url, server, log):
    until = time.monotonic() + 240
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-5000:]
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(log.read_text()[-5000:])
