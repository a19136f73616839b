# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail server that takes everything at once and keeps nothing.

Prints its port, and listens until it is killed.
"""

from __future__ import annotations

import asyncio

_REPLIES = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 bye\r\n",
}
_YES = b"250 ok\r\n"
_END = b".\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        writer.write(_REPLIES.get(verb, _YES))
        if verb == b"DATA":
            while await reader.readline() not in (_END, b""):
                pass
            writer.write(_YES)
        elif verb == b"QUIT":
            break
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
