//! Paths that need a person whatever a change there does: sign-in, permissions, cryptography, money, secrets.
//!
//! Only words that leave no doubt decide. `models`, `queries`, `session`, `token` or `integration` in a path say nothing
//! about a change, so they are not here: what a change does is looked at by `effects`. Migrations, CI, deployment and
//! dependencies are refused by file in `validators::forbidden_paths`.

use autofix_domain::report::Category;

/// A word of a folder or file name, the category, and why code there is left to people.
const STRONG_WORDS: &[(&str, Category, &str)] = &[
    ("auth", Category::Security, "decides who someone is"),
    ("authn", Category::Security, "decides who someone is"),
    ("authentication", Category::Security, "decides who someone is"),
    ("authenticate", Category::Security, "decides who someone is"),
    ("login", Category::Security, "decides who someone is"),
    ("signin", Category::Security, "decides who someone is"),
    ("oauth", Category::Security, "decides who someone is"),
    ("oauth2", Category::Security, "decides who someone is"),
    ("saml", Category::Security, "decides who someone is"),
    ("oidc", Category::Security, "decides who someone is"),
    ("sso", Category::Security, "decides who someone is"),
    ("ldap", Category::Security, "decides who someone is"),
    ("mfa", Category::Security, "decides who someone is"),
    ("totp", Category::Security, "decides who someone is"),
    ("otp", Category::Security, "decides who someone is"),
    ("jwt", Category::Security, "decides whether a token is genuine"),
    ("csrf", Category::Security, "decides whether a request is genuine"),
    ("authz", Category::Security, "decides what someone may do"),
    ("authorization", Category::Security, "decides what someone may do"),
    ("permission", Category::Security, "decides what someone may do"),
    ("permissions", Category::Security, "decides what someone may do"),
    ("acl", Category::Security, "decides what someone may do"),
    ("rbac", Category::Security, "decides what someone may do"),
    ("security", Category::Security, "is named after the protection it gives"),
    ("crypto", Category::Security, "encrypts, signs or hashes"),
    ("cryptography", Category::Security, "encrypts, signs or hashes"),
    ("encryption", Category::Security, "encrypts, signs or hashes"),
    ("signing", Category::Security, "encrypts, signs or hashes"),
    ("password", Category::Security, "handles secrets"),
    ("passwords", Category::Security, "handles secrets"),
    ("credential", Category::Security, "handles secrets"),
    ("credentials", Category::Security, "handles secrets"),
    ("secret", Category::Security, "handles secrets"),
    ("secrets", Category::Security, "handles secrets"),
    ("payment", Category::Payments, "moves money"),
    ("payments", Category::Payments, "moves money"),
    ("payout", Category::Payments, "moves money"),
    ("payouts", Category::Payments, "moves money"),
    ("refund", Category::Payments, "moves money"),
    ("refunds", Category::Payments, "moves money"),
    ("wallet", Category::Payments, "moves money"),
    ("ledger", Category::Payments, "moves money"),
    ("stripe", Category::Payments, "moves money"),
    ("paypal", Category::Payments, "moves money"),
    ("billing", Category::Payments, "decides what someone pays"),
    ("invoice", Category::Payments, "decides what someone pays"),
    ("invoices", Category::Payments, "decides what someone pays"),
    ("invoicing", Category::Payments, "decides what someone pays"),
    ("pricing", Category::Payments, "decides what someone pays"),
    ("checkout", Category::Payments, "decides what someone pays"),
];

/// What a path says about every change there: at most one sentence for each category.
pub fn sensitive_path(path: &str) -> Vec<(Category, String)> {
    let words = words(path);
    let mut found: Vec<(Category, String)> = Vec::new();
    for (word, category, why) in STRONG_WORDS {
        if words.iter().any(|one| one == word) && found.iter().all(|(known, _)| known != category) {
            found.push((*category, format!("The path `{path}` names `{word}`: code there {why}.")));
        }
    }
    found
}

/// The words of a name in lower case, split at punctuation, underscores and capitals.
pub(crate) fn words(text: &str) -> Vec<String> {
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
