//! Where the home may lie.

use std::path::Path;

use super::Error;

/// File systems on which SQLite's write-ahead log or `fsync` do not do what they promise: those that
/// another machine or a user's process answers for. Numbers from Linux `include/uapi/linux/magic.h`
/// and the file systems' own sources.
const FOREIGN: [(u32, &str); 16] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "SMB (CIFS)"),
    (0xfe53_4d42, "SMB 2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x1980_0202, "a message queue"),
    (0x4750_4653, "GPFS"),
    (0x0161_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// Refuses a folder on a network or FUSE file system.
pub(super) fn refuse_foreign(folder: &Path) -> Result<(), Error> {
    let stat = rustix::fs::statfs(folder)
        .map_err(|errno| Error::io("ask for the file system of", folder)(errno.into()))?;
    match foreign_kind(stat.f_type.to_ne_bytes()) {
        Some(kind) => Err(Error::ForeignFileSystem { path: folder.to_owned(), kind }),
        None => Ok(()),
    }
}

/// The magic number is the low 32 bits; the type of the field differs between machines.
fn foreign_kind<const N: usize>(number: [u8; N]) -> Option<&'static str> {
    let low = if cfg!(target_endian = "little") { &number[..4] } else { &number[N - 4..] };
    let magic = u32::from_ne_bytes(low.try_into().expect("four bytes"));
    FOREIGN.iter().find(|(known, _)| *known == magic).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_disks_pass_and_remote_ones_are_named() {
        let here = tempfile::tempdir().expect("a temporary folder");
        refuse_foreign(here.path()).expect("a temporary folder is local");
        assert_eq!(foreign_kind(0x6969_i64.to_ne_bytes()), Some("NFS"));
        assert_eq!(foreign_kind(0x6573_5546_i64.to_ne_bytes()), Some("FUSE"));
        // tmpfs: a doctor warning, not a refusal
        assert_eq!(foreign_kind(0x0102_1994_i64.to_ne_bytes()), None);
        // ext4
        assert_eq!(foreign_kind(0xef53_i64.to_ne_bytes()), None);
    }
}
