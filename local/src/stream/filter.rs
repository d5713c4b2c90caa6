//! Lambda's event filtering, as far as the template uses it: a record passes if any pattern
//! matches; in a pattern every field must match, and of a field's list any rule.
//!
//! Understood are equality, `prefix` and `exists`, on fields below `dynamodb`. Any other rule is an
//! error when the filter is read: a rule passed over would deliver what AWS holds back.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

/// The filters of one stream mapping.
#[derive(Debug)]
pub(super) struct Filter {
    patterns: Vec<Fields>,
}

type Fields = BTreeMap<String, Node>;

#[derive(Debug)]
enum Node {
    Fields(Fields),
    AnyOf(Vec<Rule>),
}

#[derive(Debug)]
enum Rule {
    Equals(Value),
    Prefix(String),
    Present,
    Absent,
}

impl Filter {
    /// Reads patterns, each a JSON text.
    pub(super) fn parse(patterns: &[String]) -> anyhow::Result<Filter> {
        let patterns = patterns.iter().map(|text| {
            let pattern = serde_json::from_str(text).map_err(anyhow::Error::from).and_then(pattern);
            pattern.with_context(|| format!("read the stream filter `{text}`"))
        });
        Ok(Filter { patterns: patterns.collect::<anyhow::Result<_>>()? })
    }

    /// Whether Lambda would hand this record to the function. Without a pattern it hands over all.
    pub(super) fn matches(&self, record: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|fields| fields_match(fields, Some(record)))
    }
}

fn pattern(value: Value) -> anyhow::Result<Fields> {
    let fields = fields(value)?;
    if let Some(other) = fields.keys().find(|name| *name != "dynamodb") {
        bail!("Lambda documents filters of a DynamoDB stream for `dynamodb` only, not `{other}`");
    }
    Ok(fields)
}

fn fields(value: Value) -> anyhow::Result<Fields> {
    let Value::Object(object) = value else { bail!("expected an object, found `{value}`") };
    object.into_iter().map(|(name, value)| Ok((name, node(value)?))).collect()
}

fn node(value: Value) -> anyhow::Result<Node> {
    match value {
        Value::Array(rules) if rules.is_empty() => bail!("a list of rules is empty"),
        Value::Array(rules) => Ok(Node::AnyOf(rules.into_iter().map(rule).collect::<anyhow::Result<_>>()?)),
        nested => Ok(Node::Fields(fields(nested)?)),
    }
}

fn rule(value: Value) -> anyhow::Result<Rule> {
    match value {
        Value::Object(object) => {
            let mut entries = object.iter();
            match (entries.next(), entries.next()) {
                (Some((name, Value::String(start))), None) if name == "prefix" => {
                    Ok(Rule::Prefix(start.clone()))
                }
                (Some((name, Value::Bool(true))), None) if name == "exists" => Ok(Rule::Present),
                (Some((name, Value::Bool(false))), None) if name == "exists" => Ok(Rule::Absent),
                _ => bail!("the rule `{}` is not understood", Value::Object(object)),
            }
        }
        Value::Array(_) => bail!("a list inside a list of rules is not understood"),
        scalar => Ok(Rule::Equals(scalar)),
    }
}

fn fields_match(fields: &Fields, found: Option<&Value>) -> bool {
    fields.iter().all(|(name, node)| {
        let found = found.and_then(|value| value.get(name));
        match node {
            Node::Fields(fields) => fields_match(fields, found),
            Node::AnyOf(rules) => rules.iter().any(|rule| rule_matches(rule, found)),
        }
    })
}

fn rule_matches(rule: &Rule, found: Option<&Value>) -> bool {
    // Of a list in the record any element may match, as in EventBridge's patterns.
    let any = |matches: &dyn Fn(&Value) -> bool| match found {
        Some(Value::Array(elements)) => elements.iter().any(matches),
        Some(value) => matches(value),
        None => false,
    };
    match rule {
        Rule::Equals(wanted) => any(&|value| value == wanted),
        Rule::Prefix(start) => any(&|value| value.as_str().is_some_and(|text| text.starts_with(start))),
        // `exists` is about leaves: an object is no leaf.
        Rule::Present => found.is_some_and(|value| !value.is_object()),
        Rule::Absent => found.is_none_or(Value::is_object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(pattern: Value, record: Value) -> bool {
        Filter::parse(&[pattern.to_string()]).unwrap().matches(&record)
    }

    fn refused(pattern: &str) -> String {
        format!("{:#}", Filter::parse(&[pattern.to_owned()]).unwrap_err())
    }

    fn image(fields: Value) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {"NewImage": fields}})
    }

    #[test]
    fn one_value_of_the_list_must_be_equal() {
        let pattern = json!({"dynamodb": {"NewImage": {"work": {"S": ["ready", "again"]}}}});
        assert!(check(pattern.clone(), image(json!({"work": {"S": "ready"}}))));
        assert!(check(pattern.clone(), image(json!({"work": {"S": "again"}, "other": {"N": "1"}}))));
        assert!(!check(pattern.clone(), image(json!({"work": {"S": "done"}}))));
        assert!(!check(pattern.clone(), image(json!({"work": {"N": "ready"}}))));
        assert!(!check(pattern.clone(), image(json!({}))));
        assert!(!check(pattern, json!({"dynamodb": {"Keys": {}}})));
    }

    #[test]
    fn every_field_of_a_pattern_must_match_but_only_one_pattern() {
        let both = r#"{"dynamodb":{"NewImage":{"a":{"S":["1"]},"b":{"S":["2"]}}}}"#;
        let other = r#"{"dynamodb":{"NewImage":{"c":{"S":["3"]}}}}"#;
        let filter = Filter::parse(&[both.to_owned(), other.to_owned()]).unwrap();
        assert!(filter.matches(&image(json!({"a": {"S": "1"}, "b": {"S": "2"}}))));
        assert!(!filter.matches(&image(json!({"a": {"S": "1"}, "b": {"S": "9"}}))));
        assert!(filter.matches(&image(json!({"c": {"S": "3"}}))));
    }

    #[test]
    fn a_prefix_is_of_text() {
        let pattern = json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ATTEMPT#"}]}}}});
        assert!(check(pattern.clone(), json!({"dynamodb": {"Keys": {"pk": {"S": "ATTEMPT#7"}}}})));
        assert!(!check(pattern.clone(), json!({"dynamodb": {"Keys": {"pk": {"S": "CLAIM#7"}}}})));
        assert!(!check(pattern, json!({"dynamodb": {"Keys": {"pk": {"S": 7}}}})));
    }

    #[test]
    fn exists_looks_at_leaves() {
        let present = json!({"dynamodb": {"NewImage": {"work": {"S": [{"exists": true}]}}}});
        let absent = json!({"dynamodb": {"NewImage": {"work": {"S": [{"exists": false}]}}}});
        let with = image(json!({"work": {"S": "ready"}}));
        assert!(check(present.clone(), with.clone()) && !check(absent.clone(), with));
        let without = image(json!({"other": {"S": "ready"}}));
        assert!(!check(present, without.clone()) && check(absent, without));
    }

    #[test]
    fn of_a_set_any_element_may_match() {
        let pattern = json!({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}});
        assert!(check(pattern.clone(), image(json!({"tags": {"SS": ["a", "b"]}}))));
        assert!(!check(pattern, image(json!({"tags": {"SS": ["a", "c"]}}))));
    }

    #[test]
    fn without_a_pattern_everything_passes() {
        assert!(Filter::parse(&[]).unwrap().matches(&image(json!({}))));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let error = refused(r#"{"dynamodb":{"NewImage":{"n":{"N":[{"numeric":[">",1]}]}}}}"#);
        assert!(error.contains(r#"the rule `{"numeric":[">",1]}` is not understood"#), "{error}");
        assert!(refused(r#"{"dynamodb":{"work":"ready"}}"#).contains("expected an object"));
        assert!(refused(r#"{"dynamodb":{"work":[]}}"#).contains("empty"));
        assert!(refused(r#"{"dynamodb":{"work":[["ready"]]}}"#).contains("a list inside"));
        assert!(refused(r#"{"eventName":["INSERT"]}"#).contains("not `eventName`"));
        assert!(refused("{").contains("read the stream filter"));
    }
}
