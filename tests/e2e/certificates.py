"""Certificates for tests, by postpair-admin cert, and a pair that shows them."""

import os
import ssl
import subprocess
import tempfile

import harness


class Lab:
    """A private authority in a directory of its own.

        lab = Lab()
        lab.host("mx.xyz.com")          makes mx.xyz.com.crt and .key
        lab.client()                    an ssl.SSLContext that trusts it
    """

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="postpair-tls-")
        self.make("ca")
        self.host("localhost", "127.0.0.1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def make(self, *args):
        self.admin(*args, "--dir", self.directory.name)

    def admin(self, *args):
        """What postpair-admin cert prints."""
        return subprocess.run(
            [harness.program("postpair-admin"), "cert", *args], check=True,
            timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True).stdout

    def host(self, *names_and_options):
        self.make("host", *names_and_options)

    def section(self, name="localhost", **more):
        """The section [tls] of a server that shows this certificate."""
        return {"certificate": self.path(name + ".crt"),
                "key": self.path(name + ".key"), **more}

    def server(self, name="localhost"):
        """An ssl.SSLContext that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + ".crt"),
                                self.path(name + ".key"))
        return context

    def client(self, **options):
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        for key, value in options.items():
            setattr(context, key, value)
        return context

    def pair(self, sender=None, receiver=None, **more):
        """harness.Pair with TLS on all services, clear and implicit."""
        return harness.Pair(
            sender=harness.merged(
                {"tls": self.section(),
                 "submission": {"listen-tls": "127.0.0.1:0"}}, sender),
            receiver=harness.merged(
                {"tls": self.section(),
                 "smtp": {"listen-tls": "127.0.0.1:0"},
                 "pop3": {"listen-tls": "127.0.0.1:0"}}, receiver), **more)
