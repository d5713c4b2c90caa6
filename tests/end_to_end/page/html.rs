//! Reads a page as a browser would, strictly: only tags and attributes that the page is meant to have, every tag
//! closed, every address one of ours or an expected one. Text that got through as markup cannot pass.

/// Tags that have none but the global attributes.
const PLAIN: &str = "article aside body br caption code col colgroup datalist dd del div dl dt em fieldset figcaption \
    figure h1 h2 h3 head header hr ins legend li main mark nav ol p pre s search section span strong \
    summary table tbody tfoot thead title tr ul";
/// Tags, each with the attributes that it may have beside the global ones.
const TAGS: &[(&str, &str)] = &[
    ("a", "href rel"),
    ("button", "type name value formnovalidate"),
    ("circle", "cx cy r"),
    ("details", "open"),
    ("form", "method action"),
    ("html", "lang"),
    ("input", "type name value list maxlength autocomplete autocapitalize spellcheck required autofocus"),
    ("label", "for"),
    ("line", "x1 x2 y1 y2"),
    ("link", "rel href"),
    ("meta", "charset name content"),
    ("option", "value selected"),
    ("polyline", "points"),
    ("rect", "x y width height"),
    ("script", "src defer"),
    ("select", "name"),
    ("svg", "viewBox"),
    ("td", "colspan"),
    ("text", "x y text-anchor"),
    ("textarea", "name maxlength rows required"),
    ("th", "scope"),
    ("time", "datetime"),
];
const GLOBAL: &[&str] = &["id", "class", "title", "role", "hidden", "tabindex"];
const VOID: &[&str] = &["br", "col", "hr", "input", "link", "meta"];

/// A tag with its attributes.
#[derive(Clone, Debug)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Every opening tag of a page that is as it should be. `hosts` are the beginnings of addresses elsewhere.
#[track_caller]
pub fn checked(page: &str, hosts: &[&str]) -> Vec<Tag> {
    let rest = page.strip_prefix("<!doctype html>").unwrap_or_else(|| panic!("no doctype: {page}"));
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut parts = rest.split('<');
    assert_eq!(parts.next().map(str::trim), Some(""));
    for part in parts {
        let (inside, text) = part.split_once('>').unwrap_or_else(|| panic!("an open tag: <{part}"));
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in the wrong order: </{name}> {text}");
            continue;
        }
        let tag = tag(inside);
        check(&tag, hosts);
        if tag.name == "script" {
            assert_eq!(text, "", "a script of the page's own");
        }
        if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an id stands twice: {ids:?}");
    tags
}

fn is_in(names: &str, name: &str) -> bool {
    names.split(' ').any(|known| known == name)
}

#[track_caller]
fn check(tag: &Tag, hosts: &[&str]) {
    let known = TAGS.iter().find(|(name, _)| *name == tag.name).map(|(_, own)| *own);
    let known = known.or_else(|| is_in(PLAIN, &tag.name).then_some(""));
    let own = known.unwrap_or_else(|| panic!("a tag that no page has: {tag:?}"));
    for (name, value) in &tag.attributes {
        let is_known = is_in(own, name)
            || GLOBAL.contains(&name.as_str())
            || name.starts_with("aria-")
            || name.starts_with("data-");
        assert!(is_known, "an attribute that no `{}` has: {tag:?}", tag.name);
        if ["href", "src", "action"].contains(&name.as_str()) {
            let ours = value.starts_with("/autofix/") || value == "#main";
            let expected = hosts.iter().any(|host| value.starts_with(host));
            assert!(ours || expected, "an address that nobody expects: {tag:?}");
        }
    }
}

/// `name a="b" c`: values are quoted, always.
#[track_caller]
fn tag(inside: &str) -> Tag {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find([' ', '\n', '=']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            Some(after) => {
                let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("<{inside}>"));
                rest = after;
                value
            }
            None => {
                assert!(!rest.starts_with('='), "a value without quotes: <{inside}>");
                ""
            }
        };
        attributes.push((name.to_owned(), text(value)));
    }
    Tag { name: name.to_owned(), attributes }
}

/// Escaped text as people read it.
pub fn text(escaped: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'")];
    let numbered = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#38;", "&"), ("&amp;", "&")];
    named.iter().chain(&numbered).fold(escaped.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// All text of a page, tags left out, blanks made one.
pub fn shown(page: &str) -> String {
    let outside = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    text(&outside.collect::<Vec<_>>().join(" ")).split_whitespace().collect::<Vec<_>>().join(" ")
}
