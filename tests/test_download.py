import hashlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ablate.components.data.download import cache_folder, fetch
from ablate.core.errors import DownloadError

CONTENT = bytes(range(256)) * 2000
OTHER = CONTENT[::-1]


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass
class Site:
    """One file on loopback, and how well it is served."""

    url: str = ""
    content: bytes = CONTENT
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    ranges: bool = True
    conditions: bool = True
    lengths: bool = True
    terse: bool = False
    """A range comes without the version of its file, as an answer to If-Range may."""
    status: int = 200
    breaks_after: int | None = None
    requested_ranges: list[Any] = field(default_factory=list)

    def answer(self, request):
        self.requested_ranges.append(request.headers.get("Range"))
        if self.status != 200:
            request.send_error(self.status)
            return
        first = self.first_byte(request)
        if first is not None and first >= len(self.content):
            request.send_response(416)
            request.end_headers()
            return
        request.send_response(200 if first is None else 206)
        if first is not None:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        body = self.content[first or 0 :]
        version = {} if self.terse and first is not None else self.headers
        for name, value in (version | ({"Content-Length": len(body)} if self.lengths else {})).items():
            request.send_header(name, str(value))
        request.end_headers()
        request.wfile.write(body[: self.breaks_after])

    def first_byte(self, request):
        requested_range, condition = request.headers.get("Range"), request.headers.get("If-Range")
        if not self.ranges or requested_range is None:
            return None
        known = condition in self.headers.values() and not condition.startswith("W/")
        if self.conditions and condition is not None and not known:
            return None
        return int(requested_range.removeprefix("bytes=").removesuffix("-"))


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}/data/clips.npy"
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture
def interrupted(site, tmp_path):
    """Return the folder of a download that broke off after 1,000 bytes."""
    site.breaks_after = 1000
    with pytest.raises(DownloadError):
        fetch(site.url, tmp_path, md5(CONTENT))
    site.breaks_after = None
    site.requested_ranges.clear()
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_nothing_else_stays(site, tmp_path):
    path = fetch(site.url, tmp_path / "new" / "folder", md5(CONTENT))
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["clips.npy"]


def test_progress_ends_at_the_whole_length(site, tmp_path):
    reports = []
    fetch(site.url, tmp_path, md5(CONTENT), lambda done, total: reports.append((done, total)))
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_a_file_of_unknown_length_arrives_too(site, tmp_path):
    site.lengths = False
    reports = []
    fetch(site.url, tmp_path, md5(CONTENT), lambda done, total: reports.append((done, total)))
    assert reports[-1] == (len(CONTENT), None)


def test_an_existing_file_is_not_requested_again(site, tmp_path):
    fetch(site.url, tmp_path, md5(CONTENT))
    site.requested_ranges.clear()
    assert fetch(site.url, tmp_path, md5(CONTENT)).read_bytes() == CONTENT
    assert site.requested_ranges == []


def test_another_file_of_the_same_name_is_left_alone(site, tmp_path):
    (tmp_path / "clips.npy").write_bytes(OTHER)
    with pytest.raises(DownloadError, match=f"its MD5 sum is {md5(OTHER)}, not {md5(CONTENT)}; move it away"):
        fetch(site.url, tmp_path, md5(CONTENT))
    assert (tmp_path / "clips.npy").read_bytes() == OTHER


def test_a_broken_connection_keeps_what_arrived(site, tmp_path):
    site.breaks_after = 1000
    with pytest.raises(DownloadError, match=r"1,000 bytes are kept in .*clips\.npy\.part: fetch again to go on"):
        fetch(site.url, tmp_path, md5(CONTENT))
    assert (tmp_path / "clips.npy.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "clips.npy").exists()


def test_an_interrupted_download_continues_where_it_stopped(site, interrupted):
    reports = []
    path = fetch(site.url, interrupted, md5(CONTENT), lambda done, total: reports.append((done, total)))
    assert site.requested_ranges == ["bytes=1000-"]
    assert path.read_bytes() == CONTENT
    assert reports[0][0] > 1000
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert names(interrupted) == ["clips.npy"]


def test_a_stopped_program_can_continue_too(site, tmp_path):
    def stop(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(site.url, tmp_path, md5(CONTENT), stop)
    assert fetch(site.url, tmp_path, md5(CONTENT)).read_bytes() == CONTENT


def test_a_whole_part_needs_no_network(site, tmp_path):
    def stop_at_the_end(done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(site.url, tmp_path, md5(CONTENT), stop_at_the_end)
    site.status = 503
    assert fetch(site.url, tmp_path, md5(CONTENT)).read_bytes() == CONTENT


@pytest.mark.parametrize("headers", [{}, {"Last-Modified": "Mon, 01 Jun 2015 10:00:00 GMT"}, {"ETag": 'W/"weak"'}])
def test_a_download_continues_without_a_strong_etag(site, tmp_path, headers):
    site.headers, site.breaks_after = headers, 1000
    with pytest.raises(DownloadError):
        fetch(site.url, tmp_path, md5(CONTENT))
    site.breaks_after = None
    fetch(site.url, tmp_path, md5(CONTENT))
    assert site.requested_ranges == [None, "bytes=1000-"]


def test_a_download_continues_where_a_range_does_not_name_its_version(site, interrupted):
    site.terse = True
    assert fetch(site.url, interrupted, md5(CONTENT)).read_bytes() == CONTENT
    assert site.requested_ranges == ["bytes=1000-"]


def test_a_part_from_another_address_is_fetched_from_the_start(site, interrupted):
    site.url = site.url.replace("/data/", "/mirror/")
    assert fetch(site.url, interrupted, md5(CONTENT)).read_bytes() == CONTENT
    assert site.requested_ranges[-1] is None


def test_a_server_that_ignores_ranges_sends_everything_again(site, interrupted):
    site.ranges = False
    assert fetch(site.url, interrupted, md5(CONTENT)).read_bytes() == CONTENT


@pytest.mark.parametrize(("conditions", "terse"), [(True, False), (False, False), (True, True)])
def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(site, interrupted, conditions, terse):
    site.content, site.headers, site.conditions, site.terse = OTHER, {"ETag": '"two"'}, conditions, terse
    assert fetch(site.url, interrupted, md5(OTHER)).read_bytes() == OTHER


def test_a_file_of_another_length_is_fetched_from_the_start(site, tmp_path):
    site.headers, site.breaks_after = {}, 1000
    with pytest.raises(DownloadError):
        fetch(site.url, tmp_path, md5(CONTENT))
    site.content, site.breaks_after = OTHER + OTHER, None
    assert fetch(site.url, tmp_path, md5(OTHER + OTHER)).read_bytes() == OTHER + OTHER


def test_a_file_that_got_shorter_than_the_part_is_fetched_from_the_start(site, interrupted):
    site.content, site.conditions = OTHER[:500], False
    assert fetch(site.url, interrupted, md5(OTHER[:500])).read_bytes() == OTHER[:500]


def test_a_part_of_unknown_origin_is_fetched_from_the_start(site, interrupted):
    (interrupted / "clips.npy.part.origin").write_text("{")
    assert fetch(site.url, interrupted, md5(CONTENT)).read_bytes() == CONTENT
    assert site.requested_ranges == [None]


def test_a_file_with_a_wrong_sum_is_an_error_and_deleted(site, tmp_path):
    with pytest.raises(DownloadError, match=f"has the MD5 sum {md5(CONTENT)}, not {md5(OTHER)}, and was deleted"):
        fetch(site.url, tmp_path, md5(OTHER))
    assert names(tmp_path) == []


def test_the_error_says_that_the_file_is_missing(site, tmp_path):
    site.status = 404
    with pytest.raises(DownloadError, match=r"clips\.npy: the server answered 404 Not Found$"):
        fetch(site.url, tmp_path)


def test_a_server_error_keeps_what_arrived(site, interrupted):
    site.status = 503
    with pytest.raises(DownloadError, match="answered 503 Service Unavailable; 1,000 bytes are kept"):
        fetch(site.url, interrupted, md5(CONTENT))


def test_a_refused_connection_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match=rf"^http://127\.0\.0\.1:{port}/clips\.npy: .*refused$"):
        fetch(f"http://127.0.0.1:{port}/clips.npy", tmp_path)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hosts", "ftp://host/clips.npy", "clips.npy", "http://host/", "http://host/..", "http://[host/x"],
)
def test_an_address_that_is_not_of_a_web_file_is_refused(tmp_path, url):
    with pytest.raises(DownloadError, match="is no"):
        fetch(url, tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(site, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="Not a directory"):
        fetch(site.url, tmp_path / "file" / "folder", md5(CONTENT))


def test_downloads_are_kept_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ablate"


@pytest.mark.parametrize("base", ["", "relative"])
def test_a_cache_folder_that_is_not_absolute_does_not_count(monkeypatch, tmp_path, base):
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ablate"
