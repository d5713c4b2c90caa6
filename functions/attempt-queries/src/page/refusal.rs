//! What people see in place of the page that they asked for.

use askama::Template;
use autofix::access::attempt_path;
use autofix::attempt::AttemptId;
use autofix::config::names;
use autofix::secrets::SecretsUnavailable;
use autofix::store::StoreError;
use axum::http::{StatusCode, header};
use axum::response::Response;
use tracing::error;

use super::header;
use super::shell::{Here, Shell, Viewer, html};
use crate::Queries;

/// Why a page is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody is logged in, or no longer.
    LogIn { next: Next },
    /// A login with another text than the token.
    WrongToken { next: Next },
    /// No API token is set, so there is nobody who may look.
    NoToken,
    /// A form that was not sent by a page of ours.
    ForeignForm,
    /// A login over plain HTTP, where no session would be safe.
    PlainHttp,
    /// There is no such page or attempt.
    NotFound,
    /// The address or the form cannot be read, and why.
    BadRequest(&'static str),
    /// The table or the secret cannot be read.
    Unavailable,
}

/// Where a login leads: one of our own pages, so that nobody can make it lead elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    List,
    Scoreboard,
    Attempt(AttemptId),
}

const SCOREBOARD: &str = "scoreboard";

impl Next {
    /// From the form; anything unknown is the list.
    pub(super) fn read(text: &str) -> Next {
        match text {
            SCOREBOARD => Next::Scoreboard,
            text => AttemptId::parse(text).map_or(Next::List, Next::Attempt),
        }
    }

    pub(super) fn path(self, prefix: &str) -> String {
        match self {
            Next::List => format!("{prefix}/"),
            Next::Scoreboard => format!("{prefix}/{SCOREBOARD}"),
            Next::Attempt(id) => attempt_path(prefix, id),
        }
    }

    fn text(self) -> String {
        match self {
            Next::List => String::new(),
            Next::Scoreboard => SCOREBOARD.to_owned(),
            Next::Attempt(id) => id.to_string(),
        }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    wrong: bool,
    next: String,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    shell: Shell,
    sentence: String,
}

impl From<SecretsUnavailable> for Refusal {
    fn from(error: SecretsUnavailable) -> Refusal {
        error!(error = %error, "Cannot read the secrets");
        Refusal::Unavailable
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        error!(error = %error, "Cannot read attempts");
        Refusal::Unavailable
    }
}

impl Queries {
    /// A page, or the page that says why not.
    pub(super) fn answer(&self, page: Result<Response, Refusal>) -> Response {
        page.unwrap_or_else(|refusal| self.refused(refusal))
    }

    fn refused(&self, refusal: Refusal) -> Response {
        let (status, title, sentence) = match refusal {
            Refusal::LogIn { next } => return self.login_page(Refusal::LogIn { next }, next),
            Refusal::WrongToken { next } => return self.login_page(Refusal::WrongToken { next }, next),
            Refusal::NoToken => (
                StatusCode::FORBIDDEN,
                "Nobody may look yet",
                format!(
                    "`{}` is not set, so nobody can log in. Put a long random text under this name into the \
                     deployment's secret (or, with `autofix serve`, into `.env`), and reload. {}/status names \
                     everything in the secret that is still empty.",
                    names::API_TOKEN,
                    self.config.common.prefix
                ),
            ),
            Refusal::ForeignForm => (
                StatusCode::FORBIDDEN,
                "Not accepted",
                "This form was not sent by this page. Open the page itself and try again.".to_owned(),
            ),
            Refusal::PlainHttp => (
                StatusCode::FORBIDDEN,
                "Not over plain HTTP",
                "A login over plain HTTP could be read on the way. Open this page with https://.".to_owned(),
            ),
            Refusal::NotFound => (
                StatusCode::NOT_FOUND,
                "Not found",
                "There is no such attempt. Attempts are kept for half a year.".to_owned(),
            ),
            Refusal::BadRequest(sentence) => (StatusCode::BAD_REQUEST, "Not understood", sentence.to_owned()),
            Refusal::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available now",
                "The table or the secret cannot be read. Nothing is lost; try again in a minute.".to_owned(),
            ),
        };
        let shell = self.shell(title, Viewer::Nobody, Here::Elsewhere);
        let mut answer = html(status, &MessagePage { shell, sentence });
        if refusal == Refusal::Unavailable {
            answer.headers_mut().insert(header::RETRY_AFTER, header("60"));
        }
        answer
    }

    fn login_page(&self, refusal: Refusal, next: Next) -> Response {
        let shell = self.shell("Log in", Viewer::Nobody, Here::Elsewhere);
        let wrong = matches!(refusal, Refusal::WrongToken { .. });
        html(StatusCode::UNAUTHORIZED, &LoginPage { shell, wrong, next: next.text() })
    }
}
