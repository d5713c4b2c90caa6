//! Reads from a stack what FastAPI was doing: which endpoint, which function of the application it
//! had called, and in which role: endpoint, dependency, validator, …
//!
//! A model that is told "the dependency `current_user` of `GET /orders/{id}`" need not work that out
//! of fifteen frames of Starlette. Frames of frameworks are otherwise never to blame, see
//! [`Incident::culprit_frame`].

use serde::{Deserialize, Serialize};

use autofix_domain::incident::{Frame, Incident};
use autofix_domain::words::word_enum;

word_enum! {
    /// What FastAPI had called the application's function for.
    pub enum Role {
        Endpoint = "endpoint",
        Dependency = "dependency",
        /// A Pydantic validator or a model's own code.
        Validator = "validator",
        /// Building the response from what the endpoint returned.
        Response = "response",
        Middleware = "middleware",
        BackgroundTask = "background_task",
        /// Start-up or shut-down.
        Lifespan = "lifespan",
        /// FastAPI was there, but the frames that would tell more are not.
        Unknown = "unknown",
    }
}

/// What FastAPI was doing when the error happened. All text is the incident's: hostile, unredacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FastApiContext {
    /// Method and route, such as `GET /orders/{id}`.
    pub endpoint: Option<String>,
    /// The first function of the application that FastAPI called.
    pub handler: Option<Handler>,
    /// The role of the code that failed, which may lie deeper than the handler: a validator called
    /// by an endpoint is a [`Role::Validator`].
    pub role: Role,
    /// Pydantic model that refused its input.
    pub model: Option<String>,
}

/// A function of the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// Path as the SDK gave it.
    pub file: String,
    pub function: String,
    /// Line that was running, counted from 1.
    pub line: Option<u32>,
}

/// The FastAPI side of an incident; `None` where neither FastAPI nor Starlette is on the stack and
/// no Pydantic model refused anything.
pub fn context(incident: &Incident) -> Option<FastApiContext> {
    let model = incident.exceptions.iter().rev().find_map(|exception| model_in(&exception.message));
    let is_served =
        |frames: &[Frame]| frames.iter().any(|f| matches!(f.package(), Some("fastapi" | "starlette")));
    let served = || incident.exceptions.iter().rev().map(|e| e.frames.as_slice()).filter(|f| is_served(f));
    // The exception that surfaced usually has the whole way in, but only the one with the
    // application's frames tells what was called.
    let own = served().filter(|frames| frames.iter().any(Frame::is_application)).map(trace);
    let traced = own.chain(served().map(trace)).reduce(|best, next| match best.0 {
        Role::Unknown => next,
        _ => best,
    });
    if traced.is_none() && model.is_none() {
        return None;
    }
    let (role, handler) = traced.unwrap_or((Role::Validator, None));
    Some(FastApiContext { endpoint: endpoint(incident), handler, role, model })
}

/// What a frame says about the application code that it calls.
fn role_of_callee(frame: &Frame) -> Option<Role> {
    let function = frame.function.as_deref().unwrap_or_default();
    let function = function.rsplit('.').next().unwrap_or_default();
    let file = frame.filename.as_deref().or(frame.abs_path.as_deref()).unwrap_or_default();
    let in_file = |name: &str| {
        file.ends_with(name)
            || frame.module.as_deref() == Some(&*name.trim_end_matches(".py").replace('/', "."))
    };
    match frame.package()? {
        "fastapi" => match function {
            "run_endpoint_function" => Some(Role::Endpoint),
            "solve_dependencies" | "solve_generator" => Some(Role::Dependency),
            "serialize_response" | "_prepare_response_content" | "jsonable_encoder" => Some(Role::Response),
            "app" if in_file("fastapi/routing.py") => Some(Role::Endpoint),
            _ if in_file("fastapi/concurrency.py") => Some(Role::Dependency),
            _ => None,
        },
        "starlette" => match function {
            "lifespan" => Some(Role::Lifespan),
            "app" if in_file("starlette/routing.py") => Some(Role::Endpoint),
            "__call__" if in_file("starlette/background.py") => Some(Role::BackgroundTask),
            "__call__" | "dispatch_func" if in_file("starlette/middleware/base.py") => Some(Role::Middleware),
            "__call__" if in_file("starlette/middleware/errors.py") => Some(Role::Middleware),
            _ => None,
        },
        "pydantic" | "pydantic_core" | "pydantic_settings" => Some(Role::Validator),
        _ => None,
    }
}

/// Walks from the outermost call inwards. Frames between two of FastAPI's (threads, context
/// managers) change nothing; the last role before the innermost application frame is that frame's.
fn trace(frames: &[Frame]) -> (Role, Option<Handler>) {
    let end = frames.iter().rposition(Frame::is_application).unwrap_or(frames.len());
    let (mut role, mut handler): (Option<Role>, Option<(Role, Handler)>) = (None, None);
    let mut pending = None;
    for frame in &frames[..frames.len().min(end + 1)] {
        if let Some(found) = role_of_callee(frame) {
            pending = Some(found);
        } else if let Some(called) = frame.is_application().then(|| pending.take()).flatten() {
            role = Some(called);
            // What an endpoint or a dependency calls through Pydantic is not itself a handler, and a
            // middleware around them is not the one that failed.
            let outer = handler.as_ref().map(|(role, _)| *role);
            if called != Role::Validator && matches!(outer, None | Some(Role::Middleware)) {
                handler = place(frame).map(|place| (called, place));
            }
        }
    }
    let without_application = end == frames.len();
    let role = if without_application { pending } else { role };
    (role.unwrap_or(Role::Unknown), handler.map(|(_, place)| place))
}

fn place(frame: &Frame) -> Option<Handler> {
    Some(Handler {
        file: frame.filename.clone().or_else(|| frame.abs_path.clone())?,
        function: frame.function.clone()?,
        line: frame.line,
    })
}

/// `METHOD /route`, from the transaction where that is a route, else whatever is known.
fn endpoint(incident: &Incident) -> Option<String> {
    let transaction = incident.transaction.as_deref().filter(|transaction| !transaction.is_empty());
    let method = incident.request.as_ref().and_then(|request| request.method.as_deref());
    let path = || {
        let address = incident.request.as_ref()?.url.as_deref()?;
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        rest.find('/').map(|at| &rest[at..])
    };
    match (transaction, method) {
        (Some(route), Some(method)) if route.starts_with('/') => Some(format!("{method} {route}")),
        (Some(named), _) => Some(named.to_owned()),
        (None, Some(method)) => Some(format!("{method} {}", path()?)),
        (None, None) => path().map(String::from),
    }
}

/// `Order` of "2 validation errors for Order".
fn model_in(message: &str) -> Option<String> {
    /// Longer names are no class's.
    const MAX_NAME: usize = 100;
    let (before, after) = message
        .split_once("validation error for ")
        .or_else(|| message.split_once("validation errors for "))
        .or_else(|| message.split_once("validation errors:\n").map(|(before, _)| (before, "")))?;
    let counted =
        before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next().is_some_and(|n| !n.is_empty());
    let name: String = after
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'))
        .take(MAX_NAME)
        .collect();
    (counted && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use autofix_domain::incident::{Exception, Request};

    fn frame(file: &str, function: &str) -> Frame {
        let in_app = file.starts_with("shop/");
        Frame {
            filename: Some(file.into()),
            function: Some(function.into()),
            line: Some(7),
            in_app,
            ..Frame::default()
        }
    }

    fn way_in() -> Vec<Frame> {
        vec![
            frame("uvicorn/protocols/http/h11_impl.py", "run_asgi"),
            frame("fastapi/applications.py", "__call__"),
            frame("starlette/middleware/errors.py", "__call__"),
            frame("starlette/routing.py", "app"),
            frame("fastapi/routing.py", "app"),
        ]
    }

    fn incident(frames: impl IntoIterator<Item = Frame>, message: &str) -> Incident {
        let frames = way_in().into_iter().chain(frames).collect();
        let exception = Exception { message: message.into(), frames, ..Exception::default() };
        Incident {
            transaction: Some("/orders/{id}".into()),
            request: Some(Request { method: Some("GET".into()), url: None }),
            exceptions: vec![exception],
            ..Incident::default()
        }
    }

    #[track_caller]
    fn check(frames: impl IntoIterator<Item = Frame>, role: Role, handler: Option<&str>) {
        let found = context(&incident(frames, "")).expect("FastAPI is on the stack");
        assert_eq!((found.role, found.handler.as_ref().map(|h| h.function.as_str())), (role, handler));
        assert_eq!(found.endpoint.as_deref(), Some("GET /orders/{id}"));
    }

    #[test]
    fn an_endpoint_is_found_whether_it_runs_in_a_thread_or_not() {
        let run = || frame("fastapi/routing.py", "run_endpoint_function");
        let app = || [frame("shop/orders.py", "get_order"), frame("shop/prices.py", "total")];
        check([run()].into_iter().chain(app()), Role::Endpoint, Some("get_order"));
        let thread = [
            frame("starlette/concurrency.py", "run_in_threadpool"),
            frame("anyio/to_thread.py", "run_sync"),
            frame("anyio/_backends/_asyncio.py", "run"),
        ];
        check([run()].into_iter().chain(thread).chain(app()), Role::Endpoint, Some("get_order"));
        let database = frame("sqlalchemy/orm/query.py", "one");
        check([run()].into_iter().chain(app()).chain([database]), Role::Endpoint, Some("get_order"));
    }

    #[test]
    fn dependencies_validators_and_middleware_are_told_apart() {
        let solve = frame("fastapi/dependencies/utils.py", "solve_dependencies");
        check([solve, frame("shop/auth.py", "current_user")], Role::Dependency, Some("current_user"));
        let run = frame("fastapi/routing.py", "run_endpoint_function");
        let endpoint = frame("shop/orders.py", "create_order");
        let model = [frame("pydantic/main.py", "__init__"), frame("shop/models.py", "check_isbn")];
        check(
            [run.clone(), endpoint.clone()].into_iter().chain(model.clone()),
            Role::Validator,
            Some("create_order"),
        );
        check(model, Role::Validator, None);
        let middleware =
            [frame("starlette/middleware/base.py", "__call__"), frame("shop/timing.py", "dispatch")];
        check(middleware.clone(), Role::Middleware, Some("dispatch"));
        check(middleware.into_iter().chain([run, endpoint]), Role::Endpoint, Some("create_order"));
        check([frame("fastapi/routing.py", "serialize_response")], Role::Response, None);
        check(
            [frame("starlette/background.py", "__call__"), frame("shop/mail.py", "send")],
            Role::BackgroundTask,
            Some("send"),
        );
        check([frame("shop/orders.py", "plain")], Role::Endpoint, Some("plain"));
    }

    #[test]
    fn the_model_that_refused_its_input_is_named() {
        let model = |message: &str| context(&incident([], message)).and_then(|found| found.model);
        assert_eq!(model("1 validation error for Order\nid\n  Field required").as_deref(), Some("Order"));
        assert_eq!(model("2 validation errors for List[Order]").as_deref(), Some("List[Order]"));
        assert_eq!(model("no validation error for me"), None);
        let alone = Exception { message: "1 validation error for Settings".into(), ..Exception::default() };
        let alone = Incident { exceptions: vec![alone], ..Incident::default() };
        assert_eq!(context(&alone).map(|found| found.role), Some(Role::Validator));
    }

    #[test]
    fn an_incident_of_something_else_has_no_such_context() {
        let exception = Exception { frames: vec![frame("shop/cli.py", "main")], ..Exception::default() };
        assert_eq!(context(&Incident { exceptions: vec![exception], ..Incident::default() }), None);
    }

    #[test]
    fn the_cause_tells_where_the_surfaced_exception_does_not() {
        let run = frame("fastapi/routing.py", "run_endpoint_function");
        let mut incident = incident([run, frame("shop/orders.py", "get_order")], "");
        incident.exceptions.push(Exception { frames: way_in(), ..Exception::default() });
        let found = context(&incident).expect("FastAPI is on the stack");
        assert_eq!(found.handler.map(|handler| handler.function).as_deref(), Some("get_order"));
    }
}
