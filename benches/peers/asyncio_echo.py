"""The echo server of asyncio's documentation, on the listener that is standard input.

With the argument "uvloop" the server runs on uvloop's event loop. Both event loops set TCP_NODELAY by themselves, and
choose the size of a read.
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
    # This call listens again. Without the argument it would shorten the queue to its default of
    # 100.
    server = await asyncio.get_running_loop().create_server(Echo, sock=socket.socket(fileno=0), backlog=4096)
    async with server:
        await server.serve_forever()


if sys.argv[1:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
