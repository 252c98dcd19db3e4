"""A CLIP checkpoint of a few hundred KB, made by code: real in everything but what its weights know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIDE_PX = 32
DIMENSION = 24
CONTEXT_TOKENS = 16
MERGES = ["t h", "th e</w>", "c a", "ca t</w>", "d o", "do g</w>", "i n"]


def write_tiny_clip(folder: Path, *, seed: int = 7, safe: bool = True, **preprocessing: Any) -> Path:
    """Write a whole checkpoint into a folder, which is made if it is not there.

    Args:
        folder: where to.
        seed: of the weights.
        safe: weights as safetensors; else as pytorch_model.bin.
        preprocessing: over what preprocessor_config.json says otherwise.
    """
    import torch
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary()
    shared = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    first, last = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    config = CLIPConfig(
        text_config=shared
        | {"vocab_size": len(vocabulary), "max_position_embeddings": CONTEXT_TOKENS}
        | {"bos_token_id": first, "eos_token_id": last, "pad_token_id": last},
        vision_config=shared | {"image_size": SIDE_PX, "patch_size": 8},
        projection_dim=DIMENSION,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel(config)
        # As first made, weights are so small that all pictures look alike.
        with torch.no_grad():
            for weights in model.parameters():
                if weights.dim() > 1:
                    weights.mul_(8)
    if safe:
        model.save_pretrained(folder)
    else:
        config.architectures = ["CLIPModel"]
        config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    _write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n", encoding="utf-8")
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": CONTEXT_TOKENS,
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
        },
    )
    _write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": SIDE_PX},
            "crop_size": {"height": SIDE_PX, "width": SIDE_PX},
            "resample": 3,
            "do_convert_rgb": True,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        }
        | preprocessing,
    )
    return folder


def _vocabulary() -> dict[str, int]:
    """CLIP's order: single bytes, bytes that end a word, merged pieces, the two special tokens."""
    bytes_ = _byte_letters()
    merged = [merge.replace(" ", "") for merge in MERGES]
    words = [
        *bytes_,
        *(f"{letter}</w>" for letter in bytes_),
        *merged,
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    return {word: number for number, word in enumerate(words)}


def _byte_letters() -> list[str]:
    """The letter for each byte in GPT-2's byte-level vocabularies, printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [*map(chr, printable), *(chr(256 + number) for number in range(256 - len(printable)))]


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
