"""The child: V8 with the template language, one JSON job after another over pipes. Runs in the jail, imports no Towpath.

`python -I -S child.py LIBRARY MEGABYTES ENGINE…`: `LIBRARY` holds mini-racer, `MEGABYTES` is the limit of V8's heap, each
`ENGINE` is a script to evaluate at the start.
A frame is a 4-byte big-endian length and that many bytes of JSON.
"""

import os
import struct
import sys
from pathlib import Path


def main() -> None:
    """Boot once, then answer until stdin ends."""
    sys.path.insert(0, sys.argv[1])
    from py_mini_racer import MiniRacer  # noqa: PLC0415 (found only after the path is set)

    engine = MiniRacer()
    engine.set_hard_memory_limit(int(sys.argv[2]) * 1024 * 1024)
    for script in sys.argv[3:]:
        engine.eval(Path(script).read_text() + "\n;0")
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        job = source.read(struct.unpack(">I", head)[0]).decode()
        reply = engine.call("towpath", job).encode()
        sink.write(struct.pack(">I", len(reply)) + reply)
        sink.flush()
    os._exit(0)  # taking V8 down in an orderly way may wait for ever for one of its threads


if __name__ == "__main__":
    main()
