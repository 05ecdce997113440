"""The published Moving MNIST, fetched over a network that may fail."""

import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ablate.components.data.checksum import md5_sum, remembered_md5_sum
from ablate.components.data.moving_mnist_file import MD5
from ablate.components.data.unfinished import Origin, Unfinished
from ablate.core.errors import DownloadError

URL = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"
SILENCE_SECONDS = 30.0
CHUNK_BYTES = 1 << 20

Report = Callable[[int, int | None], None]
"""Told how many bytes are there, and of how many (None where the server does not say)."""


def cache_folder() -> Path:
    """Return where downloads are kept: `ablate` in $XDG_CACHE_HOME, or in ~/.cache where that is not set."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "ablate"


def fetch(
    url: str = URL, folder: Path | None = None, md5: str = MD5, report: Report = lambda _done, _total: None
) -> Path:
    """Download `url` into `folder` (the cache by default) and return the file, whole and of the given MD5 sum.

    A file that is there already is returned at once. An interrupted download leaves `<name>.part`, and the
    next call goes on from it, where the server still has the same file and can send the rest; else it starts
    afresh. Raises DownloadError, in one line, where the file did not arrive, or is not the right one.
    """
    target = (folder or cache_folder()) / _file_name(url)
    part = Unfinished(target)
    try:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _receive(url, part, report)
            _accept(url, part, target, md5)
        elif (found := remembered_md5_sum(target)) != md5:
            raise DownloadError(f"{target}: its MD5 sum is {found}, not {md5}; move it away and fetch again")
    except (OSError, HTTPException, UnicodeError) as error:
        raise DownloadError(f"{url}: {_reason(error)}{_kept(part)}") from error
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


def _receive(url: str, part: Unfinished, report: Report) -> None:
    """Bring `part` to its whole length."""
    origin = part.origin
    if origin is not None and origin.url == url and origin.length == part.size:
        return
    with _rest(url, part) or _beginning(url, part) as response, part.path.open("ab") as file:
        total, done = Origin.of(url, response).length, part.size
        while chunk := response.read1(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            report(done, total)
    if total is not None and done < total:
        raise DownloadError(f"{url}: the connection ended after {done:,} of {total:,} bytes{_kept(part)}")


def _rest(url: str, part: Unfinished) -> HTTPResponse | None:
    """Ask for the bytes after those of `part`; None where the server cannot send them, or has another file now."""
    origin = part.origin
    if not part.size or origin is None:
        return None
    condition = {"If-Range": origin.version} if origin.version else {}
    try:
        response = _answer(url, {"Range": f"bytes={part.size}-"} | condition)
    except HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise
    sent = response.headers.get("Content-Range", "")
    if origin.may_be(Origin.of(url, response)) and sent.startswith(f"bytes {part.size}-"):
        return response
    response.close()
    return None


def _beginning(url: str, part: Unfinished) -> HTTPResponse:
    response = _answer(url, {})
    part.begin(Origin.of(url, response))
    return response


def _answer(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    request = Request(url, headers=dict(headers))  # noqa: S310  # _file_name lets http and https pass only
    try:
        response: HTTPResponse = urlopen(request, timeout=SILENCE_SECONDS)  # noqa: S310  # as above
    except HTTPError as error:
        error.close()
        raise
    return response


def _accept(url: str, part: Unfinished, target: Path, md5: str) -> None:
    found = md5_sum(part.path)
    if found != md5:
        part.discard()
        raise DownloadError(f"{url}: what arrived has the MD5 sum {found}, not {md5}, and was deleted; fetch again")
    part.finish(target)


def _kept(part: Unfinished) -> str:
    return f"; {part.size:,} bytes are kept in {part.path}: fetch again to go on" if part.size else ""


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
