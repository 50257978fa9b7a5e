"""How `reprise` finds the server, and who it says it is: as the nats tools do."""

import contextlib
import subprocess

from support.paths import NATS_SERVER
from support.stack import NatsServer
from support.tool import FAILED, NOWHERE, UNREACHABLE, environment


def test_server_options_win_over_the_environment(tool, nats_server):
    tool.run("status", "--server", nats_server.url, NATS_URL=NOWHERE)
    tool.run("status", NATS_URL=f"{NOWHERE},{nats_server.url}")


@contextlib.contextmanager
def guarded_server(folder, rules):
    """A server that does not let everybody in."""
    config = folder / "guarded.conf"
    config.write_text(f"jetstream {{ store_dir: {folder}/guarded }}\n{rules}\n")
    server = NatsServer(folder)
    server.command = [str(NATS_SERVER), "-c", str(config), "-a", "127.0.0.1", "-p", str(server.port)]
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


def test_password(tool, tmp_path):
    with guarded_server(tmp_path, "authorization { user: ann, password: secret }") as url:
        assert "--creds" in tool.run("status", "--server", url, status=FAILED).stderr
        wrong = tool.run("status", "--server", url, "--user", "ann", "--password", "guess", status=FAILED)
        assert "guess" not in wrong.stderr
        tool.run("status", "--server", url, "--user", "ann", "--password", "secret")
        tool.run("status", NATS_URL=url, NATS_USER="ann", NATS_PASSWORD="secret")
        shown = tool.run("status", "--server", url.replace("//", "//ann:secret@")).stdout
        assert "secret" not in shown


def test_token(tool, tmp_path):
    with guarded_server(tmp_path, "authorization { token: t0ken }") as url:
        tool.run("status", "--server", url, status=FAILED)
        tool.run("status", "--server", url, "--token", "t0ken")
        tool.run("status", "--server", url.replace("//", "//t0ken@"))


def test_nkey(tool, tmp_path):
    """The pair stands in the NATS documentation."""
    seed = tmp_path / "user.nk"
    seed.write_text("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n")
    public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    with guarded_server(tmp_path, f"authorization {{ users: [{{ nkey: {public} }}] }}") as url:
        tool.run("status", "--server", url, status=FAILED)
        tool.run("status", "--server", url, "--nkey", seed)
        tool.run("status", NATS_URL=url, NATS_NKEY=seed)


def test_permissions(tool, tmp_path):
    """What our user may not do is told as that, not as a time-out."""
    rules = "authorization { users: [{user: a, password: b, permissions: {publish: \"_INBOX.>\"}}] }"
    with guarded_server(tmp_path, rules) as url:
        done = tool.run("provision", "--server", url, "--user", "a", "--password", "b", status=FAILED)
        assert "permit" in done.stderr


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def test_tls(tool, tmp_path):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(tmp_path, "req", "-x509", *key, "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    (tmp_path / "names").write_text("subjectAltName=DNS:nats.example")
    for name in ("server", "client"):
        openssl(tmp_path, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem")
    tls = (f"tls {{ cert_file: {tmp_path}/server.pem, key_file: {tmp_path}/server.key, ca_file: {tmp_path}/ca.pem,"
           " verify: true }")
    with guarded_server(tmp_path, tls) as url:
        us = ["--tls-cert", tmp_path / "client.pem", "--tls-key", tmp_path / "client.key"]
        ca = ["--tls-ca", tmp_path / "ca.pem"]
        name = ["--tls-server-name", "nats.example"]
        assert "--tls-ca" in tool.run("status", "--server", url, *us, status=FAILED).stderr, "an unknown authority"
        assert "mismatch" in tool.run("status", "--server", url, *us, *ca, status=FAILED).stderr, "another's name"
        tool.run("status", "--server", url, *us, *ca, *name)
        tool.run("status", "--server", url.replace("nats://", "tls://"), *us, *ca, *name)
        done = subprocess.run(tool.command("status", "--server", url, *ca, *name), capture_output=True, text=True,
                              env=environment())
        assert done.returncode in (FAILED, UNREACHABLE), "no certificate of ours"

