//! Which sensitive areas a change touches, seen by code: paths, names, and what the functions
//! around the changed lines call. It only ever adds to what the model says; business rules cannot
//! be seen here.
//!
//! What a *file* imports does not count, only what the touched functions use: in a web application
//! nearly every file imports the database somewhere.

mod recognition;
mod vocabulary;

use std::collections::BTreeSet;

use crate::analysis::diff::{FileChange, Hunk, hunks};
use crate::analysis::report::Category;
use crate::analysis::syntax::definitions::{Definition, definitions, enclosing_class, enclosing_function};
use crate::analysis::syntax::imports::{Bindings, imports};
use crate::analysis::syntax::references::{Reference, Use, references, references_below};
use crate::analysis::syntax::{Family, Language, Parsed, Walk, visit_below};
use recognition::{
    category_of_class, category_of_decorator, category_of_module, category_of_name, category_of_path,
    category_of_reference, holds_sql,
};

/// The categories of a change with a sentence each, at most one for each category.
pub fn categories_of(files: &[FileChange]) -> Vec<(Category, String)> {
    let mut found = Found::default();
    if files.len() > 1 {
        found.add(Category::MultiFile, || format!("The fix changes {} files.", files.len()));
    }
    for file in files {
        look_at_path(&file.path, &mut found);
        let hunks = hunks(file);
        match Language::of_path(&file.path) {
            Some(language) => {
                let sides = [
                    (Parsed::new(language, &file.before), Side::Before),
                    (Parsed::new(language, &file.after), Side::After),
                ];
                for (parsed, side) in &sides {
                    look_at_tree(parsed, &lines_of(&hunks, *side), &mut found);
                }
            }
            None => look_at_text(&hunks, &mut found),
        }
    }
    found.0
}

/// The categories of a place that is not changed yet: the path, and the functions around lines of
/// it, counted from 1. Tells what a fix there would touch before one is paid for.
pub fn categories_of_place(path: &str, text: &str, lines: &BTreeSet<u32>) -> Vec<(Category, String)> {
    let mut found = Found::default();
    look_at_path(path, &mut found);
    if let Some(language) = Language::of_path(path) {
        look_at_tree(&Parsed::new(language, text), lines, &mut found);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<(Category, String)>);

impl Found {
    fn add(&mut self, category: Category, why: impl FnOnce() -> String) {
        if self.0.iter().all(|(known, _)| *known != category) {
            self.0.push((category, why()));
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

fn lines_of(hunks: &[Hunk], side: Side) -> BTreeSet<u32> {
    let of_side = |hunk: &'_ Hunk| match side {
        Side::Before => hunk.removed.iter().map(|line| line.number).collect::<Vec<_>>(),
        Side::After => hunk.added.iter().map(|line| line.number).collect(),
    };
    hunks.iter().flat_map(of_side).collect()
}

fn look_at_path(path: &str, found: &mut Found) {
    for (category, word) in category_of_path(path) {
        found.add(category, || format!("The path `{path}` names `{word}`."));
    }
}

fn look_at_tree(parsed: &Parsed<'_>, changed: &BTreeSet<u32>, found: &mut Found) {
    let walk = Walk::of(parsed);
    let definitions = definitions(&walk);
    let imports = imports(&walk);
    let bindings = Bindings::of(&imports);
    let mut touched: Vec<&Definition<'_>> = Vec::new();
    for &line in changed {
        if let Some(class) = enclosing_class(&definitions, line)
            && let Some(category) =
                class.decorators.iter().chain([&class.signature]).find_map(|text| category_of_class(text))
        {
            found.add(category, || format!("`{}` is a model of the database.", class.name));
        }
        let function = enclosing_function(&definitions, line);
        if let Some(function) =
            function.filter(|function| touched.iter().all(|one| one.node != function.node))
        {
            touched.push(function);
        }
    }
    for function in touched {
        look_at_function(parsed, function, &bindings, found);
    }
    // The changed lines themselves, wherever they stand: here plain names count too.
    let references = references(&walk, &bindings);
    for reference in references.iter().filter(|one| changed.contains(&one.line)) {
        look_at_reference(parsed.family(), reference, found);
        for (category, word) in category_of_name(&reference.path) {
            found.add(category, || format!("The changed lines use `{}` (`{word}`).", reference.path));
        }
    }
    for import in imports.iter().filter(|import| changed.contains(&import.line)) {
        if let Some(category) = category_of_module(&import.module) {
            found.add(category, || format!("The changed lines import `{}`.", import.module));
        }
    }
}

fn look_at_function(parsed: &Parsed<'_>, function: &Definition<'_>, bindings: &Bindings, found: &mut Found) {
    let name = &function.qualified_name;
    for (category, word) in category_of_name(name) {
        found.add(category, || format!("`{name}` is named after `{word}`."));
    }
    for decorator in &function.decorators {
        if let Some(category) = category_of_decorator(decorator) {
            found.add(category, || format!("`{name}` is decorated as `{decorator}`."));
        }
    }
    let body = function.body();
    for reference in references_below(parsed, body, bindings) {
        look_at_reference(parsed.family(), &reference, found);
        if reference.how == Use::Called {
            for (category, word) in category_of_name(&reference.path) {
                found.add(category, || format!("`{name}` calls `{}` (`{word}`).", reference.path));
            }
        }
    }
    visit_below(body, |node, position| {
        let is_literal = position.kind.contains("string") && !position.parent_kind.contains("string");
        // Text between markers, without quotes of its own.
        let in_heredoc = position.kind == "heredoc_body";
        let text = parsed.text_of(node).trim_start_matches(['r', '#']);
        if (is_literal && holds_sql(text)) || (in_heredoc && holds_sql(&format!("\"{text}"))) {
            found.add(Category::Database, || format!("`{name}` holds an SQL statement."));
        }
    });
}

fn look_at_reference(family: Family, reference: &Reference<'_>, found: &mut Found) {
    if let Some(category) = category_of_reference(family, reference) {
        found.add(category, || {
            format!("The touched code uses `{}` in line {}.", reference.path, reference.line)
        });
    }
}

/// Without a grammar the changed lines are read as words.
fn look_at_text(hunks: &[Hunk], found: &mut Found) {
    for line in hunks.iter().flat_map(|hunk| hunk.added.iter().chain(&hunk.removed)) {
        for (category, word) in category_of_name(&line.text) {
            found.add(category, || format!("Line {} names `{word}`.", line.number));
        }
        if holds_sql(&line.text) {
            found.add(Category::Database, || format!("Line {} holds an SQL statement.", line.number));
        }
    }
}

#[cfg(test)]
mod tests;
