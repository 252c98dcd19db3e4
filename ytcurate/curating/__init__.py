"""Curation: videos → clips, cut, scored, labelled, embedded and judged, with all stages at work at once.

::

    SOURCE ──► clips (cut and scored; CPU jobs) ──┬──► labels (GPU jobs) ──────┐
                 waves, a bounded number open     └──► embeddings (CPU or GPU) ─┴──► curated ──► Parquet

What is where in a run's directory: layout.py. What is a lane, and how lanes wait for each other: lane.py and
board.py. Which clips are kept, and why the others are not: judge.py. Every clip that was cut is in
``curated``, once, whatever became of it.
"""
