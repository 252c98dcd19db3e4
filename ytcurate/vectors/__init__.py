"""Vectors of clips: read from a table, compared, searched. All of it is exact and runs on the CPU.

    vectors = load_vectors(client, "//tmp/run/embeddings")     # store.py: the table → one float32 matrix
    found = find_duplicates(vectors.matrix, threshold=0.95)     # duplicates.py
    scores, places = search_vectors(vectors.matrix, queries, 10)  # search.py

A place is the row of the matrix; ``Vectors`` says which clip it is. The similarity of two vectors is their
inner product; vectors have unit length, so it is the cosine of the angle between them.
"""
