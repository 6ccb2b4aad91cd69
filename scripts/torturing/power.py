"""The power goes: the home is on an ext4 on a loop device, which is shut down without flushing anything, unmounted,
and mounted again from what is on it."""

import fcntl
import os
import struct
import time

from .judge import Judge
from .kill import finish, furnish
from .tools import say

# linux/ext4.h: EXT4_IOC_SHUTDOWN, which is FS_IOC_GOINGDOWN of XFS, _IOR('X', 125, __u32). Flag 2 is NOLOGFLUSH: not
# even the journal is written any more.
GOING_DOWN, NO_LOG_FLUSH = 0x8004587D, 2

# The kinds of house, in turn: docks on a disk of their own, which keeps its power, and docks on the disk that loses it;
# with two places and sources that are released, and with one.
APART, TOGETHER = False, True
HOUSES = [
    (APART, {"places": 2, "release": "1s"}),
    (TOGETHER, {"places": 1}),
    (APART, {"places": 1}),
    (TOGETHER, {"places": 2, "release": "1s"}),
]

# One house is cut so often, then judged and left: often enough that it has something to lose, and seldom enough that
# each kind has its turn.
LEAST_CUTS, MOST_CUTS = 2, 12


def cut(tools, part, share_s, least):
    """Houses in turn, until the share of time is used, docks were on both disks, and there are enough cuts."""
    if not tools.may_mount():
        part.skip("this needs root and an ext4 on a loop device")
        return
    until, number = time.monotonic() + share_s, 0
    hard_end = time.monotonic() + 3 * share_s + 60
    wanted = min(MOST_CUTS, max(LEAST_CUTS, least // len(HOUSES)))
    def is_enough():
        return time.monotonic() > until and part.power_cuts >= least and number >= 2
    while not is_enough() and time.monotonic() < hard_end and not part.found():
        how = HOUSES[number % len(HOUSES)]
        number += 1
        _cut_house(tools, part, f"power-{number}", (wanted, hard_end), how)


def _cut_house(tools, part, name, bounds, how):
    (wanted, hard_end), (together, kind) = bounds, how
    disk = tools.work / f"{name}-disk"
    image = tools.mount_ext4(disk, 512)
    outside = None if together else tools.work / f"{name}-docks"
    # A dock whose own disk loses its power forces what it writes to it, or loses its own files.
    house, docks = furnish(tools, name, at=disk / name, outside=outside, is_careful=together, **kind)
    os.sync()
    rng = tools.rng(name, "instants")
    for dock in docks:
        dock.begin((0.1, 0.5))
    for _ in range(wanted):
        if time.monotonic() > hard_end:
            break
        house.start()
        time.sleep(0.3 + min(rng.expovariate(1 / 0.7), 3))
        if together:
            # Whoever writes to a disk without power waits or fails; what it knows then is what it knew before.
            for dock in docks:
                dock.pause()
        power_off(disk)
        # The daemon lives on for a while and does not know.
        time.sleep(rng.uniform(0, 0.3))
        if not together:
            for dock in docks:
                dock.pause()
        house.kill()
        power_on(tools, disk, image)
        part.power_cuts += 1
        part.trials += 1
        part.findings += Judge(house, docks).promises_hold()
        if part.found():
            say(part.name, f"{name}: broken after cut {part.power_cuts}")
            break
        for dock in docks:
            dock.go_on()
    finish(tools, part, house, docks)
    tools.unmount(disk)
    if not part.found():
        image.unlink()


def power_off(disk):
    handle = os.open(disk, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(handle)


def power_on(tools, disk, image):
    """From a copy of the image, since anybody's copy of the mount table would keep the powerless one alive."""
    tools.unmount(disk)
    tools.copy_image(image)
    tools.mount(disk, "-o", "loop", image)
