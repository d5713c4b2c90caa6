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
