"""Runs commands of the `yt` tool as its console script does, but pays for its imports only once.

Reads one JSON list of arguments and input per line, answers one JSON line; each command is a fresh fork.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import IO

from yt.cli import yt_binary


def run(arguments: list[str], text: str) -> dict[str, object]:
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(text.encode())
        stdin.seek(0)
        child = os.fork()
        if child == 0:
            become(arguments, stdin, out, err)
        _, status = os.waitpid(child, 0)
        return {"code": os.waitstatus_to_exitcode(status), "out": whole(out), "err": whole(err)}


def become(arguments: list[str], stdin: IO[bytes], out: IO[bytes], err: IO[bytes]) -> None:
    for number, file in enumerate((stdin, out, err)):
        os.dup2(file.fileno(), number)
    # The one of the server is known to be a pipe.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["yt", *arguments]
    code: object = 0
    try:
        yt_binary.main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # As a shell sees it.
        os._exit(code & 255 if isinstance(code, int) else 1)


def whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
