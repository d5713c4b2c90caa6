//! An event as Sentry's REST API answers it, read for an issue that is known.

#![no_main]

use autofix::incident::Incident;
use autofix::sentry::event::read_rest_event;
use autofix_fuzz::check_incident;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let known = Incident {
        organization: Some("acme".to_owned()),
        project: "bookshop".to_owned(),
        issue_id: "5200000001".to_owned(),
        title: "KeyError: 'sub'".to_owned(),
        web_url: Some("https://sentry.io/organizations/acme/issues/5200000001/".to_owned()),
        ..Incident::default()
    };
    match read_rest_event(data, &known) {
        Ok(incident) => {
            check_incident(&incident);
            assert_eq!(incident.issue_id, known.issue_id, "the issue is the one that was claimed");
            assert_eq!((&incident.organization, &incident.web_url), (&known.organization, &known.web_url));
            assert_eq!(incident.project, known.project);
            assert!(!incident.title.is_empty(), "an event without a title keeps the issue's");
        }
        Err(error) => assert!(error.to_string().is_ascii()),
    }
    if let Ok(incident) = read_rest_event(data, &Incident::default()) {
        check_incident(&incident);
    }
});
