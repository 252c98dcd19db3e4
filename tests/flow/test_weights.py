"""A checkpoint put on the cluster once, and what its jobs make of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dill
import pytest

from tests.models.hub_server import COMMIT, files_of, hub_of
from tests.models.hub_server import MODEL as HUB_MODEL
from tests.models.look_around import LookAround
from ytcurate.demo.sample import MODEL
from ytcurate.errors import OperationFailed, UsageError
from ytcurate.models import Secrets, find_model
from ytcurate.models.manifest import FILE_ATTRIBUTE
from ytcurate.operations import submit
from ytcurate.pipeline.weights import check_weights, list_weights, push_weights, read_manifest

TOKEN = "hf_a_token_nobody_may_see"
COMMAND = [str(Path(sys.executable).parent / "ytcurate")]


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the tiny checkpoint that a test may change."""
    return shutil.copytree(MODEL, tmp_path / "Tiny-VL")


@pytest.fixture
def run_command(proxy):
    def run(*arguments, **environment):
        given = os.environ | {"YT_PROXY": proxy} | environment
        return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, env=given)

    return run


def look_around(client, workdir, model, **spec):
    client.write_table(f"{workdir}/one", [{"n": 1}])
    spec |= {"mapper": {"environment": dict(model.environment)}, "max_failed_job_count": 1}
    progress = submit.run(
        client,
        LookAround(model.manifest),
        f"{workdir}/one",
        f"{workdir}/seen",
        spec=spec,
        cypress_files=model.cypress_files,
    )
    return progress.operation_id, next(iter(client.read_table(f"{workdir}/seen")))


def overwrite_in_place(client, path, content):
    """Change a node's content behind the manifest's back."""
    digest = client.get(f"{path}/@{FILE_ATTRIBUTE}")
    client.write_file(path, content)
    client.set(f"{path}/@{FILE_ATTRIBUTE}", digest)


def test_a_pushed_checkpoint_reaches_the_job_whole_and_without_a_hub(client, workdir, checkpoint):
    (checkpoint / "more").mkdir()
    (checkpoint / "more" / "a&b@[1].json").write_text("{}")  # signs that mean something in a YPath
    (checkpoint / "pytorch_model.bin").write_text("the same weights again")
    path = f"{workdir}/tiny"

    pushed = push_weights(checkpoint, path, client=client)

    assert pushed.left_out == ["README.md", "pytorch_model.bin"]
    assert (pushed.model, pushed.files, pushed.kept_files) == ("Tiny-VL", 11, 0)
    model = find_model(path, client=client)
    assert (model.name, model.job_path, model.weights, model.files) == ("Tiny-VL", "model", path, ())
    assert model.bytes == pushed.bytes == sum(file.size for file in model.manifest.values())
    assert model.weight_bytes == (MODEL / "model.safetensors").stat().st_size

    _, seen = look_around(client, workdir, model)

    assert seen["files"] == sorted(model.manifest)
    assert "more/a&b@[1].json" in seen["files"]
    assert seen["offline"] == ["1", "1"]
    assert client.get(f"{path}/model.safetensors/@compression_codec") == "none"


def test_a_changed_byte_is_found_by_check_and_by_the_job(client, workdir, run_command):
    path = f"{workdir}/tiny"
    push_weights(MODEL, path, client=client)
    assert check_weights(path, client=client).problems == ()
    content = bytearray((MODEL / "model.safetensors").read_bytes())
    content[-1] ^= 1
    overwrite_in_place(client, f"{path}/model.safetensors", bytes(content))

    done = run_command("weights", "check", path)

    assert done.returncode == 1
    assert done.stderr.startswith("model.safetensors: expected sha256 ")
    assert done.stdout.endswith(f"of tiny-qwen2.5-vl in {path}: 1 differ\n")
    with pytest.raises(OperationFailed, match=r"model model: model\.safetensors is not what was pushed"):
        look_around(client, workdir, find_model(path, client=client))


def test_a_token_goes_through_the_vault_and_is_seen_nowhere(client, workdir):
    path = f"{workdir}/tiny"
    push_weights(MODEL, path, client=client)
    model = find_model(path, client=client)
    secrets = Secrets({"HF_TOKEN": TOKEN})

    operation_id, seen = look_around(client, workdir, model, secure_vault=dict(secrets))

    assert seen["token_ends_with"] == "see"
    operation = client.get_operation(operation_id)
    assert "LookAround" in str(operation)
    assert TOKEN not in str(operation)
    assert TOKEN.encode() not in dill.dumps(LookAround(model.manifest), recurse=True)
    files = operation["spec"]["mapper"]["file_paths"]
    assert [str(path) for path in files if TOKEN.encode() in client.read_file(str(path)).read()] == []


def test_pushing_again_keeps_what_is_there(client, workdir, checkpoint):
    path = f"{workdir}/tiny"
    first = push_weights(checkpoint, path, client=client)
    written = read_manifest(client, path)

    again = push_weights(checkpoint, path, client=client)

    assert (again.kept_files, again.written_files, again.kept_bytes) == (first.files, 0, first.bytes)
    assert read_manifest(client, path) == written
    (checkpoint / "generation_config.json").write_text("{}")
    (checkpoint / "preprocessor_config.json").unlink()
    with pytest.raises(UsageError, match=r"holds another state of Tiny-VL .* --overwrite replaces it"):
        push_weights(checkpoint, path, client=client)
    changed = push_weights(checkpoint, path, client=client, overwrite=True)
    assert (changed.written_files, changed.kept_files) == (1, first.files - 2)
    assert "preprocessor_config.json" not in client.list(path)
    assert check_weights(path, client=client).problems == ()


def test_a_directory_of_something_else_is_left_alone(client, workdir, checkpoint, tmp_path):
    client.create("map_node", f"{workdir}/mine")
    client.write_file(f"{workdir}/mine/notes.txt", b"mine")
    with pytest.raises(UsageError, match=r"holds 1 files that no push wrote, notes\.txt among them"):
        push_weights(checkpoint, f"{workdir}/mine", client=client)
    push_weights(checkpoint, f"{workdir}/tiny", client=client)
    other = shutil.copytree(checkpoint, tmp_path / "Other-VL")
    with pytest.raises(UsageError, match="holds Tiny-VL, not Other-VL: --overwrite replaces it"):
        push_weights(other, f"{workdir}/tiny", client=client)
    with pytest.raises(UsageError, match="holds Tiny-VL, --model says Qwen/Other"):
        find_model("Qwen/Other", weights=f"{workdir}/tiny", client=client)


def test_what_cannot_be_pushed_is_one_sentence_and_leaves_nothing(client, workdir, checkpoint, run_command):
    path = f"{workdir}/none"
    with pytest.raises(UsageError, match="no checkpoint was pushed here"):
        find_model(path, client=client)
    with (checkpoint / "model.safetensors").open("r+b") as file:
        file.truncate(10 * 10**9 + 1)  # sparse: takes no room
    too_large = run_command("weights", "push", checkpoint, path)
    assert too_large.returncode == 2
    assert "model.safetensors has 10.0 GB; a job takes files up to 10 GB. Save the" in too_large.stderr
    (checkpoint / "model.safetensors").unlink()
    assert "holds no weights" in run_command("weights", "push", checkpoint, path).stderr
    assert "no such directory" in run_command("weights", "push", "/no/such", path).stderr
    assert "is not the path of a directory" in run_command("weights", "push", MODEL, "/tmp/x").stderr
    assert not client.exists(path)


def make_shards(checkpoint, sizes):
    """Give a checkpoint several files of weights; they are sparse, and not loaded here."""
    (checkpoint / "model.safetensors").unlink()
    names = [f"model-{number:05}-of-{len(sizes):05}.safetensors" for number, _ in enumerate(sizes, start=1)]
    for name, size in zip(names, sizes, strict=True):
        with (checkpoint / name).open("wb") as file:
            file.truncate(size)
    index = {"weight_map": {f"weight {name}": name for name in names}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    return names


def test_a_push_that_is_killed_is_refused_and_the_next_one_goes_on(
    client, workdir, checkpoint, run_command, proxy
):
    path = f"{workdir}/tiny"
    first, second = make_shards(checkpoint, [1_000_000, 600_000_000])
    push = [*COMMAND, "weights", "push", str(checkpoint), path]
    process = subprocess.Popen(push, env=os.environ | {"YT_PROXY": proxy}, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not client.exists(f"{path}/{first}/@{FILE_ATTRIBUTE}"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)  # into the second, whose node its transaction then holds for half a minute
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()

    listing = list_weights(path, client=client)
    assert not listing.is_complete
    assert (len(listing.files), first in listing.files, second in listing.files) == (5, True, False)
    with pytest.raises(UsageError, match=r"did not end\. Run the same `ytcurate weights push` again"):
        find_model(path, client=client)
    shown = run_command("weights", "list", path)
    assert "NOT complete" in shown.stdout

    done = run_command("weights", "push", checkpoint, path, "--json")

    result = json.loads(done.stdout)
    assert (result["kept_files"], result["written_files"]) == (5, 7)
    assert 600_000_000 <= result["written_bytes"] < 601_000_000
    checked = run_command("weights", "check", path)
    assert (checked.returncode, "all as pushed" in checked.stdout) == (0, True)
    assert client.get(f"{path}/{second}/@chunk_count") == 1
    assert f"{second}  600000000" in run_command("weights", "list", path).stdout


def test_a_model_of_the_hub_is_pushed_at_a_commit(client, workdir, run_command, tmp_path):
    path = f"{workdir}/hub"
    environment = {"HF_HOME": str(tmp_path / "hub"), "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    files = files_of(MODEL) | {"model.onnx": b"the same again"}
    with hub_of(files, token=TOKEN) as hub:
        done = run_command(
            "weights", "push", HUB_MODEL, path, "--revision", "v1", "--json", HF_ENDPOINT=hub, **environment
        )
        assert done.returncode == 0, done.stderr
        refused = run_command("weights", "push", "someone/other", path, HF_ENDPOINT=hub, **environment)

    offline = environment | {"HF_HUB_OFFLINE": "1"}
    again = run_command("weights", "push", HUB_MODEL, path, "--revision", COMMIT, "--json", **offline)
    other = run_command("weights", "push", HUB_MODEL, path, "--revision", "v9", **offline)

    result = json.loads(done.stdout)
    assert (json.loads(again.stdout)["kept_files"], result["written_files"]) == (10, 10), again.stderr
    assert "the hub cannot be reached, and its cache on this machine does not hold all of" in other.stderr
    assert (result["model"], result["revision"]) == (HUB_MODEL, COMMIT)
    assert result["left_out"] == ["README.md", "model.onnx"]
    assert not list((tmp_path / "hub").rglob("model.onnx"))  # not even downloaded
    assert TOKEN not in done.stdout + done.stderr + str(client.get(f"{path}/@"))
    assert refused.returncode == 2
    assert "the hub has no such model, or it is private" in refused.stderr

    model = find_model(HUB_MODEL, weights=path, revision=COMMIT, client=client)
    assert (model.name, model.revision, model.is_resolved, len(model.secrets)) == (HUB_MODEL, COMMIT, True, 0)
    assert check_weights(path, client=client).problems == ()
    with pytest.raises(UsageError, match=f"holds revision {COMMIT}, --revision says v2"):
        find_model(HUB_MODEL, weights=path, revision="v2", client=client)
