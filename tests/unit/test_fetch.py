"""ssif.data.fetch with a local server: mirrors, hashes, archives, and the state after a failure."""

import functools
import hashlib
import io
import os
import pty
import re
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ssif.data.fetch import data_folder, locate
from ssif.errors import UserError

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    """Serve a folder; the response to a path that ends in ?short breaks off."""

    def do_GET(self):
        if not self.path.endswith("?short"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) * 3 // 4])

    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The served folder and its address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SSIF_DATA", raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_second_mirror_is_used_and_the_file_kept(served, data):
    folder, address = served
    (folder / "cube.mat").write_bytes(CONTENT)
    mirrors = [f"{address}/absent/cube.mat", f"{address}/cube.mat"]
    path = locate("cube.mat", mirrors, len(CONTENT), "a cube", SHA256, data)
    assert path == data / "cube.mat"
    assert path.read_bytes() == CONTENT
    (folder / "cube.mat").unlink()
    assert locate("cube.mat", mirrors, len(CONTENT), "a cube", SHA256, data) == path
    assert [file.name for file in data.iterdir()] == ["cube.mat"]


def test_all_mirrors_fail(served, data):
    _, address = served
    with pytest.raises(UserError) as caught:
        locate("cube.mat", [f"{address}/cube.mat", "http://127.0.0.1:9/cube.mat"], 124_000_000, "a cube", SHA256, data)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("cube.mat", "118 MiB", SHA256, str(data), "SSIF_DATA", "--data-dir", "HTTP 404", "ConnectionError"):
        assert part in message
    assert list(data.iterdir()) == []


def test_download_with_a_wrong_hash(served, data):
    folder, address = served
    (folder / "cube.mat").write_bytes(CONTENT[::-1])
    with pytest.raises(UserError, match="the hash does not match"):
        locate("cube.mat", [f"{address}/cube.mat"], len(CONTENT), "a cube", SHA256, data)
    assert list(data.iterdir()) == []


def test_file_at_hand_with_a_wrong_hash_is_reported_and_left_alone(data):
    (data / "cube.mat").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"cube\.mat: the hash does not match"):
        locate("cube.mat", [], len(CONTENT), "a cube", SHA256, data)
    assert (data / "cube.mat").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("path", "reason"), [("cube.mat?short", "ChunkedEncodingError"), ("page.html", "only 12 bytes")]
)
def test_half_a_file_and_an_error_page_do_not_count(served, data, path, reason):
    folder, address = served
    (folder / "page.html").write_bytes(b"<p>later</p>")
    with pytest.raises(UserError, match=reason):
        locate("cube.mat", [f"{address}/{path}"], len(CONTENT), "a cube", data_dir=data)
    assert list(data.iterdir()) == []


def test_zip_is_unpacked_once(served, data):
    folder, address = served
    (folder / "scenes.zip").write_bytes(zipped({"a/1.png": b"one", "b/2.png": b"two"}))
    path = locate("scenes.zip", [f"{address}/scenes.zip"], 200, "scenes", data_dir=data)
    assert path == data / "scenes"
    assert (path / "a/1.png").read_bytes() == b"one"
    assert (path / "b/2.png").read_bytes() == b"two"
    assert [file.name for file in data.iterdir()] == ["scenes"]
    assert locate("scenes.zip", [], 200, "scenes", data_dir=data) == path


def test_broken_zip_of_one_mirror_gives_way_to_the_next(served, data):
    folder, address = served
    whole = zipped({"a/1.png": b"one" * 100})
    (folder / "broken.zip").write_bytes(whole.replace(b"oneone", b"twotwo"))
    (folder / "scenes.zip").write_bytes(whole)
    with pytest.raises(UserError, match="not a whole zip archive"):
        locate("scenes.zip", [f"{address}/broken.zip"], 200, "scenes", data_dir=data)
    assert list(data.iterdir()) == []
    mirrors = [f"{address}/broken.zip", f"{address}/scenes.zip"]
    assert (locate("scenes.zip", mirrors, 200, "scenes", data_dir=data) / "a/1.png").read_bytes() == b"one" * 100


def test_an_encrypted_zip_is_one_line(data):
    whole = bytearray(zipped({"a/1.png": b"one"}))
    # Set the bit "encrypted" in the header of the member and in the directory.
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (data / "scenes.zip").write_bytes(whole)
    with pytest.raises(
        UserError, match=r"scenes\.zip cannot be unpacked \(.*encrypted.*\); unpack it to .*scenes yourself$"
    ):
        locate("scenes.zip", [], 200, "scenes", data_dir=data)
    assert [path.name for path in data.iterdir()] == ["scenes.zip"]


def test_zip_that_the_user_brought(data):
    whole = zipped({"a/1.png": b"one"})
    (data / "scenes.zip").write_bytes(whole[:-30])
    with pytest.raises(UserError, match=r"scenes\.zip is not a whole zip archive"):
        locate("scenes.zip", [], 200, "scenes", data_dir=data)
    assert [file.name for file in data.iterdir()] == ["scenes.zip"]
    (data / "scenes.zip").write_bytes(whole)
    assert (locate("scenes.zip", [], 200, "scenes", data_dir=data) / "a/1.png").read_bytes() == b"one"
    assert (data / "scenes.zip").read_bytes() == whole


def test_order_of_folders(tmp_path, monkeypatch, data):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SSIF_DATA", raising=False)
    assert data_folder().name == "ssif"
    assert data_folder().is_dir()
    monkeypatch.setenv("SSIF_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder(data) == data
    with pytest.raises(UserError, match="typo does not exist"):
        data_folder(tmp_path / "typo")


def test_readers_import_no_downloader_and_no_tensorly():
    code = """
import sys
from ssif.data import cave, fetch, indian_pines, pavia_centre, synthetic
print([name for name in ("pooch", "requests", "tensorly", "torch") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(served, data, terminal):
    folder, address = served
    (folder / "cube.mat").write_bytes(CONTENT * 300)
    code = (
        "import sys; from ssif.data.fetch import locate; locate('cube.mat', sys.argv[1:2], 1000, '', None, sys.argv[2])"
    )
    reader, writer = pty.openpty() if terminal else os.pipe()
    subprocess.run([sys.executable, "-c", code, f"{address}/cube.mat", data], stderr=writer, check=True)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as stderr:
        shown = stderr.read(4096).decode()
    assert (data / "cube.mat").stat().st_size == len(CONTENT) * 300
    if terminal:
        assert shown.count("\n") == 1
        assert re.search(r"cube\.mat: 3072000/3072000 bytes, \S+ bytes/s, done\r\n$", shown)
    else:
        assert shown == ""
