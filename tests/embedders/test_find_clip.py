"""What the name of a CLIP stands for, and how it travels."""

import json
import shutil

import pytest

from tests.support.tiny_clip import write_tiny_clip
from ytcurate.errors import UsageError
from ytcurate.models import find
from ytcurate.models.find_clip import DEFAULT_CLIP, find_clip
from ytcurate.pipeline.weights import push_weights


@pytest.fixture
def away(monkeypatch):
    """No hub: as on a machine without a way out."""
    monkeypatch.setattr("ytcurate.models.hub.look_up", lambda hub_id, revision: None)


@pytest.fixture
def checkpoint(tiny_clip, tmp_path):
    return shutil.copytree(tiny_clip, tmp_path / "tiny")


def refused(model, **settings):
    with pytest.raises(UsageError) as raised:
        find_clip(str(model), **settings)
    return str(raised.value)


def test_a_small_checkpoint_travels_without_what_inference_does_not_need(checkpoint):
    for name in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"):
        (checkpoint / name).write_bytes(bytes(100))
    model = find_clip(str(checkpoint))
    names = {file.name for file in model.files}
    assert {"model-clip/config.json", "model-clip/model.safetensors", "model-clip/vocab.json"} <= names
    assert not names & {
        "model-clip/pytorch_model.bin",
        "model-clip/tf_model.h5",
        "model-clip/flax_model.msgpack",
    }
    assert (model.name, model.job_path, model.revision) == ("tiny", "model-clip", None)
    assert model.bytes == sum(file.path.stat().st_size for file in model.files)
    assert model.weight_bytes == (checkpoint / "model.safetensors").stat().st_size
    assert model.environment == {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def test_a_large_checkpoint_is_a_path_on_the_machine_of_the_job(checkpoint, monkeypatch):
    monkeypatch.setattr(find, "SHIPPED_MODEL_BYTES", 1000)
    model = find_clip(str(checkpoint))
    assert (model.job_path, model.files, model.bytes) == (str(checkpoint.resolve()), (), 0)


def test_weights_in_torchs_own_format_will_do(tmp_path):
    folder = write_tiny_clip(tmp_path / "bin", safe=False)
    assert "model-clip/pytorch_model.bin" in {file.name for file in find_clip(str(folder)).files}


@pytest.mark.usefixtures("away")
def test_a_hub_id_is_one_even_if_the_hub_cannot_be_asked():
    model = find_clip()
    assert (model.name, model.job_path, model.is_resolved) == (DEFAULT_CLIP, DEFAULT_CLIP, False)
    assert (find_clip("a/b", revision="v1").revision, model.weight_bytes) == ("v1", None)


def test_what_is_not_whole_or_not_clip_is_refused(checkpoint):
    (checkpoint / "preprocessor_config.json").unlink()
    assert f"CLIP {checkpoint}: it has no preprocessor_config.json" in refused(checkpoint)
    (checkpoint / "preprocessor_config.json").write_text("{}")
    (checkpoint / "model.safetensors").unlink()
    assert "this directory holds no weights" in refused(checkpoint)
    (checkpoint / "config.json").write_text(json.dumps({"model_type": "siglip"}))
    assert "says model_type 'siglip'; embeddings take clip, such as openai/" in refused(checkpoint)


def test_what_is_neither_a_directory_nor_an_id_is_refused(checkpoint):
    assert "CLIP ./nothing: no such directory. Give the directory of a checkpoint" in refused("./nothing")
    assert "revision main goes with a Hugging Face id" in refused(checkpoint, revision="main")
    assert "name two directories" in refused("//tmp/a", weights="//tmp/b")


def test_a_staged_checkpoint_comes_with_what_its_files_must_be(client, workdir, checkpoint):
    path = f"{workdir}/clip"
    push_weights(str(checkpoint), path, client=client)
    model = find_clip(path, client=client)
    assert (model.name, model.job_path, model.weights) == ("tiny", "model-clip", path)
    assert {file.name for file in model.cypress_files} == {f"model-clip/{name}" for name in model.manifest}
    assert find_clip("someone/tiny", weights=path, client=client) == model
    assert "holds tiny, not the CLIP openai/" in refused(DEFAULT_CLIP, weights=path, client=client)
    assert "holds revision of a local directory, not v1" in refused(path, revision="v1", client=client)
