//! As much of the GraphQL language as clients of this stand-in may use: one operation with declared
//! variables, fields with arguments, selections, inline fragments. Aliases, directives and named
//! fragments are refused rather than guessed at.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::{Map, Value, json};

/// One query or mutation.
#[derive(Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// Name and declared type of each variable.
    pub(super) variables: Vec<(String, String)>,
    pub(super) fields: Vec<Selection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
}

#[derive(Debug, PartialEq)]
pub(super) enum Selection {
    Field(Field),
    /// `... on Type { … }`
    On {
        type_name: String,
        fields: Vec<Selection>,
    },
}

#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Argument)>,
    pub(super) fields: Vec<Selection>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Argument {
    Variable(String),
    /// An enum's word comes as text.
    Literal(Value),
}

/// Reads a document with one operation.
///
/// # Errors
/// The sentence of what could not be read.
pub(super) fn parse(text: &str) -> Result<Operation, String> {
    let mut tokens = Tokens { rest: tokens(text)?.into_iter().peekable() };
    let kind = match tokens.next()?.as_str() {
        "query" => Kind::Query,
        "mutation" => Kind::Mutation,
        other => return Err(format!("`{other}` where an operation was expected")),
    };
    if tokens.peek().is_some_and(is_name) {
        tokens.next()?;
    }
    let mut variables = Vec::new();
    if tokens.take("(") {
        while !tokens.take(")") {
            tokens.expect("$")?;
            let name = tokens.name()?;
            tokens.expect(":")?;
            variables.push((name, tokens.type_name()?));
        }
    }
    let fields = tokens.selection()?;
    match tokens.rest.next() {
        None => Ok(Operation { kind, variables, fields }),
        Some(more) => Err(format!("`{more}` after the operation")),
    }
}

struct Tokens {
    rest: Peekable<IntoIter<String>>,
}

impl Tokens {
    fn next(&mut self) -> Result<String, String> {
        self.rest.next().ok_or_else(|| "the document ends too early".to_owned())
    }

    fn peek(&mut self) -> Option<&str> {
        self.rest.peek().map(String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest.next_if(|next| next == token).is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        let found = self.next()?;
        if found == token { Ok(()) } else { Err(format!("`{found}` where `{token}` was expected")) }
    }

    fn name(&mut self) -> Result<String, String> {
        let found = self.next()?;
        if is_name(&found) { Ok(found) } else { Err(format!("`{found}` where a name was expected")) }
    }

    fn type_name(&mut self) -> Result<String, String> {
        let mut name = if self.take("[") {
            let inner = self.type_name()?;
            self.expect("]")?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        if self.take("!") {
            name.push('!');
        }
        Ok(name)
    }

    fn selection(&mut self) -> Result<Vec<Selection>, String> {
        self.expect("{")?;
        let mut found = Vec::new();
        while !self.take("}") {
            if self.take("...") {
                self.expect("on")?;
                found.push(Selection::On { type_name: self.name()?, fields: self.selection()? });
                continue;
            }
            let name = self.name()?;
            let mut arguments = Vec::new();
            if self.take("(") {
                while !self.take(")") {
                    let name = self.name()?;
                    self.expect(":")?;
                    arguments.push((name, self.argument()?));
                }
            }
            let fields = if self.peek() == Some("{") { self.selection()? } else { Vec::new() };
            found.push(Selection::Field(Field { name, arguments, fields }));
        }
        Ok(found)
    }

    fn argument(&mut self) -> Result<Argument, String> {
        if self.take("$") {
            self.name().map(Argument::Variable)
        } else {
            self.literal().map(Argument::Literal)
        }
    }

    fn literal(&mut self) -> Result<Value, String> {
        let token = self.next()?;
        match token.as_str() {
            "[" => {
                let mut items = Vec::new();
                while !self.take("]") {
                    items.push(self.literal()?);
                }
                Ok(Value::Array(items))
            }
            "{" => {
                let mut object = Map::new();
                while !self.take("}") {
                    let name = self.name()?;
                    self.expect(":")?;
                    object.insert(name, self.literal()?);
                }
                Ok(Value::Object(object))
            }
            "true" | "false" | "null" => serde_json::from_str(&token).map_err(|error| error.to_string()),
            name if is_name(name) => Ok(json!(name)),
            other => serde_json::from_str(other).map_err(|_| format!("`{other}` is no value")),
        }
    }
}

fn is_name(token: &str) -> bool {
    token.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// Names, numbers, texts with their quotes, and punctuation; commas and blanks mean nothing.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let mut token = String::from(first);
        match first {
            ' ' | '\n' | '\t' | '\r' | ',' => continue,
            '{' | '}' | '(' | ')' | '[' | ']' | '!' | ':' | '$' => {}
            '.' => {
                token.extend(std::iter::from_fn(|| chars.next_if_eq(&'.')));
                if token != "..." {
                    return Err(format!("`{token}` is not understood"));
                }
            }
            '"' => loop {
                let next = chars.next().ok_or("a text does not end")?;
                token.push(next);
                match next {
                    '"' => break,
                    '\\' => token.extend(chars.next()),
                    _ => {}
                }
            },
            '-' | '0'..='9' | 'a'..='z' | 'A'..='Z' | '_' => {
                token.extend(std::iter::from_fn(|| {
                    chars.next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
                }));
            }
            other => return Err(format!("`{other}` is not understood")),
        }
        found.push(token);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_read_with_its_variables_arguments_and_fragments() {
        let text = r#"
            query Look($owner: String!, $ids: [ID!]) {
              repository(owner: $owner, followRenames: false) {
                nodes(last: 1, kinds: [CLOSED_EVENT], at: {x: "a\"b"}) { ... on ClosedEvent { actor { login } } }
              }
            }"#;
        let operation = parse(text).unwrap();
        assert_eq!(operation.kind, Kind::Query);
        let types: Vec<&str> = operation.variables.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(types, ["String!", "[ID!]"]);
        let [Selection::Field(repository)] = &operation.fields[..] else { panic!("{operation:?}") };
        assert_eq!(repository.arguments[0].1, Argument::Variable("owner".to_owned()));
        let [Selection::Field(nodes)] = &repository.fields[..] else { panic!("{operation:?}") };
        assert_eq!(nodes.arguments[1].1, Argument::Literal(json!(["CLOSED_EVENT"])));
        assert_eq!(nodes.arguments[2].1, Argument::Literal(json!({ "x": "a\"b" })));
        assert!(matches!(&nodes.fields[..], [Selection::On { type_name, .. }] if type_name == "ClosedEvent"));
    }

    #[test]
    fn what_is_not_of_the_language_is_refused() {
        for text in [
            "",
            "{ a }",
            "query { a",
            "query { a } query { b }",
            "query { a: b }",
            "query { a @skip(if: true) }",
            "query { ...F }",
            "query($a Int) { a }",
            "query { a(b: ) }",
            "subscription { a }",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
