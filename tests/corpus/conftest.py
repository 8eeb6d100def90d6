"""The operations of the app that other tests ask over HTTP."""

import httpx
import pytest
from fastapi import FastAPI

from service.api.operations import Operations


@pytest.fixture(scope="session")
async def operations(app: FastAPI, client: httpx.AsyncClient) -> Operations:  # noqa: ARG001  # which loads the models
    loaded: Operations = app.state.operations()
    return loaded
