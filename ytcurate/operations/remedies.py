"""What to do about messages of the cluster, of Python in a job and of container runtimes."""

from __future__ import annotations

import re

_IMAGE = "Give the jobs an image of the Python version used here, or start ytcurate from that image."

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"(Row weight|Table row) is too large",
        "A row is heavier than its writer takes: cut shorter clips, leave the video out of the result, or"
        " raise job_io.table_writer.max_row_weight (at most 128 MiB on most clusters).",
    ),
    (
        r"Expected <= 134217728",
        "max_row_weight is above what this cluster takes: set 128 MiB or less.",
    ),
    (
        r"Memory limit exceeded while parsing YSON stream",
        "One row is too large for a proxy: cut shorter clips.",
    ),
    (
        r"Total size of tmpfs volumes must be less than or equal to memory limit",
        "tmpfs counts as memory: raise mapper.memory_limit by its size.",
    ),
    (
        r"No pool trees are specified|PoolTreesAreUnspecified",
        "Name a pool tree that the account has with --pool-tree.",
    ),
    (
        r"[Ss]cheduling tag filter cannot be specified",
        "A scheduling_tag_filter goes with one pool tree only: choose one.",
    ),
    (
        r'Value of type "string" is too long for dynamic data',
        "Queries and dynamic tables take 16 MB in a value: leave the video column out.",
    ),
    (
        r"No module named '?(ytcurate|yt)\b",
        "A part of ytcurate was not sent to the job: start it through ytcurate, or put it into the image.",
    ),
    (
        r"ModuleNotFoundError|No module named ",
        "The job's image lacks this package, and it is not sent along: add it to the image.",
    ),
    (r"unknown opcode|bad marshal data|_pickle\.UnpicklingError|dill\.\w*Error", _IMAGE),
    (
        r"resource_overdraft|[Rr]esource overdraft",
        "Jobs use more memory than was reserved for them: ask for more with --memory-gib, or raise "
        "mapper.user_job_memory_digest_default_value to 1.",
    ),
    (
        r"CUDA out of memory|OutOfMemoryError|No available memory for the cache blocks",
        "The card's memory does not hold the model: choose a preset with larger or more cards, a smaller "
        "model, or less context.",
    ),
    (
        r"Memory limit exceeded|Process exceeded memory limit",
        "Ask for more with --memory-gib (tmpfs is part of it), or read less ahead.",
    ),
    (
        r"([Dd]ocker image|[Ii]mage).{0,40}(pull|not found|unauthorized|denied)",
        "Check the image's name (the YT client puts it into lower case) and, for a private registry, "
        "secure_vault.docker_auth.",
    ),
    (
        r"[Aa]ccount .{0,80}(is over|limit exceeded|over .{0,30}limit)",
        "The account's quota is used up: free space, or set suspend_operation_if_account_limit_exceeded.",
    ),
    (
        r"[Jj]ob time limit exceeded|time limit for job",
        "Jobs took longer than mapper.job_time_limit (milliseconds): raise it, or give a job less input.",
    ),
)
"""Pattern → what to do, the most specific first. Source: YTsaurus documentation (FAQ, memory digest, tmpfs,
automatic merge), its server's messages, and the YT client."""


def remedy_for(told: str) -> str:
    """Say what to do about what a failed operation told; empty if it says nothing that is known."""
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, told)), "")
