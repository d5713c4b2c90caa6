//! Packages that a fix imports for the first time. One that is not installed turns a failing
//! request into a failing start, and one with a mistyped name may be somebody's trap.

use super::ProposedChange;
use super::reviewed::{Finding, Reviewed, places};
use super::standard_libraries::is_standard;
use crate::syntax::imports::{Import, imports};
use crate::syntax::{Family, Language, Parsed, Walk};
use autofix_domain::reason::{Reason, ReasonCode};

pub(super) fn import_added(file: &Reviewed<'_>, change: &ProposedChange<'_>) -> Option<Reason> {
    let family = file.sides.as_ref()?.after.parsed.family();
    let added: Vec<Finding> = added(file)
        .into_iter()
        .filter(|(package, import)| {
            !is_own_module(family, import, change.repository_paths)
                && !is_imported_elsewhere(family, package, change)
        })
        .map(|(package, import)| Finding::new(package, import.line))
        .collect();
    (!added.is_empty()).then(|| {
        let detail = format!("The fix imports {}, which the project does not use yet.", places(&added));
        Reason::new(ReasonCode::ImportAdded, detail)
    })
}

/// Packages whose first import in this file the change adds, for the search through the project.
pub(super) fn added_packages(file: &Reviewed<'_>) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let last_word =
        |package: &str| package.rsplit(|c| !is_word(c)).find(|word| !word.is_empty()).map(str::to_owned);
    added(file).iter().filter_map(|(package, _)| last_word(package)).collect()
}

/// Foreign packages that the new text imports and the old one does not, with their import.
fn added(file: &Reviewed<'_>) -> Vec<(String, Import)> {
    let Some(sides) = &file.sides else { return Vec::new() };
    let family = sides.after.parsed.family();
    let known = packages(family, &sides.before.imports);
    packages(family, &sides.after.imports)
        .into_iter()
        .filter(|(package, import)| {
            known.iter().all(|(other, _)| other != package) && !is_standard(family, &import.module)
        })
        .collect()
}

/// Every import that is not relative, by the package that has to be installed for it.
fn packages(family: Family, imports: &[Import]) -> Vec<(String, Import)> {
    let with_package = |import: &Import| Some((package_of(family, &import.module)?, import.clone()));
    imports.iter().filter_map(with_package).collect()
}

/// What has to be installed for a module: `a` for `a.b`, `@a/b` for `@a/b/c`, `github.com/a/b`.
/// `None` for relative imports and the usual aliases of a project's own root.
fn package_of(family: Family, module: &str) -> Option<String> {
    match family {
        Family::Python => module.split('.').next().filter(|top| !top.is_empty()).map(str::to_owned),
        Family::Script => {
            let own =
                module.is_empty() || module.starts_with(['.', '/', '~', '#']) || module.starts_with("@/");
            let parts = if module.starts_with('@') { 2 } else { 1 };
            (!own).then(|| module.split('/').take(parts).collect::<Vec<_>>().join("/"))
        }
        Family::Go => Some(module.split('/').take(3).collect::<Vec<_>>().join("/")),
        Family::Rust => module
            .split('.')
            .next()
            // An enum's or a trait's own names are brought in from its file.
            .filter(|top| !matches!(*top, "crate" | "self" | "super" | ""))
            .filter(|top| !top.starts_with(|c: char| c.is_ascii_uppercase()))
            .map(str::to_owned),
        Family::Java => {
            let is_package = |part: &&str| part.starts_with(|c: char| c.is_ascii_lowercase());
            Some(module.split('.').take_while(is_package).take(3).collect::<Vec<_>>().join("."))
        }
        Family::Ruby => {
            let own = module.is_empty() || module.starts_with(['.', '/']);
            module.split('/').next().filter(|_| !own).map(str::to_owned)
        }
        Family::Php => module.split('.').next().map(str::to_owned),
    }
}

/// Whether a module is a package or file of the repository itself.
pub(super) fn is_own_module(family: Family, import: &Import, repository_paths: &[&str]) -> bool {
    let parts: Vec<&str> = import.module.split('.').collect();
    let (first, last) =
        (parts.first().copied().unwrap_or_default(), parts.last().copied().unwrap_or_default());
    // A folder or a file of that name.
    let has_segment = |extension: &str| {
        let file = format!("{first}.{extension}");
        let mut own = repository_paths.iter().filter(|path| path.ends_with(&format!(".{extension}")));
        own.any(|path| {
            path.split('/').any(|part| part.replace('-', "_") == first || part == file)
                && !path.split('/').any(|part| part == "site-packages")
        })
    };
    let has_file =
        |file: &str| repository_paths.iter().any(|path| *path == file || path.ends_with(&format!("/{file}")));
    match family {
        Family::Python => has_segment("py"),
        Family::Rust => has_segment("rs"),
        Family::Java => {
            let folder = parts.iter().take_while(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
            let folder = format!("/{}/", folder.copied().collect::<Vec<_>>().join("/"));
            let mut sources = repository_paths.iter().filter(|path| path.ends_with(".java"));
            sources.any(|path| format!("/{path}").contains(&folder))
        }
        Family::Ruby => has_file(&format!("{}.rb", import.module)),
        // A namespace ends as the folders do; where it begins is set in `composer.json`.
        Family::Php => {
            let folder = parts.len().checked_sub(2).map(|index| format!("{}/", parts[index]));
            has_file(&format!("{}{last}.php", folder.unwrap_or_default()))
        }
        Family::Script | Family::Go => false,
    }
}

fn is_imported_elsewhere(family: Family, package: &str, change: &ProposedChange<'_>) -> bool {
    change.other_files.iter().any(|(path, text)| {
        let language = Language::of_path(path).filter(|language| language.family() == family);
        language.is_some_and(|language| {
            let imported = || packages(family, &imports(&Walk::of(&Parsed::new(language, text))));
            could_import(text, package) && imported().iter().any(|(other, _)| other == package)
        })
    })
}

/// A fast look before the parser's: whether a text has the last word of a package's name.
fn could_import(text: &str, package: &str) -> bool {
    text.contains(package.rsplit('.').next().unwrap_or(package))
}
