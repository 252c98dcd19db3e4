"""Where source videos come from: files, folders and Hugging Face data sets, all read through ``datasets``.

``find_source`` turns what a user names into a ``Source``; iterating over it gives ``SourceVideo`` values,
one at a time, so that a data set of any size streams through.
"""
