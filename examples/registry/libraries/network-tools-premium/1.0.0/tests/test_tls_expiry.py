"""tls.expiry and https, against real handshakes with certificates made for the occasion."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "executors"))

from _certificates import decode
from support import call, ok, refused

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
CA_CONFIG = """
[ca]
default_ca = self
[self]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
[req]
distinguished_name = dn
[dn]
"""


def openssl(directory: Path, *arguments: str) -> None:
    """Run the openssl command."""
    assert OPENSSL
    subprocess.run([OPENSSL, *arguments], cwd=directory, check=True, capture_output=True)


def make_certificate(directory: Path, start: str, end: str) -> Path:
    """Make a self-signed certificate for localhost, good between two times; the key is beside."""
    (directory / "ca.cnf").write_text(CA_CONFIG)
    (directory / "index.txt").touch()
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request = ["-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"]
    openssl(directory, "req", "-config", "ca.cnf", "-new", *new_key, *request)
    signing = ["-selfsign", "-keyfile", "key.pem", "-in", "request.pem", "-out", "cert.pem"]
    dates = ["-startdate", start, "-enddate", end]
    openssl(directory, "ca", "-config", "ca.cnf", "-batch", "-notext", *signing, *dates)
    return directory / "cert.pem"


@contextlib.contextmanager
def serving(certificate: Path) -> Iterator[int]:
    """Answer on loopback with a certificate until the block is left."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                raw, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as peer:
                if peer.recv(4096):
                    peer.sendall(ANSWER)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is good until 2099."""
    directory = tmp_path_factory.mktemp("good")
    return make_certificate(directory, "20200101000000Z", "20991231235959Z")


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that was good in January 2020."""
    directory = tmp_path_factory.mktemp("expired")
    return make_certificate(directory, "20200101000000Z", "20200201000000Z")


def where(port: int, **more: Any) -> dict[str, Any]:
    """Return a step's parameters."""
    return {"host": "127.0.0.1", "port": port, "server_name": "localhost", **more}


@needs_openssl
def test_a_trusted_certificate_is_described(good: Path) -> None:
    with serving(good) as port:
        output = ok("tls.expiry", where(port, ca_file=str(good)))
    assert (output["trusted"], output["trust_error"]) == (True, "")
    assert (output["subject"], output["issuer"]) == ("localhost", "localhost")
    assert output["not_before"] == "2020-01-01T00:00:00Z"
    assert output["not_after"] == "2099-12-31T23:59:59Z"
    assert output["days_left"] > 3650
    assert output["tls_version"].startswith("TLSv1.")
    assert len(output["sha256"]) == 64


@needs_openssl
def test_what_openssl_says_of_the_certificate_agrees(good: Path) -> None:
    assert OPENSSL
    shown = subprocess.run(
        [OPENSSL, "x509", "-in", str(good), "-noout", "-serial", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.lower()
    with serving(good) as port:
        output = ok("tls.expiry", where(port, verify=False))
    assert f"serial={output['serial']}" in shown.replace("serial=0", "serial=")
    assert output["sha256"] in shown.replace(":", "")


@needs_openssl
def test_an_untrusted_certificate_is_read_and_refused(good: Path) -> None:
    with serving(good) as port:
        result = call("tls.expiry", where(port))
        assert "not trusted: self-signed" in result["error"].replace("self signed", "self-signed")
        assert result["output"]["not_after"] == "2099-12-31T23:59:59Z"
        assert ok("tls.expiry", where(port, verify=False))["trusted"] is False


@needs_openssl
def test_a_certificate_for_another_name_is_not_trusted(good: Path) -> None:
    with serving(good) as port:
        parameters = where(port, ca_file=str(good), server_name="other.example")
        assert "not trusted: Hostname mismatch" in refused("tls.expiry", parameters)


@needs_openssl
def test_an_expired_certificate_is_reported_as_expired(expired: Path) -> None:
    with serving(expired) as port:
        for parameters in (where(port), where(port, verify=False), where(port, min_days=0)):
            result = call("tls.expiry", parameters)
            assert "expired on 2020-02-01T00:00:00Z" in result["error"]
            assert result["output"]["days_left"] < 0


@needs_openssl
def test_a_certificate_that_expires_soon_fails(tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(days=20, hours=1)
    certificate = make_certificate(tmp_path, "20200101000000Z", f"{end:%Y%m%d%H%M%SZ}")
    with serving(certificate) as port:
        parameters = where(port, ca_file=str(certificate))
        assert "expires in 20.0" in refused("tls.expiry", {**parameters, "min_days": 21})
        assert ok("tls.expiry", parameters)["days_left"] > 20


@needs_openssl
def test_https_is_checked_with_an_authority_of_ones_own(good: Path) -> None:
    with serving(good) as port:
        url = f"https://localhost:{port}/"
        assert (
            ok("http.check", {"url": url, "ca_file": str(good), "contains": "ok"})["status"] == 200
        )
        assert "not trusted" in refused("http.check", {"url": url})


def test_a_server_that_does_not_speak_tls_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "did not complete a TLS handshake" in refused("tls.expiry", where(port))
        thread.join(5)


def test_a_server_that_says_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = refused("tls.expiry", where(port, timeout_seconds=0.1))
    assert "did not answer in time" in error


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    assert "no file" in refused("tls.expiry", where(1, ca_file=str(path)))
    path.write_text("nothing")
    assert "no certificates" in refused("tls.expiry", where(1, ca_file=str(path)))


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x00", bytes(64)]
)
def test_what_is_not_a_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)
