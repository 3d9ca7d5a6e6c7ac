"""Used by inherit-gunicorn.yaml: the smallest web application."""

import os


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello {environ['REMOTE_ADDR']}, this is process {os.getpid()}\n".encode()]
