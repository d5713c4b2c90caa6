//! A short run of the tool `chaos`: some errors with random deaths and faults, on seeds that are always the same.

use std::thread;

use autofix_tests::chaos;

/// A run with one more seed takes seconds. Many seeds are a matter of the tool.
const SEEDS: [u64; 4] = [1, 2, 5, 6];
const ERRORS: usize = 3;

#[test]
fn whatever_dies_and_fails_every_promise_holds() {
    let run = |seed| move || chaos::run(seed, ERRORS).unwrap();
    let mut deaths = 0;
    for pair in SEEDS.chunks(2) {
        let runs: Vec<_> =
            pair.iter().map(|seed| thread::Builder::new().spawn(run(*seed)).unwrap()).collect();
        for run in runs {
            let report = run.join().unwrap();
            assert_eq!(report.broken, [""; 0], "seed {}: {:#?}", report.seed, report.timelines);
            assert!(report.ended.values().sum::<usize>() >= ERRORS, "{report:?}");
            deaths += report.deaths;
        }
    }
    assert!(deaths > 0, "nobody died: the seeds are too tame");
}
