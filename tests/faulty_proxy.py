"""A stand-in for a bad network: it passes HTTP requests on to a server, and lets chosen ones fail."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

#: What can become of a request: not passed on (drop), its answer cut or lost after it was done, or refused.
FAULTS = ("drop", "cut", "lose", "429", "500", "503")


class FaultyProxy:
    """Use it in a ``with`` block: `url` is its address, `log` the requests that came."""

    def __init__(self, server: str, fault: Callable[[int, str], str]) -> None:
        """Stand before ``server``; ``fault`` says what becomes of each request, by its number and first line."""
        self.log = list[str]()
        lock, upstream = threading.Lock(), urlsplit(server).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self) -> None:
                with lock:
                    number = len(owner.log)
                    owner.log.append(f"{self.command} {self.path}")
                done = fault(number, owner.log[-1])
                body = self.body()
                if done == "drop":
                    self.close_connection = True
                    return
                if done.isdigit():
                    self.reply(int(done), {}, b"<Error><Code>SlowDown</Code></Error>")
                    return
                link = http.client.HTTPConnection(upstream)
                link.request(self.command, self.path, body, dict(self.headers))
                found = link.getresponse()
                said = found.read()
                link.close()
                if done == "lose":
                    self.close_connection = True
                    return
                known = {k: v for k, v in found.getheaders() if k.lower() not in ("transfer-encoding", "connection")}
                self.reply(found.status, known, said, cut=done == "cut")

            def body(self) -> bytes:
                if self.headers.get("Expect") == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                raw = b""
                while length := int(self.rfile.readline().split(b";")[0], 16):
                    raw += self.rfile.read(length)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                del self.headers["Transfer-Encoding"]
                self.headers["Content-Length"] = str(len(raw))
                return raw

            def reply(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                length = headers.get("Content-Length", str(len(body)))
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body[: len(body) // 2] if cut else body)
                if cut:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        owner = self
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> FaultyProxy:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
