"""A sealed release -> one commit of a dataset repository on the Hugging Face Hub, and its tag.

All files of a version become visible in one commit, or none do: the large ones are uploaded first, where nobody sees
them. What is there is read, never remembered: after an error, and at the next run, the repository itself says what is
left to do. So a lost answer is no second commit, and a killed run goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from parquetry.files.manifest import NAME, Manifest
from parquetry.remote.address import Address
from parquetry.remote.client import answered, errors
from parquetry.remote.sealed import Receipt, Sealed, git_id, loading
from parquetry.remote.trying import T, Unclear, first_line
from parquetry.words.errors import Problem, PublishError, VerificationError

#: Files that the Hub, or a person on its pages, puts into a new repository.
_THEIRS = (".gitattributes", ".gitignore", "README.md")


class Remote(NamedTuple):
    """A file of a repository."""

    bytes: int
    sha256: str  #: Of a large file; "" for one that git holds.
    git: str  #: What git calls it.


class State(NamedTuple):
    """A repository at one moment."""

    head: str  #: The commit that the branch is at.
    tagged: str  #: The commit of the tag of this version, or "".
    files: Mapping[str, Remote]  #: At the tag, or at the head.


class Hub:
    """A dataset repository, and a branch of it."""

    def __init__(self, api: Any, address: Address, *, create: bool = False) -> None:
        """Speak to a repository by a client, an ``HfApi``; if it is not there, it may be made."""
        self.api, self.repo, self.branch, self.create = api, address.place, address.revision or "main", create

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"hf://datasets/{self.repo}" + (f"@{self.branch}" if self.branch != "main" else "")

    def planned(self, release: Sealed) -> Receipt:
        """What `converge` would do; it changes nothing, so that a repository that is to be made counts as empty.

        Raises:
            PublishError: As `plan`.
            Unclear: The Hub does not answer.
        """
        if self._refs() is None and self.create:
            return release.receipt("planned", self.repo, "", [*release.files])
        state, sent, gone = self.plan(release)
        status = "planned" if sent or gone or not state.tagged else "unchanged"
        return release.receipt(status, self.repo, state.tagged or state.head, sent, gone)

    def _ready(self) -> None:
        """See that there is a token that may write, and a repository.

        Raises:
            PublishError: There is none, or no repository, and none may be made.
            Unclear: The Hub does not answer.
        """
        from huggingface_hub.errors import LocalTokenNotFoundError

        fix = "log in with `hf auth login`, or set HF_TOKEN; the token needs the right to write"
        try:
            role = self.api.whoami().get("auth", {}).get("accessToken", {}).get("role", "")
        except errors() as error:
            if not answered(error) and not isinstance(error, LocalTokenNotFoundError):
                raise Unclear(self._problem("HUB_RETRY", error)) from None
            raise PublishError(Problem("HUB_TOKEN", self.where, "there is no token that the Hub knows", fix)) from None
        if role == "read":
            raise PublishError(Problem("HUB_TOKEN", self.where, "the token may read, and not write", fix))
        if not self._exists():
            fix = "check its name, or make it with --create"
            raise PublishError(Problem("HUB_REPO", self.where, "there is no such dataset repository", fix))

    def plan(self, release: Sealed) -> tuple[State, list[str], list[str]]:
        """What is there, which files are to be sent, and which of the last release are to go.

        Raises:
            PublishError: This version is there with other files, or another dataset is.
            Unclear: The Hub does not answer.
        """
        state = self._asked(lambda: self._state(f"v{release.version}"))
        differing = [path for path in release.files if not self._same(release, path, state.files)]
        others = [path for path in state.files if path not in release.files and path not in _THEIRS]
        if self.branch == f"v{release.version}":
            fix = "name another branch"
            raise PublishError(Problem("HUB_BRANCH", self.where, "a branch cannot have the name of the tag", fix))
        if state.tagged:
            if state.head != state.tagged and NAME not in self._asked(lambda: self._files(state.head)):
                what = f"version {release.version} is there under its tag, and not on the branch {self.branch}"
                fix = "merge the branch that holds it, on the Hub; or raise the version"
                raise PublishError(Problem("HUB_BRANCH", self.where, what, fix))
            if differing or others:
                raise release.taken(self.where, (differing + others)[0])
            return state, [], []
        if others:
            self._foreign(release, others, state)
        return state, differing, others

    def converge(self, release: Sealed) -> Receipt:
        """Do what is left to do, so that the release is there under the tag of its version.

        Raises:
            PublishError: It cannot be there, or somebody else changed the branch meanwhile.
            VerificationError: The Hub holds other bytes than were sent.
            Unclear: It is not known to be there; asking again will tell.
        """
        self._ready()
        state, sent, gone = self.plan(release)
        status = "unchanged" if not sent and not gone else "published"
        commit = state.tagged or state.head
        if status == "published":
            self._card(release)
            commit = self._commit(release, state, sent, gone)
            self._confirm(release, commit)
        if not state.tagged:
            self._tag(release, commit)
        return release.receipt(status, self.repo, commit, sent, gone)

    def _exists(self) -> bool:
        refs = self._refs()
        if refs is None and self.create:
            self._asked(lambda: self.api.create_repo(self.repo, repo_type="dataset", exist_ok=True))
            refs = self._refs()
        if refs is not None and self.branch not in refs[0] and self.create:
            kwargs = {"repo_type": "dataset", "branch": self.branch, "exist_ok": True}
            self._asked(lambda: self.api.create_branch(self.repo, **kwargs))
            refs = self._refs()
        return refs is not None and self.branch in refs[0]

    def _refs(self) -> tuple[dict[str, str], dict[str, str]] | None:
        """Branches and tags with their commits; None if there is no repository."""
        from huggingface_hub.errors import RepositoryNotFoundError

        def ask() -> Any:
            try:
                return self.api.list_repo_refs(self.repo, repo_type="dataset")
            except RepositoryNotFoundError:
                return None

        refs = self._asked(ask)
        if refs is None:
            return None
        return {one.name: one.target_commit for one in refs.branches}, {
            one.name: one.target_commit for one in refs.tags
        }

    def _state(self, tag: str) -> State:
        branches, tags = self._refs() or ({}, {})
        if self.branch not in branches:
            fix = "check its name, or make it with --create"
            raise PublishError(Problem("HUB_REPO", self.where, "there is no such repository or branch", fix))
        return State(branches[self.branch], tags.get(tag, ""), self._files(tags.get(tag) or branches[self.branch]))

    def _files(self, revision: str) -> dict[str, Remote]:
        from huggingface_hub.hf_api import RepoFile

        tree = self.api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type="dataset")
        return {
            one.path: Remote(one.size, one.lfs.sha256 if one.lfs else "", one.blob_id)
            for one in tree
            if isinstance(one, RepoFile)
        }

    @staticmethod
    def _same(release: Sealed, path: str, there: Mapping[str, Remote]) -> bool:
        """Whether a file of the release is there, byte for byte."""
        file, remote = release.files[path], there.get(path)
        if remote is None or remote.bytes != file.bytes:
            return False
        return remote.sha256 == file.sha256 if remote.sha256 else remote.git == git_id(release.root / path)

    def _foreign(self, release: Sealed, others: list[str], state: State) -> None:
        """Refuse a repository with files that no earlier version of this dataset put there."""
        name, theirs = release.manifest.dataset.name, set[str]()
        if NAME in state.files:
            text = self._asked(lambda: self._text(NAME, state.head))
            with suppress(ValueError):
                last = Manifest.model_validate_json(text)
                theirs = {file.path for file in last.files} if last.dataset.name == name else theirs
        if foreign := sorted(set(others) - theirs):
            more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
            what = f"it holds files that no version of {name} put there: {', '.join(foreign[:3])}{more}"
            fix = "publish to a repository of its own, or remove them there first"
            raise PublishError(Problem("HUB_FOREIGN", self.where, what, fix))

    def _text(self, path: str, revision: str) -> bytes:
        with TemporaryDirectory(prefix="parquetry-") as aside:
            where = {"repo_type": "dataset", "revision": revision, "local_dir": aside}
            return Path(self.api.hf_hub_download(self.repo, path, **where)).read_bytes()

    def _card(self, release: Sealed) -> None:
        """Ask the Hub what it thinks of the card, before anything is sent."""
        from huggingface_hub import DatasetCard

        card = DatasetCard((release.root / "README.md").read_text("utf-8"), ignore_metadata_errors=True)
        try:
            self._asked(lambda: card.validate(repo_type="dataset"))
        except ValueError as error:
            what = f"the Hub refuses the card: {error}"
            raise PublishError(Problem("HUB_CARD", "README.md", what, "correct what it names")) from None

    def _commit(self, release: Sealed, state: State, sent: list[str], gone: list[str]) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        additions = [CommitOperationAdd(path, str(release.root / path)) for path in sent]
        where: dict[str, Any] = {"repo_type": "dataset", "revision": self.branch}
        self._asked(lambda: self.api.preupload_lfs_files(self.repo, additions, **where))
        if ignored := [one.path_in_repo for one in additions if getattr(one, "_should_ignore", False)]:
            fix = "remove the pattern from .gitignore in the repository"
            what = f"the repository would pass over {len(ignored)} files: {ignored[0]}"
            raise PublishError(Problem("HUB_IGNORED", self.where, what, fix))
        operations = [*additions, *(CommitOperationDelete(path) for path in gone)]
        title = f"{release.manifest.dataset.title}, version {release.version}"
        try:
            made = self.api.create_commit(
                self.repo, operations, commit_message=title, parent_commit=state.head, **where
            )
            return str(made.oid)
        except errors(ValueError) as error:  # it also fails where the answer is not what it expects
            return self._after(release, state, error)

    def _after(self, release: Sealed, before: State, error: BaseException) -> str:
        """What became of a commit whose answer was an error: the branch says it."""
        state = self._asked(lambda: self._state(f"v{release.version}"))
        if all(self._same(release, path, state.files) for path in release.files):
            return state.head
        if state.head != before.head:
            what = f"somebody else changed it meanwhile: it is at {state.head[:12]}"
            fix = "look at what they did, then run this again; nothing of this release was written"
            raise PublishError(Problem("HUB_MOVED", self.where, what, fix)) from None
        raise Unclear(self._problem("HUB_RETRY", error)) from None

    def _confirm(self, release: Sealed, commit: str) -> None:
        """Read the tree back, and compare it with the manifest."""
        there = self._asked(lambda: self._files(commit))
        if wrong := [path for path in release.files if not self._same(release, path, there)]:
            what = f"the Hub holds other bytes than were sent: {len(wrong)} files"
            fix = "run this again; if it stays so, tell the Hub"
            raise VerificationError(Problem("REMOTE_DIFFERS", f"{self.where}: {wrong[0]}", what, fix))

    def _tag(self, release: Sealed, commit: str) -> None:
        name = f"v{release.version}"
        said = f"{release.manifest.dataset.title}, version {release.version}\n\n{loading(self.repo, release, name)}"
        try:
            self.api.create_tag(self.repo, tag=name, tag_message=said, revision=commit, repo_type="dataset")
        except errors() as error:
            state = self._asked(lambda: self._state(name))
            if state.tagged == commit:
                return
            if state.tagged:
                what = f"the tag {name} was set meanwhile, on another commit"
                fix = "look at what it holds; raise the version if it is another release"
                raise PublishError(Problem("VERSION_EXISTS", self.where, what, fix)) from None
            raise Unclear(self._problem("HUB_RETRY", error)) from None

    def _asked(self, ask: Callable[[], T]) -> T:
        """What the Hub answers.

        Raises:
            PublishError: It refuses.
            Unclear: It does not answer, or not now.
        """
        try:
            return ask()
        except errors() as error:
            if answered(error):
                raise PublishError(self._problem("HUB_REFUSED", error)) from None
            raise Unclear(self._problem("HUB_RETRY", error)) from None

    def _problem(self, code: str, error: BaseException) -> Problem:
        return Problem(code, self.where, f"{type(error).__name__}: {first_line(error)}", "run this again")
