"""A server that shows a certificate: Python's TLS, not ours.

    with TlsPeer(lab.server(), "smtp") as peer:
        ... connect to peer.port ...
    assert not peer.secrets

It takes any login and no mail.  implicit=True begins with TLS; offer=False has
none.
"""

import socket
import threading


class TlsPeer:
    def __init__(self, context, protocol, implicit=False, offer=True,
                 address=("127.0.0.1", 0)):
        self.context, self.protocol = context, protocol
        self.implicit, self.offer = implicit, offer
        self.commands = []  # what clients said
        self.secrets = []   # and what of it was to log in
        self.listener = socket.create_server(address)
        self.address = self.listener.getsockname()
        self.port = self.address[1]
        self.thread = threading.Thread(target=self._run)
        self.stopping = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        with socket.create_connection(self.address):
            pass  # wakes it up
        self.thread.join()
        self.listener.close()

    def _run(self):
        while True:
            s, _ = self.listener.accept()
            if self.stopping:
                s.close()
                return
            try:
                self._serve(s)
            except OSError:  # the client did not like what it saw
                pass
            finally:
                s.close()

    def _serve(self, s):
        s.settimeout(30)
        if self.implicit:
            s = self.context.wrap_socket(s, server_side=True)
        talk = self._smtp if self.protocol == "smtp" else self._pop3
        with s:
            if talk(s, self.implicit):
                with self.context.wrap_socket(s, server_side=True) as tls:
                    talk(tls, True, greet=False)

    def _lines(self, s):
        f = s.makefile("rb", buffering=0)
        while line := f.readline().decode(errors="replace").strip():
            self.commands.append(line)
            yield line

    def _smtp(self, s, secure, greet=True):
        if greet:
            s.sendall(b"220 peer ESMTP\r\n")
        for line in self._lines(s):
            verb = line.split()[0].upper()
            if verb == "EHLO":
                s.sendall(b"250-peer\r\n" + (
                    b"250-STARTTLS\r\n" if self.offer and not secure else b"")
                    + b"250 AUTH PLAIN\r\n")
            elif verb == "STARTTLS":
                s.sendall(b"220 go ahead\r\n")
                return True
            elif verb == "AUTH":
                if len(line.split()) == 2:
                    s.sendall(b"334 \r\n")
                    line = next(self._lines(s))
                self.secrets.append(line)
                s.sendall(b"235 2.7.0 welcome\r\n")
            elif verb == "QUIT":
                s.sendall(b"221 bye\r\n")
                return False
            else:
                s.sendall(b"250 ok\r\n")
        return False

    def _pop3(self, s, secure, greet=True):
        if greet:
            s.sendall(b"+OK peer\r\n")
        for line in self._lines(s):
            verb = line.split()[0].upper()
            if verb == "CAPA":
                s.sendall(b"+OK\r\nUIDL\r\n" + (
                    b"STLS\r\n" if self.offer and not secure else b"")
                    + b".\r\n")
            elif verb == "STLS":
                s.sendall(b"+OK\r\n")
                return True
            elif verb in ("USER", "PASS"):
                self.secrets.append(line)
                s.sendall(b"+OK\r\n")
            elif verb in ("LIST", "UIDL"):
                s.sendall(b"+OK\r\n.\r\n")
            elif verb == "STAT":
                s.sendall(b"+OK 0 0\r\n")
            elif verb == "QUIT":
                s.sendall(b"+OK bye\r\n")
                return False
            else:
                s.sendall(b"+OK\r\n")
        return False
