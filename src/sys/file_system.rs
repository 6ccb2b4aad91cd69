//! What a file system is, by the magic number of `statfs(2)`: one table for every room that must know.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// What stands behind a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// A disk of this machine, as far as can be told.
    Local,
    /// Memory: gone with the power.
    Memory,
    /// Another machine or a user's process: its changes send no events here, and neither `fsync` nor locks
    /// can be relied on.
    Foreign(&'static str),
}

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `linux/magic.h`.
const MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

/// Numbers of `include/uapi/linux/magic.h` and of the file systems' own sources.
const FOREIGN: [(u32, &str); 16] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "SMB (CIFS)"),
    (0xfe53_4d42, "SMB 2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "kAFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "VirtualBox shared folders"),
    (0x7c7c_6673, "Parallels shared folders"),
];

impl FileSystem {
    /// That of a path.
    ///
    /// # Errors
    /// As `statfs(2)`.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::by_magic(low_bits(rustix::fs::statfs(path)?.f_type)))
    }

    /// That of something open.
    ///
    /// # Errors
    /// As `fstatfs(2)`.
    pub fn of_open(open: impl AsFd) -> io::Result<Self> {
        Ok(Self::by_magic(low_bits(rustix::fs::fstatfs(open)?.f_type)))
    }

    fn by_magic(magic: u32) -> Self {
        if MEMORY.contains(&magic) {
            return Self::Memory;
        }
        match FOREIGN.iter().find(|(foreign, _)| *foreign == magic) {
            Some((_, name)) => Self::Foreign(name),
            None => Self::Local,
        }
    }
}

/// The numbers have 32 bits; what some machines put above them is sign.
fn low_bits(number: impl Into<i128>) -> u32 {
    u32::try_from(number.into() & 0xffff_ffff).expect("32 bits were kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_are_told_apart() {
        assert_eq!(FileSystem::by_magic(0xef53), FileSystem::Local, "ext4");
        assert_eq!(FileSystem::by_magic(0x0102_1994), FileSystem::Memory);
        assert_eq!(FileSystem::by_magic(low_bits(-0x00ac_b2be_i64)), FileSystem::Foreign("SMB (CIFS)"));
        assert_eq!(FileSystem::by_magic(0x6969), FileSystem::Foreign("NFS"));
    }

    #[test]
    fn a_real_folder_has_one() {
        assert_eq!(FileSystem::of(Path::new("/dev/shm")).expect("it is there"), FileSystem::Memory);
        assert!(FileSystem::of(Path::new("/nowhere at all")).is_err());
    }
}
