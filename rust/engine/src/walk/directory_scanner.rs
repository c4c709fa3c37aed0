//! Scans one directory: lists it, calls `stat` on what the rules select, and compares its
//! fingerprint with the known one.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use super::batch::{Batch, Directory, Operation};
use super::listing::{
    Candidate, Findings, FoundFile, Listing, NOT_SELECTED, SplitDirectory, Subdirectory,
};
use super::node::{Node, OpenDirectory};
use super::relative_path::{RelativePath, strip_root};
use super::state::WalkState;
use super::tasks::Task;
use crate::concurrency::RequestStats;
use crate::fingerprint::Fingerprinter;
use crate::racy::RACY_WINDOW_NS;
use crate::sys::{self, EntryType, ListBuffer, Stat};

/// A batch is handed over when it has this many files, or directories or failures.
const FILES_PER_BATCH: usize = 4096;
const DIRECTORIES_PER_BATCH: usize = 1024;

/// A file whose mtime is less than this in the future counts as young: the clock of the
/// server may simply be ahead.
const CLOCK_AHEAD_NS: i128 = 24 * 3600 * 1_000_000_000;

/// A directory with fewer entries than this is never split among threads.
const WORTH_SPLITTING: usize = 32;

/// The entries of a smaller directory are listed by one system call, and so as they were
/// at one moment.
const ONE_CALL_BYTES: usize = 32 * 1024;

/// How often to try to open a directory, a millisecond apart, while the process has too
/// many files open.
const OPEN_ATTEMPTS: u32 = 1000;

/// A thread's scanner: its buffers, and the batch that it fills.
pub struct DirectoryScanner {
    state: Arc<WalkState>,
    list_buffer: ListBuffer,
    listing: Listing,
    findings: Findings,
    batch: Batch,
    requests: RequestStats,
}

impl DirectoryScanner {
    pub fn new(state: Arc<WalkState>) -> Self {
        Self {
            state,
            list_buffer: ListBuffer::default(),
            listing: Listing::default(),
            findings: Findings::default(),
            batch: Batch::default(),
            requests: RequestStats::default(),
        }
    }

    /// Does one task and returns the tasks that follow from it.
    pub fn run(&mut self, task: Task) -> Vec<Task> {
        match task {
            Task::ScanRoot(node) => self.scan(node.as_open_directory()),
            Task::Scan(subdirectory) => self.open_and_scan(&subdirectory),
            Task::StatChunk { directory, chunk } => self.stat_chunk(&directory, chunk),
        }
    }

    /// The statistics of the requests since the last call.
    pub fn take_request_stats(&mut self) -> RequestStats {
        std::mem::take(&mut self.requests)
    }

    /// Hands over the batch.
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.state.batches.put(std::mem::take(&mut self.batch));
        }
    }

    fn flush_if_full(&mut self) {
        let others = self.batch.directories.len().max(self.batch.failures.len());
        if self.batch.len() >= FILES_PER_BATCH || others >= DIRECTORIES_PER_BATCH {
            self.flush();
        }
    }

    fn open_and_scan(&mut self, subdirectory: &Subdirectory) -> Vec<Task> {
        let Subdirectory { parent, name, is_symlink } = subdirectory;
        match self.open(subdirectory) {
            Ok(opened) if self.is_off_limits(&opened.node, *is_symlink) => Vec::new(),
            Ok(opened) => self.scan(opened),
            Err(errno) if sys::means_vanished(errno) => Vec::new(),
            Err(errno) => {
                let mut path = parent.path.to_vec();
                if path != b"/" {
                    path.push(b'/');
                }
                path.extend_from_slice(name.to_bytes());
                let operation = Operation::OpenDirectory;
                self.state.record_failure(&mut self.batch, &path, None, operation, errno);
                self.flush_if_full();
                Vec::new()
            }
        }
    }

    /// Opens a subdirectory. If the process has too many files open, this waits: other
    /// threads are about to close some.
    fn open(&mut self, subdirectory: &Subdirectory) -> Result<OpenDirectory, Errno> {
        let Subdirectory { parent, name, is_symlink } = subdirectory;
        for _ in 0..OPEN_ATTEMPTS {
            let start = Instant::now();
            let opened = parent.open_child(name, *is_symlink);
            self.requests.elapsed += start.elapsed();
            self.requests.count += 1;
            let too_many = matches!(opened, Err(Errno::MFILE | Errno::NFILE));
            if !too_many || self.state.is_cancelled() {
                return opened;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        parent.open_child(name, *is_symlink)
    }

    fn is_off_limits(&self, node: &Node, is_symlink: bool) -> bool {
        let elsewhere = node.device != self.state.root.device;
        (elsewhere && self.state.rules.one_file_system())
            // A link to a parent of the root leads back to the root through real directories.
            || (node.via_symlink && node.is_its_own_ancestor())
            || (is_symlink && is_walked_by_its_own_name(&node.path, &self.state))
    }

    fn scan(&mut self, opened: OpenDirectory) -> Vec<Task> {
        let start = Instant::now();
        let listed = self.list(&opened);
        self.requests.elapsed += start.elapsed();
        self.requests.count += 2;
        if let Err(errno) = listed {
            if sys::means_vanished(errno) && !Arc::ptr_eq(&opened.node, &self.state.root) {
                // As if it had been removed before it was opened.
                self.findings.subdirectories.clear();
                return Vec::new();
            }
            let operation = Operation::ReadDirectory;
            let path = &opened.node.path;
            self.state.record_failure(&mut self.batch, path, None, operation, errno);
        }
        let entries = self.listing.candidates.len();
        if entries > WORTH_SPLITTING {
            let requests = self.take_request_stats();
            let policy = self.state.tasks.observe(requests);
            if entries > policy.threshold {
                return self.split(opened, policy.entries_per_chunk);
            }
        }
        let (listing, mut findings) =
            (std::mem::take(&mut self.listing), std::mem::take(&mut self.findings));
        self.stat(&opened, &listing, 0..entries, &mut findings);
        let children = self.finish(&opened.node, &listing, &mut findings);
        (self.listing, self.findings) = (listing, findings);
        children
    }

    fn list(&mut self, opened: &OpenDirectory) -> Result<(), Errno> {
        let Self { state, list_buffer, listing, findings, .. } = self;
        let rules = &state.rules;
        listing.names.clear();
        listing.candidates.clear();
        listing.began_ns = now_ns();
        let mut relative =
            rules.has_excludes().then(|| RelativePath::of(&opened.node, &state.root));
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
                    findings.subdirectories.push(Subdirectory {
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
            // A link may lead to a directory. On some file systems every entry may be one,
            // because they do not report types.
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
            // A file that is replaced between two calls can be missed or listed twice. So
            // if the directory changed, a file that is not listed may still exist.
            let now = sys::stat_at(opened.descriptor(), c".", false);
            listing.complete &= now.is_ok_and(|now| now.mtime == opened.node.mtime);
        }
        // In the order of inodes, the inode tables of a cold disk are read once, front to back.
        listing.candidates.sort_unstable_by_key(|candidate| candidate.inode);
        listed
    }

    /// Calls `stat` on a range of a listing's candidates.
    fn stat(
        &mut self,
        opened: &OpenDirectory,
        listing: &Listing,
        range: std::ops::Range<usize>,
        findings: &mut Findings,
    ) {
        let start = Instant::now();
        let descriptor = opened.descriptor();
        self.requests.count += range.len() as u32;
        for candidate in &listing.candidates[range] {
            if self.state.is_cancelled() {
                findings.changing = true;
                break;
            }
            self.stat_one(opened, descriptor, listing, candidate, findings);
        }
        self.requests.elapsed += start.elapsed();
    }

    fn stat_one(
        &self,
        opened: &OpenDirectory,
        descriptor: BorrowedFd<'_>,
        listing: &Listing,
        candidate: &Candidate,
        findings: &mut Findings,
    ) {
        let name = listing.c_name(candidate);
        let rules = &self.state.rules;
        let mut is_symlink = candidate.is_symlink;
        let mut found = sys::stat_at(descriptor, name, is_symlink);
        if let Ok(Stat { entry_type: EntryType::Symlink, .. }) = found {
            // The listing did not report its type, or it has just become a link.
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
                    findings.files.push(FoundFile { name, extension, is_symlink, stat });
                }
                EntryType::Directory => {
                    let mut relative = RelativePath::of(&opened.node, &self.state.root);
                    if !rules.excludes(relative.with(name.to_bytes()), true) {
                        findings.subdirectories.push(Subdirectory {
                            parent: Arc::clone(&opened.node),
                            name: name.to_owned(),
                            is_symlink,
                        });
                    }
                }
                _ => {}
            },
            // A dangling link is ignored. A file that does not exist was just removed.
            Err(errno) if sys::means_vanished(errno) => findings.changing |= !is_symlink,
            Err(errno) => findings.failures.push((candidate.name, errno)),
        }
    }

    /// Splits a large directory's entries into chunks, for as many threads as are free.
    fn split(&mut self, opened: OpenDirectory, entries_per_chunk: usize) -> Vec<Task> {
        let listing = std::mem::take(&mut self.listing);
        let chunks = listing.candidates.len().div_ceil(entries_per_chunk);
        let mut findings = std::mem::take(&mut self.findings);
        let subdirectories = std::mem::take(&mut findings.subdirectories);
        let directory = Arc::new(SplitDirectory {
            directory: opened,
            listing,
            findings: Mutex::new(findings),
            entries_per_chunk,
            chunks_left: AtomicUsize::new(chunks),
        });
        let mut tasks: Vec<_> = subdirectories.into_iter().map(Task::Scan).collect();
        tasks.extend(
            (0..chunks).map(|chunk| Task::StatChunk { directory: Arc::clone(&directory), chunk }),
        );
        tasks
    }

    fn stat_chunk(&mut self, split: &Arc<SplitDirectory>, chunk: usize) -> Vec<Task> {
        let start = chunk * split.entries_per_chunk;
        let end = (start + split.entries_per_chunk).min(split.listing.candidates.len());
        let mut mine = Findings::default();
        self.stat(&split.directory, &split.listing, start..end, &mut mine);
        let mut all = split.findings.lock().unwrap_or_else(PoisonError::into_inner);
        all.files.append(&mut mine.files);
        all.subdirectories.append(&mut mine.subdirectories);
        all.failures.append(&mut mine.failures);
        all.changing |= mine.changing;
        if split.chunks_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Vec::new();
        }
        self.finish(&split.directory.node, &split.listing, &mut all)
    }

    /// Compares the directory with what is known and reports it if it differs.
    fn finish(&mut self, node: &Node, listing: &Listing, findings: &mut Findings) -> Vec<Task> {
        let state = Arc::clone(&self.state);
        let children = findings.subdirectories.drain(..).map(Task::Scan).collect();
        if state.is_cancelled() {
            // A directory that was scanned in part must not be reported as if it was whole.
            return children;
        }
        let files = &mut findings.files;
        files.sort_unstable_by(|a, b| listing.name(a.name).cmp(listing.name(b.name)));
        let listed = files.len();
        files.dedup_by(|a, b| listing.name(a.name) == listing.name(b.name));
        findings.changing |= files.len() < listed;
        let mut fingerprint = Fingerprinter::new(state.rules.digest());
        let keeps_inodes = node.keeps_inodes && !state.rules.ignore_inodes();
        let mut racy = false;
        for file in &*files {
            let inode = keeps_inodes.then_some(file.stat.inode);
            let Stat { size, mtime, .. } = file.stat;
            fingerprint.add(listing.name(file.name), file.is_symlink, size, mtime, inode);
            let age = listing.began_ns - nanoseconds(mtime);
            racy |= age < i128::from(RACY_WINDOW_NS) && age > -CLOCK_AHEAD_NS;
        }
        let fingerprint = fingerprint.finish();
        let failed = !findings.failures.is_empty();
        for (name, errno) in findings.failures.drain(..) {
            let name = Some(listing.name(name));
            state.record_failure(&mut self.batch, &node.path, name, Operation::Stat, errno);
        }
        state.directories.fetch_add(1, Ordering::Relaxed);
        state.files.fetch_add(files.len() as u64, Ordering::Relaxed);

        let known = state.known.visit(&node.path);
        let whole = listing.complete && !failed;
        let same = known.is_some_and(|known| known.fingerprint == Some(fingerprint));
        if whole && same {
            state.unchanged_files.fetch_add(files.len() as u64, Ordering::Relaxed);
        } else if known.is_some() || !files.is_empty() {
            let settled = whole && !racy && !findings.changing;
            let batch = &mut self.batch;
            let first = batch.len();
            for file in &*files {
                push_file(batch, listing.name(file.name), file);
            }
            batch.directories.push(Directory {
                path: node.path.to_vec(),
                known_id: known.map(|known| known.id),
                fingerprint: settled.then_some(fingerprint),
                complete: listing.complete,
                device: node.device,
                keeps_inodes,
                via_symlink: node.via_symlink,
                files: first..batch.len(),
            });
        }
        findings.files.clear();
        findings.changing = false;
        self.flush_if_full();
        children
    }
}

fn push_file(batch: &mut Batch, name: &[u8], file: &FoundFile) {
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

/// Whether a link leads to a directory that the walk also visits by its own path. To
/// follow the link would count every file in it twice.
fn is_walked_by_its_own_name(link: &[u8], state: &WalkState) -> bool {
    let Ok(target) = std::fs::canonicalize(Path::new(OsStr::from_bytes(link))) else {
        return false;
    };
    let Some(relative) = strip_root(target.as_os_str().as_bytes(), &state.root.path) else {
        return false;
    };
    state.rules.enters(relative)
}
