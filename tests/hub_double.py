"""A small stand-in for the Hugging Face Hub, for its real client: it keeps commits, checks every body, and can fail.

What it does not know it refuses, and notes in ``unhandled``. It says nothing about quotas, gating, scans, TLS, or a
content-addressed store over HTTP; with ``xet`` the real client writes to one in a local folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKENS = {"hf_write": "write", "hf_read": "read"}
File = dict[str, Any]


def git_id(raw: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()


@dataclass
class Repo:
    """A repository: commits, and the branches and tags that point to them."""

    id: str
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)  #: Of tags.
    commits: dict[str, dict[str, Any]] = field(default_factory=dict)

    def commit(self, files: dict[str, File], title: str, branch: str, parent: str | None) -> str:
        name = hashlib.sha1(json.dumps([files, title, parent, len(self.commits)], sort_keys=True).encode()).hexdigest()
        self.commits[name] = {"files": files, "title": title, "parent": parent}
        self.branches[branch] = name
        return name

    def find(self, revision: str) -> str | None:
        return (
            self.branches.get(revision) or self.tags.get(revision) or (revision if revision in self.commits else None)
        )

    def history(self, branch: str = "main") -> list[str]:
        """Titles of the commits of a branch, the newest first."""
        found, name = [], self.branches.get(branch)
        while name:
            found.append(self.commits[name]["title"])
            name = self.commits[name]["parent"]
        return found


@dataclass
class Fault:
    """What goes wrong, at which requests."""

    when: str  #: An expression that ``METHOD /path`` matches.
    do: str  #: drop, cut, lose, wrong, or the status of an answer.
    nth: tuple[int, ...] = (1,)  #: At which of these requests.
    seen: int = 0
    fired: int = 0


class HubDouble:
    """Use it in a ``with`` block; the client is told ``HF_ENDPOINT`` = `url` and one of `TOKENS`."""

    def __init__(self, root: Path, *, xet: bool = False) -> None:
        self.root, self.cas = root, f"local://{root}/cas" if xet else ""
        (root / "blobs").mkdir(parents=True)
        self.repos, self.faults = dict[str, Repo](), list[Fault]()
        self.log, self.unhandled, self.stored = list[str](), list[str](), list[tuple[str, int]]()
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"double": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> HubDouble:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def repo(self, name: str) -> Repo:
        """Make an empty repository, as the Hub does."""
        made = self.repos[name] = Repo(name)
        raw = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
        self.keep(git_id(raw), raw)
        made.commit({".gitattributes": {"size": len(raw), "oid": git_id(raw)}}, "initial commit", "main", None)
        return made

    def keep(self, name: str, raw: bytes) -> None:
        aside = self.root / "blobs" / f".{threading.get_ident()}"
        aside.write_bytes(raw)
        aside.replace(self.blob(name))

    def blob(self, name: str) -> Path:
        return self.root / "blobs" / name

    def rebuild(self, repo: str, commit: str, path: str, blob: Path) -> None:
        """Let the real client put a file together from the content-addressed store, as the Hub's bridge does."""
        ask = (
            "import sys; from huggingface_hub import hf_hub_download as get; get(*sys.argv[1:3], repo_type='dataset', "
        )
        ask += "revision=sys.argv[3], local_dir=sys.argv[4])"
        folder = self.root / "bridge" / blob.name
        environment = os.environ | {"HF_ENDPOINT": self.url, "HF_HOME": str(self.root / "home")}
        environment.pop("HF_HUB_DISABLE_XET", None)
        words = [sys.executable, "-c", ask, repo, path, commit, str(folder)]
        subprocess.run(words, env=environment, check=True, capture_output=True)
        (folder / path).replace(blob)

    def xet_names(self) -> dict[str, str]:
        """What the content-addressed store calls a file, by its SHA-256: from the shards that the client wrote."""
        found = dict[str, str]()
        for path in Path(self.cas.removeprefix("local://")).rglob("*.mdb") if self.cas else ():
            raw, place = path.read_bytes(), 48
            while place + 48 <= len(raw):
                name, flags, count = raw[place : place + 32], *struct.unpack_from("<II", raw, place + 32)
                if name == b"\xff" * 32:
                    break
                place += 48 + 48 * count * (2 if flags & 0x80000000 else 1)
                if flags & 0x40000000:
                    found[_hex(raw[place : place + 32])] = _hex(name)
                    place += 48
        return found


def _hex(raw: bytes) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: HubDouble
    lose = False

    def log_message(self, *_: object) -> None:
        pass

    def answer(
        self, code: int, said: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None
    ) -> None:
        body = raw if raw is not None else b"" if said is None else json.dumps(said).encode()
        self.send_response(code)
        known = {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})
        for name, value in known.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def role(self) -> str | None:
        return TOKENS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def missing(self, what: str) -> None:
        self.body()
        self.answer(404, {"error": what}, {"X-Error-Code": what, "X-Error-Message": what})

    def handle_request(self) -> None:
        path, double = unquote(urlsplit(self.path).path), self.double
        with double.lock:
            double.log.append(f"{self.command} {re.sub('[0-9a-f]{40,64}', '…', self.path)}")
            do = self.fault()
        if do == "drop":
            return self.cut()
        if do.isdigit():
            self.body()
            return self.answer(int(do), {"error": "not now"}, {"Retry-After": "1"} if do == "429" else None)
        if do == "cut":
            self.rfile.read(min(1 << 16, int(self.headers.get("Content-Length", 0)) // 2))
            return self.cut()
        self.lose, self.wrong = do == "lose", do == "wrong"
        for pattern, act in _ROUTES:
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                return act(self, *match.groups())
        self.body()
        double.unhandled.append(f"{self.command} {path}")
        return self.answer(404, {"error": "the stand-in does not know this"})

    def fault(self) -> str:
        for one in self.double.faults:
            if re.search(one.when, f"{self.command} {self.path}"):
                one.seen += 1
                if one.seen in one.nth:
                    one.fired += 1
                    return one.do
        return ""

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_request  # noqa: N815

    def whoami(self) -> None:
        role = self.role()
        known = {"type": "user", "name": "tester", "fullname": "T", "orgs": [], "auth": {"accessToken": {"role": role}}}
        self.answer(200, known) if role else self.answer(401, {"error": "Invalid credentials"})

    def validate_card(self) -> None:
        import yaml

        found = re.match(r"---\n(.*?)\n---", json.loads(self.body())["content"], re.DOTALL)
        try:
            yaml.safe_load(found[1] if found else "")
        except yaml.YAMLError as error:
            return self.answer(400, {"errors": [{"message": str(error)}], "warnings": []})
        return self.answer(200, {"errors": [], "warnings": []})

    def create(self) -> None:
        asked = json.loads(self.body())
        if self.role() != "write":
            return self.answer(403, {"error": "You don't have the rights to create a dataset"})
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        if name in self.double.repos:
            return self.answer(
                409, {"error": "You already created this dataset repo", "url": f"{self.double.url}/{name}"}
            )
        self.double.repo(name)
        return self.answer(200, {"url": f"{self.double.url}/datasets/{name}", "name": name, "id": name})

    def lfs_batch(self, _: str) -> None:
        objects = []
        for one in json.loads(self.body())["objects"]:
            known = {"oid": one["oid"], "size": one["size"]}
            if not self.double.blob(one["oid"]).exists():
                upload = {"href": f"{self.double.url}/__lfs/{one['oid']}"}
                known["actions"] = {"upload": upload, "verify": {"href": f"{self.double.url}/__lfsverify"}}
            objects.append(known)
        self.answer(200, {"transfer": "basic", "objects": objects})

    def lfs_put(self, name: str) -> None:
        raw = self.body()
        if hashlib.sha256(raw).hexdigest() != name:
            return self.answer(400, {"error": "other bytes than were named"})
        with self.double.lock:
            self.double.stored.append((name, len(raw)))
        self.double.keep(name, raw)
        return self.cut() if self.lose else self.answer(200, {})

    def lfs_verify(self) -> None:
        asked = json.loads(self.body())
        path = self.double.blob(asked["oid"])
        self.answer(200 if path.exists() and path.stat().st_size == asked["size"] else 404, {})

    def api(self, name: str, verb: str, rest: str) -> None:
        repo = self.double.repos.get(name)
        if not repo:
            return self.missing("RepoNotFound")
        act = _VERBS.get(f"{self.command} {verb}")
        if act is None:
            self.body()
            self.double.unhandled.append(f"{self.command} {verb}")
            return self.answer(404, {"error": "the stand-in does not know this"})
        return act(self, repo, rest)

    def info(self, repo: Repo, revision: str) -> None:
        name = repo.find(revision or "main")
        if not name:
            return self.missing("RevisionNotFound")
        siblings = [{"rfilename": path} for path in sorted(repo.commits[name]["files"])]
        known = {"id": repo.id, "_id": "x", "author": repo.id.split("/")[0], "sha": name, "private": False}
        known |= {"gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings}
        known |= {"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"}
        return self.answer(200, known)

    def refs(self, repo: Repo, _: str) -> None:
        def listed(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": commit} for n, commit in refs.items()]

        found = {"branches": listed("heads", repo.branches), "tags": listed("tags", repo.tags)}
        self.answer(200, found | {"converts": [], "pullRequests": []})

    def tree(self, repo: Repo, rest: str) -> None:
        revision, _, inside = rest.partition("/")
        name = repo.find(revision)
        if not name:
            return self.missing("RevisionNotFound")
        files, start = repo.commits[name]["files"], f"{inside.strip('/')}/" if inside.strip("/") else ""
        below = {path: one for path, one in files.items() if path.startswith(start)}
        if start and not below:
            return self.missing("EntryNotFound")
        deep = parse_qs(urlsplit(self.path).query).get("recursive", [""])[0].lower() in ("true", "1")
        folders = {
            start + "/".join(parts[:depth])
            for parts in (path.removeprefix(start).split("/") for path in below)
            for depth in range(1, len(parts) if deep else min(2, len(parts)))
        }
        shown = {path: one for path, one in below.items() if deep or "/" not in path.removeprefix(start)}
        listed = [{"type": "directory", "path": one, "oid": git_id(one.encode()), "size": 0} for one in sorted(folders)]
        return self.answer(200, listed + [self.entry(path, one) for path, one in sorted(shown.items())])

    def entry(self, path: str, one: File) -> dict[str, Any]:
        known = {"type": "file", "path": path, "size": one["size"], "oid": one["oid"]}
        if one.get("sha256"):
            known["lfs"] = {"oid": one["sha256"], "size": one["size"], "pointerSize": 130}
        return known | ({"xetHash": one["xet"]} if one.get("xet") else {})

    def paths(self, repo: Repo, revision: str) -> None:
        raw, name = self.body(), repo.find(revision)
        asked = json.loads(raw)["paths"] if raw[:1] == b"{" else parse_qs(raw.decode()).get("paths", [])
        if not name:
            return self.missing("RevisionNotFound")
        files, found = repo.commits[name]["files"], []
        for path in asked:
            if path in files:
                found.append(self.entry(path, files[path]))
            elif any(one.startswith(f"{path}/") for one in files):
                found.append({"type": "directory", "path": path, "oid": git_id(path.encode()), "size": 0})
        return self.answer(200, found)

    def preupload(self, repo: Repo, revision: str) -> None:
        asked, name = json.loads(self.body()), repo.find(revision)
        if self.role() != "write":
            return self.answer(403, {"error": "Forbidden: pass a write token"})
        files, found = repo.commits[name or ""]["files"], []
        ignored = self.double.blob(files[".gitignore"]["oid"]).read_text().split() if ".gitignore" in files else []
        for one in asked["files"]:
            large = one["path"].endswith((".parquet", ".zst")) or one["size"] > 10 * 2**20
            known = {"path": one["path"], "uploadMode": "lfs" if large else "regular", "oid": None}
            found.append(known | {"shouldIgnore": any(one["path"].endswith(end.lstrip("*")) for end in ignored)})
        return self.answer(200, {"files": found})

    def xet_token(self, _: Repo, __: str) -> None:
        until = str(int(time.time()) + 3600)
        headers = {"X-Xet-Cas-Url": self.double.cas, "X-Xet-Access-Token": "x", "X-Xet-Token-Expiration": until}
        self.answer(200, {"accessToken": "x", "exp": int(until), "casUrl": self.double.cas}, headers)

    def branch(self, repo: Repo, name: str) -> None:
        asked = json.loads(self.body() or b"{}")
        if name in repo.branches:
            return self.answer(409, {"error": "Reference already exists"})
        repo.branches[name] = repo.find(asked.get("startingPoint") or "main") or ""
        return self.answer(200, {})

    def tag(self, repo: Repo, revision: str) -> None:
        asked = json.loads(self.body())
        if self.role() != "write":
            return self.answer(403, {"error": "Forbidden: pass a write token"})
        if asked["tag"] in repo.tags:
            return self.answer(409, {"error": "Tag exists"})
        repo.tags[asked["tag"]] = repo.find(revision) or ""
        repo.messages[asked["tag"]] = asked.get("message") or ""
        return self.cut() if self.lose else self.answer(200, {})

    def commit(self, repo: Repo, branch: str) -> None:
        lines = [json.loads(line) for line in self.body().splitlines() if line.strip()]
        if self.role() != "write":
            return self.answer(403, {"error": "Forbidden: pass a write token"})
        with self.double.lock:
            said, head = lines[0]["value"], repo.branches.get(branch)
            if not head:
                return self.missing("RevisionNotFound")
            if said.get("parentCommit") and said["parentCommit"] != head:
                return self.answer(412, {"error": "A commit has happened since. Please refresh and try again."})
            files = dict(repo.commits[head]["files"])
            for line in lines[1:]:
                if (problem := self.apply(line["key"], line["value"], files)) is not None:
                    return self.answer(400, {"error": problem})
            name = repo.commit(files, said["summary"], branch, head)
        if self.lose:
            return self.cut()
        return self.answer(
            200,
            {
                "success": True,
                "commitOid": name,
                "commitUrl": f"{self.double.url}/datasets/{repo.id}/commit/{name}",
                "hookOutput": "",
            },
        )

    def apply(self, key: str, value: dict[str, Any], files: dict[str, File]) -> str | None:
        """Do one operation of a commit; what is wrong with it, if anything is."""
        if key == "file":
            raw = base64.b64decode(value["content"])
            raw = raw[:-1] + b"?" if self.wrong else raw
            self.double.keep(git_id(raw), raw)
            files[value["path"]] = {"size": len(raw), "oid": git_id(raw)}
        elif key == "lfsFile":
            name, path = value["oid"], self.double.blob(value["oid"])
            known: File = {"sha256": name, "oid": git_id(name.encode())}
            if path.exists():
                known["size"] = path.stat().st_size
            elif xet := self.double.xet_names().get(name):
                known |= {"size": value["size"], "xet": xet}
            else:
                return f"LFS object {name} was not uploaded"
            files[value["path"]] = known
        elif key == "deletedFile":
            files.pop(value["path"], None)
        else:
            return f"the stand-in does not know the operation {key}"
        return None

    def resolve(self, name: str, revision: str, path: str) -> None:
        repo = self.double.repos.get(name)
        if not repo:
            return self.missing("RepoNotFound")
        commit = repo.find(revision)
        if not commit:
            return self.missing("RevisionNotFound")
        one = repo.commits[commit]["files"].get(path)
        if one is None:
            return self.answer(
                404, {"error": "EntryNotFound"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            )
        tag = f'"{one.get("sha256") or one["oid"]}"'
        headers = {"X-Repo-Commit": commit, "ETag": tag, "X-Linked-Etag": tag, "Accept-Ranges": "bytes"}
        headers["X-Linked-Size"] = str(one["size"])
        if one.get("xet"):
            place = f"{self.double.url}/api/datasets/{name}/xet-read-token/{commit}"
            headers |= {"X-Xet-Hash": one["xet"], "Link": f'<{place}>; rel="xet-auth"'}
            if self.command == "HEAD":
                return self.answer(200, headers=headers | {"Content-Length": str(one["size"])})
        blob = self.double.blob(one.get("sha256") or one["oid"])
        if not blob.exists() and self.command == "GET":
            self.double.rebuild(name, commit, path, blob)
        raw, code = blob.read_bytes(), 200
        raw = raw[:-1] + b"?" if self.wrong else raw
        if asked := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            start, stop = asked.groups()
            first = int(start) if start else len(raw) - int(stop)
            last = int(stop) if start and stop else len(raw) - 1
            headers["Content-Range"], code = f"bytes {first}-{min(last, len(raw) - 1)}/{len(raw)}", 206
            raw = raw[first : last + 1]
        return self.answer(code, headers=headers, raw=raw)


_ROUTES: list[tuple[str, Any]] = [
    (r"GET /api/whoami-v2", _Handler.whoami),
    (r"GET /api/agent-harnesses", lambda handler: handler.answer(200, {})),
    (r"POST /api/validate-yaml", _Handler.validate_card),
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /(?:datasets/)?(.+?/.+?)\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (r"PUT /__lfs/([0-9a-f]{64})", _Handler.lfs_put),
    (r"POST /__lfsverify", _Handler.lfs_verify),
    (r"(?:GET|HEAD) /datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _Handler.resolve),
    (r"\w+ /api/datasets/([^/]+/[^/]+)/?([^/]*)/?(.*)", _Handler.api),
]
_VERBS: dict[str, Any] = {
    "GET ": _Handler.info,
    "GET revision": _Handler.info,
    "GET refs": _Handler.refs,
    "GET tree": _Handler.tree,
    "POST paths-info": _Handler.paths,
    "POST preupload": _Handler.preupload,
    "GET xet-write-token": _Handler.xet_token,
    "GET xet-read-token": _Handler.xet_token,
    "POST branch": _Handler.branch,
    "POST tag": _Handler.tag,
    "POST commit": _Handler.commit,
}
