"""Download of the published Moving MNIST over a network that may fail."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ablate.components.data.moving_mnist_file import MD5, cached_md5_sum, md5_sum
from ablate.core.errors import DownloadError

URL = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"
TIMEOUT_SECONDS = 30.0  # without a byte from the server
CHUNK_BYTES = 1 << 20

Report = Callable[[int, int | None], None]
"""Is called with the number of bytes received and the total (None if the server does not send it)."""


@dataclass(frozen=True)
class Origin:
    """Identifies a remote file at one time."""

    url: str
    version: str
    """The server's entity tag, or the time of the last change; empty if the server sends neither."""
    length: int | None
    """Bytes of the whole file; None if the server does not send it."""

    @classmethod
    def of(cls, url: str, response: HTTPResponse) -> "Origin":
        """Return the origin of a response that contains the file or a range of it."""
        tag = response.headers.get("ETag", "W/")
        is_weak = tag.startswith("W/")  # such a tag does not promise equal bytes
        version = response.headers.get("Last-Modified", "") if is_weak else tag
        _, has_range, total = response.headers.get("Content-Range", "").partition("/")
        length = total if has_range else response.headers.get("Content-Length", "")
        return cls(url, version, int(length) if length.isdecimal() else None)

    def may_include(self, received: "Origin") -> bool:
        """Return whether a received range may be part of this file; a response to If-Range may omit its version."""
        return (self.url, self.length) == (received.url, received.length) and received.version in ("", self.version)


class PartialFile:
    """`<name>.part`, the bytes received so far, and `<name>.part.origin`, which identifies the remote file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin_file = target.with_name(f"{target.name}.part.origin")

    @property
    def size(self) -> int:
        """Number of bytes received."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    @property
    def origin(self) -> Origin | None:
        """The remote file that they belong to; None if unknown."""
        with suppress(OSError, ValueError, TypeError):  # no such file, or a damaged one
            return Origin(**json.loads(self._origin_file.read_text()))
        return None

    def begin(self, origin: Origin) -> None:
        """Start again, with no bytes."""
        self.path.write_bytes(b"")
        self._origin_file.write_text(json.dumps(asdict(origin)))

    def finish(self, target: Path) -> None:
        """Rename the complete file to its final name."""
        self.path.replace(target)
        self._origin_file.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete what was received."""
        self.path.unlink(missing_ok=True)
        self._origin_file.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Return the folder of downloads: `ablate` in $XDG_CACHE_HOME, or in ~/.cache if that is not set."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "ablate"


def fetch(
    url: str = URL, folder: Path | None = None, md5: str = MD5, report: Report = lambda _received, _total: None
) -> Path:
    """Download `url` into `folder` (default: the cache) and return the path of the file with the given MD5 sum.

    An existing file is returned at once. An interrupted download leaves `<name>.part`. The next call continues it if
    the server still has the same file and can send a range of it; otherwise it starts again. Raises DownloadError, in
    one line, if the file did not arrive or has another MD5 sum.
    """
    target = (folder or cache_folder()) / _file_name(url)
    part = PartialFile(target)
    try:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _receive(url, part, report)
            _accept(url, part, target, md5)
        elif (existing := cached_md5_sum(target)) != md5:
            raise DownloadError(f"{target}: its MD5 sum is {existing}, not {md5}; move it away and fetch again")
    except (OSError, HTTPException, UnicodeError) as error:
        raise DownloadError(f"{url}: {_reason(error)}{_bytes_so_far(part)}") from error
    return target


def _file_name(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DownloadError(f"{url!r} is no address: {error}") from error
    name = parts.path.rpartition("/")[2]
    if parts.scheme not in ("http", "https") or name in ("", ".", ".."):
        raise DownloadError(f"{url!r} is no http or https address of a file")
    return name


def _receive(url: str, part: PartialFile, report: Report) -> None:
    """Download into `part` until it is complete."""
    origin = part.origin
    if origin is not None and origin.url == url and origin.length == part.size:
        return
    with _remaining(url, part) or _from_start(url, part) as response, part.path.open("ab") as file:
        total, received = Origin.of(url, response).length, part.size
        while chunk := response.read1(CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            report(received, total)
    if total is not None and received < total:
        raise DownloadError(f"{url}: the connection ended after {received:,} of {total:,} bytes{_bytes_so_far(part)}")


def _remaining(url: str, part: PartialFile) -> HTTPResponse | None:
    """Request the bytes after those of `part`; None if the server cannot send them, or has another file now."""
    origin = part.origin
    if not part.size or origin is None:
        return None
    condition = {"If-Range": origin.version} if origin.version else {}
    try:
        response = _request(url, {"Range": f"bytes={part.size}-"} | condition)
    except HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise
    sent_range = response.headers.get("Content-Range", "")
    if origin.may_include(Origin.of(url, response)) and sent_range.startswith(f"bytes {part.size}-"):
        return response
    response.close()
    return None


def _from_start(url: str, part: PartialFile) -> HTTPResponse:
    response = _request(url, {})
    part.begin(Origin.of(url, response))
    return response


def _request(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    request = Request(url, headers=dict(headers))  # noqa: S310  # _file_name lets http and https pass only
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310  # as above
    except HTTPError as error:
        error.close()
        raise
    return response


def _accept(url: str, part: PartialFile, target: Path, md5: str) -> None:
    received = md5_sum(part.path)
    if received != md5:
        part.discard()
        raise DownloadError(f"{url}: what arrived has the MD5 sum {received}, not {md5}, and was deleted; fetch again")
    part.finish(target)


def _bytes_so_far(part: PartialFile) -> str:
    return f"; {part.size:,} bytes are kept in {part.path}: fetch again to go on" if part.size else ""


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
