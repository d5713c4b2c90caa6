//! Recognises the same fault again when Sentry files it as another issue.
//!
//! Sentry groups by whole stacks, so one fault reached over two endpoints is two issues. What makes
//! it one fault here: what crashed is the same, see [`fault_key`]. Line numbers, messages and everything else that changes
//! from event to event or from release to release play no part where there is anything better.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::attempt::crash_line::collapsed;
use crate::incident::{Exception, Frame, Incident, MESSAGE};
use crate::words::word_list;

/// Shorter names are a bundler's.
const SHORTEST_NAME: usize = 3;
/// Functions that many classes of one module have: verbs of HTTP, entry points, wrappers.
const GENERIC: &[&str] = word_list![
    get post put patch delete head options handle handler __call__ __init__ call run main execute
    process dispatch index show create update destroy invoke apply render constructor perform
    wrapper wrapped inner callback next then default new init
];

/// Stable name of a fault: 16 lower-case hex digits. To be compared within one repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct FaultKey(String);

impl FaultKey {
    /// Digits of a key.
    pub const LENGTH: usize = 16;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a fault's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault key is 16 lower-case hex digits")]
pub struct NotAFaultKey;

impl TryFrom<String> for FaultKey {
    type Error = NotAFaultKey;
    fn try_from(text: String) -> Result<Self, NotAFaultKey> {
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex && text.len() == Self::LENGTH { Ok(FaultKey(text)) } else { Err(NotAFaultKey) }
    }
}

/// The key of an incident's fault: project, types of the chain, and where it crashed: module, function and the text of the
/// line. Without an exception the template of its message counts as well; without any frame, title and culprit.
pub fn fault_key(incident: &Incident) -> FaultKey {
    let mut hash = Sha256::new();
    // Every part ends with a byte that no part can hold, so that parts cannot run together.
    let mut add = |mark: &str, text: &str| {
        hash.update(mark);
        hash.update(text);
        hash.update([0]);
    };
    add("project ", &incident.project);
    for exception in &incident.exceptions {
        add("exception ", &without_volatile(exception.kind.rsplit('.').next().unwrap_or_default()));
        if exception.kind == MESSAGE {
            add("message ", &message(incident, exception));
        }
    }
    match incident.culprit_frame() {
        Some(culprit) => {
            for part in place(culprit.frame) {
                add("at ", &part);
            }
        }
        None => {
            add("title ", &without_volatile(&incident.title));
            add("culprit ", &without_volatile(incident.culprit.as_deref().unwrap_or_default()));
        }
    }
    let mut key = hex::encode(hash.finalize());
    key.truncate(FaultKey::LENGTH);
    FaultKey(key)
}

/// The template, else the message without what changes in it.
fn message(incident: &Incident, exception: &Exception) -> String {
    incident.message_template.clone().unwrap_or_else(|| without_volatile(&exception.message))
}

/// Module, function and line, alike for SDKs that send a module and those that send a path. The line is its source text:
/// numbers change with every release. Only where there is no text, or no name that tells functions apart, it is the number.
fn place(frame: &Frame) -> Vec<String> {
    let path = frame.filename.as_deref().or(frame.abs_path.as_deref()).unwrap_or_default();
    let (path, extension) = match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains(['/', '\\']) => (stem, extension),
        _ => (path, ""),
    };
    // Only Python's modules are its paths; elsewhere "module" is anything an SDK made up.
    let is_python = matches!(extension, "py" | "");
    let module = frame.module.as_deref().filter(|_| is_python).map(|module| module.replace('.', "/"));
    let whole = module.unwrap_or_else(|| path.replace('\\', "/"));
    let parts: Vec<&str> = whole.split('/').filter(|part| !part.is_empty() && *part != "__init__").collect();
    let module = parts[parts.len().saturating_sub(2)..].join(".");
    let function = frame.function.as_deref().unwrap_or_default();
    let source = frame.context_line.as_deref().map(collapsed).filter(|line| !line.is_empty());
    let number = frame.line.map(|line| format!("line {line}"));
    let mut place = vec![without_volatile(&module)];
    match identifies(function) {
        true => {
            place.push(without_volatile(function));
            place.push(source.or(number).unwrap_or_default());
        }
        false => place.extend([source, number].into_iter().flatten()),
    }
    place
}

/// Whether a function's name tells it from the others of its module. Anonymous functions, generated names, and handlers
/// that every class of a web framework has do not, unless their class is named.
fn identifies(function: &str) -> bool {
    const ANONYMOUS: [&str; 12] = [
        "<",
        "{",
        "$",
        "anonymous",
        "lambda",
        "closure",
        "block in ",
        "block (",
        "rescue in ",
        "ensure in ",
        "?",
        "(anon",
    ];
    const OWNERS: [&str; 6] = ["Object", "Function", "Module", "Array", "Promise", "exports"];
    let lower = function.to_ascii_lowercase();
    if function.chars().count() < SHORTEST_NAME || ANONYMOUS.iter().any(|mark| lower.contains(mark)) {
        return false;
    }
    let parts: Vec<&str> = function.split(['.', '#', ':', '\\']).filter(|part| !part.is_empty()).collect();
    let (name, owners) = parts.split_last().map_or(("", &parts[..]), |(name, owners)| (*name, owners));
    // Go calls its anonymous functions `func1`, `func2`.
    let is_numbered = name
        .strip_prefix("func")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let has_owner = owners.iter().any(|owner| !OWNERS.contains(owner));
    !is_numbered && (has_owner || !GENERIC.contains(&name.to_ascii_lowercase().as_str()))
}

/// Ids, addresses, hashes and numbers become `#`.
fn without_volatile(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        let length = volatile_length(bytes, at);
        if length > 0 {
            out.push_str(&text[kept..at]);
            out.push('#');
            kept = at + length;
        }
        at += length.max(1);
    }
    out.push_str(&text[kept..]);
    out
}

/// Length of the id, address, hash or number that begins here; 0 where none does.
fn volatile_length(bytes: &[u8], at: usize) -> usize {
    /// Shorter ones could be words: bytes behind the first digit.
    const SHORTEST_HASH: usize = 7;
    let rest = &bytes[at..];
    let uuid = uuid_length(rest);
    if uuid > 0 {
        return uuid;
    }
    let run = |bytes: &[u8], belongs: fn(&u8) -> bool| bytes.iter().take_while(|byte| belongs(byte)).count();
    if let [b'0', b'x' | b'X', address @ ..] = rest {
        let digits = run(address, u8::is_ascii_hexdigit);
        if digits > 0 {
            return 2 + digits;
        }
    }
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    // Counted at the start of a word only: at each of its letters would take long in long words.
    let hex = if is_word(bytes[..at].last()) { 0 } else { run(rest, u8::is_ascii_hexdigit) };
    let behind_digit = rest[..hex].iter().position(u8::is_ascii_digit).map_or(0, |first| hex - first - 1);
    match behind_digit >= SHORTEST_HASH && !is_word(rest.get(hex)) {
        true => hex,
        false => run(rest, u8::is_ascii_digit),
    }
}

/// Length of the UUID that the bytes begin with, or 0.
fn uuid_length(bytes: &[u8]) -> usize {
    const LENGTH: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, &u8)| match DASHES.contains(&at) {
        true => *byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    let is_uuid = bytes.get(..LENGTH).is_some_and(|bytes| bytes.iter().enumerate().all(fits));
    if is_uuid { LENGTH } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &str, function: &str, line: u32) -> Frame {
        Frame {
            filename: Some(path.into()),
            function: Some(function.into()),
            line: Some(line),
            in_app: true,
            ..Frame::default()
        }
    }

    fn incident(kinds: &[&str], frames: &[Frame]) -> Incident {
        let exceptions = kinds.iter().map(|kind| Exception {
            kind: (*kind).into(),
            frames: frames.to_vec(),
            ..Exception::default()
        });
        Incident { exceptions: exceptions.collect(), ..Incident::default() }
    }

    #[track_caller]
    fn same(a: &Incident, b: &Incident) {
        assert_eq!(fault_key(a), fault_key(b));
    }

    #[track_caller]
    fn differ(a: &Incident, b: &Incident) {
        assert_ne!(fault_key(a), fault_key(b));
    }

    fn at(source: &str, frame: Frame) -> Frame {
        Frame { context_line: Some(source.into()), ..frame }
    }

    #[test]
    fn the_same_fault_is_known_again() {
        let crash = at("  return  order.name", frame("shop/labels.py", "address_lines", 20));
        let here = [frame("shop/api.py", "get_label", 10), crash];
        let known = incident(&["AttributeError"], &here);
        let moved = [
            frame("shop/api.py", "another_caller", 11),
            at("return order.name", frame("/app/shop/labels.py", "address_lines", 99)),
        ];
        same(&known, &incident(&["AttributeError"], &moved));
        let by_module = Frame {
            module: Some("shop.labels".into()),
            filename: Some("labels.py".into()),
            ..here[1].clone()
        };
        same(&known, &incident(&["builtins.AttributeError"], &[here[0].clone(), by_module]));
        let mut other_message = known.clone();
        other_message.exceptions[0].message = "object at 0x7f".into();
        other_message.issue_id = "99".into();
        same(&known, &other_message);
        let library = Frame { in_app: false, ..frame("sqlalchemy/orm.py", "get", 1) };
        same(
            &known,
            &incident(&["AttributeError"], &[library.clone(), here[0].clone(), here[1].clone(), library]),
        );
        same(&incident(&["E"], &[here[1].clone()]), &incident(&["E"], &vec![here[1].clone(); 9]));
    }

    #[test]
    fn another_fault_has_another_key() {
        let crash = |source: &str, function: &str| at(source, frame("shop/labels.py", function, 20));
        let here = [crash("return order.name", "address_lines")];
        let known = incident(&["AttributeError"], &here);
        differ(&known, &incident(&["KeyError"], &here));
        differ(&known, &incident(&["KeyError", "AttributeError"], &here));
        differ(&known, &incident(&["AttributeError"], &[crash("return order.name", "total")]));
        differ(&known, &incident(&["AttributeError"], &[crash("return order.street", "address_lines")]));
        let other_file = at("return order.name", frame("crm/labels.py", "address_lines", 20));
        differ(&known, &incident(&["AttributeError"], &[other_file]));
        differ(&known, &Incident { project: "crm".into(), ..known.clone() });
        let lines = |line| incident(&["E"], &[frame("shop/labels.py", "address_lines", line)]);
        differ(&lines(20), &lines(21));
        same(&lines(20), &lines(20));
    }

    #[test]
    fn a_name_that_many_functions_have_does_not_identify() {
        let source = "return order.name";
        let key =
            |function: &str, line| incident(&["E"], &[at(source, frame("shop/views.py", function, line))]);
        for function in [
            "get",
            "post",
            "<lambda>",
            "<anonymous>",
            "Object.<anonymous>",
            "block in index",
            "t",
            "handler",
            "{closure}",
            "main.func1",
            "lambda$handle$0",
            "Object.get",
        ] {
            differ(&key(function, 20), &key(function, 70));
            same(&key(function, 20), &key(function, 20));
        }
        for function in ["OrderView.get", "address_lines", "Shop::Orders#show", "(*Store).Get"] {
            same(&key(function, 20), &key(function, 70));
        }
        differ(&key("OrderView.get", 20), &key("BasketView.get", 20));
    }

    #[test]
    fn a_message_without_an_exception_counts_by_its_template() {
        let logged = |template: Option<&str>, message: &str| {
            let mut event =
                incident(&[MESSAGE], &[at("logger.error(text)", frame("shop/log.py", "report_all", 5))]);
            event.exceptions[0].message = message.into();
            event.message_template = template.map(str::to_owned);
            event
        };
        let template = Some("could not print label %s");
        same(&logged(template, "could not print label a"), &logged(template, "could not print label b"));
        differ(&logged(template, "x"), &logged(Some("parcel is heavier than %s"), "x"));
        same(&logged(None, "label 17 is lost"), &logged(None, "label 4711 is lost"));
        differ(&logged(None, "label 17 is lost"), &logged(None, "parcel 17 is lost"));
    }

    #[test]
    fn without_frames_the_title_counts_less_what_changes_in_it() {
        let titled = |title: &str| Incident { title: title.into(), ..Incident::default() };
        same(&titled("order 17 not found in 0x7fa3"), &titled("order 4711 not found in 0x55aa"));
        same(
            &titled("job 6f1c2d3e-aaaa-4bbb-8ccc-0123456789ab failed"),
            &titled("job 00000000-1111-4222-8333-444444444444 failed"),
        );
        differ(&titled("order not found"), &titled("customer not found"));
    }

    #[test]
    fn a_built_file_s_hash_does_not_count() {
        let built = |file: &str| incident(&["TypeError"], &[frame(file, "render", 1)]);
        same(&built("assets/index-4f3a2b1c9d.js"), &built("assets/index-99887766ab.js"));
    }

    #[test]
    fn a_key_reads_back_only_what_it_writes() {
        let key = fault_key(&incident(&["KeyError"], &[]));
        let json = serde_json::to_string(&key).expect("a key is JSON");
        assert_eq!(serde_json::from_str::<FaultKey>(&json).expect("a key"), key);
        for bad in ["\"\"", "\"0123456789ABCDEF\"", "\"0123456789abcdef0\"", "7"] {
            assert!(serde_json::from_str::<FaultKey>(bad).is_err(), "{bad}");
        }
    }

    mod volatile {
        use std::sync::LazyLock;

        use proptest::prelude::*;
        use regex::Regex;

        use super::super::without_volatile;

        static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
            let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
            let others = r"0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]{7,}\b|[0-9]+";
            Regex::new(&format!("(?i-u){uuid}|{others}")).unwrap()
        });

        fn piece() -> impl Strategy<Value = String> {
            let uuid = "0192f3ab-4C5D-7e6f-8a9b-0123456789ab";
            let fixed =
                vec![uuid, "0x", "0X1f", "_", "-", "/", "deadbeef", "cafe1234567", "facade", "x", "é", "7"];
            prop_oneof![
                6 => proptest::sample::select(fixed).prop_map(String::from),
                3 => "[0-9a-fA-F]{1,12}",
                1 => any::<String>(),
            ]
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(4_000))]

            #[test]
            fn what_changes_is_what_an_expression_would_find(pieces in proptest::collection::vec(piece(), 0..10)) {
                let text = pieces.concat();
                prop_assert_eq!(without_volatile(&text), EXPRESSION.replace_all(&text, "#"));
            }
        }
    }
}
