"""What `scripts/torture` is made of. It shares no code with sealdock: it drives the real binary as people and
docks drive it, and judges what is on the disk by the FORMAT.md pages.

    tools       the binary, other programs, what this machine allows
    house       one archive: its home, its daemon, its docks
    docks       docks that write in every manner, and know every source they ever dropped
    tracer      strace, which lets calls fail or kills at one
    writes      a library that lets writes to some files fail
    ed25519     signatures
    ledger      ledger files and receipts, read by src/ledger/FORMAT.md
    sealed      sealed files, read by src/seal/FORMAT.md
    replay      two catalogs compared
    judge       the law
    kill, power, disk, clock, hostile, rot    what is done to an archive
    self_test   what is done to the judge
    report      the table and the last line
"""
