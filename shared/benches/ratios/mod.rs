//! Measures work against SHA-256 over the same bytes, the two taking turns, so that a busy machine slows down both.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// Pairs of samples for one figure.
const ROUNDS: usize = 200;
/// A sample repeats short work until about this much time is spent, so that reading the clock does not count.
const SAMPLE: Duration = Duration::from_micros(500);

/// Figures about the same bytes, under one heading.
pub struct Group<'b> {
    heading: String,
    bytes: &'b [u8],
}

impl<'b> Group<'b> {
    pub fn new(heading: &str, bytes: &'b [u8]) -> Group<'b> {
        Group { heading: heading.to_owned(), bytes }
    }

    /// Prints the best time of the work, and the best of SHA-256 that it alternated with. The best, since everything
    /// else that runs on the machine can only add.
    pub fn measure<T>(&self, name: &str, mut work: impl FnMut() -> T) {
        let name = format!("{}: {name}", self.heading);
        if std::env::args().skip(1).any(|wanted| !wanted.starts_with("--") && !name.contains(&wanted)) {
            return;
        }
        let mut hash = || Sha256::digest(black_box(self.bytes));
        let (often, often_hashed) = (repetitions(&mut work), repetitions(&mut hash));
        let (mut best, mut best_hashed) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            best_hashed = best_hashed.min(sample(often_hashed, &mut hash));
            best = best.min(sample(often, &mut work));
        }
        let micros = best.as_secs_f64() * 1e6;
        println!(
            "{name:<62} {:>8} bytes {micros:>9.1} µs {:>7.2} × SHA-256",
            self.bytes.len(),
            best.as_secs_f64() / best_hashed.as_secs_f64()
        );
    }
}

fn repetitions<T>(work: &mut impl FnMut() -> T) -> u32 {
    sample(1, work); // fills caches and makes what is made once
    let once = sample(1, work).as_nanos().max(1);
    u32::try_from((SAMPLE.as_nanos() / once).clamp(1, 100_000)).unwrap_or(1)
}

/// Time of one repetition.
fn sample<T>(repetitions: u32, work: &mut impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    for _ in 0..repetitions {
        black_box(work());
    }
    begun.elapsed() / repetitions
}
