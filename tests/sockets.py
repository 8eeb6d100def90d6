"""What is sent as it is, over a socket of its own, and all that is answered."""

import json
import re
import socket
from urllib.parse import urlsplit

from tests.conftest import START_SECONDS

GET = b"GET /tokenize?sentence=hi HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /tokenize HTTP/1.1\r\nHost: test\r\n"


def connect(url: str) -> socket.socket:
    """A connection to the server at `url`."""
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port or 80), timeout=START_SECONDS)


def answers(url: str, sent: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each answer to what is `sent`, until the service closes."""
    with connect(url) as connection:
        connection.sendall(sent)
        received = connection.makefile("rb").read()
    found = [answer.partition(b"\r\n\r\n") for answer in re.split(rb"(?=HTTP/1\.1 \d)", received) if answer]
    return [(int(head.split()[1]), body) for head, _, body in found]


def problem(answer: tuple[int, bytes]) -> tuple[int, str]:
    """The status and the kind of problem that an answer tells."""
    return answer[0], json.loads(answer[1])["type"]


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
