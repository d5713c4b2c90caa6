//! JSON schemas of strict tools: what Anthropic compiles, as far as AutoFix uses it, and whether a scripted tool input keeps
//! to one, as a strict tool's input always does.

use serde_json::{Map, Value};

/// Keywords that AutoFix's strict schemas use.
const KEYWORDS: [&str; 7] =
    ["type", "properties", "required", "additionalProperties", "items", "enum", "description"];
const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

/// What a strict schema must not have; `None` if it is accepted. Says where, and what.
pub(super) fn refusal(schema: &Value) -> Option<String> {
    let Some(object) = schema.as_object() else { return Some("a schema must be an object".into()) };
    let types = listed(&schema["type"]);
    if let Some(key) = object.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Some(format!("For '{}' type, property '{key}' is not supported", schema["type"]));
    }
    if let Some(unknown) = types.iter().find(|t| !t.as_str().is_some_and(|t| TYPES.contains(&t))) {
        return Some(format!("type {unknown} is not supported"));
    }
    if types.iter().any(|t| *t == "object") {
        if schema["additionalProperties"] != false {
            return Some("For 'object' type, 'additionalProperties' must be explicitly set to false".into());
        }
        let required = listed(&schema["required"]);
        let is_defined = |name: &&Value| schema["properties"][name.as_str().unwrap_or_default()].is_object();
        if let Some(name) = required.iter().copied().find(|name| !is_defined(name)) {
            return Some(format!("required property {name} is not defined"));
        }
    }
    if let Some(choice) =
        listed(&schema["enum"]).iter().find(|choice| choice.is_object() || choice.is_array())
    {
        return Some(format!("enum takes primitive values only: {choice}"));
    }
    let properties = schema["properties"].as_object().into_iter().flat_map(Map::values);
    properties.chain(object.get("items")).find_map(refusal)
}

/// Where and how a value breaks a schema of the accepted kind; `None` if it keeps to it.
pub(super) fn violation(value: &Value, schema: &Value) -> Option<String> {
    violated(value, schema, "input")
}

fn violated(value: &Value, schema: &Value, at: &str) -> Option<String> {
    let types = listed(&schema["type"]);
    if !types.is_empty() && !types.iter().any(|t| t.as_str().is_some_and(|t| is_of_type(value, t))) {
        return Some(format!("`{at}` is not of type {}", schema["type"]));
    }
    if schema["enum"].is_array() && !listed(&schema["enum"]).contains(&value) {
        return Some(format!("`{at}` is none of {}", schema["enum"]));
    }
    match value {
        Value::Object(object) => {
            let required = listed(&schema["required"]);
            if let Some(name) = required.iter().find(|name| !object.contains_key(name.as_str().unwrap_or("")))
            {
                return Some(format!("`{at}` lacks {name}"));
            }
            object.iter().find_map(|(name, value)| match schema["properties"].get(name) {
                Some(schema) => violated(value, schema, &format!("{at}.{name}")),
                None if schema["additionalProperties"] == false => {
                    Some(format!("`{at}` has an unknown `{name}`"))
                }
                None => None,
            })
        }
        Value::Array(items) => {
            let schema = schema.get("items")?;
            let mut numbered = items.iter().enumerate();
            numbered.find_map(|(index, item)| violated(item, schema, &format!("{at}.{index}")))
        }
        _ => None,
    }
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
fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
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
            (json!({"type": ["string", "null"], "description": "d"}), None),
            (json!({"type": "array", "items": {"enum": ["x", 1, null]}}), None),
            (json!({"type": "string", "minLength": 1}), Some("'minLength' is not supported")),
            (json!({"type": "number", "minimum": 0}), Some("'minimum' is not supported")),
            (json!({"type": "text"}), Some("type \"text\"")),
            (json!({"enum": [{}]}), Some("primitive")),
            (json!({"type": "object", "properties": {}}), Some("explicitly set to false")),
            (
                json!({"type": "array", "items": {"type": "object", "additionalProperties": true}}),
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
        let schema = with(json!({"type": ["array", "null"], "items": {"type": "integer"}}));
        for (value, broken) in [
            (json!({"a": [1, 2]}), None),
            (json!({"a": null}), None),
            (json!({"a": [1.5]}), Some("`input.a.0` is not of type \"integer\"")),
            (json!({"a": "some"}), Some("`input.a` is not of type [\"array\",\"null\"]")),
            (json!({}), Some("`input` lacks \"a\"")),
            (json!({"a": [1], "b": 2}), Some("`input` has an unknown `b`")),
        ] {
            assert_eq!(violation(&value, &schema).as_deref(), broken, "{value}");
        }
        assert!(violation(&json!("z"), &json!({"enum": ["x", "y"]})).is_some());
    }
}
