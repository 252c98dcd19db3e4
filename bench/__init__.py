"""Measurements: each module compares our way with the plain way, in the same run, on the same machine.

``python -m bench.frames`` prints a table; with ``--json`` the last line is one JSON object. ``ratio`` in it
is the plain way's time over ours, so more is better. Nothing here is a test or part of the package.
"""
