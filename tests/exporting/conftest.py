"""One curated run for all tests that only read it."""

import uuid

import pytest

import ytcurate
from tests.exporting.curated import make_run


@pytest.fixture(scope="session")
def curated(proxy):
    """Path of a table of four clips of two sources; clip 1 of source 0 is not kept."""
    client = ytcurate.connect(proxy)
    folder = f"//tmp/ytcurate-tests/{uuid.uuid4().hex}"
    client.create("map_node", folder, recursive=True)
    yield make_run(client, folder)
    client.remove(folder, recursive=True, force=True)
