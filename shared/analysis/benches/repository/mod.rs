//! A generated repository of about 50 MB in 5,000 files, the same on every machine.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

pub const FILES: usize = 5_000;
/// Lines of one file; with about 50 bytes a line the whole has about 50 MB.
const LINES: usize = 256;

/// The gzip'd tarball as GitHub sends it.
pub fn tarball() -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for number in 0..FILES {
        let text = file(number);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, format!("acme-shop-0123abc/{}", path(number)), text.as_bytes())
            .expect("memory takes it");
    }
    let mut gzip = archive.into_inner().expect("memory takes it");
    gzip.flush().expect("memory takes it");
    gzip.finish().expect("memory takes it")
}

pub fn path(number: usize) -> String {
    format!("backend/package_{:02}/module_{number:04}.py", number % 50)
}

/// Python that is not the same in any two files.
pub fn file(number: usize) -> String {
    let mut text = String::with_capacity(LINES * 55);
    for line in 0..LINES / 4 {
        let seed = number * 7_919 + line * 104_729;
        text.push_str(&format!(
            "def compute_{line}_{seed}(order, basket_{line}):\n    total = order.amount_{line} * {seed} + basket_{line}.weight\n    \
             return total - {} if total > {} else order.fallback_{line}\n\n",
            seed % 977,
            seed % 9_973
        ));
    }
    text
}
