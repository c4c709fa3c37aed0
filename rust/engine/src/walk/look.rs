//! One directory: list it, stat what the rules select, compare its fingerprint.

use std::ffi::{CStr, OsStr};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use super::Shared;
use super::node::{Node, Opened};
use super::tasks::Task;
use crate::batch::{Batch, Directory, Operation};
use crate::fingerprint::Fingerprinter;
use crate::pace::Requests;
use crate::sys::{self, EntryType, ListBuffer, Stat};

/// A batch is handed over when it has this many files, or directories or failures.
const FILES_PER_BATCH: usize = 4096;
const DIRECTORIES_PER_BATCH: usize = 1024;

/// A file as young as this when it was read can change again within the same
/// tick of its file system's clock (2 s on FAT) without a trace.
const RACY_NS: i128 = 2_000_000_000;

/// A file "from the future" by less than this may just come from a server whose
/// clock is ahead; it is taken for a young one.
const CLOCK_AHEAD_NS: i128 = 24 * 3600 * 1_000_000_000;

/// With fewer files than this, a directory is one thread's work in any case.
const WORTH_ASKING: usize = 32;

/// Directories whose entries take less than this are listed by one call, and so
/// as they were at one moment.
const ONE_CALL_BYTES: usize = 32 * 1024;

/// How often to try to open a directory, a millisecond apart, while the process
/// has too many files open.
const DESCRIPTOR_PATIENCE: u32 = 1000;

/// The index of no extension: an entry whose name is not selected, but which
/// may turn out to be a directory.
const NOT_SELECTED: u16 = u16::MAX;

/// An entry that has to be asked about.
struct Candidate {
    /// Where the NUL-terminated name stands in [`Listing::names`].
    name: (u32, u32),
    inode: u64,
    extension: u16,
    is_symlink: bool,
}

/// The names of a directory.
#[derive(Default)]
struct Listing {
    names: Vec<u8>,
    candidates: Vec<Candidate>,
    complete: bool,
    /// When reading began, in ns since 1970.
    began_ns: i128,
}

impl Listing {
    fn name(&self, name: (u32, u32)) -> &[u8] {
        &self.names[name.0 as usize..name.1 as usize]
    }

    fn c_name(&self, candidate: &Candidate) -> &CStr {
        let (start, end) = (candidate.name.0 as usize, candidate.name.1 as usize);
        CStr::from_bytes_with_nul(&self.names[start..=end]).expect("names end with a NUL")
    }
}

/// A selected file.
struct Found {
    name: (u32, u32),
    extension: u16,
    is_symlink: bool,
    stat: Stat,
}

/// What came of asking.
#[derive(Default)]
struct Outcome {
    files: Vec<Found>,
    subdirectories: Vec<Task>,
    failures: Vec<((u32, u32), Errno)>,
    /// Something changed between listing and asking.
    changing: bool,
}

/// A large directory whose files several threads ask about.
pub struct SharedLook {
    opened: Opened,
    listing: Listing,
    outcome: Mutex<Outcome>,
    files_per_share: usize,
    shares_left: AtomicUsize,
}

/// A thread's means of looking: its buffers, and the batch it is filling.
pub struct Looker {
    shared: Arc<Shared>,
    list_buffer: ListBuffer,
    listing: Listing,
    outcome: Outcome,
    batch: Batch,
    requests: Requests,
}

impl Looker {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            list_buffer: ListBuffer::default(),
            listing: Listing::default(),
            outcome: Outcome::default(),
            batch: Batch::default(),
            requests: Requests::default(),
        }
    }

    /// Does one task; returns the tasks that follow from it.
    pub fn do_task(&mut self, task: Task) -> Vec<Task> {
        match task {
            Task::Look(node) => self.look(node.as_opened()),
            Task::Open { parent, name, is_symlink } => self.open(&parent, &name, is_symlink),
            Task::Stat { look, share } => self.stat_share(&look, share),
        }
    }

    /// The requests since the last call.
    pub fn take_timing(&mut self) -> Requests {
        std::mem::take(&mut self.requests)
    }

    /// Hands over what was gathered.
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.shared.output.put(std::mem::take(&mut self.batch));
        }
    }

    fn flush_if_full(&mut self) {
        let others = self.batch.directories.len().max(self.batch.failures.len());
        if self.batch.len() >= FILES_PER_BATCH || others >= DIRECTORIES_PER_BATCH {
            self.flush();
        }
    }

    fn open(&mut self, parent: &Arc<Node>, name: &CStr, is_symlink: bool) -> Vec<Task> {
        match self.open_child(parent, name, is_symlink) {
            Ok(opened) if self.is_off_limits(&opened.node, is_symlink) => Vec::new(),
            Ok(opened) => self.look(opened),
            Err(errno) if sys::means_vanished(errno) => Vec::new(),
            Err(errno) => {
                let mut path = parent.path.to_vec();
                if path != b"/" {
                    path.push(b'/');
                }
                path.extend_from_slice(name.to_bytes());
                let operation = Operation::OpenDirectory;
                self.shared.fail(&mut self.batch, &path, None, operation, errno);
                self.flush_if_full();
                Vec::new()
            }
        }
    }

    /// Opens a subdirectory. Where the process has too many files open, other
    /// threads are about to close some.
    fn open_child(
        &mut self,
        parent: &Arc<Node>,
        name: &CStr,
        is_symlink: bool,
    ) -> Result<Opened, Errno> {
        for _ in 0..DESCRIPTOR_PATIENCE {
            let start = Instant::now();
            let opened = parent.open_child(name, is_symlink);
            self.requests.elapsed += start.elapsed();
            self.requests.count += 1;
            let too_many = matches!(opened, Err(Errno::MFILE | Errno::NFILE));
            if !too_many || self.shared.is_cancelled() {
                return opened;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        parent.open_child(name, is_symlink)
    }

    fn is_off_limits(&self, node: &Node, is_symlink: bool) -> bool {
        let elsewhere = node.device != self.shared.root.device;
        (elsewhere && self.shared.rules.one_file_system())
            // A link to above the root leads back to it by directories, not by links.
            || (node.via_symlink && node.is_its_own_ancestor())
            || (is_symlink && is_walked_by_its_own_name(&node.path, &self.shared))
    }

    fn look(&mut self, opened: Opened) -> Vec<Task> {
        let start = Instant::now();
        let listed = self.list(&opened);
        self.requests.elapsed += start.elapsed();
        self.requests.count += 2;
        if let Err(errno) = listed {
            if sys::means_vanished(errno) && !Arc::ptr_eq(&opened.node, &self.shared.root) {
                // As if it had gone before it was opened.
                self.outcome.subdirectories.clear();
                return Vec::new();
            }
            let operation = Operation::ReadDirectory;
            let path = &opened.node.path;
            self.shared.fail(&mut self.batch, path, None, operation, errno);
        }
        let files = self.listing.candidates.len();
        if files > WORTH_ASKING {
            let requests = self.take_timing();
            let shares = self.shared.tasks.observe(requests);
            if files > shares.from_files {
                return self.share_out(opened, shares.files);
            }
        }
        let (listing, mut outcome) =
            (std::mem::take(&mut self.listing), std::mem::take(&mut self.outcome));
        self.stat(&opened, &listing, 0..files, &mut outcome);
        let children = self.finish(&opened.node, &listing, &mut outcome);
        (self.listing, self.outcome) = (listing, outcome);
        children
    }

    fn list(&mut self, opened: &Opened) -> Result<(), Errno> {
        let Self { shared, list_buffer, listing, outcome, .. } = self;
        let rules = &shared.rules;
        listing.names.clear();
        listing.candidates.clear();
        listing.began_ns = now_ns();
        let mut relative = rules.has_excludes().then(|| RelativePath::of(&opened.node, shared));
        let mut listed_bytes = 0;
        let listed = sys::list(opened.descriptor(), list_buffer, |c_name, entry_type, inode| {
            let name = c_name.to_bytes();
            listed_bytes += 24 + name.len();
            if entry_type == Some(EntryType::Special) || rules.skips_name(name) {
                return;
            }
            let is_symlink = entry_type == Some(EntryType::Symlink);
            if is_symlink && !rules.follow_symlinks() {
                return;
            }
            let excluded = |relative: &mut Option<RelativePath>, is_directory| {
                relative.as_mut().is_some_and(|path| rules.excludes(path.with(name), is_directory))
            };
            if entry_type == Some(EntryType::Directory) {
                if !excluded(&mut relative, true) {
                    outcome.subdirectories.push(Task::Open {
                        parent: Arc::clone(&opened.node),
                        name: c_name.to_owned(),
                        is_symlink: false,
                    });
                }
                return;
            }
            let mut extension = rules.select(name).unwrap_or(NOT_SELECTED);
            if extension != NOT_SELECTED && excluded(&mut relative, false) {
                extension = NOT_SELECTED;
            }
            // A link, or an entry of a file system that does not say, may be a directory.
            let may_be_directory = entry_type != Some(EntryType::File);
            if extension == NOT_SELECTED && !may_be_directory {
                return;
            }
            let start = listing.names.len() as u32;
            listing.names.extend_from_slice(c_name.to_bytes_with_nul());
            listing.candidates.push(Candidate {
                name: (start, start + name.len() as u32),
                inode,
                extension,
                is_symlink,
            });
        });
        listing.complete = listed.is_ok();
        if listed_bytes > ONE_CALL_BYTES {
            // A file that is replaced between two calls can be passed over, or
            // listed twice: that it is not in the list does not say it is gone.
            let now = sys::stat_at(opened.descriptor(), c".", false);
            listing.complete &= now.is_ok_and(|now| now.mtime == opened.node.mtime);
        }
        // In the order of inodes a cold disk's tables are read once, front to back.
        listing.candidates.sort_unstable_by_key(|candidate| candidate.inode);
        listed
    }

    /// Asks about a range of a listing's candidates.
    fn stat(
        &mut self,
        opened: &Opened,
        listing: &Listing,
        range: std::ops::Range<usize>,
        outcome: &mut Outcome,
    ) {
        let start = Instant::now();
        let descriptor = opened.descriptor();
        self.requests.count += range.len() as u32;
        for candidate in &listing.candidates[range] {
            if self.shared.is_cancelled() {
                outcome.changing = true;
                break;
            }
            self.stat_one(opened, descriptor, listing, candidate, outcome);
        }
        self.requests.elapsed += start.elapsed();
    }

    fn stat_one(
        &self,
        opened: &Opened,
        descriptor: BorrowedFd<'_>,
        listing: &Listing,
        candidate: &Candidate,
        outcome: &mut Outcome,
    ) {
        let name = listing.c_name(candidate);
        let rules = &self.shared.rules;
        let mut is_symlink = candidate.is_symlink;
        let mut found = sys::stat_at(descriptor, name, is_symlink);
        if let Ok(Stat { entry_type: EntryType::Symlink, .. }) = found {
            // Its type was not known from the listing, or it became a link.
            if !rules.follow_symlinks() {
                return;
            }
            is_symlink = true;
            found = sys::stat_at(descriptor, name, true);
        }
        match found {
            Ok(stat) => match stat.entry_type {
                EntryType::File if candidate.extension != NOT_SELECTED => {
                    let (name, extension) = (candidate.name, candidate.extension);
                    outcome.files.push(Found { name, extension, is_symlink, stat });
                }
                EntryType::Directory => {
                    let mut relative = RelativePath::of(&opened.node, &self.shared);
                    if !rules.excludes(relative.with(name.to_bytes()), true) {
                        outcome.subdirectories.push(Task::Open {
                            parent: Arc::clone(&opened.node),
                            name: name.to_owned(),
                            is_symlink,
                        });
                    }
                }
                _ => {}
            },
            // A dangling link is not a file; a file that is gone was just removed.
            Err(errno) if sys::means_vanished(errno) => outcome.changing |= !is_symlink,
            Err(errno) => outcome.failures.push((candidate.name, errno)),
        }
    }

    /// Gives a large directory's files to as many threads as are free.
    fn share_out(&mut self, opened: Opened, files_per_share: usize) -> Vec<Task> {
        let listing = std::mem::take(&mut self.listing);
        let shares = listing.candidates.len().div_ceil(files_per_share);
        let mut outcome = std::mem::take(&mut self.outcome);
        let mut children = std::mem::take(&mut outcome.subdirectories);
        let look = Arc::new(SharedLook {
            opened,
            listing,
            outcome: Mutex::new(outcome),
            files_per_share,
            shares_left: AtomicUsize::new(shares),
        });
        children.extend((0..shares).map(|share| Task::Stat { look: Arc::clone(&look), share }));
        children
    }

    fn stat_share(&mut self, look: &Arc<SharedLook>, share: usize) -> Vec<Task> {
        let start = share * look.files_per_share;
        let end = (start + look.files_per_share).min(look.listing.candidates.len());
        let mut mine = Outcome::default();
        self.stat(&look.opened, &look.listing, start..end, &mut mine);
        let mut all = look.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        all.files.append(&mut mine.files);
        all.subdirectories.append(&mut mine.subdirectories);
        all.failures.append(&mut mine.failures);
        all.changing |= mine.changing;
        if look.shares_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Vec::new();
        }
        self.finish(&look.opened.node, &look.listing, &mut all)
    }

    /// Compares the directory with what is known and reports it if it differs.
    fn finish(&mut self, node: &Node, listing: &Listing, outcome: &mut Outcome) -> Vec<Task> {
        let shared = Arc::clone(&self.shared);
        let children = std::mem::take(&mut outcome.subdirectories);
        if shared.is_cancelled() {
            // Half a look must not pass for a whole one.
            return children;
        }
        let files = &mut outcome.files;
        files.sort_unstable_by(|a, b| listing.name(a.name).cmp(listing.name(b.name)));
        let listed = files.len();
        files.dedup_by(|a, b| listing.name(a.name) == listing.name(b.name));
        outcome.changing |= files.len() < listed;
        let mut fingerprint = Fingerprinter::new(shared.rules.digest());
        let mut racy = false;
        for file in &*files {
            let inode = node.keeps_inodes.then_some(file.stat.inode);
            let Stat { size, mtime, .. } = file.stat;
            fingerprint.add(listing.name(file.name), file.is_symlink, size, mtime, inode);
            let age = listing.began_ns - nanoseconds(mtime);
            racy |= age < RACY_NS && age > -CLOCK_AHEAD_NS;
        }
        let fingerprint = fingerprint.finish();
        let failed = !outcome.failures.is_empty();
        for (name, errno) in outcome.failures.drain(..) {
            let name = Some(listing.name(name));
            shared.fail(&mut self.batch, &node.path, name, Operation::Stat, errno);
        }
        shared.directories.fetch_add(1, Ordering::Relaxed);
        shared.files.fetch_add(files.len() as u64, Ordering::Relaxed);

        let known = shared.known.see(&node.path);
        let whole = listing.complete && !failed;
        let same = known.is_some_and(|known| known.fingerprint == Some(fingerprint));
        if whole && same {
            shared.unchanged_files.fetch_add(files.len() as u64, Ordering::Relaxed);
        } else if known.is_some() || !files.is_empty() {
            let settled = whole && !racy && !outcome.changing;
            let batch = &mut self.batch;
            let first = batch.len();
            for file in &*files {
                push_file(batch, listing.name(file.name), file);
            }
            batch.directories.push(Directory {
                path: node.path.to_vec(),
                known: known.map(|known| known.id),
                fingerprint: settled.then_some(fingerprint),
                complete: listing.complete,
                device: node.device,
                keeps_inodes: node.keeps_inodes,
                via_symlink: node.via_symlink,
                files: first..batch.len(),
            });
        }
        outcome.files.clear();
        outcome.changing = false;
        self.flush_if_full();
        children
    }
}

fn push_file(batch: &mut Batch, name: &[u8], file: &Found) {
    batch.names.extend_from_slice(name);
    batch.name_ends.push(batch.names.len() as u32);
    batch.sizes.push(i64::try_from(file.stat.size).unwrap_or(i64::MAX));
    let clamped = nanoseconds(file.stat.mtime).clamp(i64::MIN.into(), i64::MAX.into());
    batch.mtimes.push(clamped as i64);
    batch.inodes.push(file.stat.inode);
    batch.extensions.push(file.extension);
    batch.symlinks.push(file.is_symlink);
}

fn nanoseconds((seconds, nanoseconds): (i64, u32)) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

fn now_ns() -> i128 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

/// Whether a link leads to a directory that the walk comes by anyway: following
/// it would count every file in there twice.
fn is_walked_by_its_own_name(link: &[u8], shared: &Shared) -> bool {
    let Ok(target) = std::fs::canonicalize(Path::new(OsStr::from_bytes(link))) else {
        return false;
    };
    let Some(relative) = strip_root(target.as_os_str().as_bytes(), &shared.root.path) else {
        return false;
    };
    shared.rules.enters(relative)
}

/// `path` relative to `root`, if it is `root` or below it.
pub fn strip_root<'a>(path: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(root)?;
    match rest {
        [] => Some(rest),
        [b'/', below @ ..] => Some(below),
        _ if root == b"/" => Some(rest),
        _ => None,
    }
}

/// A directory's path relative to the root, with room for a name behind it.
struct RelativePath {
    path: Vec<u8>,
    directory_len: usize,
}

impl RelativePath {
    fn of(node: &Node, shared: &Shared) -> Self {
        let mut path = strip_root(&node.path, &shared.root.path).unwrap_or_default().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        let directory_len = path.len();
        Self { path, directory_len }
    }

    fn with(&mut self, name: &[u8]) -> &[u8] {
        self.path.truncate(self.directory_len);
        self.path.extend_from_slice(name);
        &self.path
    }
}
