"""A curated table → files that other tools read: joined with the videos, streamed, whole or not at all.

::

    curated ─ plan ─► rows in order, cut into shards and batches ─┐
    clips ──────────► the videos of a batch ──────────────────────┴─ reader ─► parquet · webdataset ─► folder
    sources ────────► SHA-256 of each source ─► video_id ─────────┘            huggingface · files

``columns`` says what a row is called outside, ``folder`` is where files go: this machine, or Cypress. What is
in memory is one batch (64 MiB of videos, or one heavy clip) and some 70 bytes for each row of the table.
"""
