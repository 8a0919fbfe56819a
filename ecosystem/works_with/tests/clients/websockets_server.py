"""A server of Python's websockets that sends each message back. It prints its address."""

import asyncio
import signal

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        host, port = server.sockets[0].getsockname()
        print(f"ws://{host}:{port}/")
        await end.wait()


asyncio.run(main())
