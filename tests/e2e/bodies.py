"""Bodies that mail programs tend to damage, for the tests with real clients."""

import base64

CRLF = b"\r\n"

BODIES = {
    "plain": b"Hello Bob,\r\n\r\nsee you at noon.\r\n",
    "dots": b".\r\n..\r\n.dot first\r\n...\r\n\r\n.\r\nQUIT\r\nlast .\r\n",
    "8bit": "Grüße aus Łódź – 日本語, €\r\n".encode() + b"\xe9\xff\x80\r\n",
    "line-of-998": b"a" * 998 + CRLF + b"." + b"b" * 997 + CRLF + b"end\r\n",
    "empty": b"",
    "no-final-newline": b"one\r\nthe last line has no end",
}


def attachment():
    """A MIME body with a file of 1 MiB."""
    data = bytes((i * 7 + (i >> 8)) & 255 for i in range(1 << 20))
    text = base64.encodebytes(data).replace(b"\n", CRLF)
    return (b"--=limit\r\nContent-Type: text/plain\r\n\r\nThe file.\r\n"
            b"--=limit\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment; filename=\"one.bin\"\r\n\r\n"
            + text + b"--=limit--\r\n")


BODIES["1MiB-attachment"] = attachment()


def message(subject, name, sender="alice@abc.com", to="bob@xyz.com"):
    """A whole message, CRLF line ends."""
    kind = b"text/plain; charset=utf-8"
    if name == "1MiB-attachment":
        kind = b"multipart/mixed; boundary=\"=limit\""
    head = (b"From: %s\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            % (sender.encode(), to.encode(), subject.encode(), kind))
    return head + BODIES[name]


def expected(name):
    """The body as a reader must get it: the protocols end a last line."""
    body = BODIES[name]
    return body if not body or body.endswith(CRLF) else body + CRLF


def body_of(text):
    """The body of a message in either line end, as CRLF."""
    text = text.replace(CRLF, b"\n").replace(b"\n", CRLF)
    _head, _, body = text.partition(b"\r\n\r\n")
    return body


def assert_same(got, name):
    want = expected(name)
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
                  min(len(got), len(want)))
        raise AssertionError("differs at byte %d: %r, expected %r (%d and %d bytes)"
                             % (at, got[at:at + 60], want[at:at + 60],
                                len(got), len(want)))
