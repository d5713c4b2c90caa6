//! What `template.yaml` says about the table, its stream and the functions' variables, read from
//! the file that is deployed, so that a local run cannot drift away from it.
//!
//! CloudFormation's short tags (`!Ref`, `!GetAtt`, …) may stand anywhere but in the few places read
//! here. Parameters are not resolved: what is read must be written out in the template.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_yaml_ng::Value;

const TEMPLATE: &str = include_str!("../../template.yaml");

/// The parts of the template that a local run needs.
#[derive(Debug)]
pub struct Template {
    table: TableShape,
    stream_filters: Vec<String>,
    environments: BTreeMap<String, BTreeSet<String>>,
}

/// The table as the template describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableShape {
    /// Every attribute that a key uses.
    pub attributes: Vec<Attribute>,
    pub keys: Vec<Key>,
    pub indexes: Vec<Index>,
    /// Holds the epoch second after which an item may be deleted.
    pub ttl_attribute: String,
    /// `NEW_IMAGE` or another of DynamoDB's stream view types.
    pub stream_view: String,
}

/// A key attribute and its type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attribute {
    #[serde(rename = "AttributeName", deserialize_with = "literal")]
    pub name: String,
    /// `S`, `N` or `B`.
    #[serde(rename = "AttributeType", deserialize_with = "literal")]
    pub kind: String,
}

/// One element of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    #[serde(rename = "AttributeName", deserialize_with = "literal")]
    pub name: String,
    /// `HASH` or `RANGE`.
    #[serde(rename = "KeyType", deserialize_with = "literal")]
    pub role: String,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub keys: Vec<Key>,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: String,
}

impl Template {
    /// The template of this build.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn deployed() -> anyhow::Result<Template> {
        Template::parse(TEMPLATE)
    }

    /// Reads a template that has exactly one table and one mapping of its stream to a function.
    ///
    /// # Errors
    /// Where a part that is read is missing, or is an intrinsic function in place of a value.
    pub fn parse(text: &str) -> anyhow::Result<Template> {
        let wire: Wire = serde_yaml_ng::from_str(text).context("read template.yaml")?;
        let table: TableWire = serde_yaml_ng::from_value(only(&wire, "AWS::DynamoDB::Table")?)
            .context("read the table in template.yaml")?;
        let mapping: MappingWire = serde_yaml_ng::from_value(only(&wire, "AWS::Lambda::EventSourceMapping")?)
            .context("read the stream mapping in template.yaml")?;
        let globals: FunctionWire =
            serde_yaml_ng::from_value(wire.globals.function).context("read Globals of template.yaml")?;
        let mut environments = BTreeMap::new();
        for (name, resource) in
            wire.resources.into_iter().filter(|(_, r)| r.kind == "AWS::Serverless::Function")
        {
            let function: FunctionWire = serde_yaml_ng::from_value(resource.properties)
                .with_context(|| format!("read `{name}` in template.yaml"))?;
            environments.insert(name, globals.variable_names().chain(function.variable_names()).collect());
        }
        Ok(Template {
            table: table.into(),
            stream_filters: mapping.filter_criteria.filters.into_iter().map(|f| f.pattern).collect(),
            environments,
        })
    }

    /// The one table.
    pub fn table(&self) -> &TableShape {
        &self.table
    }

    /// Filter patterns (JSON) of the stream mapping; a record is delivered if any of them matches.
    pub fn stream_filters(&self) -> &[String] {
        &self.stream_filters
    }

    /// Logical ids of the functions.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.environments.keys().map(String::as_str)
    }

    /// Names of the environment variables that a deployed function gets, by its logical id.
    ///
    /// # Errors
    /// If the template has no such function.
    pub fn variables(&self, function: &str) -> anyhow::Result<&BTreeSet<String>> {
        self.environments.get(function).with_context(|| format!("template.yaml has no function `{function}`"))
    }
}

fn only(wire: &Wire, kind: &str) -> anyhow::Result<Value> {
    let mut found = wire.resources.values().filter(|resource| resource.kind == kind);
    match (found.next(), found.next()) {
        (Some(resource), None) => Ok(resource.properties.clone()),
        _ => bail!("template.yaml must have exactly one `{kind}`"),
    }
}

/// A text that is written out. Without this check the tag of `!Sub "x"` would be dropped and `x` be read.
fn literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Tagged(tagged) => Err(D::Error::custom(format!("`{}` in place of a text", tagged.tag))),
        _ => Err(D::Error::custom("expected a text")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    globals: GlobalsWire,
    resources: BTreeMap<String, ResourceWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GlobalsWire {
    function: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceWire {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionWire {
    #[serde(default)]
    environment: EnvironmentWire,
}

impl FunctionWire {
    fn variable_names(&self) -> impl Iterator<Item = String> {
        let deployed = self.environment.variables.iter().filter(|(_, value)| !is_no_value(value));
        deployed.map(|(name, _)| name.clone())
    }
}

/// `!Ref AWS::NoValue`: CloudFormation leaves the entry out.
fn is_no_value(value: &Value) -> bool {
    matches!(value, Value::Tagged(tagged) if tagged.tag == "Ref" && tagged.value == "AWS::NoValue")
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnvironmentWire {
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MappingWire {
    filter_criteria: FilterCriteriaWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteriaWire {
    filters: Vec<FilterWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterWire {
    #[serde(deserialize_with = "literal")]
    pattern: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableWire {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
    global_secondary_indexes: Vec<IndexWire>,
    time_to_live_specification: TimeToLiveWire,
    stream_specification: StreamSpecificationWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexWire {
    #[serde(deserialize_with = "literal")]
    index_name: String,
    key_schema: Vec<Key>,
    projection: ProjectionWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectionWire {
    #[serde(deserialize_with = "literal")]
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLiveWire {
    #[serde(deserialize_with = "literal")]
    attribute_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecificationWire {
    #[serde(deserialize_with = "literal")]
    stream_view_type: String,
}

impl From<TableWire> for TableShape {
    fn from(wire: TableWire) -> TableShape {
        let index = |wire: IndexWire| Index {
            name: wire.index_name,
            keys: wire.key_schema,
            projection: wire.projection.projection_type,
        };
        TableShape {
            attributes: wire.attribute_definitions,
            keys: wire.key_schema,
            indexes: wire.global_secondary_indexes.into_iter().map(index).collect(),
            ttl_attribute: wire.time_to_live_specification.attribute_name,
            stream_view: wire.stream_specification.stream_view_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_template_has_four_functions_that_know_the_table() {
        let template = Template::deployed().unwrap();
        let names: Vec<_> = template.functions().collect();
        assert_eq!(
            names,
            [
                "AttemptQueriesFunction",
                "FixWorkerFunction",
                "SentryIntakeFunction",
                "SlackInteractionsFunction"
            ]
        );
        for name in names {
            let variables = template.variables(name).unwrap();
            assert!(variables.contains("AUTOFIX_TABLE"), "{name}: {variables:?}");
        }
        assert!(template.variables("FixWorkerFunction").unwrap().contains("AUTOFIX_MODEL"));
    }

    #[test]
    fn a_variable_that_cloudformation_leaves_out_is_not_deployed() {
        let template = Template::deployed().unwrap();
        assert!(TEMPLATE.contains("SENTRY_AUTH_TOKEN: !Ref AWS::NoValue"));
        assert!(!template.variables("FixWorkerFunction").unwrap().contains("SENTRY_AUTH_TOKEN"));
    }

    #[test]
    fn the_stream_is_filtered_by_the_mark_of_work() {
        let template = Template::deployed().unwrap();
        assert_eq!(template.stream_filters(), [r#"{"dynamodb":{"NewImage":{"work":{"S":["ready"]}}}}"#]);
    }

    #[test]
    fn a_key_that_is_computed_by_cloudformation_is_refused() {
        let text = TEMPLATE.replacen("IndexName: due", "IndexName: !Sub \"${Prefix}\"", 1);
        assert_ne!(text, TEMPLATE);
        let error = format!("{:#}", Template::parse(&text).unwrap_err());
        assert!(error.contains("`!Sub` in place of a text"), "{error}");
    }

    #[test]
    fn a_template_without_a_stream_mapping_is_refused() {
        let text = TEMPLATE.replace("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Alias");
        let error = Template::parse(&text).unwrap_err().to_string();
        assert_eq!(error, "template.yaml must have exactly one `AWS::Lambda::EventSourceMapping`");
    }
}
