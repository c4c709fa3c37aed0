//! Helpers of the fuzz targets: they parse bytes as a file of one format, and count the
//! memory that this takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use vpo_engine::probe::{Format, Limits, Source, TagValue, read_as, tags};

/// Inputs are far smaller. A parser that needs more memory has trusted a length.
const MOST_MEMORY: usize = 32 * 1024 * 1024;

/// Counts the bytes that are allocated, and their maximum.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are passed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // As without counting, pages that are never written take no memory.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Calls a parser, and checks how much memory it takes.
fn counted<T>(parse: impl FnOnce() -> T) -> T {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let answer = parse();
    let memory = MOST.load(Relaxed).saturating_sub(before);
    assert!(memory <= MOST_MEMORY, "{memory} bytes of memory");
    answer
}

/// Reads `data` as a sidecar, and checks that names and values are of a limited size.
pub fn read_tags(data: &[u8]) {
    let Ok(tags) = counted(|| tags(data)) else { return };
    let sizes = tags.iter().map(|(key, value)| match value {
        TagValue::Text(text) => key.len() + text.len(),
        TagValue::List(values) => key.len() + values.iter().map(String::len).sum::<usize>(),
    });
    let size: usize = sizes.sum();
    assert!(size <= 256 * 1024, "{size} bytes of metadata");
}

/// Parses `data` as `format`, and checks that the result is JSON of a limited size.
pub fn read(format: Format, data: &[u8]) {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    let answer = counted(|| read_as(&mut source, format));
    let Ok(media) = answer else { return };
    for text in media.tracks.iter().filter_map(|track| track.title.as_ref()) {
        assert!(text.len() <= 4096, "a title of {} bytes", text.len());
    }
    let times = media.tracks.iter().map(|track| track.duration_seconds);
    for seconds in times.chain([media.duration_seconds]).flatten() {
        assert!(seconds.is_finite() && seconds >= 0.0, "a duration of {seconds} seconds");
    }
}

/// Defines a target that parses its input as a format.
#[macro_export]
macro_rules! target {
    ($format:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $crate::read(vpo_engine::probe::Format::$format, data);
        });
    };
}
