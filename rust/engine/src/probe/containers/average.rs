//! The average bit rate of frames, computed as in `ffprobe`: step by step, in whole numbers.

/// A running average.
#[derive(Clone, Copy, Debug, Default)]
pub struct Average {
    value: i64,
    count: i64,
}

impl Average {
    /// Adds a frame's bit rate.
    pub fn add(&mut self, rate: u64) {
        self.count += 1;
        self.value += (rate.min(1 << 40) as i64 - self.value) / self.count;
    }

    /// The number of frames.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The average; None without frames.
    pub fn get(&self) -> Option<u64> {
        u64::try_from(self.value).ok().filter(|&value| value != 0)
    }
}
