"""The echo server of asyncio's documentation, on the listener that is standard input.

With the argument "uvloop" the same on uvloop's event loop. Both set TCP_NODELAY by themselves, and how much they read at a
time is theirs to choose.
"""

import asyncio
import socket
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main():
    # It listens again, and would shorten the queue to its default of 100.
    server = await asyncio.get_running_loop().create_server(Echo, sock=socket.socket(fileno=0), backlog=4096)
    async with server:
        await server.serve_forever()


if sys.argv[1:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
