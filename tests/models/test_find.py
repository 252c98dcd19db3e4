"""What a model's name stands for, and how its secrets and revisions travel."""

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest

from tests.models.hub_server import COMMIT, MODEL, files_of, hub_of
from ytcurate.demo.sample import MODEL as TINY
from ytcurate.errors import UsageError
from ytcurate.models import ModelReference, Secrets, find, find_model

TOKEN = "hf_a_token_nobody_may_see"


@pytest.fixture
def away(monkeypatch):
    """No hub: as on a machine without a way out."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("ytcurate.models.hub.look_up", lambda hub_id, revision: None)


def test_a_small_local_checkpoint_travels_and_the_job_asks_no_hub():
    model = find_model(str(TINY))
    names = {file.name for file in model.files}
    assert {"model/config.json", "model/model.safetensors"} <= names
    assert (model.name, model.job_path, model.revision) == ("tiny-qwen2.5-vl", "model", None)
    assert model.environment == {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    assert model.bytes == sum(file.path.stat().st_size for file in model.files)
    assert not model.secrets


def test_a_large_local_checkpoint_is_a_path_on_the_machine_of_the_job(monkeypatch):
    monkeypatch.setattr(find, "SHIPPED_MODEL_BYTES", 1000)
    model = find_model(str(TINY))
    assert (model.job_path, model.files, model.bytes) == (str(TINY.resolve()), (), 0)


def test_a_directory_of_the_hubs_cache_is_called_by_its_id_and_commit(tmp_path):
    folder = tmp_path / "models--someone--Tiny-VL-4M" / "snapshots" / COMMIT
    model = find_model(str(shutil.copytree(TINY, folder)))
    assert (model.name, model.revision, model.job_path) == (MODEL, COMMIT, "model")


def test_a_revision_goes_with_a_hub_id_only():
    with pytest.raises(UsageError, match="--revision main goes with a Hugging Face id"):
        find_model(str(TINY), revision="main")


@pytest.mark.usefixtures("away")
def test_a_revision_that_the_hub_was_not_asked_about_is_said_to_be_unresolved():
    model = find_model("Qwen/Qwen2.5-VL-7B-Instruct", revision="v1")
    assert (model.job_path, model.revision, model.is_resolved) == (model.name, "v1", False)
    assert model.environment.get("HF_HUB_OFFLINE") is None
    assert model.to_json()["revision_is_resolved"] is False


@pytest.mark.usefixtures("away")
def test_the_token_is_in_the_secrets_and_nowhere_else():
    model = find_model("Qwen/Qwen2.5-VL-7B-Instruct")
    assert dict(model.secrets) == {"HF_TOKEN": TOKEN}
    seen = [repr(model), repr(model.secrets), str(vars(model)), json.dumps(model.to_json())]
    assert [text for text in seen if TOKEN in text] == []


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy])
def test_secrets_get_into_no_pickle(take):
    with pytest.raises(TypeError, match="put them into secure_vault"):
        take(ModelReference("a/b", "a/b", secrets=Secrets({"HF_TOKEN": TOKEN})))


def ask(code, hub, tmp_path, token=TOKEN):
    """Run code in a process whose hub is ours; its client reads the address once, when imported."""
    environment = os.environ | {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "hub"), "HF_TOKEN": token}
    environment.pop("HF_HUB_OFFLINE", None)
    code = f"from ytcurate.models import find_model\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_a_revision_is_pinned_to_a_commit_and_weights_are_counted(tmp_path):
    code = (
        f"m = find_model({MODEL!r}, revision='v1')\n"
        "print(m.revision, m.is_resolved, m.weight_bytes, *m.environment)"
    )
    with hub_of(files_of(TINY), token=TOKEN) as hub:
        done = ask(code, hub, tmp_path)
    weights = (TINY / "model.safetensors").stat().st_size
    assert done.stdout.split() == [COMMIT, "True", str(weights), "HF_ENDPOINT"], done.stderr


def test_a_model_or_revision_that_is_not_on_the_hub_is_one_sentence(tmp_path):
    with hub_of(files_of(TINY), token=TOKEN) as hub:
        revision = ask(f"find_model({MODEL!r}, revision='v9')", hub, tmp_path)
        model = ask("find_model('someone/other')", hub, tmp_path)
        token = ask(f"find_model({MODEL!r})", hub, tmp_path, token="hf_wrong")
    assert (
        "UsageError: --revision v9: someone/Tiny-VL-4M has no such commit, tag or branch." in revision.stderr
    )
    for done in (model, token):
        assert "the hub has no such model, or it is private and your token does not open it" in done.stderr
        assert "hf_" not in done.stderr.rpartition("UsageError")[2]
