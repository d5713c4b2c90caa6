//! `outline`.

use std::fmt::Write;

use super::{MAX_ANSWER_BYTES, MAX_ANSWER_LINES, OutlineInput, Toolbox, counted};
use crate::syntax::definitions::{DefinitionKind, definitions};
use crate::syntax::{Language, Parsed, Walk};
use autofix_domain::cleaning;

/// Characters of one signature; a longer one is cut.
const MAX_SIGNATURE_CHARS: usize = 300;

impl Toolbox<'_> {
    pub(super) fn outline(&self, input: &OutlineInput) -> Result<String, String> {
        let (path, text) = self.text(&input.path)?;
        let Some(language) = Language::of_path(path.as_str()) else {
            return Err(format!(
                "The language of `{path}` has no outline here; read the file with `read_file`, or find its \
                 definitions with `search`."
            ));
        };
        let parsed = Parsed::new(language, text);
        let found = definitions(&Walk::of(&parsed));
        if found.is_empty() {
            return Ok(format!("`{path}` defines no function and no class by name.\n"));
        }
        let mut answer = format!("{} in `{path}`:\n", counted(found.len(), "definition", "definitions"));
        for (shown, one) in found.iter().enumerate() {
            let kind = match one.kind {
                DefinitionKind::Function => "function",
                DefinitionKind::Class => "class",
            };
            let signature = one.written_signature(&parsed).split_whitespace().collect::<Vec<_>>().join(" ");
            let signature = cleaning::one_line(&signature, MAX_SIGNATURE_CHARS);
            let name = cleaning::one_line(&one.qualified_name, MAX_SIGNATURE_CHARS);
            if shown == MAX_ANSWER_LINES || answer.len() + signature.len() + name.len() > MAX_ANSWER_BYTES {
                let left_out = found.len() - shown;
                // Writing to a `String` cannot fail.
                let _ = writeln!(answer, "({left_out} more left out; find them with `search`)");
                break;
            }
            let (from, to) = (one.lines.start(), one.lines.end());
            let _ = writeln!(answer, "{from:>5}-{to} | {kind} `{name}`: {signature}");
        }
        Ok(answer)
    }
}
