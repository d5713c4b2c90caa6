//! Paths that need a person whatever a change there does: sign-in, permissions, cryptography, money, secrets.
//!
//! Only words that leave no doubt decide. `models`, `queries`, `session`, `token` or `integration` in a path say nothing
//! about a change, so they are not here: what a change does is looked at by `effects`. Migrations, CI, deployment and
//! dependencies are refused by file in `validators::forbidden_paths`.

use crate::names::split_words;
use autofix_domain::report::Category;

/// Words of a folder's or file's name, by category and why code there is left to people.
const STRONG_WORDS: &[(Category, &str, &str)] = &[
    (
        Category::Security,
        "decides who someone is",
        "\
        auth authn authentication authenticate login signin oauth oauth2 saml oidc sso ldap mfa totp \
        otp",
    ),
    (Category::Security, "decides whether a token is genuine", "jwt"),
    (Category::Security, "decides whether a request is genuine", "csrf"),
    (
        Category::Security,
        "decides what someone may do",
        "authz authorization permission permissions acl rbac",
    ),
    (Category::Security, "is named after the protection it gives", "security"),
    (Category::Security, "encrypts, signs or hashes", "crypto cryptography encryption signing"),
    (Category::Security, "handles secrets", "password passwords credential credentials secret secrets"),
    (
        Category::Payments,
        "moves money",
        "\
        payment payments payout payouts refund refunds wallet ledger stripe paypal",
    ),
    (Category::Payments, "decides what someone pays", "billing invoice invoices invoicing pricing checkout"),
];

/// What a path says about every change there: at most one sentence for each category.
pub fn sensitive_path(path: &str) -> Vec<(Category, String)> {
    let words = split_words(path);
    let mut found: Vec<(Category, String)> = Vec::new();
    for (category, why, strong) in STRONG_WORDS {
        let word = strong.split_ascii_whitespace().find(|word| words.iter().any(|one| one == word));
        if let Some(word) = word.filter(|_| found.iter().all(|(known, _)| known != category)) {
            found.push((*category, format!("The path `{path}` names `{word}`: code there {why}.")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_leave_no_doubt_decide() {
        let of = |path: &str| -> Vec<Category> {
            sensitive_path(path).into_iter().map(|(category, _)| category).collect()
        };
        for path in ["app/auth.py", "core/jwt_utils.py", "web/LoginForm.tsx", "netbox/authentication/misc.py"]
        {
            assert_eq!(of(path), [Category::Security], "{path}");
        }
        for path in ["app/billing/views.py", "src/StripeClient.ts"] {
            assert_eq!(of(path), [Category::Payments], "{path}");
        }
        for path in
            ["app/models/address.py", "db/queries.ts", "player/session.js", "lexer/tokens.go", "author.py"]
        {
            assert_eq!(of(path), [], "{path}");
        }
    }
}
