"""That the describe measurements run, both ways describe every clip, and the page tells what was measured."""

import json
import subprocess
import sys

from bench.gpu_checkpoint import write_checkpoint
from bench.harness import ROOT
from bench.results import page


def last_line(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_both_ways_describe_every_clip_of_one_table():
    result = last_line("bench.describe", "--quick")

    assert result["name"] == "describe"
    assert result["clips"] == 4
    assert result["ratio"] > 0
    assert result["memory_ratio"] > 0
    assert 0 <= result["engine_wait_share"] <= 1
    assert result["ways"].keys() == {"plain", "ours"}


def test_the_gpu_measurement_runs_on_a_processor_with_tiny_shapes():
    result = last_line(
        "bench.gpu_describe", "--tiny", "--clips", "3", "--tokens", "8", "--ways", "ours", "ceiling"
    )

    assert result["device"] == "the processor"
    assert result["ways"].keys() == {"ours", "ceiling"}
    assert result["ways"]["ours"]["share_of_ceiling"] > 0
    assert result["ways"]["ceiling"]["prompt_tokens"] > 0


def test_the_7b_checkpoint_has_the_published_shapes_and_words_for_every_token(tmp_path):
    from transformers import AutoConfig, AutoProcessor

    folder = write_checkpoint(tmp_path)
    config, processor = AutoConfig.from_pretrained(folder), AutoProcessor.from_pretrained(folder)

    assert (config.text_config.hidden_size, config.text_config.num_hidden_layers) == (3584, 28)
    assert (config.vision_config.hidden_size, config.vision_config.depth) == (1280, 32)
    assert len(processor.tokenizer) == config.text_config.vocab_size == 152064
    assert processor.video_processor.size["longest_edge"] == 12_845_056
    assert processor.tokenizer.convert_tokens_to_ids("<|video_pad|>") == config.video_token_id


def test_the_page_says_what_was_reached_and_that_no_gpu_was_there():
    results = [
        {
            "name": "describe",
            "ratio": 3.5,
            "memory_ratio": 0.6,
            "ways": {"ours": {"seconds": 1}, "plain": {"seconds": 3}},
            "machine": {"cpu": "x", "cores": 2},
            "versions": {"av": "18"},
        },
        {"name": "frames", "error": "no ffmpeg"},
    ]
    text = page(results)

    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert lines["the whole job, times faster"].endswith("| yes     |")
    assert lines["peak memory of the job, ours over plain"].endswith("| no      |")
    assert "no ffmpeg" in lines["decoding and sizing a clip, times faster"]
    assert "- Machine: cpu x; cores 2" in text
    assert "Not run on a GPU yet." in text


def test_the_page_takes_a_gpu_result_in():
    gpu = {
        "name": "gpu_describe",
        "ratio": 4.0,
        "share_of_ceiling": 0.95,
        "ways": {"ours": {"clips_per_second": 4}},
        "machine": {"cpu": "y", "gpus": ["H100"]},
        "versions": {"vllm": "0.26"},
    }
    text = page([], gpu)

    assert "Not run on a GPU yet." not in text
    assert "- Its machine: cpu y; gpus ['H100']" in text
    assert "share of the engine's ceiling" in text
