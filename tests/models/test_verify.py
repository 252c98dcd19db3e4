"""What a job proves of its files, and how it takes the token."""

import hashlib
import os

import pytest

from ytcurate.describers.weights import FileDigest, take_token_from_vault, verify_files
from ytcurate.errors import EngineUnavailable


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "sub" / "b.safetensors").write_bytes(b"weights")
    return tmp_path


MANIFEST = {
    name: FileDigest(len(content), hashlib.sha256(content).hexdigest())
    for name, content in {"a.json": b"{}", "sub/b.safetensors": b"weights"}.items()
}


def test_files_as_pushed_pass_whatever_lies_beside_them(folder):
    (folder / "other").write_text("x")
    verify_files(folder, MANIFEST)
    verify_files(folder, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "sub/b.safetensors is not what was pushed: expected 7 bytes, found no such file. Push"),
        (b"weight", "expected 7 bytes, found 6 bytes"),
        (b"weighty", f"expected sha256 {MANIFEST['sub/b.safetensors'].sha256}, found "),
    ],
)
def test_the_first_file_that_differs_is_named_with_what_to_do(folder, content, message):
    path = folder / "sub" / "b.safetensors"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(EngineUnavailable) as raised:
        verify_files(folder, MANIFEST)
    assert message in str(raised.value)
    assert str(raised.value).endswith("Push the checkpoint again (`ytcurate weights push`).")


def test_the_token_of_the_vault_is_the_token_of_the_process(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("YT_SECURE_VAULT_HF_TOKEN", raising=False)
    assert not take_token_from_vault()
    monkeypatch.setenv("YT_SECURE_VAULT_HF_TOKEN", "hf_x")
    assert take_token_from_vault()
    assert os.environ["HF_TOKEN"] == "hf_x"
