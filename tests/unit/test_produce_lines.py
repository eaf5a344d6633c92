"""Where `produce` gets its lines from: files, gzipped files, pipes; what it says when it cannot."""

import asyncio
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ranking_app.line_source import BLOCK_BYTES, InputDamaged, InputUnusable, LineSource


async def read(path: Path | str) -> list[bytes]:
    source = LineSource(str(path))
    try:
        return [line async for lines in source.blocks() for line in lines]
    finally:
        source.close()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n\na\n\n", [b"", b"", b"a", b""]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),  # white space to JSON
        (b"\xef\xbb\xbf{}\n", [b"{}"]),
    ],
)
async def test_lines_come_without_their_ends(tmp_path: Path, content: bytes, lines: list[bytes]) -> None:
    (tmp_path / "f").write_bytes(content)
    assert await read(tmp_path / "f") == lines
    (tmp_path / "f.gz").write_bytes(gzip.compress(content))
    assert await read(tmp_path / "f.gz") == lines


async def test_lines_longer_than_a_block_and_many_blocks_come_whole(tmp_path: Path) -> None:
    lines = [b"x" * size for size in (1, BLOCK_BYTES, 3 * BLOCK_BYTES + 1, 0, 7)] * 3
    (tmp_path / "f").write_bytes(b"\n".join(lines))
    assert await read(tmp_path / "f") == lines


async def test_size_and_progress_are_those_of_the_file_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(b"line\n" * 10_000))
    source = LineSource(str(tmp_path / "f.gz"))
    assert source.size_bytes == (tmp_path / "f.gz").stat().st_size
    async for _ in source.blocks():
        pass
    assert source.read_bytes == source.size_bytes
    source.close()


@pytest.mark.parametrize("name", ["missing", "missing.gz", "directory"])
def test_a_file_that_cannot_be_opened_is_wrong_use_before_anything_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(InputUnusable, match=name) as caught:
        LineSource(str(tmp_path / name))
    assert caught.value.exit_code == 2


async def test_a_gz_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b'{"eventId": 1}\n')
    with pytest.raises(InputUnusable, match=r"f\.gz"):
        await read(tmp_path / "f.gz")


async def test_a_cut_gz_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    lines = [os.urandom(40).hex().encode() for _ in range(50_000)]
    (tmp_path / "f.gz").write_bytes(gzip.compress(b"\n".join(lines))[:-100_000])
    source = LineSource(str(tmp_path / "f.gz"))
    got: list[bytes] = []
    with pytest.raises(InputDamaged) as caught:  # noqa: PT012
        async for block in source.blocks():
            got += block
    assert caught.value.exit_code == 1
    assert 0 < len(got) < len(lines)
    assert got == lines[: len(got)]
    source.close()


async def test_a_pipe_gives_each_line_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opening = asyncio.to_thread(pipe.open, "wb", buffering=0)
    source, writer = await asyncio.gather(asyncio.to_thread(LineSource, str(pipe)), opening)
    blocks = aiter(source.blocks())
    for line in (b"first", b"second"):
        writer.write(line + b"\n")
        assert await asyncio.wait_for(anext(blocks), 5) == [line]
        assert source.would_wait
    writer.close()
    assert [block async for block in blocks] == []
    source.close()


STOPS_WHILE_READING = """
import asyncio
from ranking_app.line_source import LineSource
async def main():
    async for _ in LineSource("-").blocks():
        return
asyncio.run(main())
"""


def test_a_silent_standard_input_does_not_keep_the_process_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", STOPS_WHILE_READING], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(b"{}\n")
    child.stdin.flush()
    try:
        assert child.wait(20) == 0  # although the pipe is still open
    finally:
        child.kill()
        child.stdin.close()
