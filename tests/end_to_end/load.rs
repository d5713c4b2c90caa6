//! A short run of the tool `load`: what holds under load, not how fast it is.

use autofix_tests::load::{Arguments, measure};

#[tokio::test(flavor = "multi_thread")]
async fn under_load_nothing_is_lost_refused_or_doubled() {
    let arguments = Arguments { webhooks: 120, attempts: 10, data: None, json: true, per_hour: 500 };
    let report = measure(&arguments).await.unwrap();
    report.check().unwrap();

    let intake = report.intake.unwrap();
    let sent: usize = intake.rows.iter().map(|row| row.webhooks).sum();
    assert_eq!((sent, intake.webhooks), (120, 120));
    let concurrencies: Vec<usize> = intake.rows.iter().map(|row| row.concurrency).collect();
    assert_eq!(concurrencies, [1, 1, 16, 16, 64, 64]);
    assert!(intake.rows.iter().all(|row| row.p50_ms > 0.0 && row.p50_ms <= row.p99_ms));

    let attempts = report.attempts.unwrap();
    assert_eq!((attempts.attempts, attempts.cards), (10, 10));
    let ended: Vec<(&str, usize)> = attempts.ended.iter().map(|(status, n)| (status.as_str(), *n)).collect();
    assert_eq!(ended, [("rejected", 1), ("skipped", 1), ("verified", 8)]);
    assert_eq!(attempts.pull_requests, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_hour_is_counted_apart_and_holds_exactly() {
    let arguments = Arguments { webhooks: 3 * 50, attempts: 0, data: None, json: true, per_hour: 20 };
    let report = measure(&arguments).await.unwrap();
    report.check().unwrap();
    let rows = report.intake.unwrap().rows;
    let counted: Vec<(&str, usize)> = rows.iter().map(|row| (row.kind, row.webhooks)).collect();
    let of_each = [("new issues", 20), ("new, the hour is full", 5), ("one issue, again", 25)];
    assert_eq!(counted, [of_each, of_each, of_each].concat());
}
