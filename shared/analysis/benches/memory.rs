//! Peak memory of reading and searching the generated 50 MB repository: a run of its own, since a process only ever
//! knows its own peak.
//!
//! `cargo bench -p autofix --bench memory`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod repository;

use autofix_analysis::repo_path::ProjectPath;
use autofix_analysis::snapshot::{Limits, SnapshotReader};
use autofix_analysis::tools::Toolbox;
use serde_json::json;

fn main() {
    let path = std::env::temp_dir().join("autofix-bench-repository.tar.gz");
    // Made by another process, so that making it does not count.
    if std::env::args().any(|argument| argument == "--make") {
        std::fs::write(&path, repository::tarball()).expect("write the archive");
        return;
    }
    let made =
        std::process::Command::new(std::env::current_exe().expect("this program")).arg("--make").status();
    assert!(made.expect("run this program").success());
    let before = peak_megabytes();
    let mut reader = SnapshotReader::new(Limits::default());
    let mut file = std::fs::File::open(&path).expect("open the archive");
    let mut buffer = vec![0; 64 * 1024];
    while let read @ 1.. = std::io::Read::read(&mut file, &mut buffer).expect("read the archive") {
        reader.push(&buffer[..read]).expect("the archive is sound");
    }
    let snapshot = reader.finish().expect("the archive is sound");
    let decoded = peak_megabytes();
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::parse("").expect("a path"));
    for number in 0..100 {
        toolbox.call("search", &json!({ "regex": format!("basket_{number}\\.volume"), "folder": "/" }));
    }
    println!("files {}, text {} MB", snapshot.len(), snapshot.text_bytes() / 1_000_000);
    println!(
        "peak memory: {before} MB at start, {decoded} MB decoded, {} MB after 100 searches",
        peak_megabytes()
    );
    std::fs::remove_file(&path).expect("remove the archive");
}

/// The peak resident set, MB; 0 where the system does not tell.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_000
}
