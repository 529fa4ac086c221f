"""A world of made-up sources on a port of this machine: all hosts, told apart by Host.

Usage: worldserver.py SEED PAPERS   prints its port, and runs until standard input ends.

A request to the host "control" sets the day: GET /3.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from world import World


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        host = self.headers.get("Host", "")
        if host == "control":
            self.server.world.day = int(self.path.strip("/"))
            self.tell(200, {}, b"")
        else:
            self.tell(*self.server.world.answer(host, self.path))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.tell(*self.server.world.answer(self.headers.get("Host", ""), self.path, body))

    def tell(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # a client that was killed in mid-answer is what this is for


def main(seed, papers):
    server = Server(("127.0.0.1", 0), Handler)
    server.world = World(int(seed), int(papers))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
