//! Which category a path, a name, a module, a call or a literal belongs to.

use std::sync::LazyLock;

use regex::Regex;

use super::vocabulary::{
    CLIENT_CALLS, CLIENT_RECEIVERS, DATABASE_CALLS, DATABASE_CALLS_ON_CLASS, DATABASE_CALLS_ON_RECEIVER,
    DATABASE_RECEIVERS, MODULES, NAME_PAIRS, NAME_WORDS, NETWORK_NAMES, PATH_WORDS,
};
use crate::analysis::report::Category;
use crate::analysis::syntax::Family;
use crate::analysis::syntax::references::{Origin, Reference, Use};

/// A string literal that begins as an SQL statement does. Prose such as "select one from the list"
/// has words between `select` and `from` without commas.
static SQL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^[a-zA-Z]{0,2}["'`]{1,3}\s*(?:
          SELECT\b[\s\S]+\bFROM\b
        | select\s+(?:\*|[\w.]+(?:\s*,\s*[\w.]+)*)\s+from\s+\w
        | (?:INSERT|insert)\s+(?:INTO|into)\b
        | (?:UPDATE|update)\s+\S+\s+(?:SET|set)\b
        | (?:DELETE|delete)\s+(?:FROM|from)\b
        | (?:CREATE|ALTER|DROP|TRUNCATE)\s+(?:TABLE|INDEX|VIEW)\b
        | WITH\s+\w+\s+AS\b )"#,
    )
    .expect("the pattern is constant and tested")
});

/// Base classes of database models, in a class header with single spaces.
static MODEL_CLASS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)\b(?: Base | DeclarativeBase | SQLModel | Document | EmbeddedDocument | models\x20\.\x20Model
        | db\x20\.\x20Model | AbstractUser | Migration
        | ApplicationRecord | ActiveRecord | extends\x20Model | extends\x20Eloquent )\b
        | @\x20(?:Entity|MappedSuperclass|Table)\b
        | derive\x20\(.*\b(?:Queryable|Insertable|FromRow|DeriveEntityModel|AsChangeset)\b",
    )
    .expect("the pattern is constant and tested")
});

static GUARDING_DECORATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)validator\b | \b(?:login|permission|auth\w*|role|scope)s?_required | requires_
        | permission_classes | csrf
        | ^@\x20(?:PreAuthorize|PostAuthorize|Secured|RolesAllowed|Valid|Validated)\b | IsGranted",
    )
    .expect("the pattern is constant and tested")
});

/// Categories that a path names, with the word that says so.
pub(super) fn category_of_path(path: &str) -> Vec<(Category, String)> {
    listed(PATH_WORDS, &words(path))
}

/// Categories that a name or a line of text names, with the word that says so.
pub(super) fn category_of_name(name: &str) -> Vec<(Category, String)> {
    let words = words(name);
    let mut found = listed(NAME_WORDS, &words);
    let joined = format!(" {} ", words.join(" "));
    let pairs = NAME_PAIRS.iter().filter(|(_, pair)| joined.contains(&format!(" {pair} ")));
    found.extend(pairs.map(|(category, pair)| (*category, (*pair).to_owned())));
    found
}

/// The category of a module by what it is for.
pub(super) fn category_of_module(module: &str) -> Option<Category> {
    let module = module.strip_prefix("node:").unwrap_or(module);
    let is_below = |known: &str| {
        module.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    };
    let listing = MODULES.iter().find(|(_, list)| list.split_ascii_whitespace().any(is_below));
    listing.map(|(category, _)| *category)
}

/// The category of a name by what it was imported from, or of a call by what it is made on.
pub(super) fn category_of_reference(family: Family, reference: &Reference<'_>) -> Option<Category> {
    let path = reference.path.as_str();
    let imported = reference.origin == Origin::Imported;
    if has_word(NETWORK_NAMES, path) {
        return Some(Category::ExternalApi);
    }
    if imported && let Some(category) = category_of_module(path) {
        return Some(category);
    }
    if reference.how != Use::Called {
        return None;
    }
    // What is called from the project's own `db` or `billing` package belongs there. A package that
    // is only named after security, such as `validators`, is used by harmless code too.
    let mut by_package = if imported { category_of_path(path) } else { Vec::new() };
    by_package.retain(|(category, _)| *category != Category::Security);
    by_package.first().map(|(category, _)| *category).or_else(|| category_of_call(family, path))
}

fn category_of_call(family: Family, path: &str) -> Option<Category> {
    let (object, method) = path.rsplit_once('.')?;
    let called_on: Vec<String> = object.split('.').flat_map(words).collect();
    let on = |receivers: &str| called_on.iter().any(|word| has_word(receivers, word));
    let on_database = has_word(DATABASE_CALLS_ON_RECEIVER, method) && on(DATABASE_RECEIVERS);
    let on_record = matches!(family, Family::Ruby | Family::Php)
        && object.rsplit('.').next().is_some_and(|class| class.starts_with(|c: char| c.is_ascii_uppercase()))
        && has_word(DATABASE_CALLS_ON_CLASS, method);
    if has_word(DATABASE_CALLS, method) || on_database || on_record {
        return Some(Category::Database);
    }
    (has_word(CLIENT_CALLS, method) && on(CLIENT_RECEIVERS)).then_some(Category::ExternalApi)
}

/// Whether a class, given its header, is a model of a database.
pub(super) fn category_of_class(signature: &str) -> Option<Category> {
    MODEL_CLASS.is_match(signature).then_some(Category::Database)
}

/// Whether a decorator makes a function a guard or a validator.
pub(super) fn category_of_decorator(decorator: &str) -> Option<Category> {
    GUARDING_DECORATOR.is_match(decorator).then_some(Category::Security)
}

pub(super) fn holds_sql(literal: &str) -> bool {
    SQL.is_match(literal)
}

fn listed(lists: &[(Category, &str)], words: &[String]) -> Vec<(Category, String)> {
    let first = |list: &str| words.iter().find(|word| has_word(list, word)).cloned();
    lists.iter().filter_map(|(category, list)| Some((*category, first(list)?))).collect()
}

fn has_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// The words of a name in lower case, split at punctuation, underscores and capitals.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_is_lower = false;
    for character in text.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && previous_is_lower) {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            let word = words.last_mut().expect("the list starts with one word and only grows");
            word.extend(character.to_lowercase());
        }
        previous_is_lower = character.is_lowercase() || character.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}
