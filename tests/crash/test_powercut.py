"""A handful of power cuts; `make powercut` does hundreds."""

import argparse

import pytest

import kill_steps
import ledger
import powercut


def cuts(number, fs, durability, **more):
    options = argparse.Namespace(**{
        "cuts": number, "fs": fs, "durability": durability, "clients": 8,
        "seed": None, "without_sync": False, "second": False, "down": False,
        **more})
    try:
        figures = powercut.run(options)
    except powercut.NoDisk as e:
        pytest.skip("no disk image can be mounted here: %s" % e)
    assert figures["cuts"] == number and figures["said"] > number
    return figures


@pytest.mark.deadline(120)
@pytest.mark.parametrize("durability", kill_steps.DURABILITIES)
@pytest.mark.parametrize("fs", ["ext4", "xfs"])
def test_what_was_answered_survives_a_power_cut(fs, durability):
    figures = cuts(3, fs, durability)
    assert not any(figures[key] for key in ledger.WRONG), figures


@pytest.mark.deadline(180)
@pytest.mark.parametrize("durability", kill_steps.DURABILITIES)
def test_a_mailbox_on_another_file_system_survives_it_too(durability):
    figures = cuts(3, "ext4", durability, second=True)
    assert not any(figures[key] for key in ledger.WRONG), figures


@pytest.mark.deadline(180)
@pytest.mark.parametrize("fs", ["ext4", "xfs"])
def test_a_file_system_goes_down_and_comes_back(fs):
    figures = cuts(3, fs, "journal", second=True, down=True)
    assert not any(figures[key] for key in ledger.WRONG), figures


@pytest.mark.deadline(120)
def test_a_missing_sync_would_be_seen():
    assert cuts(2, "ext4", "journal", without_sync=True)["lost"] > 0
