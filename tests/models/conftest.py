"""What tests of several kinds of models share."""

import pytest


@pytest.fixture
def one_torch_thread():
    """Networks this small gain nothing from more, and lose much where other work runs."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
