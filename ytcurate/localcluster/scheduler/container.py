"""Gives jobs that name an image their sandbox at /slot/sandbox, as a container on a real node does.

Run by its path in front of such a job's command, with the server's interpreter and none of its packages:
`python -I -S container.py SANDBOX MOUNT_POINT COMMAND`. It makes a mount namespace of its own, in which the
machine's files are where they were and `/slot/sandbox` is the sandbox, and becomes the command. Nothing of
it is seen outside, or left when the process ends. What is in the image is not used.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.user_job import UserJob

INSIDE = "/slot/sandbox"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2


def command_of(job: UserJob, sandbox: Path) -> str:
    """What bash is to run for a job: its command, in a container where it has one."""
    if not (job.raw.get("docker_image") or job.raw.get("layer_paths")) or not is_possible():
        return job.command
    mount_point = sandbox.parent.parent / "container"
    mount_point.mkdir(exist_ok=True)
    return in_container(job.command, sandbox, mount_point)


def in_container(command: str, sandbox: Path, mount_point: Path) -> str:
    """A shell command that runs `command` with the sandbox at /slot/sandbox.

    Args:
        mount_point: an empty directory; jobs may share one, as each sees another directory there.
    """
    script = str(Path(__file__).resolve())
    return "exec " + shlex.join([sys.executable, "-I", "-S", script, str(sandbox), str(mount_point), command])


@cache
def is_possible() -> bool:
    """May this process make mount namespaces? Root mostly may, and on most desktops everybody."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox, mount_point = Path(folder, "sandbox"), Path(folder, "root")
        sandbox.mkdir()
        mount_point.mkdir()
        command = in_container(f"test . -ef {INSIDE}", sandbox, mount_point)
        return subprocess.run(["bash", "-c", command], cwd=sandbox, capture_output=True).returncode == 0


def _call(name: str, *arguments: int | bytes | None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _new_namespace() -> None:
    """A mount namespace; without the right to it, inside a user namespace where one's own ids stay."""
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", CLONE_NEWNS)
    except PermissionError:
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def _bind(source: Path, target: Path) -> None:
    _call("mount", os.fsencode(source), os.fsencode(target), None, MS_BIND | MS_REC, None)


def enter(sandbox: Path, mount_point: Path) -> None:
    """Put this process into the container, its working directory into the sandbox.

    Raises:
        OSError: this process may not make namespaces.
    """
    _new_namespace()
    # The machine's root may lack /slot and need not be writable: the new root is a directory in memory.
    _call("mount", b"tmpfs", os.fsencode(mount_point), b"tmpfs", 0, b"mode=755")
    for entry in Path("/").iterdir():
        target = mount_point / entry.name
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif entry.is_dir() and entry.name != "slot":
            target.mkdir()
            _bind(entry, target)
    inside = mount_point / INSIDE[1:]
    inside.mkdir(parents=True)
    _bind(sandbox, inside)
    os.chdir(mount_point)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", MNT_DETACH)
    # The new root is in itself, too, where it was put together.
    _call("umount2", os.fsencode(mount_point), MNT_DETACH)
    os.chdir(INSIDE)
    # Shells believe it where it leads to the same directory.
    os.environ["PWD"] = INSIDE


def main() -> None:
    sandbox, mount_point, command = sys.argv[1:]
    enter(Path(sandbox), Path(mount_point))
    os.execvp("bash", ["bash", "-c", command])


if __name__ == "__main__":
    main()
