"""What a checkpoint must hold, and what of it is needed."""

import json
import shutil

import pytest

from ytcurate.demo.sample import MODEL
from ytcurate.errors import UsageError
from ytcurate.models import find_model
from ytcurate.models.checkpoint import select_files


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the tiny checkpoint, to be damaged."""
    return shutil.copytree(MODEL, tmp_path / "checkpoint")


def refused(folder):
    with pytest.raises(UsageError) as raised:
        find_model(str(folder))
    return str(raised.value)


def test_a_type_that_takes_no_video_is_refused_with_those_that_do(checkpoint):
    (checkpoint / "config.json").write_text('{"model_type": "llama"}')
    message = refused(checkpoint)
    assert "model_type 'llama', which is not known to take video; known are" in message
    assert "qwen2_5_vl, qwen3_vl" in message


def test_a_config_that_is_no_json_is_refused(checkpoint):
    (checkpoint / "config.json").write_text("{")
    assert "config.json is not JSON" in refused(checkpoint)
    (checkpoint / "config.json").write_text("[]")
    assert "config.json is not a JSON object, it is a list" in refused(checkpoint)
    (checkpoint / "config.json").unlink()
    assert "it has no config.json" in refused(checkpoint)


def test_a_checkpoint_without_a_template_or_with_one_for_text_is_refused(checkpoint):
    (checkpoint / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert "chat template in chat_template.jinja has no place for a video" in refused(checkpoint)
    (checkpoint / "chat_template.jinja").unlink()
    assert "it has no chat template" in refused(checkpoint)


def test_a_template_may_stand_in_the_tokenizers_configuration(checkpoint):
    template = (checkpoint / "chat_template.jinja").read_text()
    (checkpoint / "chat_template.jinja").unlink()
    path = checkpoint / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    assert find_model(str(checkpoint)).name == "checkpoint"


def test_a_missing_shard_is_named_and_so_are_missing_weights(checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00002-of-00002.safetensors is missing" in refused(checkpoint)
    for path in checkpoint.glob("model*"):
        path.unlink()
    assert "holds no weights" in refused(checkpoint)


def test_only_what_inference_needs_is_chosen():
    index = b'{"weight_map": {"a": "model-1.safetensors"}}'
    names = (
        "config.json generation_config.json tokenizer.json merges.txt chat_template.jinja README.md "
        ".gitattributes model-1.safetensors model.safetensors.index.json consolidated.safetensors model.gguf "
        "pytorch_model.bin pytorch_model.bin.index.json onnx/model.onnx onnx/config.json model.pth "
        "optimizer.pt training_args.bin trainer_state.json checkpoint-10/model.safetensors "
        "extra/vision.safetensors"
    ).split()

    chosen, left_out = select_files(names, {"model.safetensors.index.json": index}.__getitem__)

    assert chosen == [
        "chat_template.jinja",
        "config.json",
        "extra/vision.safetensors",
        "generation_config.json",
        "merges.txt",
        "model-1.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    assert sorted(chosen + left_out) == sorted(names)


def test_weights_in_another_form_are_chosen_where_there_are_no_safetensors():
    chosen, left_out = select_files(["config.json", "pytorch_model.bin", "training_args.bin"])
    assert (chosen, left_out) == (["config.json", "pytorch_model.bin"], ["training_args.bin"])
