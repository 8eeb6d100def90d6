"""Memory that threads take comes from one place, and goes back to it."""

import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, threading
from service import arenas
if sys.argv[1] == "shared":
    arenas.share()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(4)
def ask():
    libc.malloc(1000)
    barrier.wait()
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_stats is glibc's")
@pytest.mark.parametrize(("how", "has_one"), [("shared", True), ("as it is", False)])
def test_threads_share_an_arena(how: str, has_one: bool) -> None:
    told = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True).stderr
    assert (told.count("Arena ") == 1) == has_one
