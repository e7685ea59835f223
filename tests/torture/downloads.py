"""Ways by which a release comes to its readers, by the real programs; what comes is the release, and what they add."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conftest import RELEASE
from hub_double import HubDouble
from test_publish import REPO, command

Way = Callable[[Path], Path]
HUB = """
import json, sys
from huggingface_hub import snapshot_download
repo, folder = sys.argv[1:]
print(json.dumps(str(snapshot_download(repo, repo_type="dataset", revision="v1.0.0", local_dir=folder or None))))
"""


def from_the_hub(hub: HubDouble, folder: Path, *, local: bool) -> Path:
    """What ``hf download`` does: files and a folder ``.cache``, or links into the blobs of a cache."""
    _, environment = command(hub, folder)
    words = [sys.executable, "-c", HUB, REPO, str(folder / "local") if local else ""]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    found = Path(json.loads(done.stdout.splitlines()[-1]))
    assert (found / ".cache/huggingface").is_dir() if local else (found / "README.md").is_symlink()
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder can be read."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def by_http(folder: Path) -> Path:
    """File by file, as the list of checksums names them."""
    with served(RELEASE) as address:
        listed = urllib.request.urlopen(f"{address}/SHA256SUMS").read().decode()
        for path in ("SHA256SUMS", *(line[66:] for line in listed.splitlines())):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            urllib.request.urlretrieve(f"{address}/{path}", folder / path)
    return folder


def run(*words: object, inside: Path) -> None:
    known = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run([str(word) for word in words], cwd=inside, env=known, capture_output=True, check=True)


def by_get(folder: Path) -> Path:
    run(sys.executable, "-m", "parquetry", "get", RELEASE, folder / "got", inside=folder)
    return folder / "got"


def by_get_over_http(folder: Path) -> Path:
    with served(RELEASE) as address:
        run(sys.executable, "-m", "parquetry", "get", address, folder / "got", inside=folder)
    return folder / "got"


def by_git(folder: Path) -> Path:
    """A clone of a repository like those of the Hub, with the attributes that these have."""
    shutil.copytree(RELEASE, folder / "origin")
    (folder / "origin/.gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    run("git", "init", "-q", inside=folder / "origin")
    run("git", "add", "-A", inside=folder / "origin")
    run("git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x", inside=folder / "origin")
    run("git", "clone", "-q", "origin", "clone", inside=folder)
    return folder / "clone"


def by_git_archive(folder: Path) -> Path:
    by_git(folder)
    (folder / "out").mkdir()
    run("sh", "-c", "git -C clone archive HEAD | tar -x -C out", inside=folder)
    return folder / "out"


def by_tar(folder: Path) -> Path:
    with tarfile.open(folder / "it.tar.gz", "w:gz") as archive:
        archive.add(RELEASE, "it")
    with tarfile.open(folder / "it.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "it"


def by_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "it.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(RELEASE.rglob("*")):
            archive.write(path, path.relative_to(RELEASE))
    with zipfile.ZipFile(folder / "it.zip") as archive:
        archive.extractall(folder / "it")
    return folder / "it"


def other_times_and_modes(folder: Path) -> Path:
    """As `rsync` without ``-a``, or a medium that can only be read, leave it."""
    shutil.copytree(RELEASE, folder / "it", copy_function=shutil.copyfile)
    for number, path in enumerate(sorted((folder / "it").rglob("*"))):
        path.chmod(0o755 if path.is_dir() else (0o444, 0o777, 0o600)[number % 3])
        os.utime(path, (number, 2**31 + number))
    return folder / "it"


def linked_files(folder: Path) -> Path:
    return Path(shutil.copytree(RELEASE, folder / "it", copy_function=os.link))


def linked_folder(folder: Path) -> Path:
    """A link to the whole, under another name."""
    shutil.copytree(RELEASE, folder / "it")
    (folder / "other name ü").symlink_to("it")
    return folder / "other name ü"


def old_client(folder: Path) -> Path:
    """What clients of the Hub left in a folder before 2024."""
    shutil.copytree(RELEASE, folder / "it")
    (folder / "it/.huggingface/download").mkdir(parents=True)
    (folder / "it/.huggingface/download/README.md.metadata").write_text("x")
    (folder / "it/.gitattributes").write_text("x")
    return folder / "it"


#: All that need no Hub.
WAYS: dict[str, Way] = {
    "plain copy": lambda folder: Path(shutil.copytree(RELEASE, folder / "it")),
    "get": by_get,
    "get over HTTP": by_get_over_http,
    "HTTP, file by file": by_http,
    "a clone of git": by_git,
    "an archive of git": by_git_archive,
    "tar": by_tar,
    "zip": by_zip,
    "other times and modes": other_times_and_modes,
    "hard links": linked_files,
    "a link to the folder": linked_folder,
    "an old client of the Hub": old_client,
}
