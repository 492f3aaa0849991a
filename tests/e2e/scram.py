"""SCRAM (RFC 5802, RFC 7677), client side, by hashlib alone: another opinion
than that of the library behind the servers."""

import base64
import hashlib
import hmac
import secrets

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


def b64(data):
    return base64.b64encode(data).decode()


class Scram:
    """One login; first(), then final() of the server's first message, then
    check() of its last."""

    def __init__(self, mechanism, login, password, gs2="n,,", nonce=None,
                 binding=b""):
        self.hash = HASHES[mechanism.removesuffix("-PLUS")]
        self.password = password.encode()
        self.gs2, self.binding = gs2, binding
        self.nonce = nonce or secrets.token_urlsafe(18)
        name = login.replace("=", "=3D").replace(",", "=2C")
        self.bare = "n=%s,r=%s" % (name, self.nonce)
        self.salt = self.count = self.signature = None

    def first(self):
        return b64((self.gs2 + self.bare).encode())

    def final(self, challenge):
        server_first = base64.b64decode(challenge).decode()
        parts = dict(part.split("=", 1) for part in server_first.split(","))
        assert parts["r"].startswith(self.nonce), server_first
        assert len(parts["r"]) > len(self.nonce) + 10, server_first
        self.salt, self.count = parts["s"], int(parts["i"])
        without = "c=%s,r=%s" % (b64(self.gs2.encode() + self.binding), parts["r"])
        message = ",".join([self.bare, server_first, without]).encode()
        salted = hashlib.pbkdf2_hmac(self.hash, self.password,
                                     base64.b64decode(self.salt), self.count)
        key = self._hmac(salted, b"Client Key")
        stored = hashlib.new(self.hash, key).digest()
        self.signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        proof = bytes(a ^ b for a, b in zip(key, self._hmac(stored, message)))
        return b64(("%s,p=%s" % (without, b64(proof))).encode())

    def check(self, challenge):
        assert base64.b64decode(challenge) == \
            b"v=" + base64.b64encode(self.signature)

    def _hmac(self, key, message):
        return hmac.new(key, message, self.hash).digest()


def self_test():
    """The examples of the two RFCs."""
    for mechanism, nonce, challenge, proof, last in (
            ("SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL",
             "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
             "s=QSXCR+Q6sek8bf92,i=4096", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
             "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
            ("SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO",
             "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
             "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
             "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
             "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")):
        one = Scram(mechanism, "user", "pencil", nonce=nonce)
        final = base64.b64decode(one.final(b64(challenge.encode()))).decode()
        assert final.endswith(",p=" + proof), final
        one.check(b64(last.encode()))
