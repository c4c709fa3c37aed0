//! Times and rates as `ffprobe` computes them.

/// `value * by / to`, rounded to the nearest.
pub fn rescale(value: u64, by: u64, to: u64) -> u64 {
    if to == 0 {
        return 0;
    }
    let product = u128::from(value) * u128::from(by) + u128::from(to / 2);
    u64::try_from(product / u128::from(to)).unwrap_or(u64::MAX)
}

/// A fraction in lowest terms, or where one of its terms would be above 2³¹-1,
/// the closest fraction whose terms are not.
pub fn reduce(above: u64, below: u64) -> Option<(u64, u64)> {
    const MOST: u128 = i32::MAX as u128;
    if above == 0 || below == 0 {
        return None;
    }
    let divisor = u128::from(greatest_common_divisor(above, below));
    let (mut above, mut below) = (u128::from(above) / divisor, u128::from(below) / divisor);
    let (mut before, mut last) = ((0, 1), (1, 0));
    if above <= MOST && below <= MOST {
        (last, below) = ((above, below), 0);
    }
    // Convergents of the continued fraction, then the last step in part.
    while below != 0 {
        let mut step = above / below;
        let rest = above - below * step;
        let next = (step * last.0 + before.0, step * last.1 + before.1);
        if next.0 > MOST || next.1 > MOST {
            for (last, before) in [(last.0, before.0), (last.1, before.1)] {
                step = (MOST - before).checked_div(last).unwrap_or(step).min(step);
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
        assert_eq!(reduce(30_000 * 100, 100 * 1001), Some((30_000, 1001)));
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
