import pytest

from ssif.data.prepare import prepare
from ssif.data.store import Store


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Store:
    """The synthetic data set, prepared."""
    path = tmp_path_factory.mktemp("data") / "synthetic.h5"
    prepare("synthetic", path, "nikon-d700")
    return Store(path)
