"""The manifest of a checkpoint in Cypress: the attribute that says which files make it up.

It is written twice: before the first file, as incomplete, and after the last. So a push that was
interrupted can be told from one that ended, and the next one knows what it goes on with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ytcurate.describers.weights import FileDigest
from ytcurate.errors import UsageError

ATTRIBUTE = "ytcurate_weights"
"""Of the directory: the manifest."""
FILE_ATTRIBUTE = "ytcurate_sha256"
"""Of each file: the hash of its content, set in the transaction that wrote it."""
_SPECIAL = re.compile(r"[\\@&*\[{]")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a push writes about the checkpoint it staged."""

    model: str
    """A hub id, or the name of the directory that was pushed."""
    hub_id: str | None = None
    revision: str | None = None
    """Commit on the hub; None for a local directory."""
    version: str
    """Of ytcurate."""
    time: str
    """When the push began, ISO 8601, UTC."""
    is_complete: bool = False
    files: Mapping[str, FileDigest] = field(default_factory=dict)
    """By name below the directory, with ``/``; empty until the push is complete."""
    left_out: tuple[str, ...] = ()
    """Files of the checkpoint that inference does not need."""

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files.values())

    def to_json(self) -> dict[str, Any]:
        """As it stands in the attribute."""
        return asdict(self) | {"left_out": list(self.left_out)}


@dataclass(frozen=True)
class StagedFile:
    """One file node below the directory."""

    size: int
    sha256: str | None
    """None if it was not written by a push, or not to its end."""


def read_manifest(client: Any, path: str) -> Manifest:
    """Read the manifest of a checkpoint in Cypress, complete or not.

    Raises:
        UsageError: there is no such directory, or no checkpoint was pushed to it.
    """
    manifest = find_manifest(client, path)
    if manifest is None:
        raise UsageError(
            f"{path}: no checkpoint was pushed here. `ytcurate weights push MODEL {path}` does it."
        )
    return manifest


def find_manifest(client: Any, path: str) -> Manifest | None:
    """Read the manifest, or return None if there is none."""
    if not path.startswith("//") or path.endswith("/"):
        raise UsageError(f"{path} is not the path of a directory; it looks like //home/me/models/name.")
    if not client.exists(path):
        return None
    if (kind := str(client.get(f"{path}/@type"))) != "map_node":
        raise UsageError(f"{path} is a {kind}; checkpoints lie in a directory (map_node).")
    if not client.exists(f"{path}/@{ATTRIBUTE}"):
        return None
    content = client.get(f"{path}/@{ATTRIBUTE}")
    files = {
        str(name): FileDigest(int(file["size"]), str(file["sha256"]))
        for name, file in content["files"].items()
    }
    return Manifest(
        model=str(content["model"]),
        hub_id=_text(content.get("hub_id")),
        revision=_text(content.get("revision")),
        version=str(content["version"]),
        time=str(content["time"]),
        is_complete=bool(content["is_complete"]),
        files=files,
        left_out=tuple(map(str, content["left_out"])),
    )


def node_path(folder: str, name: str) -> str:
    """Where a file of the checkpoint lies; what YPath takes for its own in a name is escaped."""
    return f"{folder}/" + "/".join(_SPECIAL.sub(r"\\\g<0>", part) for part in name.split("/"))


def staged_files(client: Any, path: str) -> dict[str, StagedFile]:
    """List the file nodes below a directory by their relative names, in one request."""
    found: dict[str, StagedFile] = {}
    _collect(client.get(path, attributes=["type", "uncompressed_data_size", FILE_ATTRIBUTE]), "", found)
    return found


def require_staged(client: Any, path: str) -> Manifest:
    """Read the manifest of a checkpoint and see that every file of it is there with its size.

    Raises:
        UsageError: it was not pushed, not to the end, or a file is missing or has another size.
    """
    manifest = read_manifest(client, path)
    if not manifest.is_complete:
        raise UsageError(
            f"{path}: the push of {manifest.model} that began {manifest.time} did not end. "
            "Run the same `ytcurate weights push` again: it goes on where it stopped."
        )
    staged = staged_files(client, path)
    for name, wanted in manifest.files.items():
        size = staged[name].size if name in staged else None
        if size != wanted.size:
            found = "it is not there" if size is None else f"it has {size}"
            raise UsageError(
                f"{path}/{name} should have {wanted.size} bytes, {found}. "
                f"Push the checkpoint again: `ytcurate weights push {manifest.model} {path}`."
            )
    return manifest


def _collect(node: Any, prefix: str, found: dict[str, StagedFile]) -> None:
    for name, child in node.items():
        attributes = child.attributes
        if attributes["type"] == "map_node":
            _collect(child, f"{prefix}{name}/", found)
        elif attributes["type"] == "file":
            digest = _text(attributes.get(FILE_ATTRIBUTE))
            found[f"{prefix}{name}"] = StagedFile(int(attributes["uncompressed_data_size"]), digest)


def _text(value: Any) -> str | None:
    """Nothing is not None in YSON, but an entity."""
    return str(value) if isinstance(value, str) else None
