"""The parts of the checkpoint that are not learned by gradient: shapes, vocabulary, preprocessing, files."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from .texts import WORDS

SIDE_PX = 48
"""Side of the square that the model sees."""
DIMENSION = 96
CONTEXT_TOKENS = 24
PREPROCESSING: dict[str, Any] = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "do_center_crop": True,
    "do_rescale": True,
    "do_normalize": True,
    "do_convert_rgb": True,
    "size": {"shortest_edge": SIDE_PX},
    "crop_size": {"height": SIDE_PX, "width": SIDE_PX},
    "resample": 3,
    "rescale_factor": 1 / 255,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
"""The content of preprocessor_config.json, as OpenAI's models have it but for the size."""
_START, _END = "<|startoftext|>", "<|endoftext|>"


def build_model() -> CLIPModel:
    """Build the network with random weights, float32; the draw follows torch's global seed."""
    vocabulary, _ = _learn_vocabulary()
    text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 3}
    special = {"bos_token_id": vocabulary[_START], "eos_token_id": vocabulary[_END]}
    config = CLIPConfig(
        text_config=text
        | special
        | {
            "vocab_size": len(vocabulary),
            "max_position_embeddings": CONTEXT_TOKENS,
            "pad_token_id": vocabulary[_END],
        },
        vision_config=vision | {"image_size": SIDE_PX, "patch_size": 8},
        projection_dim=DIMENSION,
    )
    config.architectures = ["CLIPModel"]
    return CLIPModel(config)


def save_checkpoint(model: CLIPModel, folder: Path) -> None:
    """Write the files of a CLIP checkpoint into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    # It is written for its owner alone, and a repository is for all.
    (folder / "model.safetensors").chmod(0o644)
    save_tokenizer(folder)
    _write_json(folder / "preprocessor_config.json", PREPROCESSING)


def save_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write the files of the tokenizer, and load it from them."""
    vocabulary, merges = _learn_vocabulary()
    _write_json(folder / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": CONTEXT_TOKENS,
            "bos_token": _START,
            "eos_token": _END,
            "unk_token": _END,
            "pad_token": _END,
        },
    )
    return CLIPTokenizer.from_pretrained(folder)


def _learn_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Merge the commonest pairs until each word is one token.

    Returns:
        The vocabulary in CLIP's order (single bytes, bytes that end a word, merged pieces, the two special
        tokens), and the merges in theirs.
    """
    words = [[*word[:-1], f"{word[-1]}</w>"] for word in WORDS]
    merges: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for word in words for pair in itertools.pairwise(word))
        if not pairs:
            break
        # Of equally common ones the first in the alphabet, so that the same words give the same vocabulary.
        merge = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(merge)
        words = [_merged(word, merge) for word in words]
    letters = _byte_letters()
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += dict.fromkeys("".join(merge) for merge in merges)
    return {piece: number for number, piece in enumerate([*pieces, _START, _END])}, merges


def _merged(word: list[str], merge: tuple[str, str]) -> list[str]:
    done: list[str] = []
    for piece in word:
        if done and (done[-1], piece) == merge:
            done[-1] += piece
        else:
            done.append(piece)
    return done


def _byte_letters() -> list[str]:
    """The letter for each byte in GPT-2's byte-level vocabularies, printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [*map(chr, printable), *(chr(256 + number) for number in range(256 - len(printable)))]


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
