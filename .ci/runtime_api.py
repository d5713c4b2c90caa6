"""Lambda's Runtime API for one function: what a function binary talks to inside Lambda.

Follows the protocol of 2018-06-01: `invocation/next`, `response`, `error` and `init/error`, with
the headers that Lambda sends. One event at a time, as Lambda does.
"""

import contextlib
import http.server
import json
import queue
import sys
import threading
import time
import uuid


class RuntimeApi(http.server.ThreadingHTTPServer):
    """The Runtime API of one function: hands out one event at a time and takes the answer."""

    daemon_threads = True

    def __init__(self, name, timeout):
        super().__init__(("127.0.0.1", 0), RuntimeApiHandler)
        self.function_arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        self.function_timeout = timeout
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self.asked = threading.Event()
        self.asked_at = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A function that is killed while it waits for its next event breaks off: that is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class RuntimeApiHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/2018-06-01/runtime/invocation/next":
            return self.answer(404, b"")
        if self.server.asked_at is None:
            self.server.asked_at = time.perf_counter()
        self.server.asked.set()
        request_id, event = self.server.events.get()
        deadline = int((time.time() + self.server.function_timeout) * 1000)
        trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        self.answer(
            200,
            json.dumps(event).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
                "Lambda-Runtime-Trace-Id": trace,
            },
        )

    def do_POST(self):
        body = self.body()
        parts = self.path.split("/")
        if self.path == "/2018-06-01/runtime/init/error":
            self.server.answers.put((None, "init/error", body))
            self.server.asked.set()
        elif self.path.startswith("/2018-06-01/runtime/invocation/") and parts[-1] in ("response", "error"):
            self.server.answers.put((parts[-2], parts[-1], body))
        else:
            return self.answer(404, b"")
        self.answer(202, b'{"status":"OK"}')

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def answer(self, status, body, headers=None):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass
