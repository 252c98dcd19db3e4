"""A checkpoint folder of the published 7B architecture without weights: engines fill it with ``dummy`` ones.

What an engine costs depends on shapes and lengths, not on what the weights say. Tokenizer and processor are
the demo checkpoint's: the one filled up to the published size, the other with the published limits, so that
1008x560 pictures pass unchanged and ten seconds of 1080p take 7200 tokens.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import ytcurate
from bench.hand_over import PUBLISHED_LIMITS

TINY = Path(ytcurate.__file__).parent / "demo" / "tiny-qwen2.5-vl"

_TEXT_7B = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "max_position_embeddings": 128000,
    "max_window_layers": 28,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "layer_types": ["full_attention"] * 28,
    "rope_parameters": {"mrope_section": [16, 24, 24], "rope_theta": 1000000.0, "rope_type": "default"},
    "tie_word_embeddings": False,
}
_VISION_7B = {
    "depth": 32,
    "fullatt_block_indexes": [7, 15, 23, 31],
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 3584,
}


def write_checkpoint(folder: Path, *, tiny: bool = False) -> Path:
    """Write configuration, tokenizer and processor; no weights.

    Args:
        folder: an empty one.
        tiny: the demo checkpoint's shapes and limits instead, for machines without a GPU.
    """
    for file in TINY.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "accuracy.json":
            shutil.copy(file, folder)
    if tiny:
        return folder
    config = _read(folder / "config.json")
    config["text_config"] |= _TEXT_7B
    config["vision_config"] |= _VISION_7B
    config["tie_word_embeddings"] = False
    # As older transformers read it: before 5 the rotary embedding was described in these words.
    config["text_config"]["rope_theta"] = 1000000.0
    config["text_config"]["rope_scaling"] = {"mrope_section": [16, 24, 24], "type": "mrope"}
    _write(folder / "config.json", config)
    for name in ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"):
        _write(folder / name, _with_limits(_read(folder / name)))
    tokenizer_config = _read(folder / "tokenizer_config.json")
    _write(folder / "tokenizer_config.json", tokenizer_config | {"model_max_length": 131072})
    tokenizer = _read(folder / "tokenizer.json")
    _fill_up(tokenizer, _TEXT_7B["vocab_size"])
    _write(folder / "tokenizer.json", tokenizer)
    return folder


def _with_limits(settings: Any) -> Any:
    """Put the published pixel limits wherever a size is."""
    if not isinstance(settings, dict):
        return settings
    return {
        key: PUBLISHED_LIMITS if key == "size" else _with_limits(value) for key, value in settings.items()
    }


def _fill_up(tokenizer: dict[str, Any], size: Any) -> None:
    """Give every number that a random model may say a word."""
    vocabulary = tokenizer["model"]["vocab"]
    # transformers 5 numbers special tokens anew after the last word, unless the words hold them already.
    vocabulary.update({token["content"]: token["id"] for token in tokenizer.get("added_tokens", ())})
    taken = set(vocabulary.values())
    vocabulary.update({f"word{number}": number for number in range(int(size)) if number not in taken})


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
