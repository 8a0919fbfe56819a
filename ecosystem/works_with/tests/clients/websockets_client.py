"""A client of Python's websockets for a server that sends each message back."""

import sys

from websockets.sync.client import connect

# The server is on this machine, so no proxy is used.
with connect(sys.argv[1], proxy=None, max_size=None) as socket:
    for message in ["grüß dich", b"\0\x01", "x" * 1_000_000, b"x" * 1_000_000]:
        socket.send(message)
        assert socket.recv(timeout=60) == message
    # The message is sent in fragments.
    socket.send(["a", "b", "c"])
    assert socket.recv(timeout=60) == "abc"
    assert socket.ping("ping").wait(60), "no pong"
    socket.close(1000, "done")
    assert socket.close_code == 1000, socket.close_code
print("done")
