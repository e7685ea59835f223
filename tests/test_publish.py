"""Publishing is all or nothing, safe to repeat, and goes on after whatever went wrong; by the real clients."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import RELEASE, Project
from hub_double import Fault, HubDouble, Repo
from test_verify import reseal

from parquetry.files import manifest as manifests
from parquetry.reader.publish import sent
from parquetry.reader.verify import verify
from parquetry.remote import trying
from parquetry.remote.address import Address, parse
from parquetry.remote.directory import Directory
from parquetry.remote.hub import Hub
from parquetry.remote.sealed import Receipt, Sealed, sealed
from parquetry.words.errors import ParquetryError, PublishError, RecipeError, VerificationError

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the clients
REPO = "acme/belarus"
ADDRESS = parse(f"hf://datasets/{REPO}")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying.persistently, "__defaults__", ((0.01, 0.02, 0.04), PublishError))


@pytest.fixture(scope="module")
def release() -> Sealed:
    return sealed(RELEASE)


@pytest.fixture(params=["lfs", "xet"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with double(tmp_path, monkeypatch, xet=request.param == "xet") as found:
        yield found
        assert found.unhandled == []


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with double(tmp_path, monkeypatch, xet=False) as found:
        yield found
        assert found.unhandled == []


def double(folder: Path, monkeypatch: pytest.MonkeyPatch, *, xet: bool) -> HubDouble:
    """A stand-in with an empty repository; the client in this process speaks to it."""
    import huggingface_hub.constants as constants
    from huggingface_hub import repocard

    found = HubDouble(folder / "hub", xet=xet)
    found.repo(REPO)
    monkeypatch.setattr(constants, "ENDPOINT", found.url)
    template = found.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    monkeypatch.setattr(repocard.constants, "ENDPOINT", found.url)
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    return found


def place(hub: HubDouble, *, create: bool = False, token: str = "hf_write", address: Address = ADDRESS) -> Hub:
    from huggingface_hub import HfApi

    return Hub(HfApi(endpoint=hub.url, token=token), address, create=create)


def publish(hub: HubDouble, release: Sealed, **options: Any) -> Receipt:
    return sent(release, place(hub, **options), dry=False, tell=lambda _: None)


def whole(repo: Repo, release: Sealed, revision: str = "main") -> bool:
    """Whether a revision is the release, and nothing else."""
    files = repo.commits[repo.find(revision) or ""]["files"]
    names = {path for path in files if path != ".gitattributes"}
    return names == set(release.files) and all(files[p]["size"] == f.bytes for p, f in release.files.items())


def test_a_release_is_one_commit_and_a_tag(hub: HubDouble, release: Sealed) -> None:
    assert (publish(hub, release).status, publish(hub, release).status) == ("published", "unchanged")
    repo = hub.repos[REPO]
    assert repo.history() == ["Belarus foreign alignment record, version 1.0.0", "initial commit"]
    assert repo.tags == {"v1.0.0": repo.branches["main"]}
    assert 'revision="v1.0.0"' in repo.messages["v1.0.0"]
    assert whole(repo, release)


def next_version(tmp_path: Path, version: str = "1.1.0") -> Sealed:
    """A later version: a table less, other papers."""
    folder = tmp_path / "next"
    shutil.copytree(RELEASE, folder)
    known = json.loads((folder / "manifest.json").read_text("utf-8"))
    known["dataset"]["version"] = version
    (folder / "manifest.json").write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    (folder / "data/actors/train-00000-of-00001.parquet").unlink()
    (folder / "README.md").write_text((folder / "README.md").read_text("utf-8") + "\nMore.\n", "utf-8")
    reseal(folder)
    return sealed(folder)


def test_the_next_version_deletes_what_it_no_longer_has(hub: HubDouble, release: Sealed, tmp_path: Path) -> None:
    publish(hub, release)
    later = next_version(tmp_path)
    receipt = publish(hub, later)
    assert receipt.deleted == ("data/actors/train-00000-of-00001.parquet",)
    assert set(receipt.sent) == {"README.md", "manifest.json", "SHA256SUMS"}
    repo = hub.repos[REPO]
    assert len(repo.history()) == 3
    assert whole(repo, later, "v1.1.0") and whole(repo, release, "v1.0.0")
    assert publish(hub, release).status == "unchanged", "an earlier version is there under its tag"


def test_a_version_never_changes(plain: HubDouble, release: Sealed, tmp_path: Path) -> None:
    publish(plain, release)
    with pytest.raises(PublishError, match=r"VERSION_EXISTS.*version 1\.0\.0 is there with other files"):
        publish(plain, next_version(tmp_path, "1.0.0"))
    assert len(plain.repos[REPO].history()) == 2


def test_what_others_put_there_is_not_deleted(plain: HubDouble, release: Sealed) -> None:
    repo = plain.repos[REPO]
    plain.keep("x" * 40, b"mine")
    repo.commit(
        repo.commits[repo.branches["main"]]["files"] | {"mine.txt": {"size": 4, "oid": "x" * 40}}, "mine", "main", None
    )
    with pytest.raises(PublishError, match=r"HUB_FOREIGN.*that no version of .* put there: mine\.txt"):
        publish(plain, release)
    assert repo.history() == ["mine"]


@pytest.mark.parametrize(
    ("token", "create", "repo", "code"),
    [
        ("hf_read", True, REPO, "HUB_TOKEN"),
        ("hf_none", True, REPO, "HUB_TOKEN"),
        ("hf_write", False, "acme/none", "HUB_REPO"),
    ],
)
def test_what_is_missing_is_said(
    plain: HubDouble, release: Sealed, token: str, create: bool, repo: str, code: str
) -> None:
    with pytest.raises(PublishError, match=code) as error:
        publish(plain, release, token=token, create=create, address=parse(f"hf://datasets/{repo}"))
    assert token not in str(error.value)
    assert not any("commit" in line for line in plain.log)


def test_a_repository_or_a_branch_is_made_if_asked(plain: HubDouble, release: Sealed) -> None:
    assert publish(plain, release, create=True, address=parse("hf://datasets/acme/new")).status == "published"
    assert publish(plain, release, create=True, address=parse(f"hf://datasets/{REPO}@draft")).status == "published"
    assert plain.repos[REPO].history() == ["initial commit"]
    assert len(plain.repos[REPO].history("draft")) == 2


def test_files_that_the_repository_would_pass_over_are_named(plain: HubDouble, release: Sealed) -> None:
    repo = plain.repos[REPO]
    plain.keep("i" * 40, b"*.svg\n")
    files = repo.commits[repo.branches["main"]]["files"] | {".gitignore": {"size": 6, "oid": "i" * 40}}
    repo.commit(files, "ignore", "main", None)
    with pytest.raises(PublishError, match=r"HUB_IGNORED.*would pass over 12 files: assets/"):
        publish(plain, release)
    assert len(repo.history()) == 1


def requests(hub: HubDouble, release: Sealed) -> list[str]:
    """The requests of one undisturbed run, by their kinds."""
    publish(hub, release)
    return [line.split("?")[0] for line in hub.log]


FAULTS = ["drop", "cut", "429", "500", "503"]


class Looking(threading.Thread):
    """A reader that looks at the main branch again and again, and notes how many files it sees."""

    def __init__(self, hub: HubDouble) -> None:
        super().__init__(daemon=True)
        self.address = f"{hub.url}/api/datasets/{REPO}/tree/main?recursive=1&reader=1"
        self.seen, self.looks, self.over = set[int](), 0, False

    def run(self) -> None:
        while not self.over:
            with urllib.request.urlopen(self.address) as answer:
                self.seen.add(sum(one["type"] == "file" for one in json.load(answer)))
            self.looks += 1
            time.sleep(0.002)


@pytest.mark.slow
def test_whatever_fails_at_any_request_the_outcome_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: Sealed
) -> None:
    """Each request of a run fails once, in each way: the run, or the next one, ends with one commit and its tag."""
    with double(tmp_path / "first", monkeypatch, xet=False) as first:
        kinds = requests(first, release)
    done, looks = {"published": 0, "again": 0}, 0
    for number in range(len(kinds)):
        for do in [*FAULTS, "lose"]:
            with double(tmp_path / f"{number}{do}", monkeypatch, xet=False) as hub:
                hub.faults.append(Fault("^(?!.*reader=1)", do, (number + 1,)))
                reader = Looking(hub)
                reader.start()
                try:
                    publish(hub, release)
                    done["published"] += 1
                except ParquetryError as error:
                    assert isinstance(error, PublishError), error
                    publish(hub, release)
                    done["again"] += 1
                reader.over = True
                reader.join()
                looks += reader.looks
                repo = hub.repos[REPO]
                assert reader.seen <= {1, len(release.files) + 1}, "a reader sees all of a version, or nothing"
                assert len(repo.history()) == 2, (number, do)
                assert repo.tags == {"v1.0.0": repo.branches["main"]} and whole(repo, release)
                assert hub.unhandled == []
            shutil.rmtree(tmp_path / f"{number}{do}")
    print(f"{len(kinds)} requests, {len(kinds) * 6} faults: {done}; {looks} looks, no partial view")


@pytest.mark.parametrize("when", [r"POST .*/commit/", r"POST .*/tag/", r"PUT /__lfs"])
def test_a_lost_answer_is_no_second_commit(plain: HubDouble, release: Sealed, when: str) -> None:
    plain.faults.append(Fault(when, "lose"))
    assert publish(plain, release).status == "published"
    repo = plain.repos[REPO]
    assert plain.faults[0].fired == 1
    assert len(repo.history()) == 2
    assert repo.tags == {"v1.0.0": repo.branches["main"]}


def test_wrong_bytes_are_found(plain: HubDouble, release: Sealed) -> None:
    plain.faults.append(Fault(r"POST .*/commit/", "wrong"))
    with pytest.raises(VerificationError, match="REMOTE_DIFFERS"):
        publish(plain, release)
    assert plain.repos[REPO].tags == {}, "what is wrong gets no tag"


def test_who_comes_second_is_told(plain: HubDouble, release: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else commits between the look and the commit: nothing of ours is written."""
    mine, repo = place(plain), plain.repos[REPO]
    plan = mine.plan

    def meanwhile(release: Sealed) -> Any:
        found = plan(release)
        repo.commit(repo.commits[repo.branches["main"]]["files"], "theirs", "main", repo.branches["main"])
        monkeypatch.setattr(mine, "plan", plan)
        return found

    monkeypatch.setattr(mine, "plan", meanwhile)
    with pytest.raises(PublishError, match="HUB_MOVED"):
        sent(release, mine, dry=False, tell=lambda _: None)
    assert repo.history() == ["theirs", "initial commit"]


def test_two_at_once_are_one_commit(plain: HubDouble, release: Sealed) -> None:
    found: list[str] = []

    def run() -> None:
        try:
            found.append(publish(plain, release).status)
        except PublishError as error:
            found.append(error.problems[0].code)

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(plain.repos[REPO].history()) == 2
    assert "published" in found and set(found) <= {"published", "unchanged", "HUB_MOVED"}


def command(hub: HubDouble, tmp_path: Path, *words: str, token: str = "hf_write") -> list[Any]:
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HOME": str(tmp_path / "home")}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    return [[sys.executable, "-m", "parquetry", *words], environment]


@pytest.mark.slow
def test_after_a_kill_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: Sealed) -> None:
    """Killed at each request and at random times, a run leaves no partial view, and the next one ends right."""
    total = sum(file.bytes for path, file in release.files.items() if path.endswith(".parquet"))
    with double(tmp_path / "first", monkeypatch, xet=False) as first:
        count = len(requests(first, release))
    random = Random(0)
    times = [(number, 0.0) for number in range(1, count + 1)] + [(1, random.uniform(0, 0.8)) for _ in range(50)]
    again = kills = 0
    for place, (number, wait) in enumerate(times):
        with double(tmp_path / str(place), monkeypatch, xet=False) as hub:
            process = multiprocessing.get_context("fork").Process(target=publish, args=(hub, release))
            process.start()
            while len(hub.log) < number and process.is_alive():
                time.sleep(0.0005)
            time.sleep(wait)
            process.kill()
            process.join()
            kills += process.exitcode == -signal.SIGKILL
            repo = hub.repos[REPO]
            assert len(repo.history()) == 1 or whole(repo, release), "all or nothing"
            publish(hub, release)
            assert len(repo.history()) == 2 and repo.tags == {"v1.0.0": repo.branches["main"]}
            again += sum(size for _, size in hub.stored) - total
        shutil.rmtree(tmp_path / str(place))
    print(f"{kills} kills of {len(times)}, {100 * again / (total * max(1, kills)):.1f} % of the bytes sent twice")
    assert kills > 40


def process_list() -> str:
    """The command lines of all processes, where the system shows them."""
    found = ""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            found += one.read_bytes().decode(errors="replace")
    return found


def test_the_command_publishes_and_never_shows_the_token(plain: HubDouble, tmp_path: Path) -> None:
    target = f"hf://datasets/{REPO}"
    said = ""
    for words, code in ((["--dry-run"], 0), ([], 0), (["--json"], 0)):
        line, environment = command(plain, tmp_path, "publish", str(RELEASE), target, *words)
        with subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            while process.poll() is None:
                said += process_list()
                time.sleep(0.01)
            said += process.stdout.read() if process.stdout else ""
        assert process.returncode == code, said
    assert "hf_write" not in said, "not in what is printed, and not in the list of processes"
    assert "nothing was sent" in said and "published" in said and '"status": "unchanged"' in said
    assert len(plain.repos[REPO].history()) == 2


def test_an_endpoint_in_clear_text_is_refused(plain: HubDouble, tmp_path: Path) -> None:
    line, environment = command(plain, tmp_path, "publish", str(RELEASE), f"hf://datasets/{REPO}")
    environment["HF_ENDPOINT"] = "http://hub.example.org"
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "ENDPOINT_INSECURE" in done.stderr, done.stdout) == (6, True, "")


def test_what_does_not_verify_is_not_sent(plain: HubDouble, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(RELEASE, folder)
    (folder / "README.md").write_text("# Something else\n", "utf-8")
    line, environment = command(plain, tmp_path, "publish", str(folder), f"hf://datasets/{REPO}")
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.startswith("error[VERIFY_FIRST]")
    assert plain.log == []


@pytest.mark.parametrize(
    ("text", "kind", "place", "revision"),
    [
        ("hf://datasets/a/b", "hub", "a/b", ""),
        ("hf://datasets/a/b@draft/x", "hub", "a/b", "draft/x"),
        ("s3://bucket/x/", "store", "s3://bucket/x", ""),
        ("https://example.org/x", "http", "https://example.org/x", ""),
        ("some/folder", "folder", "some/folder", ""),
        ("file:///some/folder", "folder", "/some/folder", ""),
    ],
)
def test_addresses(text: str, kind: str, place: str, revision: str) -> None:
    assert parse(text) == Address(kind, text, place, revision)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["hf://a/b", "hf://datasets/a", "s3:///x", "https://me:secret@example.org/x", "https://example.org/x?sig=secret"],
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(RecipeError, match="TARGET") as error:
        parse(text)
    assert "secret" not in str(error.value)


def test_a_folder_gets_a_whole_copy(release: Sealed, tmp_path: Path) -> None:
    there = Directory(tmp_path / "out")
    assert there.converge(release).status == "published"
    assert there.converge(release).status == "unchanged"
    copy = tmp_path / "out" / release.name
    assert manifests.load(copy) == release.manifest
    assert [path.name for path in (tmp_path / "out").iterdir()] == [release.name]
    (copy / "README.md").write_text("x", "utf-8")
    with pytest.raises(PublishError, match="VERSION_EXISTS"):
        there.converge(release)


def test_only_the_files_of_the_manifest_are_sent(project: Project, tmp_path: Path) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    folder = project.build().place
    release = sealed(folder)
    (folder / ".env").write_text("SECRET=1", "utf-8")
    Directory(tmp_path / "out").converge(release)
    assert not list((tmp_path / "out").rglob(".env"))


#: What readers do with a published release; run where the endpoint is that of the stand-in.
READERS = """
import json, sys, datasets, pandas, pyarrow.parquet as pq
from huggingface_hub import HfFileSystem, snapshot_download
repo, folder = sys.argv[1:]
found = {}
loaded = datasets.load_dataset(repo, "events", revision="v1.0.0", verification_mode="all_checks")
found["datasets"] = {split: rows.num_rows for split, rows in loaded.items()}
streamed = datasets.load_dataset(repo, "events", revision="v1.0.0", streaming=True)
found["streamed"] = {split: sum(1 for _ in rows) for split, rows in streamed.items()}
path = f"datasets/{repo}@v1.0.0/data/events/train-00000-of-00001.parquet"
found["pandas"] = len(pandas.read_parquet(f"hf://{path}"))
found["pyarrow"] = pq.read_table(path, filesystem=HfFileSystem()).num_rows
snapshot_download(repo, repo_type="dataset", revision="v1.0.0", local_dir=folder)
found["snapshot"] = snapshot_download(repo, repo_type="dataset", revision="v1.0.0")
print(json.dumps(found))
"""


@pytest.mark.slow
def test_readers_load_what_was_published(plain: HubDouble, release: Sealed, tmp_path: Path) -> None:
    publish(plain, release)
    _, environment = command(plain, tmp_path)
    words = [sys.executable, "-c", READERS, REPO, str(tmp_path / "local")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    rows = {"train": 79, "validation": 22, "test": 88}
    assert (found["datasets"], found["streamed"]) == (rows, rows)
    assert found["pandas"] == found["pyarrow"] == 79
    for folder in (tmp_path / "local", Path(found["snapshot"])):
        assert verify(folder, "deep").problems == (), "what transport adds is no change"


@pytest.mark.slow
def test_eight_hundred_files_are_one_commit(plain: HubDouble, project: Project) -> None:
    project.edit("[tables.notes]", '[files]\nshard_bytes = "1kB"\nrow_group_bytes = "1kB"\n\n[tables.notes]')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.rows("notes.jsonl", [{"id": f"n{number}", "text": f"{number} " * 60} for number in range(2600)])
    many = sealed(project.build().place)
    assert len(many.files) > 800
    assert publish(plain, many).status == "published"
    assert len(plain.repos[REPO].history()) == 2
    assert whole(plain.repos[REPO], many)


def test_a_version_is_not_called_there_on_a_branch_that_lacks_it(plain: HubDouble, release: Sealed) -> None:
    draft = parse(f"hf://datasets/{REPO}@draft")
    assert publish(plain, release, create=True, address=draft).status == "published"
    with pytest.raises(PublishError, match=r"HUB_BRANCH.*not on the branch main"):
        publish(plain, release)
    with pytest.raises(PublishError, match=r"HUB_BRANCH.*name of the tag"):
        publish(plain, release, create=True, address=parse(f"hf://datasets/{REPO}@v1.0.0"))
