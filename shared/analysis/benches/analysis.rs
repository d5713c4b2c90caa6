//! The worker's own work, each part beside its natural limit in the same run: compare the two lines of a group.
//!
//! `cargo bench -p autofix --bench analysis`

mod repository;

use std::hint::black_box;
use std::io::Read;

use autofix_analysis::diff::FileChange;
use autofix_analysis::effects::Crash;
use autofix_analysis::frames::locate;
use autofix_analysis::repo_path::ProjectPath;
use autofix_analysis::snapshot::{Limits, Snapshot, SnapshotReader};
use autofix_analysis::syntax;
use autofix_analysis::tools::Toolbox;
use autofix_analysis::validators::{ProposedChange, check};
use autofix_domain::incident::{Exception, Frame, Incident};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

fn snapshot(tarball: &[u8]) -> Snapshot {
    let mut reader = SnapshotReader::new(Limits::default());
    for chunk in tarball.chunks(16 * 1024) {
        reader.push(chunk).expect("the archive is sound");
    }
    reader.finish().expect("the archive is sound")
}

fn decode(criterion: &mut Criterion) {
    let tarball = repository::tarball();
    let mut group = criterion.benchmark_group("decode and index 50 MB in 5,000 files");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(snapshot(&tarball).text_bytes()));
    group.bench_function("snapshot", |bench| bench.iter(|| black_box(snapshot(&tarball)).len()));
    group.bench_function("limit: gzip alone", |bench| {
        bench.iter(|| {
            let mut decoder = flate2::read::GzDecoder::new(tarball.as_slice());
            let mut buffer = vec![0; 64 * 1024];
            let mut total = 0;
            while let Ok(read @ 1..) = decoder.read(&mut buffer) {
                total += read;
            }
            black_box(total)
        });
    });
    group.finish();
}

fn map(criterion: &mut Criterion) {
    let tarball = repository::tarball();
    let snapshot = snapshot(&tarball);
    let project = ProjectPath::parse("backend").expect("a path");
    let incident = incident();
    let mut group = criterion.benchmark_group("map 16 frames");
    group.bench_function("locate", |bench| {
        bench.iter(|| black_box(locate(&incident, &snapshot, &project)).len())
    });
    group.bench_function("limit: look at every path once", |bench| {
        bench.iter(|| {
            black_box(snapshot.paths().filter(|path| path.as_str().ends_with("/module_0042.py")).count())
        });
    });
    group.finish();
}

fn incident() -> Incident {
    let frame = |number: usize| {
        let text = repository::file(number);
        Frame {
            filename: Some(format!("package_{:02}/module_{number:04}.py", number % 50)),
            function: Some("compute".to_owned()),
            line: Some(6),
            in_app: true,
            context_line: text.lines().nth(5).map(str::to_owned),
            ..Frame::default()
        }
    };
    let exception = Exception {
        kind: "KeyError".to_owned(),
        frames: (0..16).map(|n| frame(n * 311)).collect(),
        ..Exception::default()
    };
    Incident { exceptions: vec![exception], ..Incident::default() }
}

fn search(criterion: &mut Criterion) {
    let tarball = repository::tarball();
    let snapshot = snapshot(&tarball);
    let project = ProjectPath::parse("").expect("a path");
    let expressions: Vec<String> = (0..100).map(|n| format!("basket_{n}\\.volume")).collect();
    let mut group = criterion.benchmark_group("100 searches over 50 MB");
    group.sample_size(10);
    group.bench_function("tool", |bench| {
        bench.iter(|| {
            let toolbox = Toolbox::new(&snapshot, &project);
            for expression in &expressions {
                black_box(toolbox.call("search", &json!({ "regex": expression, "folder": "/" })));
            }
        });
    });
    group.bench_function("limit: regex over the same bytes", |bench| {
        bench.iter(|| {
            for expression in &expressions {
                let regex = regex::Regex::new(expression).expect("a sound expression");
                let found = snapshot
                    .paths()
                    .filter_map(|path| snapshot.text(path))
                    .filter(|text| regex.is_match(text));
                black_box(found.count());
            }
        });
    });
    group.finish();
}

fn validation(criterion: &mut Criterion) {
    let before: String = (0..25).map(repository::file).collect();
    let after = before.replacen(" + basket_3.weight", " + (basket_3.weight or 0)", 1);
    assert!(before.lines().count() >= 5_000 && before != after);
    let changes = [FileChange { path: "backend/shop.py".to_owned(), before, after }];
    let mut group = criterion.benchmark_group("parse and validate 5,000 lines of Python");
    group.sample_size(20);
    group.bench_function("validators", |bench| {
        bench.iter(|| {
            black_box(check(&ProposedChange {
                files: &changes,
                project_path: "backend",
                repository_paths: &[],
                other_files: &[],
                crash: &Crash::default(),
            }))
        });
    });

    group.bench_function("limit: tree-sitter, both versions", |bench| {
        bench.iter(|| {
            for text in [&changes[0].before, &changes[0].after] {
                black_box(syntax::Parsed::new(syntax::Language::Python, text).root().child_count());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode, map, search, validation);
criterion_main!(benches);
