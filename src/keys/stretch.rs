//! Making 32 bytes of a passphrase, slowly and with much memory (Argon2id, RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::secret::Seed;
use super::{Error, Passphrase};

/// How much work one guess of a passphrase costs. Written beside what it protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes that could run side by side.
    pub lanes: u32,
}

impl Cost {
    /// 64 MiB and 3 passes, the second choice of RFC 9106, section 4; one lane, because the child has
    /// one thread.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// A file must not ask for more than an archivist's machine has: 1 GiB, and half a minute.
    const MOST: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };

    /// Refuses a cost beyond the bounds, or below what Argon2 itself takes.
    pub(super) fn check(self) -> Result<Params, Error> {
        let most = Self::MOST;
        let within =
            self.memory_kib <= most.memory_kib && self.passes <= most.passes && self.lanes <= most.lanes;
        let refused =
            Error::BadCost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes };
        match Params::new(self.memory_kib, self.passes, self.lanes, Some(Seed::LENGTH)) {
            Ok(params) if within => Ok(params),
            _ => Err(refused),
        }
    }
}

/// The 32 secret bytes that a passphrase became. Zeroed when dropped; cannot be printed.
pub struct Stretched(Seed);

impl Stretched {
    pub(super) fn copied(bytes: &[u8]) -> Option<Self> {
        Seed::copied(bytes).map(Self)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// Where passphrases are stretched: in this process or another.
pub trait Stretch: Send + Sync {
    /// The 32 bytes for this passphrase, salt and cost; the same on every machine.
    ///
    /// # Errors
    /// [`Error::BadCost`], or that the memory or the other process failed.
    fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 32], cost: Cost) -> Result<Stretched, Error>;
}

/// Stretches in this process, which grows by the memory of the [`Cost`].
#[derive(Debug, Clone, Copy, Default)]
pub struct StretchHere;

impl Stretch for StretchHere {
    fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 32], cost: Cost) -> Result<Stretched, Error> {
        stretch_bytes(passphrase.expose().as_bytes(), salt, cost)
    }
}

pub(super) fn stretch_bytes(passphrase: &[u8], salt: &[u8; 32], cost: Cost) -> Result<Stretched, Error> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.check()?);
    let mut out = Zeroizing::new([0; Seed::LENGTH]);
    argon2.hash_password_into(passphrase, salt, out.as_mut_slice()).map_err(Error::Stretch)?;
    Ok(Stretched::copied(out.as_slice()).expect("the output is as long as a seed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference_program() {
        // echo -n "correct horse" | argon2 "sealdock sealdock sealdock seal!" -id -k 64 -t 3 -p 1 -l 32 -r
        let passphrase = Passphrase::new("correct horse").expect("taken");
        let cost = Cost { memory_kib: 64, passes: 3, lanes: 1 };
        let salt = b"sealdock sealdock sealdock seal!";
        let stretched = StretchHere.stretch(&passphrase, salt, cost).expect("stretched");
        assert_eq!(
            hex::encode(stretched.expose()),
            "2e2ddfd73e610d0424be732424e59f8a7b115e79f6dc93d6c9cd353066807569"
        );
    }

    #[test]
    fn costs_beyond_the_bounds_are_refused() {
        let good = Cost::DEFAULT;
        assert!(good.check().is_ok());
        for bad in [
            Cost { memory_kib: 1024 * 1024 + 1, ..good },
            Cost { memory_kib: 7, ..good },
            Cost { passes: 17, ..good },
            Cost { passes: 0, ..good },
            Cost { lanes: 5, ..good },
            Cost { lanes: 0, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::BadCost { .. })), "{bad:?}");
        }
    }
}
