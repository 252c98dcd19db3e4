"""What a row is, and how rows reach Cypress.

``clips`` is written by upload (rows.py lists its columns), ``descriptions`` by describe, whose columns depend
on the questions. Rows are plain
dictionaries: the client's typed rows do not take the tagged columns that make a video playable. A row may
weigh at most what the table writer was told (``max_row_weight``, by default 16 MiB); store.py measures
rows and tells it.
"""
