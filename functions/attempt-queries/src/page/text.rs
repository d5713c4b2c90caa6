//! Outside text on its way to a template: cleaned, redacted, capped. A template can show nothing else of it.

use autofix::cleaning;
use autofix::redaction::{Redacted, redact};

/// One line.
pub(super) fn line(text: &str, max_chars: usize) -> Redacted {
    redact(&cleaning::one_line(text, max_chars * 2)).capped(max_chars)
}

/// Prose, by paragraph.
pub(super) fn paragraphs(text: &str, max_chars: usize) -> Vec<Redacted> {
    block(text, max_chars).lines().filter(|line| !line.as_str().trim().is_empty()).collect()
}

/// Text whose lines stay as they are.
pub(super) fn block(text: &str, max_chars: usize) -> Redacted {
    redact(&cleaning::multi_line(text, max_chars * 2)).capped(max_chars)
}
