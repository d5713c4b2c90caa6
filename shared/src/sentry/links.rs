//! What Sentry's own addresses tell: organisation, project, issue.
//!
//! Four ages are in use, `/{org}/{project}/issues/{id}/` up to Sentry 9, `/api/0/issues/{id}/`, `/api/0/organizations/{org}/issues/{id}/` with
//! `/api/0/projects/{org}/{project}/events/{id}/`, and for people `/organizations/{org}/issues/{id}/`
//! or `https://{org}.sentry.io/issues/{id}/`.

use super::wire::Leaf;
use crate::cleaning::one_line;
use crate::incident::Incident;

/// Longest slug that Sentry gives is 50 characters; ids are shorter.
const MAX_SLUG_CHARS: usize = 100;
const MAX_LINK_CHARS: usize = 500;
/// Hosts below `sentry.io` that are regions or pages, not organisations.
const NOT_ORGANIZATIONS: [&str; 6] = ["www", "us", "de", "docs", "status", "app"];

/// Where an issue is found in Sentry's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRef {
    /// Slug.
    pub organization: String,
    /// Decimal digits.
    pub issue_id: String,
}

impl IssueRef {
    /// `None` where the incident does not name its organisation.
    pub fn of(incident: &Incident) -> Option<IssueRef> {
        let organization = incident.organization.clone()?;
        Some(IssueRef { organization, issue_id: incident.issue_id.clone() })
    }

    /// From one of Sentry's own addresses, such as the link for people.
    pub fn of_link(address: &str) -> Option<IssueRef> {
        IssueRef::of_page(address, None)
    }

    /// From an address that need not name the organisation.
    pub fn of_page(address: &str, organization: Option<&str>) -> Option<IssueRef> {
        let organization = self::organization(address).or(organization)?.to_owned();
        Some(IssueRef { organization, issue_id: issue_in(address)?.to_owned() })
    }
}

/// Organisation slug named by an address.
pub(super) fn organization(address: &str) -> Option<&str> {
    let parts = path_parts(address);
    let named = after(&parts, "organizations").or_else(|| after(&parts, "projects"));
    let named = named.or_else(|| before_issues(&parts).map(|(organization, _)| organization));
    let host = || {
        let host = address.split_once("://")?.1.split(['/', '?', '#', ':']).next()?;
        host.strip_suffix(".sentry.io").filter(|name| !NOT_ORGANIZATIONS.contains(name))
    };
    named.or_else(host).filter(|slug| is_slug(slug))
}

/// Project slug named by the API address of an event, or by an old address of an issue.
pub(super) fn project(address: &str) -> Option<&str> {
    let parts = path_parts(address);
    let of_api = || parts.get(parts.iter().position(|part| *part == "projects")? + 2).copied();
    let of_old = || before_issues(&parts).map(|(_, project)| project);
    of_api().or_else(of_old).filter(|slug| is_slug(slug))
}

/// Issue id named by an address.
fn issue_in(address: &str) -> Option<&str> {
    after(&path_parts(address), "issues").filter(|id| is_issue_id(id))
}

/// 1 to 20 decimal digits.
pub(super) fn is_issue_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The page of an issue, for people.
pub fn issue_page(sentry: &url::Url, organization: &str, issue_id: &str) -> String {
    format!("{}/organizations/{organization}/issues/{issue_id}/", sentry.as_str().trim_end_matches('/'))
}

/// Whether a text can stand in a path of Sentry's API as it is.
pub(super) fn is_slug(text: &str) -> bool {
    (1..=MAX_SLUG_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !text.bytes().all(|byte| byte == b'.')
}

/// An address that can be shown as a link: web scheme, nothing but printable ASCII, without
/// credentials, query or fragment.
pub(super) fn for_people(address: &str) -> Option<String> {
    let address = one_line(address.split(['?', '#']).next()?, MAX_LINK_CHARS);
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let plain = rest.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
        && !rest.contains(['@', '"', '\'', '<', '>', '|', '`', '\\', '(', ')', '[', ']', '{', '}']);
    (plain && !rest.is_empty() && !rest.starts_with('/')).then_some(address)
}

/// The id given, else the one that an address names (payloads of 2020 have only that).
pub(super) fn issue_id(given: Leaf<'_>, addresses: &[Leaf<'_>]) -> Option<String> {
    match given.words() {
        Some(id) => is_issue_id(&id).then(|| id.into_owned()),
        None => first_in(addresses, issue_in),
    }
}

pub(super) fn slug(leaf: Leaf<'_>) -> Option<String> {
    leaf.text().filter(|text| is_slug(text)).map(String::from)
}

pub(super) fn first_in(addresses: &[Leaf<'_>], find: fn(&str) -> Option<&str>) -> Option<String> {
    addresses.iter().find_map(|address| Some(find(&address.text()?)?.to_owned()))
}

pub(super) fn first_link(addresses: &[Leaf<'_>]) -> Option<String> {
    addresses.iter().find_map(|address| for_people(&address.text()?))
}

fn path_parts(address: &str) -> Vec<&str> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split('/').skip(1).filter(|part| !part.is_empty()).take(10).collect()
}

/// Organisation and project of `/{org}/{project}/issues/…`.
fn before_issues<'a>(parts: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match parts {
        [organization, project, "issues", _, ..] if !matches!(*organization, "api" | "organizations") => {
            Some((organization, project))
        }
        _ => None,
    }
}

fn after<'a>(parts: &[&'a str], name: &str) -> Option<&'a str> {
    let at = parts.iter().position(|part| *part == name)?;
    parts.get(at + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_age_of_address_is_understood() {
        let people = "https://sentry.io/organizations/acme/issues/117/events/e4874d/";
        assert_eq!((organization(people), issue_in(people)), (Some("acme"), Some("117")));
        let host = "https://acme.sentry.io/issues/118/?referrer=x";
        assert_eq!((organization(host), issue_in(host)), (Some("acme"), Some("118")));
        let api = "https://us.sentry.io/api/0/organizations/acme/issues/119/";
        assert_eq!((organization(api), issue_in(api)), (Some("acme"), Some("119")));
        let old = "https://sentry.io/api/0/issues/120/";
        assert_eq!((organization(old), issue_in(old)), (None, Some("120")));
        let event = "https://sentry.io/api/0/projects/acme/bookshop/events/e4874d/";
        assert_eq!((organization(event), project(event)), (Some("acme"), Some("bookshop")));
        let oldest = "https://sentry.acme.example/acme/bookshop/issues/121/?referrer=webhooks_plugin";
        assert_eq!((organization(oldest), project(oldest)), (Some("acme"), Some("bookshop")));
        assert_eq!(issue_in(oldest), Some("121"));
        assert_eq!((organization(api), project(api)), (Some("acme"), None));
        assert_eq!((organization(old), project(old)), (None, None));
        assert_eq!(organization("https://us.sentry.io/issues/1/"), None);
        assert_eq!(organization("https://a%2Fb.sentry.io/issues/1/"), None);
        assert_eq!(issue_in("https://sentry.io/issues/../secrets/"), None);
    }

    #[test]
    fn only_a_plain_web_address_becomes_a_link() {
        let link = "https://acme.sentry.io/issues/118/";
        assert_eq!(for_people(&format!("{link}?a=b#c")).as_deref(), Some(link));
        for bad in
            ["javascript:alert(1)", "https://", "https:///x", "https://a@b/", "https://a b/", "https://a/|x>"]
        {
            assert_eq!(for_people(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_issue_is_found_by_its_link() {
        let link = "https://sentry.io/organizations/acme/issues/117/events/e4874d/";
        let issue = IssueRef { organization: "acme".to_owned(), issue_id: "117".to_owned() };
        assert_eq!(IssueRef::of_link(link), Some(issue));
        assert_eq!(
            IssueRef::of_link("https://sentry.io/issues/117/"),
            None,
            "which organisation is not said"
        );
        assert_eq!(IssueRef::of_link("https://sentry.io/organizations/acme/issues/../"), None);
    }
}
