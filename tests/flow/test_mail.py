"""Mail: received by a real SMTP server; none is lost while the server or the gateway is away."""

import sqlite3
import ssl
import threading
import time

import pytest

from harness.authority import Authority
from harness.gateway import SLOWER
from harness.postbox import Postbox, free_port

SUBJECT = "Mail from Turnpike works"


@pytest.fixture
def postbox():
    made = []

    def make(**more):
        made.append(Postbox(**more).open())
        return made[-1]

    yield make
    for box in made:
        box.close()


def settings(url, **more):
    return {"mail": {"smtp": url, "from": "turnpike@gateway.example", "starttls": "never", **more}}


def rows(gateway, what="id, due_ms, attempts, failed_ms, text, why"):
    with sqlite3.connect(gateway.data / "turnpike.db") as db:
        return db.execute(f"SELECT {what} FROM mail ORDER BY id").fetchall()


def until(found, seconds=20):
    end = time.monotonic() + seconds * SLOWER
    while not (got := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return got


def test_a_mail_arrives_as_it_was_meant(launch, postbox):
    box = postbox()
    gateway = launch(settings(box.url))
    gateway.cli("mail", "test", "someone@example.com")
    mail = box.mail()
    assert box.envelopes == [("turnpike@gateway.example", ["someone@example.com"], False)]
    assert (mail["Subject"], mail["From"], mail["To"]) == (SUBJECT, "Turnpike <turnpike@gateway.example>", "someone@example.com")
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"].endswith("@gateway.example>")
    assert mail["Date"].datetime.timestamp() == pytest.approx(time.time(), abs=60)
    assert mail.get_content().strip() == "This is a test: Turnpike can send you mail."
    until(lambda: rows(gateway) == [])
    assert "someone@example.com" not in "\n".join(gateway.log)


def test_a_mail_server_that_is_down_loses_no_mail(launch, postbox):
    port = free_port()
    gateway = launch(settings(f"smtp://127.0.0.1:{port}"))
    for i in range(3):
        gateway.cli("mail", "test", f"{i}@example.com")
    gateway.wait_log(msg="mail cannot be sent now")
    until(lambda: sum(r[2] for r in rows(gateway)) >= 2)  # tried more than once
    assert gateway.get("/health").status == 200
    gateway.stop()
    assert len(rows(gateway)) == 3
    gateway.start()
    gateway.wait_log(msg="mail cannot be sent now")
    box = postbox(port=port)
    box.wait(lambda b: len(b.mails) == 3, 30 * SLOWER)
    assert sorted(to for _, (to,), _ in box.envelopes) == ["0@example.com", "1@example.com", "2@example.com"]
    until(lambda: rows(gateway) == [])


def test_a_queue_of_an_earlier_version_is_sealed_and_sent(launch, postbox):
    port = free_port()
    gateway = launch(settings(f"smtp://127.0.0.1:{port}"))
    gateway.stop()
    with sqlite3.connect(gateway.data / "turnpike.db") as db:
        db.execute("INSERT INTO mail(recipient, subject, text, created_ms, due_ms, expires_ms) "
                   "VALUES('a@example.com', 'Old', 'canary-of-the-queue', ?1, ?1, ?1 + 86400000)", (int(time.time() * 1000),))
    db.close()
    assert b"canary-of-the-queue" in (gateway.data / "turnpike.db").read_bytes()
    gateway.start()
    gateway.wait_log(msg="mail cannot be sent now")
    assert not any(b"canary-of-the-queue" in p.read_bytes() for p in gateway.data.rglob("*") if p.is_file())
    assert postbox(port=port).mail(30 * SLOWER).get_content().strip() == "canary-of-the-queue"


def test_another_master_key_loses_no_mail(launch, postbox):
    box = postbox()
    gateway = launch(settings(box.url))
    gateway.stop()
    gateway.cli("mail", "test", "a@example.com")
    gateway.env["TURNPIKE_MASTER_KEY"] = "0" * 64
    gateway.start()
    line = gateway.wait_log(msg="mail cannot be read now")
    assert "master key" in line["why"] and "0000" not in line["why"]
    assert not box.mails and len(rows(gateway)) == 1
    gateway.stop()
    del gateway.env["TURNPIKE_MASTER_KEY"]
    gateway.start()
    box.mail(30 * SLOWER)
    until(lambda: rows(gateway) == [])


def test_a_server_that_asks_to_try_later_is_tried_later(launch, postbox):
    box = postbox(replies=["451 busy", "421 closing"])
    gateway = launch(settings(box.url))
    gateway.cli("mail", "test", "a@example.com")
    box.mail(30 * SLOWER)
    assert box.tries == 3
    until(lambda: rows(gateway) == [])


def test_a_mail_that_is_refused_for_good_is_marked_and_the_next_one_sent(launch, postbox):
    box = postbox(replies=["550 no such user"])
    gateway = launch(settings(box.url))
    gateway.cli("mail", "test", "nobody@example.com")
    line = gateway.wait_log(msg="mail failed for good")
    assert "550" in line["why"]
    gateway.cli("mail", "test", "b@example.com")
    box.mail()
    (row,) = until(lambda: len(rows(gateway)) == 1 and rows(gateway))
    assert row[1] is None and row[3] and row[4] == "" and "550" in row[5]
    assert box.tries == 2


def test_a_gateway_killed_while_it_sends_loses_no_mail(launch, postbox):
    hold = threading.Event()
    box = postbox(hold=hold)
    gateway = launch(settings(box.url))
    gateway.cli("mail", "test", "a@example.com")
    box.wait(lambda b: b.tries == 1)
    gateway.expected_exit = -9
    gateway.kill()
    box.replies.append("451 the client is gone")  # what the held one gets
    hold.set()
    gateway.start()
    box.mail()
    until(lambda: rows(gateway) == [])


def test_a_gateway_that_stops_does_not_wait_for_a_mail_server(launch, postbox):
    hold = threading.Event()
    box = postbox(hold=hold)
    gateway = launch(settings(box.url))
    gateway.cli("mail", "test", "a@example.com")
    box.wait(lambda b: b.tries == 1)
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 5 * SLOWER
    assert len(rows(gateway)) == 1


def test_what_was_queued_without_a_server_beside_it_is_sent_by_the_next(launch, postbox):
    box = postbox()
    gateway = launch(settings(box.url))
    gateway.stop()
    gateway.cli("mail", "test", "a@example.com")
    gateway.start()
    box.mail()


@pytest.fixture(scope="module")
def authority(module_dir):
    directory = module_dir / "ca"
    directory.mkdir()
    return Authority(directory)


def tls_context(authority, san):
    cert, key = authority.issue("mail" + san[-3:].replace(":", ""), san)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_starttls_and_a_sign_in(launch, postbox, authority):
    box = postbox(tls=tls_context(authority, "IP:127.0.0.1"), user="turnpike", password="sk-canary-mail")
    more = {"user": "turnpike", "password": "sk-canary-mail", "starttls": "required"}
    gateway = launch(settings(box.url, **more) | {"upstream_ca": authority.cert})
    gateway.cli("mail", "test", "a@example.com")
    box.mail()
    assert box.envelopes[0][2]
    assert "sk-canary-mail" not in "\n".join(gateway.log) + gateway.run("config", "show").stdout


@pytest.mark.parametrize("case", ["plain", "untrusted", "wrong name"])
def test_required_starttls_sends_nothing_over_less(launch, postbox, authority, case):
    tls = None if case == "plain" else tls_context(authority, "IP:127.0.0.9" if case == "wrong name" else "IP:127.0.0.1")
    box = postbox(tls=tls)
    trusted = {} if case == "untrusted" else {"upstream_ca": authority.cert}
    gateway = launch(settings(box.url, starttls="required") | trusted)
    gateway.cli("mail", "test", "a@example.com")
    gateway.wait_log(msg="mail cannot be sent now")
    assert not box.mails and len(rows(gateway)) == 1


@pytest.mark.parametrize("mail,said", [({"smtp": "smtp://h:25"}, "needs both"), ({"smtp": "http://h", "from": "a@b"}, "smtp://"),
                                       ({"smtp": "smtp://u:sk-canary@h", "from": "a@b"}, "without user"),
                                       ({"smtp": "smtp://h", "from": "Me <a@b>"}, "address"),
                                       ({"smtp": "smtp://h", "from": "a@b", "starttls": "yes"}, "required")])
def test_wrong_settings_are_told(launch, mail, said):
    gateway = launch()
    gateway.stop()
    gateway.config = gateway.dir / "turnpike.yaml"
    gateway.configure({"mail": mail})
    done = gateway.run("config", "check", str(gateway.config))
    assert done.returncode == 1 and said in done.stderr and "canary" not in done.stderr


def test_an_address_that_is_none_is_refused(launch):
    gateway = launch(settings("smtp://127.0.0.1:1"))
    for address in ("nobody", "a@b>\r\nRCPT TO:<c@d", "ä@example.com", "a" * 250 + "@b.cd"):
        done = gateway.run("mail", "test", address)
        assert done.returncode == 1 and "address" in done.stderr
