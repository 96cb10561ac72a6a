"""The configuration of nginx in docs/hosting.md, run: two app servers behind it, over TLS."""

import re
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, expect

from core.run import Run
from tests.browser.conftest import ROOT, Server, Visitor
from tests.patience import PATIENCE, until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not NGINX, reason="nginx is not installed; .ci/run installs it"),
]


def certificate(folder: Path) -> None:
    """One for localhost, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    made = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    made = made.serial_number(1).not_valid_before(datetime.now(UTC) - timedelta(days=1))
    made = made.not_valid_after(datetime.now(UTC) + timedelta(days=1))
    (folder / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


def configuration(folder: Path, port: int, servers: list[Server]) -> str:
    """What the page says, with these ports and this certificate, in the frame that nginx's own file has."""
    [written] = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "hosting.md").read_text(), re.DOTALL)
    for old, new in {
        "server 127.0.0.1:8501;": f"server 127.0.0.1:{servers[0].port};",
        "# server 127.0.0.1:8502;": f"server 127.0.0.1:{servers[1].port};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "prunelab.example;": "localhost;",
        "/etc/letsencrypt/live/prunelab.example": str(folder),
    }.items():
        assert old in written
        written = written.replace(old, new)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"pid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
    return f"{head}http {{\naccess_log off;\n{paths}{written}}}\n"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def proxied(shelved: tuple[Path, Run, Run], tmp_path: Path) -> Iterator[tuple[str, list[Server]]]:
    """The address of an nginx and the two servers behind it."""
    assert NGINX
    servers = [Server(shelved[0]), Server(shelved[0])]
    for server in servers:
        server.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    certificate(tmp_path)
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port, servers))
    command = [NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command)
    until(lambda: answers(port) or process.poll() is not None)
    assert process.poll() is None, (tmp_path / "errors").read_text()
    yield f"https://localhost:{port}", servers
    process.terminate()
    process.wait(PATIENCE)
    for server in servers:
        server.stop()


def websockets(server: Server) -> int:
    """How many connections of the proxy one server holds."""
    assert server.process is not None
    found = psutil.Process(server.process.pid).net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and bool(c.laddr) and c.laddr.port == server.port for c in found)


def test_visitors_come_through_nginx_and_stay_on_one_server(
    proxied: tuple[str, list[Server]], browser: Browser, shelved: tuple[Path, Run, Run]
) -> None:
    url, servers = proxied
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("response", lambda r: wrong.append(r.url) if r.status >= 400 and "/_stcore/" not in r.url else None)
    Visitor(page, url).open(f"prune?run={shelved[1].id}&sparsity=90")
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    page.locator(".live-panel input").focus()
    page.keyboard.press("Home")  # an event over the websocket
    expect(page).to_have_url(re.compile(r"sparsity=0(&|$)"))
    assert not wrong
    assert sorted(min(websockets(server), 1) for server in servers) == [0, 1]
    context.close()


def test_nginx_refuses_what_is_larger_than_any_network(proxied: tuple[str, list[Server]]) -> None:
    trusting = ssl._create_unverified_context()
    request = urllib.request.Request(f"{proxied[0]}/_stcore/upload_file/a/b", data=bytes(65 * 1024**2), method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(request, context=trusting, timeout=PATIENCE)
    with urllib.request.urlopen(f"{proxied[0]}/ready", context=trusting, timeout=PATIENCE) as answer:
        assert answer.status == 200
