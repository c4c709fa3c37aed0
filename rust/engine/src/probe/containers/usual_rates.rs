//! The frame rates of most videos. A rate that was computed from rounded times is replaced with
//! the usual rate that it is near to.

/// Numerators and denominators. Of two rates that differ by a thousandth, the more frequent one
/// is first.
pub const USUAL_RATES: [(u32, u32); 16] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (10, 1),
    (12, 1),
    (15, 1),
    (15_000, 1001),
    (20, 1),
    (48, 1),
    (100, 1),
    (120, 1),
];
