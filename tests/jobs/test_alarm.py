from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fsictl.errors import SettingsError
from fsictl.jobs.alarm import Alarm, check_webhook, raise_alarm

ALARM = Alarm("rfm-20260131-b3d09c4e184b", "rfm", "2026-01-31", "was not done", "no row", 7)


def test_an_alarm_is_posted_as_json_and_logged_with_the_job(caplog: pytest.LogCaptureFixture) -> None:
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with caplog.at_level(logging.ERROR):
            assert raise_alarm(ALARM, f"http://127.0.0.1:{server.server_port}/secret")
        thread.join()
    told = json.loads(bodies[0])
    assert told["job_id"] == ALARM.job_id
    assert told["text"] == "fsictl: rfm for 2026-01-31 was not done: no row (job rfm-20260131-b3d09c4e184b)"
    assert "rfm-20260131-b3d09c4e184b: ALARM: was not done: no row" in caplog.text


def test_an_address_that_does_not_answer_is_a_line_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    assert not raise_alarm(ALARM, f"http://127.0.0.1:{port}/secret")
    assert "could not be posted" in caplog.text
    assert "secret" not in caplog.text


def test_without_an_address_the_log_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    assert raise_alarm(ALARM, None)
    assert "ALARM" in caplog.text


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "ftp://a/b", "example.com", "https://"])
def test_what_is_no_address_of_the_web_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        check_webhook(address)
