"""An object store gets a release file by file, its manifest last; and what was published comes back verified."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import datasets
import pandas
import polars
import pytest
from conftest import RELEASE, Project
from faulty_proxy import FAULTS, FaultyProxy
from test_publish import next_version

from parquetry.files.manifest import NAME, SUMS, load, sha256_of, sums
from parquetry.reader.get import get
from parquetry.reader.publish import sent
from parquetry.reader.verify import verify
from parquetry.remote import fetch as fetching
from parquetry.remote import store as stores
from parquetry.remote.address import parse
from parquetry.remote.directory import Directory
from parquetry.remote.sealed import Sealed, sealed
from parquetry.remote.store import Store, filesystem
from parquetry.remote.trying import persistently
from parquetry.words.errors import ParquetryError, PublishError, RecipeError, VerificationError

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the clients
NGINX = shutil.which("nginx")
ROWS = {"train": 79, "validation": 22, "test": 88}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistently, "__defaults__", ((0.01, 0.02), PublishError))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> None:
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A stand-in for S3; the address of it."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL)
    answers(port)
    known = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_DEFAULT_REGION": "us-east-1"}
    known["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    before = {name: os.environ.get(name) for name in known}
    os.environ.update(known)
    yield known["AWS_ENDPOINT_URL"]
    server.kill()
    server.wait()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest) -> str:
    """The address of a prefix in a new bucket."""
    name = f"bucket-{abs(hash(request.node.name)) % 10**9}"
    filesystem(parse(f"s3://{name}/data"))[0].mkdir(name)
    return f"s3://{name}/data"


def place(address: str) -> Store:
    return Store(*filesystem(parse(address)), address)


def publish(address: str, release: Sealed) -> str:
    return sent(release, place(address), dry=False, tell=lambda _: None).status


def test_a_store_gets_the_manifest_last(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    release, order = sealed(RELEASE), list[str]()
    put = Store._put
    monkeypatch.setattr(Store, "_put", lambda self, one, path: (order.append(path), put(self, one, path))[1])
    assert (publish(bucket, release), publish(bucket, release)) == ("published", "unchanged")
    assert len(order) == len(release.files) and order[-1] == NAME
    files, root = filesystem(parse(bucket))
    latest = json.loads(files.cat_file(f"{root}/latest.json"))
    assert (latest["version"], latest["path"]) == ("1.0.0", release.name)


def test_a_later_version_is_the_latest_and_an_earlier_one_is_not(bucket: str, tmp_path: Path) -> None:
    release, later = sealed(RELEASE), next_version(tmp_path)
    assert [publish(bucket, one) for one in (later, release)] == ["published", "published"]
    files, root = filesystem(parse(bucket))
    assert json.loads(files.cat_file(f"{root}/latest.json"))["version"] == "1.1.0"
    with pytest.raises(PublishError, match="VERSION_EXISTS"):
        publish(bucket, next_version(tmp_path / "other", "1.0.0"))


@pytest.mark.parametrize("number", [0, 7, 38])
def test_a_write_that_fails_for_ever_leaves_no_manifest(
    bucket: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Then the next run sends the rest, and no more."""
    release, put, done = sealed(RELEASE), Store._put, list[str]()

    def failing(self: Store, one: Sealed, path: str) -> None:
        if len(done) >= number:
            raise OSError("the network is down")
        done.append(path)
        put(self, one, path)

    monkeypatch.setattr(Store, "_put", failing)
    with pytest.raises(PublishError, match="S3_WRITE"):
        publish(bucket, release)
    files, root = filesystem(parse(bucket))
    assert not files.exists(f"{root}/{release.name}/{NAME}")
    assert not files.exists(f"{root}/latest.json")
    monkeypatch.setattr(Store, "_put", put)
    receipt = sent(release, place(bucket), dry=False, tell=lambda _: None)
    assert len(receipt.sent) == len(release.files) - number


def test_bytes_that_were_damaged_on_the_way_are_found(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    release, put = sealed(RELEASE), Store._put

    def damaging(self: Store, one: Sealed, path: str) -> None:
        if path == "README.md":
            raw = (one.root / path).read_bytes()
            self.files.pipe_file(f"{self.root}/{one.name}/{path}", raw[:-1] + b"?")
        else:
            put(self, one, path)

    monkeypatch.setattr(Store, "_put", damaging)
    with pytest.raises(VerificationError, match=r"REMOTE_DIFFERS.*README\.md"):
        publish(bucket, release)
    files, root = filesystem(parse(bucket))
    assert not files.exists(f"{root}/{release.name}/{NAME}")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"\xff", b'"1.0.0"'])
def test_what_is_no_name_of_a_version_is_not_overwritten(bucket: str, text: bytes) -> None:
    files, root = filesystem(parse(bucket))
    files.pipe_file(f"{root}/latest.json", text)
    with pytest.raises(PublishError, match="S3_LATEST"):
        publish(bucket, sealed(RELEASE))
    assert files.cat_file(f"{root}/latest.json") == text
    assert files.exists(f"{root}/{sealed(RELEASE).name}/{NAME}")
    with pytest.raises(RecipeError, match="RELEASE_MISSING"):
        get(parse(bucket), Path("never"), "", "", lambda _: None)


def test_two_at_once_put_one_version_into_a_store(bucket: str, tmp_path: Path) -> None:
    """Of two releases that call themselves the same version, one is there whole, and the other is told."""
    rivals, found = [sealed(RELEASE), next_version(tmp_path, "1.0.0")], list[str]()

    def run(release: Sealed) -> None:
        try:
            found.append(publish(bucket, release))
        except (PublishError, VerificationError) as error:
            found.append(error.problems[0].code)

    both = [threading.Thread(target=run, args=(one,)) for one in rivals]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(found) in (["VERSION_BEGUN", "published"], ["VERSION_EXISTS", "published"])
    files, root = filesystem(parse(bucket))
    there = hashlib.sha256(files.cat_file(f"{root}/{rivals[0].name}/{SUMS}")).hexdigest()
    (winner,) = [one for one in rivals if one.files[SUMS].sha256 == there]
    assert publish(bucket, winner) == "unchanged"


def test_what_is_wrong_with_a_bucket_is_said(s3: str) -> None:
    with pytest.raises(PublishError, match="S3_BUCKET"):
        publish("s3://no-such-bucket-here/data", sealed(RELEASE))


def test_a_large_object_goes_in_parts(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PART", 5 * 2**20)
    path = tmp_path / "large"
    path.write_bytes(os.urandom(12 * 2**20))
    files, root = filesystem(parse(bucket))
    files.put_file(str(path), f"{root}/large", chunksize=5 * 2**20, max_concurrency=2)
    assert files.info(f"{root}/large")["ETag"].strip('"') == stores.etag(path, "x")


def got(address: str, target: Path, only: str = "", expect: str = "") -> Any:
    return get(parse(address), target, only, expect, lambda _: None)


def test_what_was_published_comes_back_and_loads(bucket: str, tmp_path: Path) -> None:
    release = sealed(RELEASE)
    publish(bucket, release)
    found = got(bucket, tmp_path / "back", expect=release.files["SHA256SUMS"].sha256)
    assert (found.files, found.where) == (len(release.files) - 2, f"{bucket}/{release.name}")
    assert verify(tmp_path / "back", "deep").problems == ()
    assert got(bucket, tmp_path / "back").files == 0
    options = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
    file = f"{bucket}/{release.name}/data/events/train-00000-of-00001.parquet"
    assert len(pandas.read_parquet(file, storage_options=options)) == ROWS["train"]
    assert (
        polars.read_parquet(file, storage_options={"aws_endpoint_url": options["endpoint_url"]} | _AWS).height
        == ROWS["train"]
    )
    streamed = datasets.load_dataset("parquet", data_files=file, split="train", streaming=True, storage_options=options)
    assert len(list(streamed)) == ROWS["train"]


_AWS = {"aws_access_key_id": "me", "aws_secret_access_key": "mine", "aws_region": "us-east-1", "aws_allow_http": "true"}


@pytest.fixture(params=["ranges", "no ranges"])
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """nginx, which gives a copy of the release, with or without ranges."""
    if not NGINX:
        pytest.skip("there is no nginx (Debian: apt-get install nginx-light)")
    shutil.copytree(RELEASE, tmp_path / "www" / "release")
    port, log = free_port(), tmp_path / "log"
    ranges = "max_ranges 0;" if request.param == "no ranges" else ""
    (tmp_path / "conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {log}; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;\n"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}/www; {ranges} }} }}\n"
    )
    server = subprocess.Popen([NGINX, "-c", str(tmp_path / "conf")], stderr=subprocess.DEVNULL)
    answers(port)
    yield f"http://127.0.0.1:{port}/release"
    server.terminate()
    server.wait()


def test_a_web_server_gives_it_back(web: str, tmp_path: Path) -> None:
    assert got(web, tmp_path / "back").files == len(sealed(RELEASE).files) - 2
    assert verify(tmp_path / "back", "deep").problems == ()
    assert len(pandas.read_parquet(f"{web}/data/events/train-00000-of-00001.parquet")) == ROWS["train"]


def test_a_download_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = fetching.Folder._read, list[tuple[str, int]]()

    def ending(self: Any, path: str, start: int) -> Iterator[bytes]:
        asked.append((path, start))
        for block in read(self, path, start):
            if path.endswith("index.html") and not start:
                yield block[:1000]
                raise OSError("the machine is on fire")
            yield block

    monkeypatch.setattr(fetching.Folder, "_read", ending)
    with pytest.raises(OSError, match="fire"):
        got(str(RELEASE), tmp_path / "back")
    assert not (tmp_path / "back").exists()
    before = len(asked)
    got(str(RELEASE), tmp_path / "back")
    assert ("index.html", 1000) in asked[before:]
    assert [path for path, _ in asked[before:]].count("README.md") == 0, "what came is not asked for again"
    assert [path.name for path in tmp_path.iterdir()] == ["back"]


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(RELEASE, copy)
    raw = (copy / "index.html").read_bytes()
    (copy / "index.html").write_bytes(raw[:-1] + b"?")
    with pytest.raises(VerificationError, match=r"REMOTE_DIFFERS.*index\.html"):
        got(str(copy), tmp_path / "back")
    (copy / "index.html").unlink()
    with pytest.raises(VerificationError, match=r"FILE_MISSING.*index\.html"):
        got(str(copy), tmp_path / "back")
    assert not (tmp_path / "back").exists()
    with pytest.raises(VerificationError, match="DIGEST_UNEXPECTED"):
        got(str(RELEASE), tmp_path / "other", expect="0" * 64)


def test_one_table_can_be_had_alone(tmp_path: Path) -> None:
    got(str(RELEASE), tmp_path / "back", only="events")
    assert sorted(path.name for path in (tmp_path / "back/data").iterdir()) == ["events"]
    assert verify(tmp_path / "back", "deep", "events").problems == ()


def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(RELEASE, copy)
    known = json.loads((copy / NAME).read_text("utf-8"))
    known["files"].append({"path": "../../evil", "bytes": 1, "sha256": "0" * 64})
    (copy / NAME).write_text(json.dumps(known), "utf-8")
    (copy / SUMS).write_text(sums(load(copy), sha256_of(copy / NAME)), "utf-8")
    with pytest.raises(VerificationError, match="MANIFEST_PATH"):
        got(str(copy), tmp_path / "back")


def test_a_folder_that_was_damaged_is_not_called_verified(tmp_path: Path) -> None:
    got(str(RELEASE), tmp_path / "back")
    (tmp_path / "back/README.md").write_text("x", "utf-8")
    with pytest.raises(VerificationError, match=r"FILE_CHANGED.*README\.md"):
        got(str(RELEASE), tmp_path / "back")
    got(str(RELEASE), tmp_path / "part", only="events")
    assert got(str(RELEASE), tmp_path / "part", only="events").files == 0
    with pytest.raises(VerificationError, match="FILE_MISSING"):
        got(str(RELEASE), tmp_path / "part")


def test_where_it_may_not_go_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(RELEASE, copy)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("x", "utf-8")
    for target in (copy / "inner", tmp_path / "link", tmp_path / "file", copy.parent):
        with pytest.raises(RecipeError, match="DIR_EXISTS"):
            got(str(copy), target)
    with pytest.raises(RecipeError, match="inside the release"):
        Directory(copy / "inner").converge(sealed(copy))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    got(str(copy), Path())
    assert (tmp_path / "empty/manifest.json").is_file()


@pytest.mark.parametrize("path", ["LICENSE", "license", "LICENSE/inner", "x" * 300, "a\\b", "/etc/passwd"])
def test_paths_that_no_release_has_are_refused(tmp_path: Path, path: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(RELEASE, copy)
    known = json.loads((copy / NAME).read_text("utf-8"))
    known["files"].append({"path": path, "bytes": 1, "sha256": "0" * 64})
    (copy / NAME).write_text(json.dumps(known), "utf-8")
    (copy / SUMS).write_text(sums(load(copy), sha256_of(copy / NAME)), "utf-8")
    with pytest.raises(VerificationError, match="MANIFEST_PATH"):
        got(str(copy), tmp_path / "back")


def test_a_server_that_is_ill_is_asked_again(tmp_path: Path) -> None:
    asked = list[str]()

    class Ill(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/index.html" and asked.count(self.path) == 1:
                self.send_error(500)
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ill, directory=str(RELEASE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        got(f"http://127.0.0.1:{server.server_port}", tmp_path / "back")
    finally:
        server.shutdown()
        server.server_close()
    assert asked.count("/index.html") > 1
    assert verify(tmp_path / "back").problems == ()


def behind(proxy: FaultyProxy, address: str) -> Store:
    import fsspec

    files, root = fsspec.url_to_fs(
        address, use_listings_cache=False, skip_instance_cache=True, endpoint_url=proxy.url, asynchronous=False
    )
    return Store(files, root, address)


@pytest.mark.slow
def test_whatever_fails_at_any_request_to_a_store_the_outcome_is_right(
    s3: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request fails once, or all from it on, in each way: a reader that finds the manifest finds all files."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)  # so that what goes on is not the client's own patience
    project.rows("notes.jsonl", [{"id": str(n), "text": f"the text of {n}"} for n in range(9)])
    project.build()
    release, plain = sealed(project.release), filesystem(parse("s3://x/y"))[0]
    plain.mkdir("faults")

    def partial_view(root: str) -> bool:
        there = {path.removeprefix(f"{root}/{release.name}/") for path in plain.find(f"{root}/{release.name}")}
        return plain.exists(f"{root}/{release.name}/{NAME}") and there != {*release.files}

    with FaultyProxy(s3, lambda *_: "") as proxy:
        sent(release, behind(proxy, "s3://faults/whole"), dry=False, tell=lambda _: None)
    count, tried, again = len(proxy.log), 0, 0
    for number in range(count):
        for do in FAULTS:
            for ever in (False, True):
                address, first = f"s3://faults/{number}-{do}-{ever}", number

                def fault(at: int, _: str, first: int = first, do: str = do, ever: bool = ever) -> str:
                    return do if at == first or (ever and at > first) else ""

                tried += 1
                with FaultyProxy(s3, fault) as proxy:
                    try:
                        assert sent(release, behind(proxy, address), dry=False, tell=lambda _: None).status
                    except ParquetryError as error:
                        assert isinstance(error, PublishError | VerificationError), error
                        assert not partial_view(address.removeprefix("s3://")), (number, do, ever)
                        again += 1
                sent(release, place(address), dry=False, tell=lambda _: None)
                there = plain.find(f"{address.removeprefix('s3://')}/{release.name}")
                assert len(there) == len(release.files), (number, do, ever)
                latest = json.loads(plain.cat_file(f"{address.removeprefix('s3://')}/latest.json"))
                assert latest["path"] == release.name
    print(f"{count} requests, {tried} faults: {again} needed another run, no partial view")
