//! Whether a file system tells what happens on it.

use std::os::fd::AsFd;

/// How an inbox is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Events wake it; rescans find what events miss.
    Events,
    /// Rescans only.
    Poll {
        /// Why, in words for a status line, for instance `nfs gives no events`.
        because: String,
    },
}

/// File systems that other machines or processes change without this kernel seeing it, by the magic
/// number of `statfs(2)` (linux/magic.h and the file systems' own headers).
const SILENT: [(u32, &str); 16] = [
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0000_564c, "ncp"),
    (0x0bd0_0bd0, "lustre"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x786f_4256, "vboxsf"),
    (0x7c7c_6673, "prl_fs"),
];

/// The mode of an open folder. Where the file system will not say what it is, it is polled: that is
/// always right, only slower.
pub(super) fn of(folder: impl AsFd) -> Mode {
    match rustix::fs::fstatfs(folder) {
        // The magic numbers have 32 bits; what is above them is sign.
        Ok(stat) => by_magic(stat.f_type as u32),
        Err(errno) => Mode::Poll { because: format!("its file system is unknown ({errno})") },
    }
}

fn by_magic(magic: u32) -> Mode {
    match SILENT.iter().find(|(silent, _)| *silent == magic) {
        Some((_, name)) => Mode::Poll { because: format!("{name} gives no events") },
        None => Mode::Events,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_file_systems_are_polled_and_local_ones_watched() {
        const EXT4: u32 = 0xef53;
        const TMPFS: u32 = 0x0102_1994;
        assert_eq!(by_magic(EXT4), Mode::Events);
        assert_eq!(by_magic(TMPFS), Mode::Events);
        assert_eq!(by_magic(0xff53_4d42), Mode::Poll { because: "cifs gives no events".to_owned() });
        assert!(matches!(by_magic(0x6969), Mode::Poll { .. }));
    }
}
