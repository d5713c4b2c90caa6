//! What the webhook's endpoint does with a body before it writes to the table, as a multiple of SHA-256 over the same
//! bytes, which the signature needs in any case: the speed to stay near. Below it, what cleans and redacts text.
//!
//! `cargo bench -p autofix --bench intake [-- part of a name]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod ratios;
mod webhooks;

use autofix::cleaning::{multi_line, one_line, source_line};
use autofix::redaction::redact;
use autofix::secrets::Secret;
use autofix::sentry::webhook;
use autofix::signature;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use ratios::Group;

/// The client secret of the integration in the benchmark.
const CLIENT_SECRET: &str = "client-secret";

fn main() {
    intake("webhook: the sample", &webhooks::sample());
    intake("webhook: 160 KB", &webhooks::event_alert(160_000));
    intake("webhook: 1 MB", &webhooks::event_alert(1_000_000));
    cleaning(&webhooks::traceback(200_000));
    redaction(&webhooks::traceback(200_000));
}

fn intake(name: &str, body: &[u8]) {
    let mut mac = Hmac::<Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()).expect("a key of any length");
    mac.update(body);
    let header = hex::encode(mac.finalize().into_bytes());
    let secret = Secret::new(CLIENT_SECRET);
    let check = |body: &[u8]| signature::check_sentry(&secret, Some(header.as_bytes()), body).is_ok();
    let group = Group::new(name, body);
    group.measure("signature", || check(body));
    group.measure("read", || webhook::read("event_alert", body).expect("an event alert"));
    group.measure("read, of no use to AutoFix", || webhook::read("metric_alert", body).expect("ignored"));
}

fn cleaning(ascii: &str) {
    let group = Group::new("clean ASCII", ascii.as_bytes());
    group.measure("all of it", || multi_line(ascii, usize::MAX));
    group.measure("line by line", || ascii.lines().map(|line| source_line(line, 400).len()).sum::<usize>());
    group.measure("one line, cut to 400", || one_line(ascii, 400));
    let colourful = ascii.replace("orders", "\u{1b}[31mBestellungen für Größe\u{1b}[0m");
    let group = Group::new("clean umlauts and escapes", colourful.as_bytes());
    group.measure("all of it", || multi_line(&colourful, usize::MAX));
}

fn redaction(full: &str) {
    let group = Group::new("redact, every other line a finding", full.as_bytes());
    group.measure("all of it", || redact(full));
    let innocent = full
        .replace("ann@example.com", "somebody")
        .replace("password=hunter2hunter2", "price = basket.total()");
    let group = Group::new("redact, nothing to find", innocent.as_bytes());
    group.measure("all of it", || redact(&innocent));
    group.measure("line by line", || innocent.lines().map(|line| redact(line).as_str().len()).sum::<usize>());
    let regex = regex::Regex::new(r"[\w.+-]+@[\w-]+\.[\w.]+").expect("a sound expression");
    group.measure("for comparison: one regex", || regex.find_iter(&innocent).count());
    let hostile = "eyJ".repeat(full.len() / 3);
    let group = Group::new("redact, a token begins everywhere and ends nowhere", hostile.as_bytes());
    group.measure("all of it", || redact(&hostile));
}
