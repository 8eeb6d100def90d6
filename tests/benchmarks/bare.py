"""The least that answers: what the service's first answer is measured against. `uvicorn tests.benchmarks.bare:app`."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "alive"}
