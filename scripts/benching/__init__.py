"""What `scripts/bench` is made of.

    tools       other programs, files, waiting
    machine     what it was measured on
    report      lines, tables, targets, what a number looks like
    archive     one archive: its home, its daemon, its questions
    sources     the files that are stored
    peers       sealdock and the tools beside it, each behind the same three calls
    comparison  small, big: all of them on one source
    memory, ranges, million, rescan, latency    sealdock alone, a part each
    questions   what is asked at a million items
    micro       the inner steps
    run         arguments, parts in their order, the end
"""
