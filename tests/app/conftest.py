"""A browser, a server for it to open, and what a page complains of."""

import pytest


@pytest.fixture(scope="module")
def browser():
    from helpers.browser import ARGUMENTS, chromium, sync_api

    path = chromium()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server():
    from helpers.browser import ended, started

    server = started()
    yield server
    ended(server)


@pytest.fixture
def address(server):
    return server.address


@pytest.fixture
def errors():
    from helpers.browser import Errors

    errors = Errors()
    yield errors
    assert errors == []
