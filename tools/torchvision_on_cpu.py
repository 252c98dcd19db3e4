"""Let PyPI's torchvision be imported beside a CPU build of torch.

PyPI carries only a CUDA build of torchvision. Its compiled operators do not load beside torch's CPU
build, and ``import torchvision`` then stops with ``operator torchvision::nms does not exist``: its
Python files register shape functions and gradients for operators that nobody defined. The Qwen2.5-VL
processor needs only torchvision's resize, which is plain torch. So the operators are *declared* here,
with no implementation: importing works, and calling one of them still fails, loudly, in torch's own words.

``make`` copies this file into the test environment's site-packages, beside a ``.pth`` file that
imports it when Python starts. That covers every process: the tests, jobs of the local cluster, and the
engine processes that vLLM spawns. Importing this module is cheap, torch is imported only when
somebody imports torchvision. An environment with matching builds (any GPU image) needs none of it, and
there it does nothing: operators that exist already are left alone.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

# The operators for which torchvision 0.28's _meta_registrations.py registers a shape function without
# first asking whether the compiled operators are there; the schemas are those of its C++ sources.
_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class _DeclareBeforeTorchvision(importlib.abc.MetaPathFinder):
    """Finds torchvision as always, and has its operators declared before its code runs."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Declares the operators, then loads torchvision.

    torch must be imported here and not while *finding*: Python holds its global import lock then, and a
    second thread that is importing torch would wait for it for ever.
    """

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        _declare()
        self._loader.exec_module(module)


def _declare() -> None:
    import torch

    if torch.version.cuda is not None:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _OPERATORS:
        library.define(schema)
    # A Library takes its definitions back when it is collected.
    globals()["_library"] = library


sys.meta_path.insert(0, _DeclareBeforeTorchvision())
