//! Durable file steps. What returns `Ok` here survives a power cut, as far as the disk tells the truth.
//!
//! Every step passes a hook first. In the daemon there is none; tests count the steps, fail the Nth,
//! fail everything after it (which is what a power cut looks like from inside), or do something to the
//! disk between two of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags};

use super::together::Together;

/// A step that changes the disk, about to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A new file.
    Create(&'a Path),
    /// Bytes go to a file.
    Write(&'a Path),
    /// A file's bytes are forced to the disk.
    Sync(&'a Path),
    /// A file gets another name.
    Rename(&'a Path, &'a Path),
    /// A folder's names are forced to the disk.
    SyncFolder(&'a Path),
    /// A file goes away.
    Remove(&'a Path),
    /// A file is cut to a length.
    Cut(&'a Path),
    /// A new folder.
    MakeFolder(&'a Path),
    /// A database commits.
    Commit(&'a Path),
    /// A sealed file is about to be read back.
    ReadBack(&'a Path),
}

/// Looks at each step before it is taken; an error is returned in its stead.
pub trait Steps: Send + Sync {
    /// Called before a step.
    ///
    /// # Errors
    /// Whatever should happen instead of the step.
    fn before(&self, step: Step<'_>) -> io::Result<()>;
}

/// The disk, with or without an onlooker.
#[derive(Clone, Default)]
pub struct Disk {
    steps: Option<Arc<dyn Steps>>,
    syncs: Arc<Together>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk {{ watched: {} }}", self.steps.is_some())
    }
}

impl Disk {
    /// The disk, each step shown to `steps` first.
    #[must_use]
    pub fn watched(steps: Arc<dyn Steps>) -> Self {
        Self { steps: Some(steps), syncs: Arc::default() }
    }

    /// Announces a step that is taken elsewhere (a database commit, a read-back).
    ///
    /// # Errors
    /// What the onlooker wants to happen instead.
    pub fn step(&self, step: Step<'_>) -> io::Result<()> {
        self.steps.as_ref().map_or(Ok(()), |steps| steps.before(step))
    }

    /// Creates a file that must not exist, open for writing and reading.
    ///
    /// # Errors
    /// As `open(2)`; `AlreadyExists` where the name is taken.
    pub fn create_new(&self, path: &Path, mode: u32) -> io::Result<DurableFile> {
        self.step(Step::Create(path))?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)?;
        Ok(DurableFile { file, path: path.to_owned(), disk: self.clone(), under_way: 0..0 })
    }

    /// Opens an existing file for writing at its end.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open_end(&self, path: &Path) -> io::Result<DurableFile> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let end = file.seek(SeekFrom::End(0))?;
        Ok(DurableFile { file, path: path.to_owned(), disk: self.clone(), under_way: end..end })
    }

    /// Renames without replacing; `AlreadyExists` where the new name is taken. Not durable until the
    /// folder is synced.
    ///
    /// # Errors
    /// As `renameat2(2)`.
    pub fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Step::Rename(from, to))?;
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // File systems without RENAME_NOREPLACE: a hard link never replaces either.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                std::fs::hard_link(from, to)?;
                std::fs::remove_file(from)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Renames over whatever has the new name. Not durable until the folder is synced.
    ///
    /// # Errors
    /// As `rename(2)`.
    pub fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Step::Rename(from, to))?;
        std::fs::rename(from, to)
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As `fsync(2)`.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.sync_open_folder(&File::open(folder)?, folder)
    }

    /// The same for a folder that is open; `path` is what it is called. Threads that ask for the same folder
    /// at the same time share one sync, which begins after all of them asked.
    ///
    /// # Errors
    /// As `fsync(2)`.
    pub fn sync_open_folder(&self, folder: &File, path: &Path) -> io::Result<()> {
        let metadata = folder.metadata()?;
        self.syncs.sync((metadata.dev(), metadata.ino()), || {
            self.step(Step::SyncFolder(path))?;
            folder.sync_all()
        })
    }

    /// Removes a file; one that is not there is no error. Not durable until the folder is synced.
    ///
    /// # Errors
    /// As `unlink(2)`.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Step::Remove(path))?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// Makes a folder and its missing parents, each durable in its parent. One that is there is no error.
    ///
    /// # Errors
    /// As `mkdir(2)` and `fsync(2)`.
    pub fn make_folder(&self, folder: &Path, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        if folder.is_dir() {
            return Ok(());
        }
        let parent = parent_of(folder)?;
        if !parent.is_dir() {
            self.make_folder(parent, mode)?;
        }
        self.step(Step::MakeFolder(folder))?;
        match std::fs::DirBuilder::new().mode(mode).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => outcome?,
        }
        self.sync_folder(parent)
    }

    /// Writes a whole new small file: beside it under a temporary name, synced, renamed without replacing,
    /// folder synced. A crash leaves all of it or nothing but the temporary.
    ///
    /// # Errors
    /// As the steps; `AlreadyExists` where the name is taken.
    pub fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let written = self.write_beside(path, bytes, mode)?;
        let renamed = self.rename_new(&written, path);
        if renamed.is_err() {
            // The rename's error is the one to tell; a leftover temporary is swept by its owner.
            let _ = self.remove(&written);
        }
        renamed?;
        self.sync_folder(parent_of(path)?)
    }

    /// The same, over whatever has the name.
    ///
    /// # Errors
    /// As the steps.
    pub fn write_over(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let written = self.write_beside(path, bytes, mode)?;
        self.rename_over(&written, path)?;
        self.sync_folder(parent_of(path)?)
    }

    fn write_beside(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        name.push(".new");
        let beside = path.with_file_name(name);
        self.remove(&beside)?;
        let mut file = self.create_new(&beside, mode)?;
        file.write_all(bytes)?;
        file.sync()?;
        Ok(beside)
    }
}

/// What becomes of a path whose last part is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It is followed.
    Follow,
    /// It is refused.
    Refuse,
}

/// Opens a regular file that others may have put there, for reading. A pipe is refused and not waited for.
///
/// # Errors
/// As `open(2)`, and where it is no regular file.
pub fn open_regular(path: &Path, links: Links) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}

fn parent_of(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(parent) => Ok(parent),
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A file whose writes and syncs are steps. After a failed sync it must be abandoned, never synced again:
/// the kernel may have dropped the dirty pages and will report success.
#[derive(Debug)]
pub struct DurableFile {
    file: File,
    path: PathBuf,
    disk: Disk,
    /// From what was handed to the disk already, to what was written.
    under_way: std::ops::Range<u64>,
}

/// What is handed to the disk at once while a large file is still being written: the sync at the end then waits for
/// the last of it alone, and not for everything.
const HANDED_ON: u64 = 8 * 1024 * 1024;

impl DurableFile {
    /// Forces bytes and length to the disk.
    ///
    /// # Errors
    /// As `fsync(2)`.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.step(Step::Sync(&self.path))?;
        self.file.sync_all()
    }

    /// Asks the kernel to begin writing, and waits for nothing. It is a hint: what it says of errors, the sync says.
    fn hand_on(&mut self) {
        let length = self.under_way.end - self.under_way.start;
        if length < HANDED_ON {
            return;
        }
        let length = std::num::NonZeroU64::new(length);
        let _ = rustix::fs::fadvise(&self.file, self.under_way.start, length, rustix::fs::Advice::DontNeed);
        self.under_way.start = self.under_way.end;
    }

    /// Cuts the file to a length and goes to its end.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk.step(Step::Cut(&self.path))?;
        self.file.set_len(length)?;
        let end = self.file.seek(SeekFrom::End(0))?;
        self.under_way = end..end;
        Ok(())
    }

    /// The whole file from its start, for small files.
    ///
    /// # Errors
    /// As `read(2)`.
    pub fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The file itself, for reads and advice.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for DurableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.step(Step::Write(&self.path))?;
        let written = self.file.write(bytes)?;
        self.under_way.end += u64::try_from(written).unwrap_or(0);
        self.hand_on();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_never_replace_and_folders_grow_parents() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let disk = Disk::default();
        let deep = home.path().join("a/b/c");
        disk.make_folder(&deep, 0o700).expect("made");
        let path = deep.join("x");
        disk.write_new(&path, b"one", 0o400).expect("written");
        let error = disk.write_new(&path, b"two", 0o400).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("read"), b"one");
        assert_eq!(std::fs::read_dir(&deep).expect("listed").count(), 1, "no temporary stays");
        disk.write_over(&path, b"two", 0o400).expect("replaced");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
    }

    #[test]
    fn a_large_file_is_handed_on_and_stays_whole() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("large");
        let piece: Vec<u8> = (0..1_000_003_u32).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let mut file = Disk::default().create_new(&path, 0o600).expect("created");
        let mut handed = Vec::new();
        for _ in 0..20 {
            file.write_all(&piece).expect("written");
            handed.push(file.under_way.start);
        }
        handed.dedup();
        assert_eq!(handed.len(), 3, "at nothing, and twice behind more than eight MiB");
        file.sync().expect("synced");
        assert!(std::fs::read(&path).expect("read") == piece.repeat(20));
    }

    struct FailFrom(std::sync::atomic::AtomicUsize);

    impl Steps for FailFrom {
        fn before(&self, _: Step<'_>) -> io::Result<()> {
            use std::sync::atomic::Ordering::SeqCst;
            let left = self.0.fetch_update(SeqCst, SeqCst, |left| Some(left.saturating_sub(1)));
            if left == Ok(0) { Err(io::Error::other("cut")) } else { Ok(()) }
        }
    }

    #[test]
    fn a_cut_at_any_step_leaves_all_or_nothing() {
        for steps in 0.. {
            let home = tempfile::tempdir().expect("a temporary folder");
            let path = home.path().join("x");
            let disk = Disk::watched(Arc::new(FailFrom(steps.into())));
            let outcome = disk.write_new(&path, b"whole", 0o600);
            match std::fs::read(&path) {
                Ok(bytes) => assert_eq!(bytes, b"whole"),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
            }
            if outcome.is_ok() {
                assert!(steps >= 5, "create, write, sync, rename, folder");
                return;
            }
        }
    }
}
