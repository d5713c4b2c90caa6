//! What happens in a run, drawn from its seed before anything is started: reports, clicks, time, deaths, faults.

use autofix::messages::{DEPLOY, DISMISS};
use axum::http::Method;
use fastrand::Rng;

use crate::shop::{Fault, Kind};
use autofix_sandbox::killer::{Moment, Side};
use autofix_sandbox::sentry::Hook;
use autofix_sandbox::service;

/// Things that happen between two reports, and after the last one, for each report.
const BETWEEN: std::ops::RangeInclusive<usize> = 2..=6;
/// Effects after which a process may die: those of a whole story, and some more.
const EFFECTS: std::ops::Range<usize> = 0..60;
/// A fault lasts for so many requests. The table's clients try three times by themselves.
const REQUESTS: std::ops::RangeInclusive<usize> = 1..=5;
/// An outage: so many requests of one service.
const OUTAGE: usize = 40;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// Sentry reports a fault.
    Report { fault: usize, hook: Hook, copy: Copy },
    /// Somebody presses a button of one of the cards that have it.
    Click { card: usize, button: &'static str, times: usize },
    /// The stream delivers what it has.
    Deliver { order: Order, doubled: Doubled },
    /// The clock moves on and the worker is woken by it.
    Time { minutes: i64 },
    /// From now on, requests fail.
    Trouble { of: Of, method: Method, path: &'static str, fault: service::Fault, requests: usize },
    /// The process is going to die.
    Death(Moment),
    /// The process is stopped, and another one has the table for itself.
    Restart,
}

/// Whether the report is the fault's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    First,
    /// The same delivery, several times at once.
    Repeated(usize),
    /// Another event of the same issue.
    Again(u32),
    /// The same fault, filed by Sentry as another issue.
    OtherIssue(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    AsItCame,
    Reversed,
}

/// Whether each record is given to two workers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubled {
    Yes,
    No,
}

/// Who fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Claude,
    Github,
    Sentry,
    Slack,
    Table,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) faults: Vec<Fault>,
    pub(super) happenings: Vec<Happening>,
}

impl Plan {
    /// The plan of a seed: the same each time.
    pub(super) fn of(seed: u64, errors: usize) -> Plan {
        let mut rng = Rng::with_seed(seed);
        let kind = |rng: &mut Rng| if rng.u8(..) < 60 { Kind::ForPeople } else { Kind::Fixable };
        let numbers = 0..u32::try_from(errors).unwrap_or(u32::MAX);
        let faults: Vec<Fault> = numbers.map(|number| Fault::new(number, kind(&mut rng))).collect();
        let mut happenings = Vec::new();
        for fault in 0..faults.len() {
            happenings.push(Happening::Report { fault, hook: hook(&mut rng), copy: Copy::First });
            for _ in 0..rng.usize(BETWEEN) {
                happenings.push(anything(&mut rng, fault + 1));
            }
        }
        for _ in 0..faults.len() * rng.usize(BETWEEN) {
            happenings.push(anything(&mut rng, faults.len()));
        }
        Plan { faults, happenings }
    }
}

/// Anything that can happen once so many faults were reported.
fn anything(rng: &mut Rng, reported: usize) -> Happening {
    match rng.usize(..100) {
        0..30 => Happening::Deliver {
            order: if rng.bool() { Order::AsItCame } else { Order::Reversed },
            doubled: if rng.usize(..5) == 0 { Doubled::Yes } else { Doubled::No },
        },
        30..48 => Happening::Time { minutes: choose(rng, &[1, 1, 1, 2, 5, 16, 61, 180]) },
        48..62 => Happening::Click {
            card: rng.usize(..),
            button: choose(rng, &[DEPLOY, DEPLOY, DISMISS]),
            times: choose(rng, &[1, 1, 2]),
        },
        62..78 => Happening::Death(Moment {
            effect: rng.usize(EFFECTS),
            side: if rng.bool() { Side::Before } else { Side::After },
        }),
        78..90 => trouble(rng),
        90..92 => Happening::Restart,
        _ => Happening::Report { fault: rng.usize(..reported), hook: hook(rng), copy: copy(rng) },
    }
}

fn copy(rng: &mut Rng) -> Copy {
    match rng.usize(..3) {
        0 => Copy::Repeated(rng.usize(2..6)),
        1 => Copy::Again(rng.u32(1..100)),
        _ => Copy::OtherIssue(rng.u32(1..4)),
    }
}

fn hook(rng: &mut Rng) -> Hook {
    choose(rng, &[Hook::EventAlertTriggered, Hook::ErrorCreated, Hook::IssueCreated])
}

fn trouble(rng: &mut Rng) -> Happening {
    let of = choose(rng, &[Of::Claude, Of::Github, Of::Github, Of::Sentry, Of::Slack, Of::Table, Of::Table]);
    let (methods, paths): (&[Method], &[&'static str]) = match of {
        Of::Claude => (&[Method::POST], &["/v1/messages"]),
        Of::Github => {
            (&[Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE], &["/repos/"])
        }
        Of::Sentry => (&[Method::GET], &["/api/0/"]),
        Of::Slack => (&[Method::POST], &["/api/chat.", "/api/"]),
        Of::Table => {
            (&[Method::POST], &["TransactWriteItems", "UpdateItem", "PutItem", "GetItem", "B_20120810.Query"])
        }
    };
    let requests = match (of, rng.usize(..6)) {
        (Of::Table, _) | (_, 1..) => rng.usize(REQUESTS),
        (_, 0) => OUTAGE,
    };
    let fault = fault(rng, of);
    Happening::Trouble { of, method: choose(rng, methods), path: choose(rng, paths), fault, requests }
}

fn fault(rng: &mut Rng, of: Of) -> service::Fault {
    let later = |seconds: u32| vec![("retry-after", seconds.to_string())];
    let answer =
        |status, headers, body: &str| service::Fault::Answer { status, headers, body: body.to_owned() };
    match (rng.usize(..5), of) {
        (0, _) => service::Fault::BreakBefore,
        (1, _) => service::Fault::BreakAfter,
        (2, Of::Claude) => service::Fault::status(529),
        (2, Of::Github) => {
            answer(403, later(rng.u32(1..120)), r#"{"message":"You have exceeded a secondary rate limit"}"#)
        }
        (2, Of::Slack) => answer(200, Vec::new(), r#"{"ok":false,"error":"ratelimited"}"#),
        (2, Of::Table) => answer(400, Vec::new(), &table_error("ProvisionedThroughputExceededException")),
        (_, Of::Table) => answer(500, Vec::new(), &table_error("InternalServerError")),
        (3, _) => answer(429, later(rng.u32(1..120)), "{}"),
        (_, _) => service::Fault::status(choose(rng, &[500, 502, 503])),
    }
}

fn table_error(kind: &str) -> String {
    format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"chaos"}}"#)
}

fn choose<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        let text = |seed| format!("{:?}", Plan::of(seed, 5));
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }
}
