"""The service on Ray: two nodes on this machine, a replica on each, asked as a single process is."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from pyarrow import parquet

from service.engine.device import DEFAULT_THREADS
from tests.conftest import serving
from tests.deploy.cluster import ROOT, STOP_SECONDS, Cluster, Load, check_contract, cluster, kill, who_answers
from tests.models import save
from tests.sockets import free_ports

pytestmark = pytest.mark.slow
THREADS = str(DEFAULT_THREADS)
"""On how many the last bits depend: tests compute with as many."""
OF_A_MOMENT = {"date", "server", "server-timing", "x-request-id"}
RESTORE_SECONDS = 30


def test_a_model_that_cannot_be_loaded_is_told_in_a_line(tmp_path: Path) -> None:
    port, head_port = free_ports(2)
    save("bert", tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"no weights")
    flags = f"--port {port} --cluster-port {head_port} --replica-memory 0 --models".split()
    process = subprocess.run(
        [sys.executable, "-m", "service", "cluster", *flags, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 2, process.stderr[-2000:]
    assert "attention-service: cannot deploy: " in process.stderr
    assert "model: cannot be loaded: " in process.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster with these flags and so many nodes; the one before has ended: this machine is too small for two."""
    flags, nodes = request.param
    with cluster(*flags, nodes=nodes) as made:
        yield made
        alive = [psutil.Process(each.pid) for each in made.processes if each.poll() is None]
        processes = [child for each in alive for child in each.children(recursive=True)]
    left = [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert left == [], "ending the commands ends all that they started"


two = pytest.mark.parametrize("made", [(("--replicas", "2", "--num-threads", THREADS), 2)], indirect=True, ids=["two"])
"""Two nodes, with a replica on each."""
BOUNDS = [
    "--replicas",
    "1",
    "--max-replicas",
    "2",
    "--scale-up-delay",
    "1",
    "--scale-down-delay",
    "5",
    "--node-cpus",
    "2",
]
FEW = ["--max-concurrent-requests", "8", "--max-queued-requests", "8"]
elastic = pytest.mark.parametrize("made", [((*BOUNDS, *FEW), 1)], indirect=True, ids=["elastic"])
"""One replica, or two as load demands."""
SPREAD = ["--replicas", "2", "--replicas-per-node", "1", "--node-cpus", "2"]
spread = pytest.mark.parametrize("made", [(tuple(SPREAD), 2)], indirect=True, ids=["spread"])
"""Two nodes with a replica on each, though the head has room for both."""


@two
def test_every_test_of_the_contract_passes(made: Cluster) -> None:
    check_contract(made.url)


QUESTIONS = {
    "tokens": "/tokenize?sentence=na%C3%AFve+caf%C3%A9",
    "matrices": "/attention?sentence=The+cat+sat.&include=embedding,scores,attentions,output&num_heads=2",
    "many tokens": "/attention?sentence=" + "word+" * 300,
    "safetensors": "/attention?sentence=The+cat+sat.&format=safetensors",
    "npy": "/attention?sentence=The+cat+sat.&format=npy",
    "picture": "/heatmap?sentence=The+cat+sat.",
    "vector picture": "/heatmap?sentence=The+cat+sat.&format=svg",
    "a dry run": "/attention?sentence=The+cat+sat.&dry_run=true",
    "an empty sentence": "/tokenize?sentence=",
    "an unknown field": "/tokenize?sentence=hi&colour=red",
    "nothing": "/nowhere",
    "the page": "/",
    "the document": "/openapi.json",
    "the models": "/models",
}


@pytest.fixture(scope="module")
def alone() -> Iterator[str]:
    """The address of a single process."""
    with serving("--num-threads", THREADS) as server:
        yield server.url


@pytest.mark.parametrize("path", QUESTIONS.values(), ids=QUESTIONS)
@two
def test_answers_equal_those_of_a_single_process_byte_for_byte(made: Cluster, alone: str, path: str) -> None:
    asked = {"X-Request-ID": "the-same"}
    answers = [httpx.get(url + path, headers=asked) for url in (made.url, alone)]
    theirs, ours = (
        (answer.status_code, {k: v for k, v in answer.headers.items() if k not in OF_A_MOMENT}, answer.content)
        for answer in answers
    )
    assert theirs == ours


@two
def test_an_answer_has_one_request_id(made: Cluster) -> None:
    response = httpx.get(f"{made.url}/nowhere")
    assert response.headers.get_list("x-request-id") == [response.json()["request_id"]]


@two
async def test_both_replicas_answer(made: Cluster) -> None:
    assert len(await who_answers(made.url)) == 2


@two
async def test_a_replica_that_is_killed_is_replaced_and_no_request_fails_twice(made: Cluster) -> None:
    load, victim = Load(), made.replicas()[0]
    running = asyncio.create_task(load.run(made.url, 1000, a_second=20))
    await asyncio.sleep(5)
    kill(victim)
    killed = time.monotonic()
    while victim.is_running() or len(made.replicas()) < 2 or len(await who_answers(made.url)) < 2:
        assert time.monotonic() - killed < RESTORE_SECONDS
        await asyncio.sleep(0.5)
    print(f"capacity restored after {time.monotonic() - killed:.1f} s")
    await running
    print(f"1,000 requests, {len(load.sent_again)} sent again {load.sent_again[:3]}, {len(load.failed)} failed")
    assert load.failed == []


@elastic
async def test_scaling_to_two_replicas_and_back_under_load_fails_no_request(made: Cluster) -> None:
    load = Load()

    async def answer(number: int) -> None:
        while len(await who_answers(made.url)) != number:
            pass

    await load.keep(made.url, clients=6, until=lambda: answer(2))
    await load.keep(made.url, clients=1, until=lambda: answer(1))
    print(f"{load.answered} requests, {len(load.sent_again)} sent again {load.sent_again[:3]}")
    assert load.sent_again == []


@elastic
async def test_a_full_house_refuses_with_the_problem_of_a_single_process(made: Cluster) -> None:
    question = {"sentence": "word " * 500, "include": ["attentions"]}
    async with httpx.AsyncClient(base_url=made.url, timeout=60) as client:
        answers = await asyncio.gather(*(client.post("/attention", json=question) for _ in range(64)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {answer.json()["type"] for answer in refused} == {"/problems/too-many-requests"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


@elastic
def test_a_corpus_is_answered_beside_the_service_wherever_its_command_is_given(made: Cluster, tmp_path: Path) -> None:
    (tmp_path / "sentences.txt").write_text("The cat sat.\n\nAttention!\n")
    command = [sys.executable, "-m", "service", "bulk", "sentences.txt", "-o", "answers.parquet", "--engine", "ray"]
    environment = made.environment | {"ATTENTION_REPLICA_MEMORY": "0", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert parquet.read_table(tmp_path / "answers.parquet")["line"].to_pylist() == [1, 3]


@spread
def test_replicas_are_spread_over_the_nodes_where_that_is_asked_for(made: Cluster) -> None:
    assert [len(made.replicas_of(process)) for process in made.processes] == [1, 1]


@spread
async def test_a_node_that_is_told_to_end_under_load_fails_no_request(made: Cluster) -> None:
    load, node = Load(), made.processes[1]
    running = asyncio.create_task(load.run(made.url, 400, a_second=20))
    await asyncio.sleep(3)
    node.terminate()
    await running
    print(f"400 requests, {len(load.sent_again)} sent again {load.sent_again[:3]}, {len(load.failed)} failed")
    assert load.failed == []


@spread
async def test_the_head_answers_what_it_has_accepted_when_it_is_told_to_end_under_load(made: Cluster) -> None:
    load, head = Load(), made.processes[0]
    running = asyncio.create_task(load.run(made.url, 200, a_second=20))
    await asyncio.sleep(3)
    head.terminate()
    await running
    print(f"{load.answered} of 200 answered; others: {Counter(load.failed)}")
    assert head.wait(STOP_SECONDS) == 0
    assert load.answered >= 50
    # the last of them is HAProxy's own word, for the moment in which it lives on and the app does not
    refusals = {"503", "ConnectError", "404"}
    assert {problem.partition("(")[0].partition(" ")[0] for problem in load.failed} <= refusals
