//! File systems of a test's own. Only root can mount them; everybody else tests the rest.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::house::in_memory;
use crate::support::wait_until;

/// A mount that goes away with the test.
pub(super) struct Mount {
    at: PathBuf,
    /// The file under a loop device, in a folder that goes away as well.
    image: Option<(PathBuf, tempfile::TempDir)>,
}

fn succeeds<A: AsRef<OsStr>>(program: &str, arguments: &[A]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

impl Mount {
    /// A file system in memory; `None`, and a word about it, where it cannot be mounted.
    pub(super) fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        Self::told(Self::try_new(&["-t", "tmpfs", "-o", &options, "tmpfs"], at, None))
    }

    /// An ext4 of so many MiB on a loop device.
    pub(super) fn ext4(at: &Path, mebibytes: u64) -> Option<Self> {
        let folder = in_memory();
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).expect("created");
        file.set_len(mebibytes << 20).expect("as long");
        let path = image.to_str().expect("UTF-8").to_owned();
        let made = succeeds("mkfs.ext4", &["-q", "-F", "-m", "0", &path]);
        let mount =
            made.then(|| Self::try_new(&["-o", "loop", &path], at, Some((image, folder)))).flatten();
        Self::told(mount)
    }

    /// The same folder once more over itself, so that it alone can be made read-only.
    pub(super) fn over_itself(at: &Path) -> Option<Self> {
        Self::told(Self::try_new(&["--bind".as_ref(), at.as_os_str()], at, None))
    }

    fn try_new<A: AsRef<OsStr>>(
        arguments: &[A],
        at: &Path,
        image: Option<(PathBuf, tempfile::TempDir)>,
    ) -> Option<Self> {
        std::fs::create_dir_all(at).expect("made");
        let mut all: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        all.push(at.as_os_str());
        succeeds("mount", &all).then(|| Self { at: at.to_owned(), image })
    }

    fn told(mount: Option<Self>) -> Option<Self> {
        if mount.is_none() {
            println!("not tested: this needs root and a file system to mount");
        }
        mount
    }

    /// The file under the loop device.
    pub(super) fn image(&self) -> &Path {
        &self.image.as_ref().expect("on a loop device").0
    }

    /// Mounts it anew with options, such as `ro`.
    pub(super) fn again_with(&self, options: &str) {
        let options = format!("remount,bind,{options}");
        assert!(succeeds("mount", &["-o".as_ref(), options.as_ref(), self.at.as_os_str()]), "{options}");
    }

    pub(super) fn unmount(&self) {
        wait_until("nobody uses it", || succeeds("umount", &[&self.at]));
    }

    /// Whether the loop device was let go of: a disk could be pulled now.
    pub(super) fn is_let_go(&self) -> bool {
        let listed = Command::new("losetup").arg("-j").arg(self.image()).output().expect("losetup runs");
        listed.stdout.is_empty()
    }

    /// Forces everything to the disk.
    pub(super) fn sync(&self) {
        let folder = std::fs::File::open(&self.at).expect("opened");
        rustix::fs::syncfs(&folder).expect("synced");
    }

    /// The power goes: nothing more reaches the disk, not even what the journal holds (`FS_IOC_GOINGDOWN` with
    /// `EXT4_GOING_FLAGS_NOLOGFLUSH`, linux/ext4.h). Perl makes the call, because it is in every Debian and
    /// code without `unsafe` cannot.
    pub(super) fn cut_power(at: &Path) -> bool {
        const CALL: &str = "open(my $f, '<', $ARGV[0]) or exit 1; my $how = pack('L', 2); \
                            ioctl($f, 0x8004587d, $how) or exit 1;";
        succeeds("perl", &["-e".as_ref(), CALL.as_ref(), at.as_os_str()])
    }

    /// The power comes back: unmounted, and mounted from what is on the disk. From a copy of it, since anybody's
    /// copy of the mount table would keep the powerless one alive.
    pub(super) fn power_on(&mut self) {
        self.unmount();
        let (image, _folder) = self.image.as_mut().expect("on a loop device");
        let copy = image.with_extension("on");
        assert!(
            succeeds("cp", &["--sparse=always".as_ref(), image.as_os_str(), copy.as_os_str()]),
            "copied"
        );
        std::fs::remove_file(&image).expect("removed");
        std::fs::rename(&copy, &image).expect("renamed");
        let all = ["-o".as_ref(), "loop".as_ref(), image.as_os_str(), self.at.as_os_str()];
        assert!(succeeds("mount", &all), "mounted again");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        succeeds("umount", &["-l".as_ref(), self.at.as_os_str()]);
    }
}
