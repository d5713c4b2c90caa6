"""What the scripts here share: the functions' surroundings from `autofix serve --table-only`, sample events, signatures.

Needs a debug build of `autofix`: what surrounds the functions is not what is tested.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import time
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
AUTOFIX = pathlib.Path(os.environ.get("AUTOFIX", ROOT / "target" / "debug" / "autofix"))

# Seconds: ample, because a shared build machine may pause for long. It catches what hangs, not what is slow.
READY_LIMIT = 60

SECRET_ENDINGS = ("_KEY", "_TOKEN", "_SECRET", "_WEBHOOK_URL")


@contextlib.contextmanager
def sandbox(folder):
    """The settings of functions whose table and outside services are a sandbox, which ends with the block."""
    settings_path = folder / "settings.env"
    command = [AUTOFIX, "serve", "--table-only", "--sandbox", "--port", "0"]
    command += ["--data", folder / "data", "--env-file", settings_path]
    with (folder / "autofix.log").open("wb") as log:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(command, cwd=folder, **quiet)
    try:
        wait_for(settings_path, process)
        yield dict(line.split("=", 1) for line in settings_path.read_text().splitlines())
    finally:
        stop(process)


def wait_for(path, process):
    """Until the process has written this file, which tells that it is ready."""
    until = time.monotonic() + READY_LIMIT
    while not path.exists():
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode}")
        if time.monotonic() > until:
            raise SystemExit(f"{process.args[0]} was not ready within {READY_LIMIT} s")
        time.sleep(0.05)


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def secrets_of(settings):
    """The settings that belong into Secrets Manager."""
    endings = {name: value for name, value in settings.items() if name.endswith(SECRET_ENDINGS) and value}
    return {name: value for name, value in endings.items() if not name.startswith("AWS_")}


def event(name):
    """A file of `events/`."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def body_of(sent):
    return base64.b64decode(sent["body"]).decode() if sent.get("isBase64Encoded") else sent["body"]


def with_body(sent, text, headers):
    """The event with another body and further headers."""
    encoded = base64.b64encode(text.encode()).decode()
    return {**sent, "body": encoded, "isBase64Encoded": True, "headers": {**sent["headers"], **headers}}


def hmac_hex(secret, text):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def webhook(settings, issue_id):
    """A webhook of Sentry about one issue, signed."""
    sample = event("sentry-event-alert")
    payload = json.loads(body_of(sample))
    payload["data"]["event"] |= {"issue_id": str(issue_id), "event_id": uuid.uuid4().hex}
    text = json.dumps(payload)
    return with_body(sample, text, {"sentry-hook-signature": hmac_hex(settings["SENTRY_WEBHOOK_SECRET"], text)})


def recorded_attempt():
    """The id that the sample events name."""
    return event("attempts-one")["pathParameters"]["id"]


def for_attempt(sent, attempt_id):
    """The sample event, about another attempt."""
    return json.loads(json.dumps(sent).replace(recorded_attempt(), str(attempt_id)))


def click_on_unknown(settings):
    """A press of Deploy for an attempt that does not exist, signed now as Slack does."""
    sample = event("slack-deploy")
    payload = dict(urllib.parse.parse_qsl(body_of(sample)))["payload"]
    unknown = recorded_attempt()[:24] + uuid.uuid4().hex[:12]
    form = urllib.parse.urlencode({"payload": payload.replace(recorded_attempt(), unknown)})
    now = str(int(time.time()))
    mac = "v0=" + hmac_hex(settings["AUTOFIX_SLACK_SIGNING_SECRET"], f"v0:{now}:{form}")
    return with_body(sample, form, {"x-slack-request-timestamp": now, "x-slack-signature": mac})


def bearer(sent, settings):
    """The event with the API token."""
    return {**sent, "headers": {**sent["headers"], "authorization": f"Bearer {settings['AUTOFIX_API_TOKEN']}"}}
