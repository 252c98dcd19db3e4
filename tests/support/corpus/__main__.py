"""Write the corpus into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.corpus import write_corpus

if len(sys.argv) != 2:
    sys.exit("usage: python -m tests.support.corpus FOLDER")
written = write_corpus(Path(sys.argv[1]))
sys.stdout.write(f"{len(written)} files in {sys.argv[1]}\n")
