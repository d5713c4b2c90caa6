//! What Sentry reported, in one internal form, whichever of its dialects it came in.
//!
//! Every string in here was written by whoever can reach the application, and a Sentry DSN is
//! public: treat all of it as hostile. `Incident` is bounded (see the `MAX_` constants), so it fits
//! into a table item; it is *not* redacted.

mod bounds;

use serde::{Deserialize, Serialize};

pub use bounds::{best_frames, surplus};

use crate::cleaning;
use crate::words::word_list;

/// Frames kept over the whole chain, application frames first.
pub const MAX_FRAMES: usize = 16;
/// Exceptions kept of a chain: the ones that surfaced last.
pub const MAX_EXCEPTIONS: usize = 8;
/// Breadcrumbs kept: the newest.
pub const MAX_BREADCRUMBS: usize = 10;
/// Different problems kept that Sentry had with an event.
pub const MAX_PROBLEMS: usize = 10;
/// Characters kept of an exception's message or the title.
pub const MAX_MESSAGE_CHARS: usize = 2_000;
/// Characters kept of names, paths, and one line of source.
pub const MAX_NAME_CHARS: usize = 400;
/// Lines of source kept before and after a frame's line.
pub const MAX_CONTEXT_LINES: usize = 7;
/// Variables kept per frame; a longer list is a module's globals.
pub const MAX_VARIABLES: usize = 40;
/// Characters kept of a variable's value: a list of ten mappings, which is as long as SDKs send one.
pub const MAX_VARIABLE_CHARS: usize = 2_000;
/// Bytes kept of one frame's variables: no frame takes the room of the others.
pub const MAX_FRAME_VARIABLE_BYTES: usize = 8_000;
/// Bytes kept of all variables, some 7,500 tokens of every request. The crash's frame comes first.
pub const MAX_VARIABLE_BYTES: usize = 30_000;
/// Bytes of text kept over all, so that an attempt with its analysis stays far below the 400 KB of
/// a table item. Variables and surrounding lines of the less important frames go first.
pub const MAX_TEXT_BYTES: usize = 160_000;

/// The kind of what stands for an exception in an event that has none, only a message with a stack trace.
pub const MESSAGE: &str = "Message";

/// One error as Sentry reported it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Sentry's organisation slug, where the payload names it.
    pub organization: Option<String>,
    /// Slug of the Sentry project; its numeric id as text where only that is known.
    pub project: String,
    /// Sentry's group ("issue"). Decimal digits.
    pub issue_id: String,
    /// 32 hex digits. `None` for `issue` webhooks, which carry no event.
    pub event_id: Option<String>,
    pub title: String,
    /// The message of an event without an exception, before its values were put into it.
    pub message_template: Option<String>,
    pub culprit: Option<String>,
    pub level: Option<String>,
    pub platform: Option<String>,
    pub environment: Option<String>,
    pub release: Option<Release>,
    /// Link for people.
    pub web_url: Option<String>,
    /// Route template or transaction name, such as `GET /orders/{id}`.
    pub transaction: Option<String>,
    pub request: Option<Request>,
    /// People affected, as Sentry counts them.
    pub user_count: Option<u64>,
    /// Cause first, the one that surfaced last, as Sentry lists them; an exception group before its members, see
    /// [`Part`]. At most [`MAX_EXCEPTIONS`].
    pub exceptions: Vec<Exception>,
    /// Oldest first. At most [`MAX_BREADCRUMBS`].
    pub breadcrumbs: Vec<Breadcrumb>,
    /// What Sentry could not do with the event, by its own words, such as `js_no_source`. At most [`MAX_PROBLEMS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What was deployed when the error happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub version: String,
    /// Commit of the release, 7 to 40 hex digits, where Sentry or the version's text tells it.
    pub commit: Option<String>,
}

/// The HTTP request that failed: method and URL without query string, headers or body.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub method: Option<String>,
    pub url: Option<String>,
}

/// One exception of the chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// Type name, such as `KeyError`.
    pub kind: String,
    pub message: String,
    pub module: Option<String>,
    pub handled: Option<bool>,
    /// Outermost call first, the crash last.
    pub frames: Vec<Frame>,
    #[serde(default, skip_serializing_if = "Part::is_chain")]
    pub part: Part,
}

/// What an exception is in its chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A cause of the next one, or what surfaced.
    #[default]
    Chain,
    /// Only wraps others, like Python's `ExceptionGroup`.
    Group,
    /// Failed inside of the group that surfaced. Of several, the first that was raised is last.
    Member,
}

/// One stack frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Path as the SDK shortened it, such as `app/orders.py`.
    pub filename: Option<String>,
    /// Path on the machine that crashed.
    pub abs_path: Option<String>,
    pub module: Option<String>,
    pub function: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// Sentry's view of whether this is the application's own code.
    pub in_app: bool,
    /// Installed as a package, and yet found in the repository: see [`Frame::may_be_own`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    pub pre_context: Vec<String>,
    /// The source line that was running.
    pub context_line: Option<String>,
    pub post_context: Vec<String>,
    /// Local variables: name, and the value as its language writes it. Frames of frameworks have none, and no source
    /// around their line: nobody looks for a cause there, and it was most of what an event weighs.
    pub variables: Vec<(String, String)>,
}

/// Something that happened shortly before the error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breadcrumb {
    pub category: Option<String>,
    pub level: Option<String>,
    pub message: String,
}

/// Where in the code the error surfaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Culprit<'a> {
    pub exception: &'a Exception,
    pub frame: &'a Frame,
}

impl Part {
    fn is_chain(&self) -> bool {
        *self == Part::Chain
    }
}

impl Incident {
    /// What failed in the group that surfaced, the first that was raised first; empty without such a group.
    pub fn members(&self) -> Vec<&Exception> {
        let members = self.exceptions.iter().rev().filter(|exception| exception.part == Part::Member);
        members.collect()
    }

    /// Type and message of what failed. Of a group with several members, the group and all of them; of one with a
    /// single member, that member.
    pub fn error(&self) -> Option<(String, String)> {
        let surfaced = self.surfaced()?;
        let members = self.members();
        let group = self.exceptions.iter().find(|exception| exception.part == Part::Group);
        let (Some(group), [_, _, ..]) = (group, members.as_slice()) else {
            return Some((surfaced.kind.clone(), surfaced.message.clone()));
        };
        let named: Vec<String> = members.iter().map(|member| member.title()).collect();
        let message = format!("several errors: {}", named.join("; "));
        Some((group.kind.clone(), cleaning::one_line(&message, MAX_MESSAGE_CHARS)))
    }

    /// The exception that surfaced: the last of the chain.
    pub fn surfaced(&self) -> Option<&Exception> {
        self.exceptions.last()
    }

    /// The frame to blame: the innermost application frame of the exception that surfaced, else of
    /// the nearest cause that has one. A framework's frame is never it where the application has
    /// one, whatever Sentry calls "in app"; without any, the innermost frame at all. Among equals, one
    /// that names a file.
    pub fn culprit_frame(&self) -> Option<Culprit<'_>> {
        let find = |wanted: &dyn Fn(&Frame) -> bool| {
            self.exceptions.iter().rev().find_map(|exception| {
                let frame = exception.frames.iter().rev().find(|frame| wanted(frame))?;
                Some(Culprit { exception, frame })
            })
        };
        let innermost = |wanted: fn(&Frame) -> bool| {
            find(&|frame| wanted(frame) && frame.file().is_some()).or_else(|| find(&wanted))
        };
        innermost(Frame::is_application)
            .or_else(|| innermost(|frame| frame.in_app))
            .or_else(|| innermost(|frame| !frame.is_framework()))
            .or_else(|| innermost(|_| true))
    }

    /// Whether any exception has a frame at all.
    pub fn has_stack_trace(&self) -> bool {
        self.exceptions.iter().any(|exception| !exception.frames.is_empty())
    }
}

impl Exception {
    /// Type and message, such as `KeyError: 'weight'`, in one line.
    pub fn title(&self) -> String {
        let text = match (self.kind.as_str(), self.message.as_str()) {
            (kind, "") => kind.to_owned(),
            ("", message) => message.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        cleaning::one_line(&text, MAX_MESSAGE_CHARS)
    }
}

impl Frame {
    /// The file as the SDK names it; `None` for code that is in no file, such as `<anonymous>` or `[native code]`.
    pub fn file(&self) -> Option<&str> {
        let is_file = |text: &&str| {
            let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
            let no_file = name.starts_with('<') || (text.starts_with('[') && !text.contains(['/', '.']));
            !text.is_empty() && !no_file
        };
        [&self.filename, &self.abs_path].into_iter().flatten().map(String::as_str).find(is_file)
    }

    /// Whether a fault of the application can be in this frame: Sentry calls it "in app" and it is
    /// not a framework's.
    pub fn is_application(&self) -> bool {
        self.in_app && !self.is_framework()
    }

    /// Whether the frame belongs to an installed library, to a language's own library, or to a web
    /// framework known by name. A path outside the places of installed code outweighs the name,
    /// since an application may well have a package called `redis`.
    pub fn is_framework(&self) -> bool {
        if self.own {
            return false;
        }
        if self.is_installed() {
            return true;
        }
        let has_a_real_path = self.abs_path.as_deref().is_some_and(|path| path.starts_with('/'));
        let is_android = || self.module.as_deref().is_some_and(|module| module.starts_with("com.android."));
        let is_known = |package| FRAMEWORKS.contains(&package) || LANGUAGES.contains(&package);
        !has_a_real_path && (self.package().is_some_and(is_known) || is_android())
    }

    /// Whether the frame's path is among installed packages.
    pub fn is_installed(&self) -> bool {
        is_installed_code(self.abs_path.as_deref().or(self.filename.as_deref()).unwrap_or_default())
    }

    /// Whether the application itself may be installed here, as in an image that installs its own package: Sentry says
    /// "in app" although the path is among installed packages. Only the repository can tell.
    pub fn may_be_own(&self) -> bool {
        let is_known = || self.package().is_some_and(|package| FRAMEWORKS.contains(&package));
        self.in_app && self.is_installed() && !is_known()
    }

    /// Top-level package: the first part of the module, else of the path, below the place of
    /// installed code where the path names one.
    pub fn package(&self) -> Option<&str> {
        let installed = self.abs_path.as_deref().and_then(|path| {
            ["site-packages/", "dist-packages/"].iter().find_map(|place| path.rsplit_once(place))
        });
        let start = match (installed, &self.module, &self.filename) {
            (Some((_, inside)), _, _) => inside,
            (None, Some(module), _) => module,
            (None, None, Some(filename)) => filename,
            (None, None, None) => return None,
        };
        start.split(['.', '/', '\\']).next().filter(|package| !package.is_empty())
    }
}

/// Whether a path lies where package managers and languages put code that nobody edits.
pub fn is_installed_code(path: &str) -> bool {
    const PLACES: [&str; 12] = [
        "site-packages",
        "dist-packages",
        "node_modules",
        "lib/python",
        "lib\\python",
        "<frozen ",
        "node:",
        "/rustc/",
        "/.cargo/registry/",
        "/go/pkg/mod/",
        "/usr/local/go/src/",
        "/gems/",
    ];
    // Composer's; elsewhere, a `vendor` may well be somebody who sells.
    let is_composer_s = || path.ends_with(".php") && path.contains("/vendor/");
    PLACES.iter().any(|place| path.contains(place)) || is_composer_s()
}

/// Packages of a language itself or of its platform. SDKs for the JVM say of none of their frames whose they are, and
/// name no path.
const LANGUAGES: &[&str] = &[
    "android", "androidx", "clojure", "dalvik", "java", "javax", "jdk", "kotlin", "kotlinx", "scala", "sun",
];

/// Packages whose frames only carry the application's calls.
const FRAMEWORKS: &[&str] = word_list![
    aiohttp alembic anyio asyncio asyncpg botocore celery concurrent contextlib django fastapi flask
    gunicorn h11 httpcore httptools httpx hypercorn mangum psycopg psycopg2 pydantic pydantic_core
    pydantic_settings requests sentry_sdk sqlalchemy sqlmodel starlette threading urllib3 uvicorn
    uvloop werkzeug
];

impl Eq for Exception {}
impl Eq for Frame {}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &str, in_app: bool) -> Frame {
        Frame { filename: Some(path.into()), in_app, ..Frame::default() }
    }

    fn incident(frames: Vec<Frame>) -> Incident {
        let exception = Exception { kind: "KeyError".into(), frames, ..Exception::default() };
        Incident { exceptions: vec![exception], ..Incident::default() }
    }

    #[track_caller]
    fn check(frames: Vec<Frame>, culprit: Option<&str>) {
        let incident = incident(frames);
        let found = incident.culprit_frame().and_then(|culprit| culprit.frame.filename.as_deref());
        assert_eq!(found, culprit);
    }

    #[test]
    fn a_framework_frame_is_never_to_blame_when_the_application_has_one() {
        let app = || frame("shop/orders.py", true);
        check(
            vec![frame("fastapi/routing.py", true), app(), frame("sqlalchemy/orm/query.py", true)],
            Some("shop/orders.py"),
        );
        check(vec![app(), frame("starlette/routing.py", false)], Some("shop/orders.py"));
        check(vec![frame("a.py", false), frame("pydantic/main.py", false)], Some("a.py"));
        check(vec![frame("pydantic/main.py", true), frame("a.py", false)], Some("pydantic/main.py"));
        check(vec![frame("uvicorn/main.py", false)], Some("uvicorn/main.py"));
        check(vec![], None);
    }

    #[test]
    fn among_equal_frames_the_innermost_that_names_a_file_is_to_blame() {
        let nameless = || Frame { function: Some("Shop.Missing.run/0".into()), ..Frame::default() };
        check(vec![frame("lib/web/home.ex", false), nameless()], Some("lib/web/home.ex"));
        check(
            vec![frame("a.js", true), frame("<anonymous>", true), frame("[native code]", true)],
            Some("a.js"),
        );
        // A better rank is worth more than a name.
        let culprit = incident(vec![frame("lib/b.ex", false), Frame { in_app: true, ..nameless() }]);
        let blamed = culprit.culprit_frame().expect("a frame").frame;
        assert_eq!((blamed.file(), blamed.in_app), (None, true));
    }

    #[test]
    fn what_a_language_or_platform_brings_along_is_no_application_code() {
        let on_jvm = |module: &str| Frame {
            abs_path: Some("Object.java".into()),
            module: Some(module.into()),
            ..frame("Object.java", true)
        };
        for module in ["java.lang.Object", "com.android.internal.os.ZygoteInit", "kotlinx.coroutines.Task"] {
            assert!(on_jvm(module).is_framework(), "{module}");
        }
        assert!(on_jvm("com.acme.java.Object").is_application());
        assert!(frame("/vendor/laravel/framework/src/Pipeline.php", true).is_framework());
        assert!(frame("/srv/market/vendor/views.py", true).is_application());
    }

    #[test]
    fn what_is_in_no_file_is_blamed_only_if_nothing_else_is() {
        let expanded = Frame { abs_path: Some("/build/<log macros>".into()), ..frame("<log macros>", true) };
        assert_eq!(expanded.file(), None);
        check(vec![frame("src/http.rs", true), expanded.clone()], Some("src/http.rs"));
        check(vec![expanded], Some("<log macros>"));
    }

    #[test]
    fn an_own_package_with_a_library_s_name_is_application_code() {
        let own =
            Frame { abs_path: Some("/app/requests/views.py".into()), ..frame("requests/views.py", true) };
        assert!(own.is_application());
        let library = Frame {
            abs_path: Some("/usr/local/lib/python3.12/site-packages/stripe/api.py".into()),
            ..frame("stripe/api.py", true)
        };
        assert!(library.is_framework());
        assert_eq!(library.package(), Some("stripe"));
    }
}
