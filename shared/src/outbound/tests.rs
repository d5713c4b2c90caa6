//! Answers for the tests of what they mean, and the waiting that they ask for.

use super::*;

/// An answer of a service.
pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
    });
    Answer {
        service: Service::Github,
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// What an answer was taken for, in a few words, so that a table of answers stays readable.
pub(crate) fn meaning<T>(result: &Result<T, ServiceError>) -> String {
    let Err(error) = result else { return "done".to_owned() };
    let what = match error.kind {
        ErrorKind::NotFound => "not found",
        ErrorKind::Moved => "moved",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Unauthorized => "not allowed",
        ErrorKind::CredentialRefused => "credential refused",
        ErrorKind::RateLimited => "limited",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::SecretsUnavailable => "no secrets",
        ErrorKind::TimedOut => "timed out",
        ErrorKind::Refused { .. } => "refused",
        ErrorKind::Malformed => "unreadable",
    };
    match error.retry_after {
        Some(wait) => format!("{what}, {} s", wait.as_secs_f64()),
        None => what.to_owned(),
    }
}

#[test]
fn a_wait_is_named_in_milliseconds_seconds_or_as_a_date() {
    let wait = |headers: &[(&'static str, &str)]| answer(429, headers, "").retry_after();
    let date = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("retry-after-ms", "1500"), ("retry-after", "9")]), Some(Duration::from_millis(1_500)));
    assert_eq!(wait(&[("retry-after", " 2.5 ")]), Some(Duration::from_millis(2_500)));
    let later = ("retry-after", "Sun, 22 Nov 2026 10:01:30 GMT");
    assert_eq!(wait(&[date, later]), Some(Duration::from_secs(90)));
    assert_eq!(wait(&[later]), None, "without a date of the answer nobody knows what that means");
    let past = ("retry-after", "Sun, 22 Nov 2026 09:59:59 GMT");
    for senseless in
        [past, ("retry-after", "-1"), ("retry-after", "soon"), ("retry-after", "9e9"), ("retry-after", "NaN")]
    {
        assert_eq!(wait(&[date, senseless]), None, "{senseless:?}");
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn error(kind: ErrorKind) -> ServiceError {
    ServiceError::new(Service::Github, kind, "")
}

fn limited(retry_after: Option<Duration>) -> ServiceError {
    error(ErrorKind::RateLimited).after(retry_after)
}

fn down(retry_after: Option<Duration>) -> ServiceError {
    error(ErrorKind::Unavailable).after(retry_after)
}

#[track_caller]
fn check(error: ServiceError, effect: Effect, pause: Option<std::ops::RangeInclusive<u128>>) {
    let failed = Try { number: 1, took: SignedDuration::ZERO, time: 20 * SECOND, effect };
    let found = short_pause(&error, failed).map(|pause| pause.as_millis());
    match (&pause, found) {
        (None, None) => {}
        (Some(range), Some(found)) if range.contains(&found) => {}
        _ => panic!("{error:?}, {effect:?}: {found:?} in place of {pause:?}"),
    }
}

#[test]
fn seconds_are_waited_here_and_minutes_by_the_clock() {
    check(limited(Some(SECOND)), Effect::Once, Some(1_000..=1_250));
    check(limited(Some(5 * SECOND)), Effect::None, Some(5_000..=6_250));
    check(limited(Some(6 * SECOND)), Effect::None, None);
    check(limited(None), Effect::None, None);
    check(down(None), Effect::None, Some(375..=500));
    check(down(Some(2 * SECOND)), Effect::None, Some(2_000..=2_500));
    check(down(Some(300 * SECOND)), Effect::None, None);
}

#[test]
fn what_may_have_been_done_already_is_not_asked_again_here() {
    check(down(None), Effect::Once, None);
    check(error(ErrorKind::TimedOut), Effect::None, None);
    check(error(ErrorKind::Malformed), Effect::None, None);
    check(error(ErrorKind::NotFound), Effect::None, None);
    check(error(ErrorKind::Conflict), Effect::None, None);
}

#[test]
fn tries_are_few_and_quick() {
    let failed = Try { number: 2, took: SignedDuration::ZERO, time: 20 * SECOND, effect: Effect::None };
    assert!(short_pause(&down(None), failed).is_some_and(|pause| pause > Duration::from_millis(700)));
    assert_eq!(short_pause(&down(None), Try { number: 3, ..failed }), None);
    let slow = SignedDuration::from_secs(3);
    assert_eq!(short_pause(&down(None), Try { took: slow, ..failed }), None);
}
