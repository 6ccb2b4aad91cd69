//! A sighting becomes settled, an attempt, a commit, a receipt.
