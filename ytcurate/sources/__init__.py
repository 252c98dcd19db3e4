"""Where source videos come from: files, folders, lists, addresses, Hugging Face data sets, Cypress tables.

``find_source`` turns what a user names into a ``Source``; iterating over it gives ``SourceVideo`` values,
one at a time, so that a source of any size streams through. ``base`` is the seam for sources of your own.
"""
