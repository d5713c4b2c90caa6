//! The form of a click after its signature was verified. Written as text (`payload={…}`) or as Slack encodes it; a
//! body that begins with `{` is put into the field for the fuzzer, which would never learn to encode.

#![no_main]

use autofix::messages::ButtonValue;
use libfuzzer_sys::fuzz_target;
use slack_interactions::form::{self, Asks, Form, Person, Said};

fuzz_target!(|data: &[u8]| {
    let wrapped = std::str::from_utf8(data).ok().filter(|text| text.starts_with('{')).map(|text| {
        url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", text).finish()
    });
    let body = wrapped.as_deref().map_or(data, str::as_bytes);
    let payloads = url::form_urlencoded::parse(body).filter(|(name, _)| name == "payload").count();
    match form::read(body) {
        Ok(Form::Click(click)) => {
            assert_eq!(payloads, 1, "one click has one payload");
            check_person(&click.person);
            match &click.asks {
                Asks::Deploy(fix) | Asks::Dismiss(fix) | Asks::RollBack(fix) => check_button(fix),
                Asks::TryAgain(_) => {}
            }
            assert!(click.trigger_id.is_none_or(|id| id.len() <= 200));
        }
        Ok(Form::Submission(submission)) => {
            assert_eq!(payloads, 1, "one dialog has one payload");
            check_person(&submission.person);
            match &submission.said {
                Said::Dismissal { fix, .. } => check_button(fix),
                Said::Hint { .. } => {}
            }
        }
        Ok(Form::NothingToDo) => assert_eq!(payloads, 1),
        Err(error) => assert!(error.to_string().is_ascii()),
    }
    if form::is_certificate_check(body) {
        assert!(body.len() < 4_096, "a certificate's check is short");
    }
});

fn check_person(person: &Person) {
    for id in [Some(&person.id), Some(&person.team), person.home.as_ref(), person.enterprise.as_ref()] {
        let is_id =
            |id: &String| (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(id.is_none_or(is_id), "{id:?} would be logged, kept and mentioned");
    }
}

fn check_button(fix: &ButtonValue) {
    assert_eq!(ButtonValue::parse(&fix.to_string()).as_ref(), Some(fix), "one button, one spelling");
    assert_eq!(fix.head_sha.len(), 40);
}
