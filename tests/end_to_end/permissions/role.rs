//! A function's role, read from the template, and what it allows. Of IAM's conditions it knows those that the template
//! uses; another one fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use serde_yaml_ng::Value;

/// What a request asks leave for.
#[derive(Debug)]
pub struct Access {
    pub action: String,
    /// `table`, or `table/index/<name>`.
    pub resource: String,
    /// Values of the partition keys of the whole request: IAM holds all keys of a transaction against each of its writes.
    pub keys: Vec<String>,
    /// `ReturnValues` of a write.
    pub answers_with: String,
}

/// What a statement allows: its name, and an action or a form of partition keys.
pub type Grant = (String, String);

pub struct Role(Vec<Statement>);

struct Statement {
    sid: String,
    actions: Vec<String>,
    resource: String,
    /// Forms of partition keys, with `*` at the end for any ending; empty where none is asked for.
    keys: Vec<String>,
    /// What a write may answer with, where that is asked for.
    answers_with: Option<String>,
}

impl Role {
    pub fn of_the_template(name: &str) -> Role {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("template.yaml");
        let template: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let role = &template["Resources"][name];
        assert_eq!(role["Type"], "AWS::IAM::Role", "{name}");
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name} has policies of others");
        let policies = role["Properties"]["Policies"].as_sequence().unwrap();
        let statements = policies.iter().flat_map(|policy| {
            policy["PolicyDocument"]["Statement"].as_sequence().expect("a policy has statements")
        });
        Role(statements.map(Statement::read).collect())
    }

    /// The grants by which a request is let; none where it is refused.
    pub fn grants_for(&self, access: &Access) -> BTreeSet<Grant> {
        self.0.iter().flat_map(|statement| statement.grants_for(access)).collect()
    }

    /// All that the role grants on the table and its indexes.
    pub fn table_grants(&self) -> BTreeSet<Grant> {
        self.0.iter().filter(|statement| statement.is_about_the_table()).flat_map(Statement::grants).collect()
    }

    /// The actions on everything but the table and its indexes.
    pub fn actions_elsewhere(&self) -> BTreeSet<&str> {
        let elsewhere = self.0.iter().filter(|statement| !statement.is_about_the_table());
        elsewhere.flat_map(|statement| statement.actions.iter().map(String::as_str)).collect()
    }

    /// The actions that are not bound to a resource.
    pub fn actions_on_everything(&self) -> BTreeSet<&str> {
        let everything = self.0.iter().filter(|statement| statement.resource == "*");
        everything.flat_map(|statement| statement.actions.iter().map(String::as_str)).collect()
    }
}

impl Statement {
    fn read(value: &Value) -> Statement {
        // `!If [condition, statement, nothing]`: what is allowed at most.
        let value = match value {
            Value::Tagged(tagged) if tagged.tag == "If" => &tagged.value[1],
            plain => plain,
        };
        assert_eq!(value["Effect"], "Allow");
        let mut statement = Statement {
            sid: value["Sid"].as_str().expect("a statement has a name").to_owned(),
            actions: texts(&value["Action"]),
            resource: resource(&value["Resource"]),
            keys: Vec::new(),
            answers_with: None,
        };
        let conditions = value["Condition"].as_mapping().into_iter().flatten();
        for (operator, condition) in conditions {
            match (operator.as_str().unwrap(), condition.as_mapping().unwrap().iter().next().unwrap()) {
                ("ForAllValues:StringLike" | "ForAllValues:StringEquals", (key, forms))
                    if key == "dynamodb:LeadingKeys" =>
                {
                    statement.keys = texts(forms);
                }
                ("StringEqualsIfExists", (key, answer)) if key == "dynamodb:ReturnValues" => {
                    statement.answers_with = answer.as_str().map(str::to_owned);
                }
                unknown => panic!("{unknown:?}"),
            }
        }
        statement
    }

    fn is_about_the_table(&self) -> bool {
        self.resource == "table" || self.resource.starts_with("table/")
    }

    fn grants_for(&self, access: &Access) -> Vec<Grant> {
        let answers = self.answers_with.as_ref().is_none_or(|answer| *answer == access.answers_with);
        if self.resource != access.resource || !answers {
            return Vec::new();
        }
        let fits = |form: &String, key: &String| match form.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => key == form,
        };
        let every_key = access.keys.iter().all(|key| self.keys.iter().any(|form| fits(form, key)));
        if !self.actions.contains(&access.action) || !(self.keys.is_empty() || every_key) {
            return Vec::new();
        }
        let forms = self.keys.iter().filter(|form| access.keys.iter().any(|key| fits(form, key)));
        [&access.action].into_iter().chain(forms).map(|what| (self.sid.clone(), what.clone())).collect()
    }

    fn grants(&self) -> Vec<Grant> {
        self.actions.iter().chain(&self.keys).map(|what| (self.sid.clone(), what.clone())).collect()
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let own = |text: &Value| text.as_str().expect("a text").to_owned();
    match value {
        Value::Sequence(texts) => texts.iter().map(own).collect(),
        text => vec![own(text)],
    }
}

/// The table, one of its indexes, or another resource as it is written.
fn resource(value: &Value) -> String {
    let Value::Tagged(tagged) = value else { return value.as_str().expect("a text").to_owned() };
    let Some(text) = tagged.value.as_str() else { return format!("{tagged:?}") };
    match text {
        "Table.Arn" => "table".to_owned(),
        text => text.replace("${Table.Arn}", "table"),
    }
}
