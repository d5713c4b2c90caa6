//! JSON schemas of strict tools and structured answers: what Anthropic compiles and what it refuses, and
//! whether a scripted tool input keeps to one, as a strict tool's input always does.

use serde_json::{Map, Value};

/// Keywords that a strict schema may use.
const KEYWORDS: [&str; 16] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "$ref",
    "$defs",
    "title",
    "description",
    "default",
    "format",
    "minItems",
];
const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// What a strict schema must not have; `None` where it is accepted. Says where, and what.
pub(super) fn refusal(schema: &Value) -> Option<String> {
    refused(schema, schema)
}

fn refused(schema: &Value, root: &Value) -> Option<String> {
    let Some(object) = schema.as_object() else { return Some("a schema must be an object".into()) };
    let kind = object.get("type").and_then(Value::as_str).unwrap_or("any");
    if let Some(key) = object.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Some(format!("For '{kind}' type, property '{key}' is not supported"));
    }
    let types = listed(object.get("type"));
    if let Some(unknown) = types.iter().find(|t| !t.as_str().is_some_and(|t| TYPES.contains(&t))) {
        return Some(format!("type {unknown} is not supported"));
    }
    if types.iter().any(|t| *t == "object") {
        if object.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Some("For 'object' type, 'additionalProperties' must be explicitly set to false".into());
        }
        for name in listed(object.get("required")) {
            if !name.as_str().is_some_and(|name| schema["properties"][name].is_object()) {
                return Some(format!("required property {name} is not defined"));
            }
        }
    }
    if let Some(format) = object.get("format").filter(|f| !f.as_str().is_some_and(|f| FORMATS.contains(&f))) {
        return Some(format!("For 'string' type, format {format} is not supported"));
    }
    if let Some(least) = object.get("minItems").filter(|n| !matches!(n.as_u64(), Some(0 | 1))) {
        return Some(format!(
            "For 'array' type, 'minItems' values other than 0 or 1 are not supported: {least}"
        ));
    }
    let choices = listed(object.get("enum").filter(|choices| choices.is_array()))
        .into_iter()
        .chain(object.get("const"));
    if let Some(choice) = choices.into_iter().find(|choice| choice.is_object() || choice.is_array()) {
        return Some(format!("enum and const take primitive values only: {choice}"));
    }
    if let Some(reference) = object.get("$ref")
        && referred(reference, root).is_none()
    {
        return Some(format!("$ref {reference} leads nowhere"));
    }
    inner(object).into_iter().find_map(|schema| refused(schema, root))
}

/// The schemas directly inside this one.
fn inner(schema: &Map<String, Value>) -> Vec<&Value> {
    let named = ["properties", "$defs"]
        .into_iter()
        .filter_map(|key| schema.get(key)?.as_object())
        .flat_map(Map::values);
    let several = ["anyOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    named.chain(several).chain(schema.get("items")).collect()
}

fn referred<'s>(reference: &Value, root: &'s Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

/// Where and how a value breaks a schema of the accepted kind; `None` where it keeps to it.
pub(super) fn violation(value: &Value, schema: &Value) -> Option<String> {
    violated(value, (schema, schema), "input")
}

fn violated(value: &Value, (schema, root): (&Value, &Value), at: &str) -> Option<String> {
    if let Some(schema) = schema.get("$ref").and_then(|reference| referred(reference, root)) {
        return violated(value, (schema, root), at);
    }
    let types = listed(schema.get("type"));
    if !types.is_empty() && !types.iter().any(|t| t.as_str().is_some_and(|t| is_of_type(value, t))) {
        return Some(format!("`{at}` is not of type {}", schema["type"]));
    }
    if schema["enum"].is_array() && !listed(schema.get("enum")).contains(&value) {
        return Some(format!("`{at}` is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Some(format!("`{at}` is not {}", schema["const"]));
    }
    for part in listed(schema.get("allOf")) {
        if let Some(violation) = violated(value, (part, root), at) {
            return Some(violation);
        }
    }
    let choices = listed(schema.get("anyOf"));
    if !choices.is_empty() && choices.iter().all(|choice| violated(value, (choice, root), at).is_some()) {
        return Some(format!("`{at}` fits none of its alternatives"));
    }
    match value {
        Value::Object(object) => violated_object(object, (schema, root), at),
        Value::Array(items) => {
            if u64::try_from(items.len()).ok() < schema["minItems"].as_u64() {
                return Some(format!("`{at}` is empty"));
            }
            let schema = schema.get("items")?;
            let mut numbered = items.iter().enumerate();
            numbered.find_map(|(index, item)| violated(item, (schema, root), &format!("{at}.{index}")))
        }
        _ => None,
    }
}

fn violated_object(
    object: &Map<String, Value>,
    (schema, root): (&Value, &Value),
    at: &str,
) -> Option<String> {
    for name in listed(schema.get("required")) {
        if !name.as_str().is_some_and(|name| object.contains_key(name)) {
            return Some(format!("`{at}` lacks {name}"));
        }
    }
    object.iter().find_map(|(name, value)| match schema["properties"].get(name) {
        Some(schema) => violated(value, (schema, root), &format!("{at}.{name}")),
        None if schema["additionalProperties"] == false => Some(format!("`{at}` has an unknown `{name}`")),
        None => None,
    })
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// A list, or one value as a list of one.
fn listed(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(property: Value) -> Value {
        json!({"type": "object", "properties": {"a": property}, "required": ["a"],
            "additionalProperties": false})
    }

    #[test]
    fn what_strict_mode_cannot_compile_is_refused() {
        for (property, expected) in [
            (json!({"type": ["string", "null"], "description": "d", "format": "uri"}), None),
            (json!({"type": "array", "items": {"enum": ["x", 1, null]}, "minItems": 1}), None),
            (json!({"anyOf": [{"const": 1}, {"type": "null"}]}), None),
            (json!({"type": "string", "minLength": 1}), Some("'minLength' is not supported")),
            (json!({"type": "number", "minimum": 0}), Some("'minimum' is not supported")),
            (json!({"type": "string", "pattern": "x"}), Some("'pattern' is not supported")),
            (json!({"oneOf": []}), Some("'oneOf' is not supported")),
            (json!({"type": "array", "minItems": 2}), Some("other than 0 or 1")),
            (json!({"type": "string", "format": "regex"}), Some("format \"regex\"")),
            (json!({"type": "text"}), Some("type \"text\"")),
            (json!({"enum": [{}]}), Some("primitive")),
            (json!({"$ref": "#/$defs/missing"}), Some("leads nowhere")),
            (json!({"type": "object", "properties": {}}), Some("explicitly set to false")),
            (
                json!({"anyOf": [{"type": "object", "additionalProperties": true}]}),
                Some("explicitly set to false"),
            ),
        ] {
            let found = refusal(&with(property.clone()));
            assert_eq!(found.is_some(), expected.is_some(), "{property}: {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{property}");
        }
        let undefined =
            json!({"type": "object", "properties": {}, "required": ["b"], "additionalProperties": false});
        assert_eq!(refusal(&undefined).as_deref(), Some("required property \"b\" is not defined"));
    }

    #[test]
    fn values_are_held_to_their_schema() {
        let schema = with(json!({"anyOf": [{"type": "array", "items": {"type": "integer"}, "minItems": 1},
                {"const": "none"}]}));
        for (value, fits) in [
            (json!({"a": [1, 2]}), true),
            (json!({"a": "none"}), true),
            (json!({"a": []}), false),
            (json!({"a": [1.5]}), false),
            (json!({"a": "some"}), false),
            (json!({}), false),
            (json!({"a": [1], "b": 2}), false),
        ] {
            assert_eq!(violation(&value, &schema).is_none(), fits, "{value}");
        }
        let referring = json!({"$defs": {"line": {"type": "integer"}}, "type": "object",
                               "properties": {"at": {"$ref": "#/$defs/line"}}});
        assert_eq!(
            violation(&json!({"at": "x"}), &referring).as_deref(),
            Some("`input.at` is not of type \"integer\"")
        );
    }
}
