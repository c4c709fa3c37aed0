//! Times and rates as `ffprobe` computes them.

/// `value * by / to`, rounded to the nearest.
pub fn rescale(value: u64, by: u64, to: u64) -> u64 {
    if to == 0 {
        return 0;
    }
    let product = u128::from(value) * u128::from(by) + u128::from(to / 2);
    u64::try_from(product / u128::from(to)).unwrap_or(u64::MAX)
}

/// The fraction `above / below` in lowest terms. If one of its terms would be greater than
/// `most`, the closest fraction whose terms are not. None if a term is 0.
pub fn fraction(above: u64, below: u64, most: u32) -> Option<(u64, u64)> {
    if above == 0 || below == 0 {
        return None;
    }
    let most = u128::from(most);
    let divisor = u128::from(greatest_common_divisor(above, below));
    let (mut above, mut below) = (u128::from(above) / divisor, u128::from(below) / divisor);
    let (mut before, mut last) = ((0, 1), (1, 0));
    if above <= most && below <= most {
        (last, below) = ((above, below), 0);
    }
    // The convergents of the continued fraction; of the last step, as much as `most` allows.
    while below != 0 {
        let mut step = above / below;
        let rest = above - below * step;
        let next = (step * last.0 + before.0, step * last.1 + before.1);
        if next.0 > most || next.1 > most {
            for (last, before) in [(last.0, before.0), (last.1, before.1)] {
                step = (most - before).checked_div(last).unwrap_or(step).min(step);
            }
            if below * (2 * step * last.1 + before.1) > above * last.1 {
                last = (step * last.0 + before.0, step * last.1 + before.1);
            }
            break;
        }
        (before, last) = (last, next);
        (above, below) = (below, rest);
    }
    let narrow = |term: u128| u64::try_from(term).ok().filter(|&term| term > 0);
    Some((narrow(last.0)?, narrow(last.1)?))
}

/// A rate as `ffprobe` writes it: `24000/1001`.
pub fn rate(above: u64, below: u64) -> Option<String> {
    let (above, below) = fraction(above, below, i32::MAX.unsigned_abs())?;
    Some(format!("{above}/{below}"))
}

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_reduced_and_large_ones_approximated() {
        const MOST: u32 = i32::MAX as u32;
        let reduce = |above, below| fraction(above, below, MOST);
        assert_eq!(rate(30_000 * 100, 100 * 1001).as_deref(), Some("30000/1001"));
        assert_eq!(fraction(1_000_000_000, 41_708_333, 30_000), Some((24_000, 1001)));
        assert_eq!(reduce(0, 5), None);
        assert_eq!(reduce(5, 0), None);
        assert_eq!(reduce(u64::MAX, u64::MAX - 1), Some((1, 1)));
        let (above, below) = reduce(90_000 * 172_801, 648_648_000_001).unwrap();
        let exact = 90_000.0 * 172_801.0 / 648_648_000_001.0;
        assert!((above as f64 / below as f64 - exact).abs() < 1e-12);
        assert!(above <= i32::MAX as u64 && below <= i32::MAX as u64);
        assert!(reduce(u64::MAX, 1).is_none_or(|(above, _)| above <= i32::MAX as u64));
    }

    #[test]
    fn rescaling_rounds_and_does_not_overflow() {
        assert_eq!(rescale(5, 1, 2), 3);
        assert_eq!(rescale(u64::MAX, u64::MAX, 1), u64::MAX);
        assert_eq!(rescale(1, 1, 0), 0);
    }
}
