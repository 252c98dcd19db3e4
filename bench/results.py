"""Writes ``bench/RESULTS.md``: every measurement of this machine, its target, and the command to repeat it.

``make bench`` runs this. The one on a GPU is run elsewhere, by hand; ``--gpu FILE`` takes its JSON in.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.harness import RESULTS, Result, as_table, as_text, gather, is_table

NAMES = ("upload", "frames", "hand_over", "describe", "curate_cpu", "overlap", "search", "cluster_io")
GPU_COMMAND = "python -m bench.gpu_describe --json --clips 200 > gpu.json"

_ABOUT = {
    "upload": "A folder of videos into a table of a local cluster of its own. The plain way cuts with the "
    "ffmpeg program into a temporary folder and writes with the client as it comes; ours is `ytcurate "
    "upload`, timed with the start of its program. `limit` is the same client writing the same rows from "
    "memory with the best settings known; `limit_share` is ours against one stream of it, "
    "`limit_share_parallel` against the best of one to three streams at once. `peak_mb` is the "
    "PSS of all our processes together; `peaks` shows whether it grows with the source.",
    "frames": "From a clip's bytes to the pictures a model sees, on one core, against qwen-vl-utils with the "
    "fastest of its readers. `ratio` is its time over ours for the first clip.",
    "hand_over": "Making pictures into the engine's input, on one core: our 8-bit pictures against "
    "qwen-vl-utils' floats.",
    "describe": "The whole job, as map operations on a local cluster of its own: the plain mapper (batches "
    "of ten, decoded and then described) against `ytcurate describe`, with the demo's tiny model. That model "
    "costs little, so this measures all that surrounds an engine. Whole operations are timed, with the start "
    "of the engine; `steady` leaves the start out.",
    "curate_cpu": "Scene cuts, clips, scores and keyframes of the same videos, all on one core. The plain "
    "way calls a library for each step and decodes for each: PySceneDetect, its ffmpeg splitting, OpenCV for "
    "scores, for motion and for keyframes. `ratio` is its time over ours; `ratio_without_encoding` leaves "
    "its splitting out, which encodes every clip again, and nothing of ours.",
    "overlap": "A whole run of `ytcurate curate` on a local cluster of its own, with the demo's tiny model "
    "and labelling made slow on purpose. `ratio` is the slowest stage alone, on clips that are all there, "
    "over the whole run; `one_after_another` is the sum of all stages, each alone, over the whole run.",
    "search": "The ten nearest of a million vectors of 512, all of them compared. `seconds` is a search of "
    "vectors in the page cache, `cold_seconds` the first one from the disk.",
    "cluster_io": "The local cluster's own cost, with the unmodified client. `ratio` is the time of the same "
    "client against a server that throws away what is written and reads from memory, over its time against "
    "the local cluster, for cells of 3 MB without compression: the lower of writing and reading. "
    "`client_share_*` is the client's part of the processor time of both, for rows of 100 bytes. "
    "`empty_map_seconds` is an operation of one job that does nothing, without the start of its "
    "Python. `peak_mb` is the most memory (resident, mapped files included) that a server held while "
    "a table of `peak_table_mb` was written and read.",
    "gpu_describe": "Random weights in the shapes of Qwen2.5-VL-7B, answers of one length. "
    "`clips_per_second` runs from the moment the engine is ready to the last answer; `ceiling` is the same "
    "engine with every clip rendered before and submitted at once.",
}
_SHOWN_ONCE = ("name", "machine", "versions", "quick")


@dataclass(frozen=True)
class Target:
    """What a figure should be."""

    bench: str
    figure: str
    words: str
    bound: float
    at_least: bool = True

    def row(self, result: Result) -> Result:
        """One line of the summary."""
        wanted = f"{'at least' if self.at_least else 'at most'} {self.bound:g}"
        value = result.get(self.figure)
        if not isinstance(value, int | float):
            return {"measured": result.get("error", "not measured"), "target": wanted, "reached": "no"}
        reached = value >= self.bound if self.at_least else value <= self.bound
        return {"measured": value, "target": wanted, "reached": "yes" if reached else "no"}


TARGETS = (
    Target("upload", "ratio", "uploading a folder, times faster", 3),
    Target("upload", "limit_share", "uploading, share of what client and cluster can", 0.8),
    Target("upload", "peak_mb", "peak memory of uploading, MB", 600, at_least=False),
    Target("upload", "preview_share", "share of uploading that posters take", 0.1, at_least=False),
    Target("frames", "ratio", "decoding and sizing a clip, times faster", 3),
    Target("hand_over", "ratio", "handing a clip to the engine, times faster", 3),
    Target("describe", "ratio", "the whole job, times faster", 3),
    Target("describe", "memory_ratio", "peak memory of the job, ours over plain", 0.5, at_least=False),
    Target("curate_cpu", "ratio", "CPU stages of curation, times faster", 2),
    Target("overlap", "ratio", "the slowest stage's share of a whole run", 0.87),
    Target("search", "seconds", "searching a million vectors, s", 1, at_least=False),
    Target("cluster_io", "write_ratio", "writing 3 MB cells, share of what the client can", 0.5),
    Target("cluster_io", "read_ratio", "reading 3 MB cells, share of what the client can", 0.5),
    Target("cluster_io", "client_share_write", "writing small rows, the client's part of the work", 0.5),
    Target("cluster_io", "client_share_read", "reading small rows, the client's part of the work", 0.5),
    Target("cluster_io", "empty_map_seconds", "an operation that does nothing, s", 1.5, at_least=False),
    Target("cluster_io", "peak_mb", "memory of a server of a 5 GB table, MB", 1000, at_least=False),
)
GPU_TARGETS = (
    Target("gpu_describe", "ratio", "the job on a GPU, times faster", 3),
    Target("gpu_describe", "share_of_ceiling", "share of the engine's ceiling", 0.9),
)


def page(results: Sequence[Result], gpu: Result | None = None, *, before: str = "") -> str:
    """Write the page.

    Args:
        results: of the measurements on this machine.
        gpu: of ``bench.gpu_describe``; None if it was not run.
        before: the page as it was: what was not measured now stays as it says.
    """
    old = {part.split("\n", 1)[0]: part.rstrip() for part in before.split("\n## ")[1:]}
    by_name = {str(result["name"]): result for result in results}
    measured = [result for result in results if "machine" in result]
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        "# Measurements",
        "",
        f"Written by `make bench` on {when}. Ours and the plain way take turns in ",
    ]
    lines[-1] += "one run on one machine, so what else the machine does falls on both."
    if any(result.get("quick") for result in results):
        lines += [
            "",
            "**A quick run on small inputs: it shows that all of it runs. The figures mean nothing.**",
        ]
    if measured:
        about = "; ".join(f"{name} {value}" for name, value in measured[-1]["machine"].items())
        versions = {name: each for result in measured for name, each in result["versions"].items()}
        lines += ["", f"- Machine: {about}"]
        lines += ["- Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items())]
    if "\n|" in before:
        lines = before[: before.index("\n|")].rstrip().splitlines()
    targets = [(target, by_name.get(target.bench)) for target in TARGETS]
    if gpu is not None:
        targets += [(target, gpu) for target in GPU_TARGETS]
    rows = {target.words: target.row(result or {}) for target, result in targets}
    for target, result in targets:
        if result is None and target.bench in old:
            rows[target.words] = _row_of(before, target.words) or rows[target.words]
    lines += ["", *as_table(rows)]
    for name in dict.fromkeys([*NAMES, *by_name]):
        if name in by_name:
            lines += _section(by_name[name], f"python -m bench.{name}")
        elif name in old:
            lines += ["", f"## {old[name]}"]
    if gpu is None and "gpu_describe" in old:
        lines += ["", f"## {old['gpu_describe']}"]
    else:
        lines += _gpu_section(gpu)
    return "\n".join(lines) + "\n"


def _row_of(page: str, words: str) -> Result | None:
    """What a page says of a target; None: nothing."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == words and len(cells) == 4:
            return dict(zip(("measured", "target", "reached"), cells[1:], strict=True))
    return None


def _section(result: Result, command: str) -> list[str]:
    name = str(result["name"])
    shown = {key: value for key, value in result.items() if key not in _SHOWN_ONCE}
    tables = {key: value for key, value in shown.items() if is_table(value)}
    plain = {key: value for key, value in shown.items() if key not in tables}
    lines = ["", f"## {name}", "", _ABOUT.get(name, ""), "", f"`{command}`", ""]
    lines += [f"- {line}" for line in as_text(plain)]
    for key, rows in tables.items():
        lines += ["", f"{key}:", "", *as_table(rows)]
    return lines


def _gpu_section(gpu: Result | None) -> list[str]:
    if gpu is None:
        return [
            *("", "## gpu_describe", ""),
            "Not run on a GPU yet. What it measures: " + _ABOUT["gpu_describe"],
            *("", "On a machine with one, in an environment with ytcurate's `gpu` and `dev` extras:", ""),
            *("```", GPU_COMMAND, "python -m bench.results --gpu gpu.json", "```"),
        ]
    lines = _section(gpu, GPU_COMMAND)
    about = "; ".join(f"{name} {value}" for name, value in gpu.get("machine", {}).items())
    versions = ", ".join(f"{name} {version}" for name, version in gpu.get("versions", {}).items())
    return [*lines, "", f"- Its machine: {about}", f"- Its versions: {versions}"]


def main() -> None:
    """Run the measurements and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(NAMES), help=f"measurements: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="show that it runs; the figures mean nothing")
    parser.add_argument("--gpu", type=Path, help="what bench.gpu_describe --json printed on a GPU")
    parser.add_argument("--update", action="store_true", help="leave the other parts of the page as they are")
    parser.add_argument("--to", type=Path, default=RESULTS, help="the page; bench/RESULTS.md")
    options = parser.parse_args()
    gpu = None
    if options.gpu:
        gpu = json.loads(options.gpu.read_text(encoding="utf-8").splitlines()[-1])
    before = options.to.read_text(encoding="utf-8") if options.update else ""
    results = gather(options.names, quick=options.quick)
    options.to.write_text(page(results, gpu, before=before), encoding="utf-8")
    print(options.to)


if __name__ == "__main__":
    main()
