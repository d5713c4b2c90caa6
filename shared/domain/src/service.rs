//! The services outside that AutoFix asks.

use crate::words::word_enum;

word_enum! {
    /// The service that a request goes to.
    pub enum Service {
        Anthropic = "anthropic",
        Github = "github",
        Slack = "slack",
        Sentry = "sentry",
    }
}

impl Service {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Service::Anthropic => "Claude",
            Service::Github => "GitHub",
            Service::Slack => "Slack",
            Service::Sentry => "Sentry",
        }
    }
}
