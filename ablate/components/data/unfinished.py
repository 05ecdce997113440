"""The part of a download that has arrived, and which remote file it is a part of."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPResponse
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """What tells one remote file, at one time, from another."""

    url: str
    version: str
    """The server's name for the file as it is now, or when it last changed; empty where it says neither."""
    length: int | None
    """Bytes of the whole file; None where the server does not say."""

    @classmethod
    def of(cls, url: str, response: HTTPResponse) -> "Origin":
        """Read the origin off an answer that holds the file, or a range of it."""
        tag = response.headers.get("ETag", "W/")
        version = response.headers.get("Last-Modified", "") if tag.startswith("W/") else tag  # weak: not byte for byte
        _, slash, whole = response.headers.get("Content-Range", "").partition("/")
        length = whole if slash else response.headers.get("Content-Length", "")
        return cls(url, version, int(length) if length.isdecimal() else None)

    def may_be(self, other: "Origin") -> bool:
        """Tell whether a range of `other` may be one of this file; an answer to If-Range may leave out its version."""
        return (self.url, self.length) == (other.url, other.length) and other.version in ("", self.version)


class Unfinished:
    """`<name>.part` beside the file that is to come, with a note of its origin in `<name>.part.origin`."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.origin")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    @property
    def origin(self) -> Origin | None:
        """Where they came from; None where that is not known."""
        with suppress(OSError, ValueError, TypeError):  # no note, or a torn one
            return Origin(**json.loads(self._note.read_text()))
        return None

    def begin(self, origin: Origin) -> None:
        """Start afresh, with no bytes."""
        self.path.write_bytes(b"")
        self._note.write_text(json.dumps(asdict(origin)))

    def finish(self, target: Path) -> None:
        """Give the file its name."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
