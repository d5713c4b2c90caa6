//! A repository's archive. Bytes that begin like gzip are taken as they are; others are a tar, whose header sums are
//! put right and which is then packed, since no fuzzer guesses a checksum. The last byte chooses the pieces in which
//! the network delivers it.

#![no_main]

use std::io::Write;

use autofix::analysis::repo_path::RepoPath;
use autofix::analysis::snapshot::{
    Content, Limits, Snapshot, SnapshotError, SnapshotReader, is_secret, is_vendored,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    compressed_bytes: 200_000,
    decompressed_bytes: 400_000,
    files: 40,
    file_text_bytes: 4_000,
    text_bytes: 20_000,
    compression_ratio: 100,
};

fuzz_target!(|data: &[u8]| {
    let Some((last, data)) = data.split_last() else { return };
    let packed = match data.starts_with(&[0x1f, 0x8b]) {
        true => data.to_vec(),
        false => pack(&with_right_sums(data.to_vec())),
    };
    let whole = read(&packed, packed.len().max(1));
    let pieces = read(&packed, usize::from(*last) + 1);
    match (&whole, &pieces) {
        (Ok(whole), Ok(pieces)) => {
            check(whole);
            let same = whole.paths().eq(pieces.paths()) && whole.text_bytes() == pieces.text_bytes();
            assert!(same, "how it is delivered changes what it is");
        }
        (Err(whole), Err(pieces)) => {
            let same = std::mem::discriminant(whole) == std::mem::discriminant(pieces);
            assert!(same, "{whole} or, in pieces, {pieces}");
            assert!(whole.to_string().chars().count() < 2_000);
        }
        (whole, pieces) => panic!("{whole:?} or, in pieces, {pieces:?}"),
    }
});

fn read(packed: &[u8], size: usize) -> Result<Snapshot, SnapshotError> {
    let mut reader = SnapshotReader::new(LIMITS);
    for piece in packed.chunks(size) {
        reader.push(piece)?;
    }
    reader.finish()
}

fn check(snapshot: &Snapshot) {
    assert!(snapshot.len() + snapshot.unlisted() <= LIMITS.files);
    let mut bytes = 0;
    let mut before: Option<&RepoPath> = None;
    for path in snapshot.paths() {
        assert!(before.is_none_or(|before| before < path), "`{path}` twice or out of order");
        before = Some(path);
        let text = path.as_str();
        assert_eq!(RepoPath::parse(text).as_ref(), Ok(path));
        assert!(
            !text.starts_with('/') && text.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
        );
        let file = snapshot.file(path).expect("a listed file");
        match &file.content {
            Content::Text(text) => {
                assert!(!text.contains('\0') && text.len() as u64 <= LIMITS.file_text_bytes);
                assert!(!is_secret(path) && !is_vendored(path), "`{path}` was read");
                bytes += text.len() as u64;
            }
            Content::Secret { .. } => assert!(is_secret(path)),
            Content::Vendored { .. } => assert!(is_vendored(path)),
            Content::Binary { .. } | Content::TooLarge { .. } | Content::Link => {}
        }
    }
    assert_eq!(bytes, snapshot.text_bytes());
    assert!(bytes <= LIMITS.text_bytes);
    let commit = snapshot.commit();
    assert!(commit.is_none_or(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

fn pack(tar: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(tar).expect("a vector takes everything");
    packed.finish().expect("a vector takes everything")
}

/// Walks from header to header and writes the sum that each one needs.
fn with_right_sums(mut tar: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = header[124..136].iter().take_while(|byte| (b'0'..=b'7').contains(*byte));
        let size = digits.fold(0_usize, |size, digit| size * 8 + usize::from(digit - b'0'));
        at += 512 + size.min(1 << 20).div_ceil(512) * 512;
    }
    tar
}
