"""``mremapdsl replay``: the model does what was recorded; what is no record is refused in a plain line."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mremapdsl.recording.files import Exists, records, write
from tests.cli.conftest import Cli, cli  # noqa: F401  (a fixture)

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
OWN = RECORDED / "linux-6.18.44.jsonl.gz"
KERNELS = {
    "6.12.111": "linux-6.12 with swap_device=memory",
    "6.16.12": "linux-6.16 with swap_device=memory",
    "6.17.13": "linux-6.17 with swap_device=memory",
    "6.18.44": "linux-6.18",
}
"""Whose records there are, and the rules that follow them."""


def head(count: int) -> list[dict[str, Any]]:
    """The first lines of the recording."""
    return list(islice(records(str(OWN)), count))


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_model_does_what_was_recorded(kernel: str, cli: Cli) -> None:  # noqa: F811
    path = RECORDED / f"linux-{kernel}.jsonl.gz"
    count = len(list(records(str(path)))) - 1
    result = cli("replay", str(path))
    assert (result.status, result.err) == (0, ""), result.out
    assert result.out == f"{path}: {count}/{count} programs agree [{KERNELS[kernel]}]\n"
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_recording_has_programs_of_every_family_and_says_where_it_is_from(kernel: str) -> None:
    first, *rest = records(str(RECORDED / f"linux-{kernel}.jsonl.gz"))
    assert (first["kernel"], first["machine"], first["deep"]) == (kernel, "x86_64", True)
    names = [record["id"] for record in rest]
    for family in ("merge", "fork", "ksm", "swap", "thp", "errors"):
        assert sum(name.startswith(f"{family}: ") for name in names) >= 13
    assert all("chain" in vma for vma in rest[0]["seen"][0]["state"]["P0"]["vmas"])


def test_a_difference_is_shown(cli: Cli) -> None:  # noqa: F811
    first, record = head(2)
    record["seen"][0]["state"]["P0"]["vmas"][0]["prot"] = "r--p"
    write("changed.jsonl", [first, record], force=False)
    result = cli("replay", "changed.jsonl")
    assert result.status == 3
    assert "the prot at page" in result.out
    assert "in the model, r--p in the kernel" in " ".join(result.out.split())
    assert "0/1 programs agree" in result.out
    assert "⟦" not in result.out


def test_other_rules(cli: Cli) -> None:  # noqa: F811
    result = cli("replay", "--show", "0", "--rules", "linux-6.12", str(OWN))
    assert result.status == 3
    assert len(result.out.splitlines()) == 1


def damaged(kind: str) -> bytes:
    """A file that is no recording."""
    whole = OWN.read_bytes()
    first, record = head(2)
    match kind:
        case "no gzip":
            return b"\x00\xff no gzip \x80"
        case "truncated":
            return whole[: len(whole) // 2]
        case "corrupt":
            return whole[:3000] + bytes(64) + whole[3064:]
        case "no JSON":
            return gzip.compress(b"{nothing\n")
        case "not UTF-8":
            return gzip.compress(b'{"id": "\xff"}\n')
        case "no object":
            return gzip.compress(b"[1, 2]\n")
        case "without seen":
            del record["seen"]
        case "without state":
            del record["seen"][0]["state"]
        case "unknown operation":
            record["ops"][0] = ["hammer", 1]
        case "operation of other types":
            record["ops"][0] = {"op": "mmap", "at": "here"}
        case "seen of another length":
            record["seen"].append(record["seen"][0])
        case "seen that is a number":
            record["seen"] = 7
        case "no kernel":
            del first["kernel"]
        case _:
            raise AssertionError(kind)
    return gzip.compress(f"{json.dumps(first)}\n{json.dumps(record)}\n".encode())


@pytest.mark.parametrize("kind", [
    "no gzip", "truncated", "corrupt", "no JSON", "not UTF-8", "no object", "without seen", "without state",
    "unknown operation", "operation of other types", "seen of another length", "seen that is a number", "no kernel",
])  # fmt: skip
def test_what_is_no_record_is_refused(cli: Cli, kind: str) -> None:  # noqa: F811
    Path("it.jsonl.gz").write_bytes(damaged(kind))
    result = cli("replay", "-q", "it.jsonl.gz")
    assert result.status == 2, result
    assert result.err.startswith("mremapdsl: it.jsonl.gz: "), result.err
    assert len(result.err.splitlines()) == 1
    assert "internal error" not in result.err


def test_no_such_file(cli: Cli) -> None:  # noqa: F811
    result = cli("replay", "nowhere.jsonl.gz")
    assert (result.status, result.err) == (2, "mremapdsl: nowhere.jsonl.gz: No such file or directory\n")


@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.gz"])
def test_a_recording_is_written_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    lines = head(3)
    write(path, lines, force=False)
    assert list(records(path)) == lines
    with pytest.raises(Exists):
        write(path, lines[:1], force=False)
    with pytest.raises(TypeError):
        write(path, [*lines, {"id": object()}], force=True)
    assert list(records(path)) == lines
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
