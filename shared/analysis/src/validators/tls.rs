//! Switching off the check of who is at the other end of a connection.

use super::reviewed::{Finding, Reviewed, Side, places};
use crate::names::has;
use autofix_domain::reason::{Reason, ReasonCode};

/// Settings that must stay on. Names without case and underscores.
const MUST_STAY_ON: &str = "\
    verify verifyssl verifytls verifycerts verifyhostname checkhostname asserthostname sslverify \
    validatecerts rejectunauthorized strictssl sslcertreqs verifypeer verifypeername verifymode \
    curloptsslverifypeer curloptsslverifyhost curloptsslverifystatus";
/// Settings that must stay off.
const MUST_STAY_OFF: &str = "\
    insecureskipverify insecure allowinsecure allowinvalidcertificates tlsinsecure \
    nodetlsrejectunauthorized dangeracceptinvalidcerts dangeracceptinvalidhostnames \
    tlsdangeracceptinvalidcerts allowselfsigned trustall";
/// Names whose only use is to check less.
const NAMES: &str = "\
    ssl._create_unverified_context ssl._create_default_https_context ssl.CERT_NONE \
    ssl.VerifyMode.CERT_NONE urllib3.disable_warnings requests.packages.urllib3.disable_warnings \
    OpenSSL.SSL.VERIFY_NONE";

/// The same, anywhere in a path.
const PARTS: &str = "\
    NoopHostnameVerifier ALLOW_ALL_HOSTNAME_VERIFIER AllowAllHostnameVerifier TrustAllStrategy \
    TrustSelfSignedStrategy InsecureTrustManagerFactory setHostnameVerifier \
    setDefaultHostnameVerifier X509TrustManager SslVerifyMode withoutVerifying";

pub(super) fn tls_disabled(file: &Reviewed<'_>) -> Option<Reason> {
    let added = file.newly_found(weakened);
    (!added.is_empty()).then(|| {
        let detail = format!("The fix switches off the check of certificates: {}.", places(&added));
        Reason::new(ReasonCode::TlsDisabled, detail)
    })
}

fn weakened(side: &Side<'_>) -> Vec<Finding> {
    let of_settings = side.settings().iter().filter_map(|setting| {
        let name = setting.name.replace(['_', '-'], "").to_lowercase();
        let value = setting.value.trim_matches(['"', ' ']).to_lowercase();
        let off = matches!(value.as_str(), "false" | "0" | "none" | "ssl . cert_none" | "cert_none");
        let weak = (has(MUST_STAY_ON, &name) && off)
            || (name == "ssl" && value == "false")
            || (name == "certreqs" && value.contains("cert_none"))
            || (name == "nodetlsrejectunauthorized" && value == "0")
            || (has(MUST_STAY_OFF, &name) && matches!(value.as_str(), "true" | "1"));
        weak.then(|| Finding::new(format!("{} = {}", setting.name, setting.value), setting.line))
    });
    let of_names = side
        .references()
        .iter()
        .filter(|one| has(NAMES, &one.path) || one.path.split('.').any(|part| has(PARTS, part)))
        .map(|one| Finding::new(one.path.as_str(), one.line));
    of_settings.chain(of_names).collect()
}
