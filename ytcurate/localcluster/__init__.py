"""A YTsaurus-compatible cluster on one machine, for the unmodified `ytsaurus-client` and its `yt` CLI.

    python -m ytcurate.localcluster start        # prints: proxy http://127.0.0.1:8000
    python -m ytcurate.localcluster status
    python -m ytcurate.localcluster stop

For laptops, one-GPU workstations, notebooks and tests. Not for security (anyone who reaches the port
is the one user), not for many machines, not for speed records.

State is on disk and survives a kill at any moment. Jobs are real subprocesses, each in a sandbox of its
own with the descriptors, limits and environment of a real cluster; results are published only when an
operation completes. What is not implemented answers a named error.

How far it is verified: against client 0.13.55 (the tests of `tests/localcluster` run it over HTTP), and
against the documented behaviour of a real cluster; not side by side with one.

This package imports nothing else of ytcurate and is reached only by its URL.
"""
