"""tractorun, unmodified: its command and its Python interface, on processors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from yt.wrapper import YtClient

from tests.localcluster.conftest import Server
from ytcurate.localcluster.scheduler import container

pytestmark = [
    pytest.mark.checked_against("client"),
    pytest.mark.skipif(
        not container.is_possible(),
        reason="tractorun reads its files in /slot/sandbox, and this machine allows no mount namespaces",
    ),
]

TORCH = """
import torch, torch.distributed
from tractorun.backend.tractorch import Tractorch
from tractorun.run import prepare_and_get_toolbox

toolbox = prepare_and_get_toolbox(backend=Tractorch())
rank = toolbox.coordinator.get_self_index()
total = torch.tensor([float(rank + 1)])
torch.distributed.all_reduce(total)
print("rank", rank, "total", total.item(), toolbox.get_user_config(), flush=True)
toolbox.save_model(b"weights", "//tmp/data", {"total": str(total.item())})
"""

GENERIC = """
import sys
from tractorun.backend.generic import GenericBackend
from tractorun.mesh import Mesh
from tractorun.run import run


def train(toolbox):
    last = toolbox.checkpoint_manager.get_last_checkpoint()
    step = int(last.metadata["step"]) + 1 if last else 0
    toolbox.checkpoint_manager.save_checkpoint(b"state %d" % step, {"step": step}).wait(timeout=60)
    if step == 1:
        sys.exit("does not converge")


if __name__ == "__main__":
    run(train, backend=GenericBackend(), yt_path=sys.argv[1], mesh=Mesh(), docker_image="registry/image:1")
"""


def start(proxy: str, *command: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "YT_PROXY": proxy}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def output(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def test_its_command_trains_with_torch_on_two_nodes(server: Server, tmp_path: Path):
    client = server.client()
    script = tmp_path / "train.py"
    script.write_text(TORCH)
    process = start(
        server.proxy, str(Path(sys.executable).parent / "tractorun"), "--yt-path", "//tmp/torch",
        "--docker-image", "registry/image:1", "--mesh.node-count", "2", "--mesh.process-per-node", "1",
        "--mesh.gpu-per-process", "0", "--user-config", '{"rate": 3}', "--title", "sum",
        "--bind-local", f"{script}:/train.py", "--", "python3", "/train.py",
    )  # fmt: skip
    output(process)
    model = "//tmp/torch/models/0"
    assert client.read_file(model).read() == b"weights"
    saved = client.get(f"{model}/@tractorun")
    assert (saved["metadata"], saved["mesh"]["node_count"]) == ({"total": "3.0"}, 2)
    assert client.get("//tmp/torch/@incarnation_id") == 0
    operation = client.get_operation(saved["operation_id"])
    assert (operation["state"], operation["spec"]["title"]) == ("completed", "sum")
    assert stderr_lines(client, operation["id"]) == [
        "rank 0 total 3.0 {'rate': 3}",
        "rank 1 total 3.0 {'rate': 3}",
    ]


def stderr_lines(client: YtClient, operation_id: str) -> list[str]:
    """What the processes printed."""
    jobs = client.list_jobs(operation_id)["jobs"]
    texts = [client.get_job_stderr(operation_id, job["id"]).read().decode() for job in jobs]
    return sorted(line for text in texts for line in text.splitlines() if line.startswith("rank"))


def test_a_function_goes_on_from_its_checkpoint_and_its_failure_is_told(server: Server, tmp_path: Path):
    client, training = server.client(), "//tmp/generic"
    script = tmp_path / "run.py"
    script.write_text(GENERIC)
    output(start(server.proxy, sys.executable, str(script), training))
    # The lock of a training that is over goes with its transaction, which nobody pings; do not wait.
    client.abort_transaction(client.get(f"{training}/incarnations/00000/@incarnation_transaction_id"))
    failing = start(server.proxy, sys.executable, str(script), training)
    text, _ = failing.communicate(timeout=300)
    assert failing.returncode == 1
    assert "does not converge" in text
    assert "Process exited with code 1" in text
    checkpoints = [client.read_file(f"{training}/checkpoints/{index}/value").read() for index in (0, 1)]
    assert checkpoints == [b"state 0", b"state 1"]
    assert client.get(f"{training}/@incarnation_id") == 1
