//! Which addresses the page links to: GitHub's and Sentry's own, over HTTPS. An address comes from an event or from an
//! answer; one that is not of these hosts stays text.

use url::{Host, Url};

use crate::Queries;

/// Sentry gives each organisation and each region a host below this one.
const SENTRY_CLOUD: &str = "sentry.io";

impl Queries {
    /// The address of a pull request, where it is one of the configured GitHub.
    pub(super) fn github_link(&self, address: &str) -> Option<String> {
        let base = &self.config.github_url;
        link(address, base, |host| {
            let api = base.host_str().unwrap_or_default();
            host == api.strip_prefix("api.").unwrap_or(api)
        })
    }

    /// The address of an issue, where it is one of the configured Sentry.
    pub(super) fn sentry_link(&self, address: &str) -> Option<String> {
        let base = &self.config.sentry_url;
        link(address, base, |host| {
            let own = base.host_str().unwrap_or_default();
            host == own || (is_below(own, SENTRY_CLOUD) && is_below(host, SENTRY_CLOUD))
        })
    }
}

fn link(address: &str, base: &Url, is_expected: impl Fn(&str) -> bool) -> Option<String> {
    let url = Url::parse(address).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let expected = url.scheme() == "https" && url.port().is_none() && is_expected(url.host_str()?);
    // A server on a port of its own; without TLS only where it is this very machine, which is the sandbox.
    let is_the_base = url.origin() == base.origin() && (url.scheme() == "https" || is_loopback(&url));
    (expected || is_the_base).then(|| url.into())
}

fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, address: &str, expected: bool) {
        let base = Url::parse(base).unwrap();
        let host = base.host_str().unwrap().to_owned();
        let web = host.strip_prefix("api.").unwrap_or(&host).to_owned();
        let linked = link(address, &base, |host| host == web || is_below(host, SENTRY_CLOUD));
        assert_eq!(linked.is_some(), expected, "{address}: {linked:?}");
    }

    #[test]
    fn only_the_expected_hosts_over_https_become_links() {
        let github = "https://api.github.com";
        check(github, "https://github.com/acme/shop/pull/1", true);
        check(github, "https://acme.sentry.io/issues/1", true);
        for wrong in [
            "http://github.com/acme/shop/pull/1",
            "https://github.com.evil.example/",
            "https://evilgithub.com/",
            "https://github.com@evil.example/",
            "https://user:word@github.com/",
            "https://github.com:8443/",
            "https://notsentry.io/",
            "javascript:alert(1)//https://github.com/",
            "data:text/html,https://github.com/",
            "//github.com/",
            "\u{1}javascript:alert(1)",
            "",
        ] {
            check(github, wrong, false);
        }
    }

    #[test]
    fn a_server_of_ones_own_is_linked_at_its_own_port_and_without_tls_only_on_this_machine() {
        check("https://git.acme.example:8443/api/v3", "https://git.acme.example:8443/acme/shop/pull/1", true);
        check("http://127.0.0.1:4010", "http://127.0.0.1:4010/acme/shop/pull/1", true);
        check("http://127.0.0.1:4010", "http://127.0.0.1:4011/acme/shop/pull/1", false);
        check("http://git.acme.example", "http://git.acme.example/acme/shop/pull/1", false);
    }
}
