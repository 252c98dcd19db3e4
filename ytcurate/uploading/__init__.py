"""How source videos become rows of tables: side by side, each whole or not at all, none twice.

::

    source ─► units.py ─► pool.py ─► cutter.py (processes) ─► tables, in a transaction for each unit
                             └────────► commit.py, unit after unit in the order of the source

A unit is one source video, or several small ones that follow each other. A process of its own cuts it and
writes the rows straight to the cluster, so a video that kills or stalls its process costs that video only.
Nothing of a unit shows in the tables before its transaction is committed, and the table of sources is
written in the same transaction: it is the ledger from which an upload that was stopped goes on.
"""
