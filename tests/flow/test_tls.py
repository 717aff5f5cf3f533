"""TLS on both sides: the listener's certificate, and a provider behind a private authority."""

import signal
import ssl

import pytest

from harness import script, wire
from harness.authority import Authority
from harness.gateway import MODEL, SLUG, Gateway, one_model


@pytest.fixture(scope="module")
def authority(module_dir):
    directory = module_dir / "ca"
    directory.mkdir()
    return Authority(directory)


def tls_provider(provide, authority, name: str, san: str):
    cert, key = authority.issue(name, san)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return provide(script.chat(), tls=context)


def with_key(gateway: Gateway) -> str:
    gateway.grant()
    return gateway.key()


def test_the_listener_speaks_tls(launch, provide, authority):
    cert, key = authority.issue("listener", "DNS:localhost")
    gateway = launch(one_model(provide(), tls={"cert": cert, "key": key}))
    credential = with_key(gateway)
    trust = ssl.create_default_context(cafile=str(authority.cert))
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    for stream in (False, True):
        answer = gateway.call("POST", SLUG, credential, body | {"stream": stream}, tls=trust)
        assert answer.status == 200 and answer.complete and answer.text == "Hello there"
    with pytest.raises(ssl.SSLCertVerificationError):
        gateway.get("/health", tls=ssl.create_default_context())


def certificate_shown(port: int) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))


def test_a_hangup_takes_the_renewed_certificate_and_keeps_it_where_the_next_is_none(launch, provide, authority):
    cert, key = authority.issue("first", "DNS:localhost")
    settings = one_model(provide(), tls={"cert": cert, "key": key})
    gateway = launch(settings)
    first = certificate_shown(gateway.port)
    renewed = ssl.PEM_cert_to_DER_cert(authority.issue("first", "DNS:localhost")[0].read_text())
    gateway.signal(signal.SIGHUP)
    gateway.wait_log(msg="configuration reloaded")
    assert first != renewed and all(certificate_shown(gateway.port) == renewed for _ in range(8))

    cert.write_text("no certificate")
    gateway.signal(signal.SIGHUP)
    said = gateway.wait_log(level="error")
    assert "kept as it was" in said["msg"] and str(cert) in said["msg"]
    assert all(certificate_shown(gateway.port) == renewed for _ in range(8))


def test_plain_text_on_the_tls_port_is_no_answer_and_no_harm(launch, provide, authority):
    cert, key = authority.issue("listener", "DNS:localhost")
    gateway = launch(one_model(provide(), tls={"cert": cert, "key": key}))
    with pytest.raises((*wire.GONE, OSError, AssertionError)):
        gateway.get("/health")
    assert gateway.get("/health", tls=ssl.create_default_context(cafile=str(authority.cert))).status == 200


def test_a_provider_behind_its_own_authority(launch, provide, authority):
    provider = tls_provider(provide, authority, "provider", "IP:127.0.0.1,DNS:localhost")
    gateway = launch(one_model(provider, upstream_ca=authority.cert))
    credential = with_key(gateway)
    for stream in (False, True):
        answer = gateway.chat(credential, stream=stream)
        assert answer.status == 200 and answer.text == "Hello there"


def test_a_provider_with_another_name_is_refused(launch, provide, authority):
    provider = tls_provider(provide, authority, "elsewhere", "DNS:elsewhere.example")
    gateway = launch(one_model(provider, upstream_ca=authority.cert))
    answer = gateway.chat(with_key(gateway))
    assert answer.status == 502 and answer.error["code"] == 502
    assert not provider.requests


def test_a_provider_of_an_unknown_authority_is_refused(launch, provide, authority):
    provider = tls_provider(provide, authority, "provider", "IP:127.0.0.1,DNS:localhost")
    gateway = launch(one_model(provider))
    assert gateway.chat(with_key(gateway)).status == 502
    assert not provider.requests
