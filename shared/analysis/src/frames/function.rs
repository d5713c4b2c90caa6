//! Verifies a frame whose event has no source line: the function that it names has to enclose its line.
//!
//! Runtimes write one function in many ways: `Labels$lines$1.invoke`, `<Lines>d__3.MoveNext`, `(*Labels).Lines.func1`,
//! `shop::labels::lines::{{closure}}::h0123456789abcdef`. All of them are the code of `lines`. What can't be told apart
//! does not verify: a name that is generated, or a function that only its class tells from another.

use crate::syntax::definitions::{definitions, enclosing_class, enclosing_function};
use crate::syntax::{Family, Language, Parsed, Walk};
use autofix_domain::incident::Frame;

use super::braces::{self, Enclosing, INITIALISER};

/// A function as a frame names it, without what its runtime added.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    names: Vec<String>,
    /// What stands before the name; empty if it may belong to any class.
    within: Vec<String>,
}

/// Whether the frame's function encloses the frame's line in this file.
pub(super) fn encloses(path: &str, text: &str, frame: &Frame) -> bool {
    let Some(line) = frame.line else { return false };
    let is_code = text.lines().nth(line as usize - 1).is_some_and(|line| !line.trim().is_empty());
    let Some(named) = named(path, frame).filter(|_| is_code) else { return false };
    let enclosing = match Language::of_path(path) {
        Some(language) => in_tree(language, text, line),
        None => braces::enclosing(extension(path), text, line),
    };
    enclosing.is_some_and(|enclosing| named.is(&enclosing))
}

impl Named {
    fn is(&self, found: &Enclosing) -> bool {
        let container = found.container.as_deref().map(last_word).filter(|container| !container.is_empty());
        let belongs = container.is_none_or(|container| {
            self.within.is_empty() || self.within.iter().any(|word| word == container)
        });
        belongs && self.names.contains(&found.name)
    }
}

fn in_tree(language: Language, text: &str, line: u32) -> Option<Enclosing> {
    let parsed = Parsed::new(language, text);
    let walk = Walk::of(&parsed);
    let all = definitions(&walk);
    let class = enclosing_class(&all, line).map(|class| class.name.to_owned());
    let Some(function) = enclosing_function(&all, line) else {
        return class.map(|class| Enclosing { name: INITIALISER.to_owned(), container: Some(class) });
    };
    let receiver = || function.qualified_name.rsplit_once('.').map(|(receiver, _)| receiver.to_owned());
    let container = if language.family() == Family::Go { receiver() } else { class };
    let is_constructor = language.family() == Family::Script && function.name == "constructor";
    let name = if is_constructor { INITIALISER } else { last_word(function.name) };
    Some(Enclosing { name: name.to_owned(), container })
}

/// The last word of a qualified or generic name: `Labels` of `shop::Labels<T>`.
fn last_word(name: &str) -> &str {
    let plain = name.split(['<', '[']).next().unwrap_or(name).trim();
    plain.rsplit([':', '.', '\\', ' ', '*', '&']).next().unwrap_or(plain)
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The function that the frame names, by the rules of the language that its file is in.
fn named(path: &str, frame: &Frame) -> Option<Named> {
    let function = frame.function.as_deref()?.trim();
    let module = frame.module.as_deref().unwrap_or_default();
    let named = match extension(path) {
        "java" | "kt" | "kts" | "scala" => of_jvm(module, function),
        "cs" => of_dotnet(module, function),
        "rs" => of_rust(function),
        "go" => of_go(function),
        "swift" | "m" | "mm" | "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" => of_native(function),
        "dart" => of_dart(function),
        _ => of_script(function),
    }?;
    let is_name = |name: &String| {
        name == INITIALISER || name.starts_with(|c: char| c.is_alphabetic() || "_~$@".contains(c))
    };
    named.names.iter().all(is_name).then_some(named)
}

fn one(name: &str, within: Vec<String>) -> Option<Named> {
    (!name.is_empty()).then(|| Named { names: vec![name.to_owned()], within })
}

/// A constructor: the class's own name, or code of the class that is in no function.
fn initialiser(class: &str, within: Vec<String>) -> Option<Named> {
    (!class.is_empty()).then(|| Named { names: vec![class.to_owned(), INITIALISER.to_owned()], within })
}

/// Words that are no numbers, in their order.
fn words(text: &str) -> Vec<String> {
    let all = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    all.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_')).map(str::to_owned).collect()
}

/// The path's last part and what stands before it.
fn split_last(mut path: Vec<String>) -> Option<Named> {
    let name = path.pop()?;
    one(&name, path)
}

/// Java, Kotlin, Scala: the class is the module.
fn of_jvm(module: &str, function: &str) -> Option<Named> {
    let within = words(module);
    let class = module.rsplit('.').next().unwrap_or_default();
    if matches!(function, "<init>" | "<clinit>") {
        return initialiser(within.last()?, within.clone());
    }
    let plain =
        function.strip_prefix("lambda$").or_else(|| function.strip_prefix("$anonfun$")).unwrap_or(function);
    // `lines$default`, `lines$lambda$0`, `lines-impl` and `lines-a1b2c3d` are Kotlin's.
    let name = plain.split(['$', '-']).next()?;
    if matches!(name, "access" | "new" | "static" | "lambda") {
        return None;
    }
    let mut named = one(name, within)?;
    // The class of a lambda is named for the function around it: `LabelsKt$lines$1`.
    if matches!(name, "invoke" | "invokeSuspend" | "apply" | "accept" | "emit") {
        let parts = class.split('$').skip(1);
        named.names.extend(parts.filter(|part| part.starts_with(char::is_lowercase)).map(str::to_owned));
    }
    Some(named)
}

/// .NET, as its runtime names functions and as "enhanced" stack traces do.
fn of_dotnet(module: &str, function: &str) -> Option<Named> {
    let whole = format!("{module}.{function}");
    let within = words(&whole);
    // `<Lines>d__3.MoveNext`, `<>c.<Lines>b__0_1`, `<Lines>g__Local|4_0`.
    let generated = whole.match_indices('<').find_map(|(at, _)| {
        let (name, behind) = whole[at + 1..].split_once('>')?;
        let is_generated =
            ["d__", "b__", "g__"].iter().any(|mark| behind.starts_with(mark)) || behind.starts_with("b__");
        (is_generated && !name.contains('<')).then_some((name, behind))
    });
    if let Some((name, behind)) = generated {
        return match behind.strip_prefix("g__") {
            Some(local) => one(local.split('|').next()?, within),
            None if name.starts_with('.') => initialiser(words(module).last()?, within),
            None => one(name, within),
        };
    }
    if whole.contains('<') && function == "MoveNext" {
        return None;
    }
    // `async Task<string> Acme.Labels.Lines(Address a)+MoveNext()`, `… Lines()+Local(int a)`.
    let (called, inner) = function.split_once(")+").unwrap_or((function, ""));
    let inner = inner.split('(').next().unwrap_or_default();
    if !inner.is_empty() && inner != "MoveNext" {
        return one(inner, within);
    }
    let before = called.split('(').next()?.trim_end();
    let qualified = before.rsplit(' ').next()?.split(['<', '[', '`']).next()?;
    if before.starts_with("new ") || before.ends_with("ctor") {
        let class = if before.starts_with("new ") { words(qualified) } else { words(module) };
        return initialiser(class.last()?, within);
    }
    one(qualified.rsplit(['.', '+']).next()?, within)
}

fn of_rust(function: &str) -> Option<Named> {
    let without_hash = match function.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => function,
    };
    let mut within = Vec::new();
    let mut path = Vec::new();
    for segment in outside_brackets(without_hash, "::") {
        match segment.chars().next() {
            // `<shop::Labels as Display>`, `<impl Labels>`; behind the name, it is the types of a generic.
            Some('<') => within.extend(words(segment)),
            Some('{') | None => {} // a closure, a future
            Some(_) => path.push(segment.split('<').next().unwrap_or(segment).to_owned()),
        }
    }
    let named = split_last(path)?;
    within.extend(named.within);
    // `{impl#0}` is some type of the module.
    if without_hash.contains("{impl#") {
        within.clear();
    }
    Some(Named { within, ..named })
}

fn of_go(function: &str) -> Option<Named> {
    let without_generics = function.split('[').next()?.trim_end_matches("-fm");
    let without_package = without_generics.rsplit('/').next()?;
    let is_generated = |part: &str| {
        let digits = ["func", "gowrap", "deferwrap", ""].iter().find_map(|kind| part.strip_prefix(kind));
        let rest = ["func", "gowrap", "deferwrap"].iter().find_map(|kind| part.strip_prefix(kind)).or(digits);
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    let parts = without_package.split('.').map(|part| part.trim_matches(['(', ')', '*']));
    let path: Vec<String> = parts.filter(|part| !is_generated(part)).map(str::to_owned).collect();
    let named = split_last(path)?;
    // Code of a package's own variables is in no function.
    (named.names[0] != "glob").then_some(named)
}

fn of_dart(function: &str) -> Option<Named> {
    let plain = function.split(" (").next()?;
    let (is_new, plain) = plain.strip_prefix("new ").map_or((false, plain), |plain| (true, plain));
    let path: Vec<String> =
        plain.split(['.', '|']).filter(|part| !part.starts_with('<')).map(str::to_owned).collect();
    if is_new {
        let class = path.first()?.clone();
        let mut named = initialiser(&class, vec![class.clone()])?;
        named.names.extend(path.into_iter().skip(1));
        return Some(named);
    }
    split_last(path)
}

/// C, C++, Objective-C, Swift. Mangled names tell nothing here.
fn of_native(function: &str) -> Option<Named> {
    if function.starts_with("_Z") || function.starts_with("$s") || function.contains("operator") {
        return None;
    }
    // `-[Labels line:]`, `__25-[Labels line:]_block_invoke`
    if let Some((class, selector)) = function.split_once('[').and_then(|(_, rest)| rest.split_once(' ')) {
        let name = selector.split([':', ']']).next()?;
        return one(name, words(class));
    }
    // `closure #1 in Labels.line(for:)`
    let plain = function.rsplit(" in ").next()?.replace("(anonymous namespace)::", "");
    let before = outside_brackets(&plain, "(").into_iter().next()?;
    let qualified = outside_brackets(before.trim_end(), " ").pop()?;
    let path = outside_brackets(qualified, "::").into_iter().flat_map(|part| outside_brackets(part, "."));
    let path: Vec<String> = path.map(|part| part.split('<').next().unwrap_or(part).to_owned()).collect();
    match path.as_slice() {
        [.., class, name] if name == "init" => initialiser(class, path.clone()),
        [.., name] if name == "getter" || name == "setter" => None,
        _ => split_last(path),
    }
}

/// Python, JavaScript, PHP, Ruby.
fn of_script(function: &str) -> Option<Named> {
    // `block (2 levels) in Labels#lines`, `async Labels.lines`, `Labels.lines [as line]`
    let plain = function.rsplit(" in ").next()?.split(" [").next()?;
    if let Some(class) = plain.strip_prefix("new ") {
        return initialiser(class, vec![class.to_owned()]);
    }
    let plain = plain.strip_prefix("async ").unwrap_or(plain);
    let path = plain.split(['.', '#', ':', '\\', '>']).filter(|part| !part.is_empty());
    let path: Vec<String> = path.map(|part| part.trim_end_matches('-').to_owned()).collect();
    // JavaScript names the object that it was called on, which need not be the class.
    let anonymous = |part: &String| part.starts_with(['<', '{', '(', '?']);
    let named = split_last(path.into_iter().filter(|part| !anonymous(part)).collect())?;
    Some(named).filter(|named| !matches!(named.names[0].as_str(), "Object" | "Module" | "Function"))
}

/// The parts of a text between marks that are not inside of `<…>`, `(…)` or `{…}`.
fn outside_brackets<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        if depth == 0 && at >= start && text[at..].starts_with(mark) {
            parts.push(&text[start..at]);
            start = at + mark.len();
        }
        match c {
            '<' | '(' | '{' => depth += 1,
            '>' | ')' | '}' => depth -= 1,
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAVA: &str = "package com.acme.shop;\n\nclass Labels {\n    private final int size = size();\n\n    String lines(Address a) {\n        return a.all().map(one ->\n            one.strip());\n    }\n\n    static class Inner {\n        String lines() { return null; }\n    }\n\n    Labels() {\n        this.run(new Runnable() {\n            public void run() { stop(); }\n        });\n    }\n}\n";
    const KOTLIN: &str = "package com.acme.shop\n\nclass Labels(val size: Int) {\n    val first = compute(size)\n\n    fun lines(a: Address): List<String> {\n        val all = a.all.map {\n            it.strip() // \"}\"\n        }\n        return all\n    }\n\n    fun short(a: Address) =\n        a.line2.strip()\n\n    companion object {\n        fun create(): Labels = Labels(1)\n    }\n}\n\nsuspend fun Address.print(): String {\n    return line2.strip()\n}\n";
    const CSHARP: &str = "namespace Acme.Shop;\n\npublic class Labels\n{\n    private readonly string first;\n\n    public Labels(Address a)\n    {\n        first = a.Line2.Trim();\n    }\n\n    [Obsolete(\"no\")]\n    public async Task<string> LinesAsync<T>(Address a, string open = \"{\")\n    {\n        var all = a.All.Select(one => {\n            return one.Trim();\n        });\n        string Local(int at)\n        {\n            return all[at];\n        }\n        foreach (var one in all)\n        {\n            await Print(one);\n        }\n        return Local(0);\n    }\n\n    public string Short(Address a) =>\n        a.Line2.Trim();\n}\n";
    const RUST: &str = "impl Labels {\n    pub fn lines(&self) -> Vec<String> {\n        self.all.iter().map(|one| {\n            one.line2.unwrap()\n        })\n    }\n}\n\nimpl Display for Labels {\n    fn fmt(&self) {\n        self.lines()[1]\n    }\n}\n\nasync fn print(labels: Labels) {\n    labels.lines();\n}\n";
    const GO: &str = "package labels\n\nfunc (l *Labels) Lines() []string {\n\tgo func() {\n\t\tl.print()\n\t}()\n\treturn nil\n}\n\nfunc Print[T any](t T) {\n\tt.Lines()\n}\n\nvar all = func() int {\n\treturn first()\n}()\n";
    const DART: &str = "class Labels {\n  Labels(this.size) {\n    check(size);\n  }\n\n  Labels.empty() {\n    check(0);\n  }\n\n  List<String> lines(Address a) {\n    return a.all.map((one) {\n      return one.line2!.trim();\n    }).toList();\n  }\n\n  String short(Address a) => a.line2!.trim();\n}\n\nvoid main() async {\n  runApp('}');\n}\n";
    const CPP: &str = "namespace acme {\n\nLabels::Labels(int size) : size_(size) {\n  check(size);\n}\n\nstd::vector<std::string> Labels::lines(const Address& a) const {\n  for (int i = 0; i < 3; ++i) {\n    print(a.at(i));\n  }\n}\n\nstatic int count() { return '}'; }\n}\n";
    const SWIFT: &str = "extension Labels {\n    init(size: Int) {\n        check(size)\n    }\n\n    func line(for a: Address) -> String {\n        return a.all.map { one in\n            one.line2!.trimmed()\n        }\n    }\n}\n";
    const PYTHON: &str = "class Labels:\n    def lines(self):\n        return [one.strip() for one in self.all]\n\ndef outer():\n    return map(lambda one: one.strip(),\n        ALL)\n";
    const RUBY: &str =
        "class Labels\n  def lines(all)\n    all.map do |one|\n      one.strip\n    end\n  end\nend\n";

    #[track_caller]
    fn check(path: &str, text: &str, line: u32, module: &str, function: &str) -> bool {
        let frame = Frame {
            module: Some(module.to_owned()).filter(|module| !module.is_empty()),
            function: Some(function.to_owned()),
            line: Some(line),
            ..Frame::default()
        };
        encloses(path, text, &frame)
    }

    /// Every row is path, text, line, module, function.
    type Row = (&'static str, &'static str, u32, &'static str, &'static str);

    #[test]
    fn a_function_is_recognised_in_every_way_of_writing_it() {
        let labels = "com.acme.shop.Labels";
        let rows: &[Row] = &[
            ("Labels.java", JAVA, 7, labels, "lines"),
            ("Labels.java", JAVA, 8, labels, "lambda$lines$0"),
            ("Labels.java", JAVA, 12, "com.acme.shop.Labels$Inner", "lines"),
            ("Labels.java", JAVA, 16, labels, "<init>"),
            ("Labels.java", JAVA, 4, labels, "<init>"),
            ("Labels.java", JAVA, 17, "com.acme.shop.Labels$1", "run"),
            ("Labels.kt", KOTLIN, 10, labels, "lines"),
            ("Labels.kt", KOTLIN, 8, "com.acme.shop.Labels$lines$1", "invoke"),
            ("Labels.kt", KOTLIN, 8, "com.acme.shop.Labels$lines$all$1", "invoke"),
            ("Labels.kt", KOTLIN, 8, labels, "lines$lambda$0"),
            ("Labels.kt", KOTLIN, 8, labels, "lines$lambda-0"),
            ("Labels.kt", KOTLIN, 14, labels, "short"),
            ("Labels.kt", KOTLIN, 14, labels, "short-a1B2c3d"),
            ("Labels.kt", KOTLIN, 14, labels, "short$default"),
            ("Labels.kt", KOTLIN, 17, "com.acme.shop.Labels$Companion", "create"),
            ("Labels.kt", KOTLIN, 4, labels, "<init>"),
            ("Labels.kt", KOTLIN, 22, "com.acme.shop.LabelsKt", "print"),
            ("Labels.kt", KOTLIN, 22, "com.acme.shop.LabelsKt$print$1", "invokeSuspend"),
            ("Labels.cs", CSHARP, 9, "Acme.Shop.Labels", ".ctor"),
            ("Labels.cs", CSHARP, 9, "", "new Acme.Shop.Labels(Address a)"),
            ("Labels.cs", CSHARP, 26, "Acme.Shop.Labels", "LinesAsync"),
            ("Labels.cs", CSHARP, 24, "Acme.Shop.Labels+<LinesAsync>d__3`1", "MoveNext"),
            ("Labels.cs", CSHARP, 24, "", "Acme.Shop.Labels+<LinesAsync>d__3.MoveNext"),
            ("Labels.cs", CSHARP, 24, "Acme.Shop.Labels", "<LinesAsync>d__3.MoveNext"),
            ("Labels.cs", CSHARP, 16, "Acme.Shop.Labels+<>c", "<LinesAsync>b__0_1"),
            ("Labels.cs", CSHARP, 16, "Acme.Shop.Labels.<>c__DisplayClass1_0", "<LinesAsync>b__0"),
            ("Labels.cs", CSHARP, 20, "Acme.Shop.Labels", "<LinesAsync>g__Local|4_0"),
            (
                "Labels.cs",
                CSHARP,
                20,
                "",
                "async Task<string> Acme.Shop.Labels.LinesAsync<T>(Address a)+Local(int at)",
            ),
            (
                "Labels.cs",
                CSHARP,
                24,
                "",
                "async Task<string> Acme.Shop.Labels.LinesAsync<T>(Address a)+MoveNext()",
            ),
            (
                "Labels.cs",
                CSHARP,
                16,
                "",
                "Task<string> Acme.Shop.Labels.LinesAsync<T>(Address a)+(string one) => { }",
            ),
            ("Labels.cs", CSHARP, 30, "Acme.Shop.Labels", "Short"),
            ("labels.rs", RUST, 4, "", "shop::labels::Labels::lines::{{closure}}::h0123456789abcdef"),
            ("labels.rs", RUST, 4, "", "shop::labels::Labels::lines::{closure#0}"),
            ("labels.rs", RUST, 4, "", "shop::labels::{impl#0}::lines"),
            ("labels.rs", RUST, 11, "", "<shop::labels::Labels as core::fmt::Display>::fmt"),
            (
                "labels.rs",
                RUST,
                11,
                "",
                "shop::labels::<impl core::fmt::Display for shop::labels::Labels>::fmt",
            ),
            ("labels.rs", RUST, 16, "", "shop::labels::print::{{closure}}"),
            ("labels.rs", RUST, 16, "", "shop::labels::print::<alloc::string::String>"),
            ("print.go", GO, 7, "github.com/acme/shop/labels", "(*Labels).Lines"),
            ("print.go", GO, 5, "github.com/acme/shop/labels", "(*Labels).Lines.func1"),
            ("print.go", GO, 5, "", "github.com/acme/shop/labels.(*Labels).Lines.func1.2"),
            ("print.go", GO, 5, "labels", "Labels.Lines.gowrap1"),
            ("print.go", GO, 7, "labels", "(*Labels).Lines-fm"),
            ("print.go", GO, 11, "labels", "Print[...]"),
            ("labels.dart", DART, 3, "", "new Labels"),
            ("labels.dart", DART, 7, "", "new Labels.empty"),
            ("labels.dart", DART, 12, "", "Labels.lines.<anonymous closure>"),
            ("labels.dart", DART, 12, "", "Labels.lines.<fn> (package:shop/labels.dart:12:22)"),
            ("labels.dart", DART, 16, "", "Labels.short"),
            ("labels.dart", DART, 20, "", "main"),
            ("labels.cpp", CPP, 4, "", "acme::Labels::Labels(int)"),
            ("labels.cpp", CPP, 9, "", "acme::Labels::lines(acme::Address const&) const"),
            ("labels.cpp", CPP, 13, "", "(anonymous namespace)::count()"),
            ("Labels.swift", SWIFT, 8, "", "closure #1 in Labels.line(for:)"),
            ("Labels.swift", SWIFT, 7, "", "Labels.line(for:)"),
            ("Labels.swift", SWIFT, 3, "", "Labels.init(size:)"),
            ("labels.py", PYTHON, 3, "labels", "lines"),
            ("labels.py", PYTHON, 3, "labels", "Labels.lines"),
            ("labels.py", PYTHON, 6, "labels", "outer.<locals>.<lambda>"),
            ("labels.rb", RUBY, 4, "", "block in Labels#lines"),
            ("labels.rb", RUBY, 4, "", "block (2 levels) in lines"),
        ];
        for (path, text, line, module, function) in rows {
            assert!(check(path, text, *line, module, function), "{path}:{line} {module} {function}");
        }
    }

    #[test]
    fn what_cannot_be_told_apart_does_not_verify() {
        let labels = "com.acme.shop.Labels";
        let rows: &[Row] = &[
            // Another function, another class, no function, no line.
            ("Labels.java", JAVA, 7, labels, "total"),
            ("Labels.java", JAVA, 7, "com.acme.shop.Labels$Inner", "run"),
            ("Labels.java", JAVA, 12, "com.acme.mail.Other", "lines"),
            ("Labels.java", JAVA, 2, labels, "lines"),
            ("Labels.java", JAVA, 5, labels, "<init>"),
            ("Labels.java", JAVA, 900, labels, "lines"),
            ("Labels.java", JAVA, 7, labels, "access$000"),
            ("Labels.java", JAVA, 7, labels, "lambda$new$0"),
            ("Labels.kt", KOTLIN, 10, labels, "short"),
            ("Labels.kt", KOTLIN, 14, labels, "lines"),
            ("Labels.kt", KOTLIN, 10, labels, "invoke"),
            ("Labels.cs", CSHARP, 24, "Acme.Shop.Labels", "MoveNext"),
            ("Labels.cs", CSHARP, 20, "Acme.Shop.Labels", "LinesAsync"),
            ("Labels.cs", CSHARP, 26, "Acme.Shop.Other", "LinesAsync"),
            ("Labels.cs", CSHARP, 5, "Acme.Shop.Labels", "LinesAsync"),
            ("labels.rs", RUST, 11, "", "shop::labels::Labels::lines"),
            ("labels.rs", RUST, 4, "", "core::ops::function::FnOnce::call_once"),
            ("print.go", GO, 7, "labels", "(*Other).Lines"),
            ("print.go", GO, 15, "labels", "glob..func1"),
            ("labels.dart", DART, 12, "", "<anonymous closure>"),
            ("labels.dart", DART, 12, "", "Labels.short"),
            ("labels.cpp", CPP, 9, "", "_ZN4acme6Labels5linesEv"),
            ("labels.cpp", CPP, 9, "", "acme::Other::lines()"),
            ("labels.py", PYTHON, 6, "labels", "<lambda>"),
            ("labels.py", PYTHON, 3, "labels", "Other.lines"),
            ("labels.rb", RUBY, 4, "", "<main>"),
            ("labels.ex", "def lines do\n  1\nend\n", 2, "", "lines/0"),
            // The file has changed so that its braces are not to be trusted.
            ("Labels.kt", "fun lines() {\n  x()\n", 2, "LabelsKt", "lines"),
        ];
        for (path, text, line, module, function) in rows {
            assert!(!check(path, text, *line, module, function), "{path}:{line} {module} {function}");
        }
    }
}
