"""A database that is some milliseconds away: a proxy process before the embedded server's Unix socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Pass bytes on after the delay, in order, without holding back what comes after."""
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    clock = asyncio.get_running_loop().time

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(deliver())
    while data := await reader.read(65536):
        queue.put_nowait((clock() + delay_s, data))
    queue.put_nowait((clock(), b""))
    await task


async def _serve(listen: str, target: str, delay_s: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(target)
        await asyncio.gather(_pump(reader, far_writer, delay_s), _pump(far_reader, writer, delay_s))

    async with await asyncio.start_unix_server(accept, listen) as server:
        print("ready", flush=True)
        await server.serve_forever()


@contextmanager
def delayed(url: str, round_trip_ms: float, folder: Path) -> Iterator[str]:
    """The URL of the same database with this round-trip time added."""
    place = conninfo_to_dict(url)
    target = Path(str(place["host"])) / f".s.PGSQL.{place['port']}"
    command = [sys.executable, "-m", "benchmarks.database_delay", str(folder / target.name), str(target)]
    command.append(str(round_trip_ms / 2000))
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield make_conninfo(url, host=str(folder))
    finally:
        child.terminate()
        child.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
