"""What may import what, what the package shows, and how light it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ytcurate

PACKAGE = Path(ytcurate.__file__).parent
ALLOWED = {
    "media": {"media", "errors", "config"},
    "sources": {"sources", "media", "errors", "config"},
    "tables": {"tables", "connection", "errors", "config"},
    "operations": {"operations", "connection", "errors", "config"},
    "describers": {"describers", "media", "errors", "config"},
    "embedders": {"embedders", "media", "errors", "config"},
    "vectors": {"vectors", "tables", "connection", "errors", "config"},
    "exporting": {"exporting", "tables", "connection", "errors", "config"},
    "mappers": {"mappers", "describers", "embedders", "media", "errors", "config"},
    "localcluster": {"localcluster"},
}
"""What the modules of a part may import; those of a part not listed: all but the local cluster."""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(("ytcurate", *path.relative_to(PACKAGE).with_suffix("").parts)), path


def imports_within(module, path):
    """Names of our modules that a file imports, relative imports resolved."""
    package = module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "ytcurate")
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            if origin == "ytcurate":
                yield from (f"ytcurate.{alias.name}" for alias in node.names)
            elif origin.startswith("ytcurate."):
                yield origin


def part(module):
    return [*module.split("."), ""][1]


def test_each_part_imports_only_what_it_may():
    wrong = [
        f"{module} imports {imported}"
        for module, path in modules()
        for imported in imports_within(module, path)
        if part(imported) not in ALLOWED.get(part(module), {part(imported)} - {"localcluster"})
    ]
    assert wrong == []


def test_every_public_name_is_there_and_documented():
    for name in ytcurate.__all__:
        value = getattr(ytcurate, name)
        assert name == "__version__" or value.__doc__, name
    assert dir(ytcurate) == sorted(ytcurate.__all__)


def test_no_part_has_the_name_of_a_public_function():
    # Once such a part is imported, it takes the function's place.
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert parts & set(ytcurate.__all__) == set()


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ytcurate.nothing


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_imports_nothing_heavy_and_takes_under_300_ms():
    code = (
        "import sys, time; before = time.perf_counter(); import ytcurate;"
        "took = time.perf_counter() - before;"
        "heavy = {'torch', 'vllm', 'transformers', 'datasets', 'av', 'yt', 'numpy'} & set(sys.modules);"
        "print(took, sorted(heavy))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split(
            " ", 1
        )
        for _ in range(3)
    ]
    assert {heavy.strip() for _, heavy in runs} == {"[]"}
    assert min(float(took) for took, _ in runs) < 0.3


def test_importing_the_mapper_imports_no_engine():
    code = (
        "import sys; from ytcurate import DescribeMapper, build_spec, upload, describe; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "vllm", "transformers", "datasets", "av"} & set(loaded)
