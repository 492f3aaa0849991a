"""Journals and their neighbours spoilt on disk: what is readable is recovered,
the rest set aside and named in the log, and the servers start."""

import os
import re
import shutil

import pytest

import harness
import ledger as books

NAMES = ["m1", "m2", "m3"]


def segments(directory):
    return [os.path.join(directory, n) for n in sorted(os.listdir(directory))
            if n.startswith("segment-")]


def find(directory, name):
    """The segment that holds this message, and where in it."""
    for path in segments(directory):
        with open(path, "rb") as f:
            at = f.read().find(b"X-Ledger: " + name.encode())
        if at >= 0:
            return path, at
    raise AssertionError("%s is in no segment" % name)


def flip(directory):
    """One bit of the second message."""
    return flip_in(directory, "m2"), {"m1", "m3"}


def flip_newest(directory):
    """One bit of the last message: nothing follows it but the mark."""
    return flip_in(directory, "m3"), {"m1", "m2"}


def flip_in(directory, name):
    path, at = find(directory, name)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))
    return path


def truncate(directory):
    """The file ends within the third message."""
    path, at = find(directory, "m3")
    os.truncate(path, at + 5)
    return path, {"m1", "m2"}


def foreign(directory):
    """A file of another program under the name of a segment."""
    path = os.path.join(directory, "segment-%020d" % 4711)
    with open(path, "wb") as f:
        f.write(b"not a journal\n" * 10000)
    return path, {"m1", "m2", "m3"}


def header(directory):
    """The head of the file overwritten."""
    path, _ = find(directory, "m1")
    with open(path, "r+b") as f:
        f.write(b"\0" * 32)
    return path, None  # nothing is promised but that the server starts


SPOILT = [flip, flip_newest, truncate, foreign, header]


def names_of(pair):
    found = [books.NAME.search(text)[1].decode()
             for text in pair.maildir(books.BOB).messages()]
    assert len(found) == len(set(found)), found
    return set(found)


def send_three(ledger, direct):
    for _ in NAMES:
        ledger.send([books.BOB], direct=direct)


def set_aside(directory, spoilt, log):
    """The damage is named in the log, and the file kept."""
    assert re.search(r" (damaged|places)=[1-9].*segment-\d+ offset \d+", log), \
        log
    where = os.path.join(directory, "damaged")
    harness.wait_for(lambda: os.path.isdir(where) and os.listdir(where),
                     20, "the segment under damaged/")


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_journal_of_the_sender(spoilt):
    with harness.Pair(sender={"queue": {"retry-min": "100ms",
                                        "checkpoint": "1h"}}) as pair:
        ledger = books.Ledger(pair)
        pair.receiver.keep_ports()
        pair.receiver.kill()
        send_three(ledger, False)
        pair.sender.kill()
        directory = os.path.join(pair.directory, "data", "journal")
        _, kept = spoilt(directory)
        before = len(pair.sender.log())
        pair.receiver.start()
        pair.sender.start()
        log = pair.sender.log()[before:]
        if kept is not None:
            harness.wait_for(lambda: names_of(pair) >= kept, 20, kept)
            pair.wait_queue_empty()
            assert names_of(pair) == kept
        set_aside(directory, spoilt, log)
        ledger.send([books.BOB])
        harness.wait_for(lambda: "m4" in names_of(pair), 20, "m4")


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_journal_of_the_receiver(spoilt):
    """After a power cut that took the files placed in the Maildirs."""
    with harness.Pair(sender=False, receiver={"store": {
            "durability": "journal", "checkpoint-interval": "1h"}}) as pair:
        ledger = books.Ledger(pair)
        pair.receiver.keep_ports()
        send_three(ledger, True)
        pair.receiver.kill()
        for path in pair.maildir(books.BOB).files():
            os.unlink(path)
        directory = os.path.join(pair.directory, "maildirs", ".postpair",
                                 "journal")
        _, kept = spoilt(directory)
        before = len(pair.receiver.log())
        pair.receiver.start()
        log = pair.receiver.log()[before:]
        if kept is not None:
            assert names_of(pair) == kept
        set_aside(directory, spoilt, log)
        ledger.send([books.BOB], direct=True)
        assert "m4" in names_of(pair)


def whole_lines(directory):
    """Paths of the files in it that end a line."""
    found = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            if f.read().endswith(b"\n"):
                found.append(f.name)
    return found


def test_spoilt_delivery_ids_stop_nothing():
    with harness.Pair(receiver={"store": {
            "checkpoint-interval": "100ms"}}) as pair:
        ledger = books.Ledger(pair)
        pair.receiver.keep_ports()
        ledger.send([books.BOB])
        ids = os.path.join(pair.directory, "maildirs", ".postpair", "ids")
        harness.wait_for(lambda: whole_lines(ids), 60, "a file of ids")
        # the sender knows: it does not come again under an id that is spoilt
        pair.wait_queue_empty()
        pair.receiver.kill()
        [path] = whole_lines(ids)
        with open(path, "r+b") as f:
            data = f.read()
            f.seek(len(data) // 2)
            f.write(b"\xff\xfe\xfd")
        shutil.copy(path, os.path.join(ids, "20010101"))
        with open(os.path.join(ids, "99999999"), "wb") as f:
            f.write(b"not ids\n" * 100)
        pair.receiver.start()
        ledger.send([books.BOB])
        ledger.settle()
        assert names_of(pair) == {"m1", "m2"}
