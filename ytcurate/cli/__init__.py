"""The ``ytcurate`` command: one module per subcommand; each parses, calls one public function, prints.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 usage,
3 done but some rows have a bad outcome (only with ``--strict``).
"""
