//! The function around a line in languages with braces that have no grammar here: Kotlin, C#, Dart, Swift, Scala, C, C++,
//! Objective-C. Reads no more than headers and braces, and gives nothing if the braces do not match.

use crate::names::has;

/// Name of a constructor or initialiser in languages that don't call it like its class.
pub(super) const INITIALISER: &str = "<init>";

/// The innermost function around a line, as the file names it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Enclosing {
    /// [`INITIALISER`] for a line of a class that is in none of its functions.
    pub name: String,
    /// The class or type that it belongs to.
    pub container: Option<String>,
}

/// What opens a block.
#[derive(Debug)]
enum Header {
    Function {
        name: String,
        container: Option<String>,
    },
    Class(String),
    /// A namespace, a condition, a lambda.
    Other,
}

/// How a language writes its functions.
#[derive(Clone, Copy)]
enum Style {
    /// Behind a keyword: `fun`, `func`, `def`.
    Keyword,
    /// A name before its parameters: `String lines(Address a)`.
    Name,
}

/// The innermost function around a line, counted from 1, in a file with this extension.
pub(super) fn enclosing(extension: &str, text: &str, line: u32) -> Option<Enclosing> {
    let style = match extension {
        "kt" | "kts" | "swift" | "scala" => Style::Keyword,
        "cs" | "dart" | "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" | "m" | "mm" => Style::Name,
        _ => return None,
    };
    let code = blanked(text, extension);
    let code = code.as_str();
    let (start, end) = line_span(code, line)?;
    let mut open: Vec<(usize, usize)> = Vec::new();
    // Where the blocks around the line begin, and their headers.
    let mut around: Vec<(usize, Header)> = Vec::new();
    let mut statement_start = 0;
    for (at, c) in code.char_indices().filter(|(_, c)| matches!(c, '{' | '}' | ';')) {
        match c {
            '{' => open.push((statement_start, at)),
            '}' => {
                let (header_start, header_end) = open.pop()?;
                let (within, header) = read(&code[header_start..header_end], style);
                if header_start + within <= end && at >= start {
                    around.push((header_end, header));
                }
            }
            _ => {}
        }
        statement_start = at + 1;
    }
    if !open.is_empty() {
        return None;
    }
    around.sort_by_key(|(at, _)| *at);
    let class = around.iter().rev().find_map(|(_, header)| match header {
        Header::Class(name) => Some(name.clone()),
        _ => None,
    });
    let innermost =
        around.into_iter().map(|(_, header)| header).rfind(|header| !matches!(header, Header::Other));
    let function = match innermost {
        Some(function @ Header::Function { .. }) => function,
        _ => {
            let before = code[..start].rfind(['{', '}', ';']).map_or(0, |at| at + 1);
            without_braces(&code[before..end], style)
        }
    };
    match function {
        Header::Function { name, container } => Some(Enclosing { name, container: container.or(class) }),
        _ => class.map(|class| Enclosing { name: INITIALISER.to_owned(), container: Some(class) }),
    }
}

/// The function whose only expression a statement is: `fun f() = x`, `int F() => x;`.
fn without_braces(statement: &str, style: Style) -> Header {
    match style {
        Style::Keyword => by_keyword(statement).1,
        Style::Name => statement.split_once("=>").map_or(Header::Other, |(header, _)| by_name(header.trim())),
    }
}

/// The declaration before a block, and where in the text it begins.
fn read(header: &str, style: Style) -> (usize, Header) {
    match style {
        Style::Keyword => by_keyword(header),
        Style::Name => (header.len() - header.trim_start().len(), by_name(header.trim())),
    }
}

const CLASSES: &str = "\
    class struct interface enum record object extension protocol trait mixin actor union";

/// The last declaration of the header: those before it have no braces.
fn by_keyword(header: &str) -> (usize, Header) {
    let words = words_outside(header);
    let declares = |word: &str| {
        has(CLASSES, word)
            || matches!(
                word,
                "fun" | "func" | "def" | "init" | "constructor" | "val" | "var" | "let" | "get" | "set"
            )
    };
    let Some((at, keyword)) = words.iter().rev().find(|(_, word)| declares(word)) else {
        return (header.len() - header.trim_start().len(), Header::Other);
    };
    let behind = &header[at + keyword.len()..];
    let declared = match *keyword {
        "fun" | "func" | "def" => {
            // `fun <T> Address.lines(…)`: the receiver is no class around it.
            let name = behind.split(['(', '=', ':', '{']).next().unwrap_or_default().trim();
            let name = name.rsplit(['.', ' ', '>']).next().unwrap_or_default();
            let name = name.split('<').next().unwrap_or_default().trim_matches('`');
            function(name, None)
        }
        "init" | "constructor" => function(INITIALISER, None),
        word if has(CLASSES, word) => class_name(behind),
        _ => Header::Other,
    };
    (*at, declared)
}

/// The name before the first parameters, unless the header is a call, a condition or an expression.
fn by_name(header: &str) -> Header {
    const NO_FUNCTIONS: &str = "\
    if for foreach while switch catch using lock fixed return new await throw else do try sizeof \
    when case namespace";
    // `- (NSString *)line:(Address *)a`
    if header.starts_with(['-', '+']) {
        let name = header.split_once(')').map_or("", |(_, rest)| rest).split(':').next().unwrap_or_default();
        return function(name.trim(), None);
    }
    let header = without_attributes(header);
    let words = words_outside(header);
    let parameters = header.find('(');
    let class =
        words.iter().find(|(at, word)| has(CLASSES, word) && parameters.is_none_or(|open| *at < open));
    // `struct address *find(int id)` is a function of C; a record of C# has parameters, too.
    let is_class = |at: usize| !header[at..].contains('*') && !header.contains("::");
    if let Some((at, word)) = class.filter(|(at, _)| is_class(*at)) {
        return class_name(&header[at + word.len()..]);
    }
    let Some(parameters) = parameters else { return Header::Other };
    let before = header[..parameters].trim_end();
    let balanced = header.matches('(').count() == header.matches(')').count();
    let is_expression =
        before.contains('=') || words.iter().any(|(at, word)| *at < parameters && has(NO_FUNCTIONS, word));
    if !balanced || is_expression {
        return Header::Other;
    }
    // `List<T> Lines<T>`: without its own type parameters.
    let plain =
        if before.ends_with('>') { before.rfind('<').map_or(before, |at| &before[..at]) } else { before };
    let qualified = plain.rsplit([' ', '*', '&', '>', '\n']).next().unwrap_or_default();
    let mut path = qualified.rsplit(['.', ':']).filter(|part| !part.is_empty());
    let name = path.next().unwrap_or_default();
    function(name, path.next().map(str::to_owned))
}

fn function(name: &str, container: Option<String>) -> Header {
    if name.is_empty() { Header::Other } else { Header::Function { name: name.to_owned(), container } }
}

/// The name that follows `class`, past a second keyword as in `enum class`; an anonymous one is no class.
fn class_name(behind: &str) -> Header {
    let mut words = behind.split_whitespace().skip_while(|word| has(CLASSES, word));
    let name = words.next().unwrap_or_default();
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    if end == 0 { Header::Other } else { Header::Class(name[..end].to_owned()) }
}

/// Without `[Obsolete("…")]` and `@Deprecated('…')` before it.
fn without_attributes(header: &str) -> &str {
    let mut rest = header.trim_start();
    loop {
        let attribute = match rest.as_bytes().first() {
            Some(b'[') => closing(rest, ']'),
            Some(b'@') => {
                let name = rest[1..]
                    .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
                    .map_or(rest.len(), |at| at + 1);
                match rest[name..].starts_with('(') {
                    true => closing(&rest[name..], ')').map(|end| name + end),
                    false => Some(name),
                }
            }
            _ => None,
        };
        match attribute {
            Some(end) => rest = rest[end..].trim_start(),
            None => return rest,
        }
    }
}

/// Where the bracket that the text begins with is closed, behind its end.
fn closing(text: &str, close: char) -> Option<usize> {
    let open = text.chars().next()?;
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == open) - i32::from(c == close);
        (depth == 0).then_some(at + 1)
    })
}

/// Words outside of parentheses, with their places.
fn words_outside(text: &str) -> Vec<(usize, &str)> {
    let (mut words, mut depth, mut start) = (Vec::new(), 0_i32, None);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_alphanumeric() || c == '_' {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take().filter(|_| depth == 0) {
            words.push((start, &text[start..at]));
        }
        depth += i32::from(c == '(') - i32::from(c == ')');
    }
    words
}

/// Where a line begins and ends.
fn line_span(text: &str, line: u32) -> Option<(usize, usize)> {
    let mut start = 0;
    for (number, found) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line as usize {
            return Some((start, start + found.trim_end().len()));
        }
        start += found.len();
    }
    None
}

/// The text with blanks for comments and for what strings contain, so that every brace is code. Lines stay lines.
fn blanked(text: &str, extension: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let quote = ["\"\"\"", "'''"].into_iter().find(|quote| rest.starts_with(quote));
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(quote) = quote.filter(|quote| *quote == "\"\"\"" || extension == "dart") {
            rest[3..].find(quote).map_or(rest.len(), |end| end + 6)
        } else if c == '"' || c == '\'' {
            let is_verbatim = extension == "cs" && code.trim_end_matches('$').ends_with('@');
            string_length(rest, is_verbatim)
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    code
}

/// Length of the string or character that the text begins with; of the quote alone if it does not end on its line.
fn string_length(text: &str, is_verbatim: bool) -> usize {
    let quote = text.as_bytes()[0];
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if !is_verbatim => drop(bytes.next()),
            b'\n' if !is_verbatim => return 1,
            byte if byte == quote => return at + 1,
            _ => {}
        }
    }
    1
}
