"""What the service is compared with: an endpoint that does nothing, and a service as written in an afternoon.

Served by `uvicorn tests.benchmarks.peers:app`.
"""

import torch
import torch.nn.functional as F
from fastapi import FastAPI, Response
from pydantic import BaseModel
from transformers import BertTokenizer

from service.engine.tokenizer import VOCABULARY

NOTHING = b'{"tokens":["a","b","c"],"ids":[1,2,3,4,5,6,7,8,9]}'

tokenizer = BertTokenizer(vocab=str(VOCABULARY))
app = FastAPI()


class Request(BaseModel):
    sentence: str
    seed: int = 0
    d_model: int = 8
    d_k: int = 4
    d_v: int = 4


@app.post("/noop")
async def noop(request: Request) -> Response:  # noqa: ARG001  # validated, then ignored: that is the point
    return Response(NOTHING, media_type="application/json")


@app.post("/tokenize")
def tokenize(request: Request) -> dict[str, object]:
    tokens = tokenizer.tokenize(request.sentence)
    return {"tokens": tokens, "ids": tokenizer.convert_tokens_to_ids(tokens)}


@app.post("/attention")
def attention(request: Request) -> dict[str, object]:
    return compute(request)


def compute(request: Request) -> dict[str, object]:
    """Tokens, queries, keys, values, attentions and output, as lists."""
    tokens = tokenizer.tokenize(request.sentence)
    generator = torch.Generator().manual_seed(request.seed)
    data = torch.rand(len(tokens), request.d_model, generator=generator)
    q, k, v = (
        data @ torch.rand(request.d_model, width, generator=generator)
        for width in (request.d_k, request.d_k, request.d_v)
    )
    weights = F.softmax(q @ k.T / request.d_k**0.5, dim=-1)
    matrices = {"query": q, "key": k, "value": v, "attention": weights, "output": weights @ v}
    return {"tokens": tokens, **{name: matrix.tolist() for name, matrix in matrices.items()}}
