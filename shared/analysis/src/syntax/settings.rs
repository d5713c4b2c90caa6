//! Names that are given a value, however the language spells it: `verify=False`,
//! `{ rejectUnauthorized: false }`, `InsecureSkipVerify: true`, `timeout = 30`.

use tree_sitter::Node;

use super::{Family, Parsed, Walk, first_line, tokens};

/// A name and the value that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Last part of the name, without quotes.
    pub name: String,
    /// The value's tokens with single spaces, such as `10 * 60`.
    pub value: String,
    /// Counted from 1.
    pub line: u32,
}

/// Longest value that is looked at, bytes: longer ones are whole functions and tables.
const MAX_VALUE_BYTES: usize = 400;

/// Every setting of a file, in the order of the file.
pub fn settings(walk: &Walk<'_>) -> Vec<Setting> {
    let parsed = walk.parsed();
    let mut found = Vec::new();
    walk.visit(|node, position| {
        let pair =
            name_and_value(node, position.kind).or_else(|| argument_as_setting(parsed, node, position.kind));
        let Some((name, value)) = pair else { return };
        let name = parsed.text_of(name).trim_matches(['"', '\'', '`', '[', ']', ':', '$']);
        let name = name.rsplit(['.', '"', '\'', '>', ':', '$']).next().unwrap_or(name);
        if value.byte_range().len() > MAX_VALUE_BYTES {
            return;
        }
        let value = tokens::normalised(parsed, value);
        found.push(Setting { name: name.to_owned(), value, line: first_line(node) });
    });
    found
}

fn name_and_value<'p>(node: Node<'p>, kind: &str) -> Option<(Node<'p>, Node<'p>)> {
    let (name, value) = match kind {
        "keyword_argument"
        | "default_parameter"
        | "typed_default_parameter"
        | "variable_declarator"
        | "public_field_definition"
        | "const_spec"
        | "var_spec"
        | "const_item"
        | "static_item"
        | "keyword_parameter"
        | "optional_parameter" => ("name", "value"),
        "property_element" | "simple_parameter" => ("name", "default_value"),
        "let_declaration" => ("pattern", "value"),
        "field_initializer" => ("field", "value"),
        "field_definition" => ("property", "value"),
        "pair" | "element_value_pair" => ("key", "value"),
        "assignment"
        | "assignment_expression"
        | "assignment_statement"
        | "short_var_declaration"
        | "assignment_pattern" => ("left", "right"),
        "keyed_element" | "array_element_initializer" | "const_element" => {
            return Some((node.named_child(0)?, node.named_child(1)?));
        }
        // PHP's `f(name: value)`.
        "argument" => return Some((node.child_by_field_name("name")?, node.named_child(1)?)),
        _ => return None,
    };
    Some((node.child_by_field_name(name)?, node.child_by_field_name(value)?))
}

/// Setters and builders: `x.setTimeout(5)`, `.timeout(t)`, `curl_setopt($c, NAME, value)`.
fn argument_as_setting<'p>(parsed: &Parsed<'_>, node: Node<'p>, kind: &str) -> Option<(Node<'p>, Node<'p>)> {
    if !matches!(kind, "call_expression" | "method_invocation" | "function_call_expression") {
        return None;
    }
    let arguments = node.child_by_field_name("arguments")?;
    match (parsed.family(), kind) {
        (Family::Rust, "call_expression") if arguments.named_child_count() == 1 => {
            let method = node.child_by_field_name("function")?.child_by_field_name("field")?;
            Some((method, arguments.named_child(0)?))
        }
        (Family::Java, "method_invocation") if arguments.named_child_count() == 1 => {
            node.child_by_field_name("object")?;
            Some((node.child_by_field_name("name")?, arguments.named_child(0)?))
        }
        (Family::Php, "function_call_expression") => {
            let first = match parsed.field_text(node, "function") {
                "curl_setopt" | "stream_context_set_option" => 1,
                "ini_set" | "define" => 0,
                _ => return None,
            };
            Some((arguments.named_child(first)?, arguments.named_child(first + 1)?))
        }
        _ => None,
    }
}

/// The amount that a value stands for, where it is a number or a product of numbers: `30_000`,
/// `10 * 60`, `5 * time.Second`, `timedelta ( seconds = 3 )`. Units are left out of account.
pub fn amount(value: &str) -> Option<f64> {
    let mut product: Option<f64> = None;
    for token in value.split([' ', '(', ')', '=', ',']) {
        let digits = token.replace('_', "");
        let starts_as_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if let Some(number) = digits.parse::<f64>().ok().filter(|_| starts_as_number) {
            product = Some(product.unwrap_or(1.0) * number);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn list(language: Language, text: &str) -> Vec<String> {
        settings(&Walk::of(&Parsed::new(language, text)))
            .iter()
            .map(|s| format!("{}:{}={}", s.line, s.name, s.value))
            .collect()
    }

    #[test]
    fn settings_are_found_however_they_are_spelled() {
        let python = concat!(
            "r = get(u, verify=False)\n",
            "self.timeout = 10 * 60\n",
            "d = {\"retries\": 3}\n",
            "def f(limit: int = 5): pass\n",
            "os.environ['X'] = '0'\n",
        );
        assert_eq!(
            list(Language::Python, python),
            [
                "1:r=get ( u , verify = False )",
                "1:verify=False",
                "2:timeout=10 * 60",
                "3:d={ \" retries \" : 3 }",
                "3:retries=3",
                "4:limit=5",
                "5:X=\" 0 \"",
            ]
        );
        let script = "const t = { rejectUnauthorized: false, 'strictSSL': true };\nprocess.env.A = '0';\n";
        assert!(list(Language::JavaScript, script).contains(&"1:rejectUnauthorized=false".to_owned()));
        assert!(list(Language::JavaScript, script).contains(&"1:strictSSL=true".to_owned()));
        let go =
            "package a\n\nvar c = &tls.Config{InsecureSkipVerify: true}\nconst timeout = 5 * time.Second\n";
        assert!(list(Language::Go, go).contains(&"3:InsecureSkipVerify=true".to_owned()));
        assert!(list(Language::Go, go).contains(&"4:timeout=5 * time . Second".to_owned()));
    }

    #[test]
    fn settings_of_rust_java_ruby_and_php_are_found() {
        let check = |language, text: &str, expected: &[&str]| {
            let found = list(language, text);
            for one in expected {
                assert!(found.contains(&(*one).to_owned()), "{one}: {found:?}");
            }
        };
        let rust =
            "fn f() { b.verify(false).timeout(Duration::from_secs(5)); s.retries = 3; }\nconst A: u8 = 1;\n";
        check(
            Language::Rust,
            rust,
            &["1:verify=false", "1:timeout=Duration :: from_secs ( 5 )", "1:retries=3", "2:A=1"],
        );
        let java = "class A { @Column(length = 5) int b = 2; void f() { c.setTimeout(30); this.d = 1; } }\n";
        check(Language::Java, java, &["1:length=5", "1:b=2", "1:setTimeout=30", "1:d=1"]);
        let ruby = "http.verify_mode = OpenSSL::SSL::VERIFY_NONE\nf(ssl: false, :retries => 3)\n";
        check(
            Language::Ruby,
            ruby,
            &["1:verify_mode=OpenSSL :: SSL :: VERIFY_NONE", "2:ssl=false", "2:retries=3"],
        );
        let php = "<?php\n$this->timeout = 5; curl_setopt($c, CURLOPT_TIMEOUT, 9);\nf(['verify' => false], retries: 3);\n";
        check(Language::Php, php, &["2:timeout=5", "2:CURLOPT_TIMEOUT=9", "3:verify=false", "3:retries=3"]);
    }

    #[test]
    fn amounts_are_products_of_numbers() {
        let read = [("30", Some(30.0)), ("10 * 60", Some(600.0)), ("30_000", Some(30_000.0)), ("None", None)];
        for (value, expected) in read {
            assert_eq!(amount(value), expected, "{value}");
        }
        assert_eq!(amount("httpx . Timeout ( 5.0 , connect = 2 )"), Some(10.0));
        assert_eq!(amount("5 * time . Second"), Some(5.0));
    }
}
