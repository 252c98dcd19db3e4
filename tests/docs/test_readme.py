"""The README's commands, run in their order from the root of the checkout, and its Python."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
CONSOLE = re.findall(r"```console\n(.*?)```", TEXT, re.S)


def commands():
    """Pairs of a command and the output shown below it."""
    for block in CONSOLE:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


WORKING_ON_IT = ("make test", "make check")
FLOW = [pair for pair in commands() if pair[0] not in WORKING_ON_IT]


def test_the_commands_of_the_first_screen_do_what_it_says(tmp_path):
    # A place of its own for the cluster, no proxy from outside, and a `.venv` that is already there.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("YT_")}
    environment |= {"XDG_DATA_HOME": str(tmp_path), "COLUMNS": "80"}
    script = "set -e\n" + "\n".join(f"echo '$' {index}; {command}" for index, (command, _) in enumerate(FLOW))
    try:
        done = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800
        )
    finally:
        subprocess.run(
            [ROOT / ".venv" / "bin" / "ytcurate", "cluster", "stop"], env=environment, capture_output=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = re.split(r"^\$ \d+\n", done.stdout, flags=re.M)[1:]
    assert len(printed) == len(FLOW)
    for (command, shown), output in zip(FLOW, printed, strict=True):
        # A cluster takes another port when 8000 is in use.
        shown, output = (re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text) for text in (shown, output))
        assert shown in output, f"{command}: the README shows {shown!r}, it printed {output!r}"


@pytest.mark.parametrize("command", WORKING_ON_IT)
def test_the_targets_for_contributors_exist(command):
    # Not run here: this test is part of the first.
    assert (command, "") in list(commands())
    subprocess.run([*command.split(), "-n"], cwd=ROOT, check=True, capture_output=True)


def test_the_python_of_the_first_screen_uses_public_names():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    compile(code, "README.md", "exec")
    (imported,) = re.findall(r"from ytcurate import (.*)", code)
    import ytcurate

    assert set(imported.split(", ")) <= set(ytcurate.__all__)


def test_links_inside_the_repository_lead_somewhere():
    headings = {re.sub(r"[^a-z -]", "", line.lower()).strip().replace(" ", "-") for line in TEXT.splitlines()}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_other_commands_have_options_that_exist():
    blocks = [block.replace("\\\n", " ") for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S)]
    examples = [line for block in blocks for line in block.splitlines()]
    assert examples
    for line in examples:
        words = line.split()
        subcommand = [word for word in words[1:3] if not word.startswith(("-", "/"))]
        done = subprocess.run(
            [ROOT / ".venv" / "bin" / "ytcurate", *subcommand, "--help"],
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )
        assert done.returncode == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in done.stdout, f"{line}: no {option}"


def test_every_option_that_the_text_names_exists():
    pages = []
    subcommands = "upload describe curate score embed search export show".split()
    for subcommand in (*subcommands, "weights push", "cluster start"):
        command = [ROOT / ".venv" / "bin" / "ytcurate", *subcommand.split(), "--help"]
        pages.append(
            subprocess.run(
                command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=True
            ).stdout
        )
    known = set(re.findall(r"--[a-z][a-z-]+", "".join(pages)))
    assert set(re.findall(r"`(--[a-z][a-z-]+)", TEXT)) <= known
