"""What the application does beside its addresses."""

import httpx
import torch
from fastapi import FastAPI


async def test_small_work_records_nothing_for_gradients(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).is_success
    worker = app.state.operations().engine.worker
    assert await worker.run("compute", {}, 0, torch.is_inference_mode_enabled)
