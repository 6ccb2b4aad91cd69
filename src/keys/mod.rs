//! Public keys to seal with, private keys to open with, root certificates, escrow shares.
