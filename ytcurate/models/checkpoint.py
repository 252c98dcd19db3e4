"""What a checkpoint must hold to describe video, and which of its files inference needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ytcurate.describers.video_inputs import VIDEO_INPUTS
from ytcurate.errors import UsageError

SAFETENSORS_INDEX = "model.safetensors.index.json"
_TORCH_INDEX = "pytorch_model.bin.index.json"
_TORCH_SUFFIXES = (".bin", ".pt", ".pth")
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
"""Where a chat template may stand; the first that has one wins, as in transformers."""
_KEPT = re.compile(r".*\.(json|jinja|txt|model|tiktoken|py|safetensors)")
_FOLDERS_LEFT_OUT = re.compile(r"(\..+|onnx|openvino|original|checkpoint-.+|global_step.+)")
_FROM_TRAINING = re.compile(
    r"(optimizer|scheduler|scaler|training_args|rng_state.*|trainer_state|global_step.*)\.\w+"
)

Reader = Callable[[str], bytes]
"""Returns the content of a small file of the checkpoint by its name."""


def select_files(names: Iterable[str], read: Reader | None = None) -> tuple[list[str], list[str]]:
    """Divide the files of a checkpoint into those that inference needs and the others, both sorted.

    Needed: configuration, tokenizer, processor, chat template, code, and the weights as safetensors.
    Weights in another form are needed only where there are no safetensors.

    Args:
        names: relative, with ``/``.
        read: to look into the index; files it does not name are copies in another layout. None: not looked.
    """
    names = sorted(names)
    candidates = [name for name in names if not _is_left_out(name)]
    has_safetensors = any(name.endswith(".safetensors") for name in candidates)
    shards = _shards(candidates, read, SAFETENSORS_INDEX)
    if not shards and "model.safetensors" in candidates:
        shards = {"model.safetensors"}
    chosen = [name for name in candidates if _is_needed(name, has_safetensors, shards)]
    return chosen, sorted(set(names) - set(chosen))


def _is_left_out(name: str) -> bool:
    *folders, file = name.split("/")
    return file.startswith(".") or bool(
        any(_FOLDERS_LEFT_OUT.fullmatch(folder) for folder in folders) or _FROM_TRAINING.fullmatch(file)
    )


def _is_needed(name: str, has_safetensors: bool, shards: set[str]) -> bool:
    if name.endswith(".safetensors"):
        return "/" in name or not shards or name in shards
    if has_safetensors and re.fullmatch(r"(pytorch_model|.*\.fp\d+)\S*\.index\.json", name):
        return False  # it names files that are left out
    if name.endswith(_TORCH_SUFFIXES):
        return not has_safetensors
    return bool(_KEPT.fullmatch(name))


def weight_files(names: Collection[str], read: Reader, what: str) -> list[str]:
    """Return the files that hold the weights.

    Raises:
        UsageError: there are none, or a shard that the index names is missing.
    """
    for index in (SAFETENSORS_INDEX, _TORCH_INDEX):
        shards = sorted(_shards(names, read, index))
        missing = [shard for shard in shards if shard not in names]
        if missing:
            raise UsageError(
                f"{what}: {missing[0]} is missing; {index} names {len(shards)} files of weights, "
                f"{len(shards) - len(missing)} are there. Download the checkpoint again."
            )
        if shards:
            return shards
    for suffixes in ((".safetensors",), _TORCH_SUFFIXES):
        found = sorted(name for name in names if name.endswith(suffixes) and not _is_left_out(name))
        if found:
            return ["model.safetensors"] if "model.safetensors" in found else found
    raise UsageError(f"{what}: this directory holds no weights, it has no .safetensors file.")


def check_checkpoint(names: Collection[str], read: Reader, what: str) -> list[str]:
    """See that a directory holds a whole checkpoint of a model that takes video.

    Args:
        names: of its files, relative.
        read: returns one of them.
        what: how messages name the checkpoint.

    Returns:
        The files that hold the weights.

    Raises:
        UsageError: something is missing or of the wrong kind; the message says what.
    """
    config = read_config(names, read, what)
    kind = config.get("model_type")
    if kind not in VIDEO_INPUTS:
        raise UsageError(
            f"{what}: its config.json says model_type {kind!r}, which is not known to take video; "
            f"known are {', '.join(VIDEO_INPUTS)}."
        )
    weights = weight_files(names, read, what)
    source, template = _chat_template(names, read, what)
    if template is None:
        raise UsageError(
            f"{what}: it has no chat template, neither {_TEMPLATES[0]} nor one in "
            f"{' or '.join(_TEMPLATES[1:])}. Take it from the model's page."
        )
    if "video" not in template:
        raise UsageError(
            f"{what}: the chat template in {source} has no place for a video (the word does not occur in it)."
            " Take the template of the model's instruct version."
        )
    return weights


def read_config(names: Collection[str], read: Reader, what: str) -> Mapping[str, Any]:
    """Read config.json.

    Raises:
        UsageError: there is none, or it is not a JSON object.
    """
    if "config.json" not in names:
        raise UsageError(f"{what}: this directory holds no checkpoint, it has no config.json.")
    return _json(read, "config.json", what)


def _chat_template(names: Collection[str], read: Reader, what: str) -> tuple[str, str | None]:
    for name in _TEMPLATES:
        if name not in names:
            continue
        if name.endswith(".jinja"):
            return name, read(name).decode(errors="replace")
        template = _json(read, name, what).get("chat_template")
        if template:  # a text, or a list of named ones
            return name, template if isinstance(template, str) else json.dumps(template)
    return "", None


def _shards(names: Collection[str], read: Reader | None, index: str) -> set[str]:
    if index not in names or read is None:
        return set()
    content = _json(read, index, "checkpoint")
    return {str(shard) for shard in content.get("weight_map", {}).values()}


def _json(read: Reader, name: str, what: str) -> Mapping[str, Any]:
    try:
        content = json.loads(read(name))
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{what}: {name} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"{what}: {name} is not a JSON object, it is a {type(content).__name__}.")
    return content
