//! Personal data known by form and checksum: e-mail addresses, card numbers, bank accounts (IBAN),
//! telephone numbers in international form.
//!
//! Numbers fill every traceback, so checksums, the ranges that card numbers come from and what
//! stands around a number decide: identifiers, times and hashes stay.

use super::{Finding, URL_PASSWORD};

pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    emails(text, findings);
    numbers(text, findings);
}

/// What ends a file's name rather than a domain's, as in `logo@2x.png`.
const NOT_DOMAINS: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "json", "html", "local"];

fn emails(text: &str, findings: &mut Vec<Finding>) {
    /// Longest local part and longest domain (RFC 5321), bytes.
    const MAX_LOCAL: usize = 64;
    const MAX_DOMAIN: usize = 255;
    // Behind a password in an address stands its host.
    let passwords: Vec<usize> = findings.iter().filter(|f| f.kind == URL_PASSWORD).map(|f| f.end).collect();
    let bytes = text.as_bytes();
    let escaped = memchr::memchr_iter(b'%', bytes).filter(|at| bytes[*at..].starts_with(b"%40"));
    let signs = memchr::memchr_iter(b'@', bytes).map(|at| (at, 1)).chain(escaped.map(|at| (at, 3)));
    for (at, sign) in signs {
        let local = text[..at].char_indices().rev().take(MAX_LOCAL).take_while(|(_, c)| is_local(*c)).last();
        let Some((start, _)) = local else { continue };
        let start = start + text[start..at].bytes().take_while(|byte| *byte == b'.').count();
        let from = at + sign;
        let domain = text[from..].char_indices().take(MAX_DOMAIN).take_while(|(_, c)| is_domain(*c)).last();
        let Some(end) = domain.map(|(offset, c)| from + offset + c.len_utf8()) else { continue };
        let domain = text[from..end].trim_end_matches(['.', '-']);
        let local = &text[start..at];
        // `git@github.com:owner/repository` is nobody, `x@self.weights` a matrix product.
        if passwords.binary_search(&at).is_ok() {
            continue;
        }
        if !local.is_empty() && local != "git" && !domain.starts_with("self.") && is_host(domain) {
            findings.push(Finding { start, end: from + domain.len(), kind: "email" });
        }
    }
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-')
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-')
}

/// At least two labels, the last one letters only.
fn is_host(domain: &str) -> bool {
    let Some((rest, top)) = domain.rsplit_once('.') else { return false };
    let letters = top.chars().all(char::is_alphabetic) && top.chars().nth(1).is_some();
    (letters || top.starts_with("xn--"))
        && !NOT_DOMAINS.contains(&top)
        && rest.split('.').all(|label| !label.is_empty())
}

/// Looks at every run of digits once.
fn numbers(text: &str, findings: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = first_digit(&bytes[at..]) {
        at += found;
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let found = match at.checked_sub(1).map(|before| bytes[before]) {
            Some(b'+') => phone(bytes, at).or_else(|| card(bytes, at, run)),
            Some(letter) if letter.is_ascii_alphabetic() => iban(bytes, at),
            _ => card(bytes, at, run),
        };
        at = match found {
            Some(found) => {
                findings.push(found);
                found.end
            }
            None => at + run,
        };
    }
}

/// Where the first digit is. Eight bytes at a time, since most of them are none.
fn first_digit(bytes: &[u8]) -> Option<usize> {
    const EIGHT: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let value = u64::from_le_bytes(*word) ^ (EIGHT * u64::from(b'0')); // digits become 0 to 9
        let ten_or_more = ((value & (EIGHT * 0x7f)) + EIGHT * (0x80 - 10)) | value;
        let digits = !ten_or_more & (EIGHT * 0x80);
        if digits != 0 {
            return Some(8 * at + digits.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(u8::is_ascii_digit)?;
    Some(8 * words.len() + at)
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
}

/// `+` and 8 to 15 digits, the first not 0 (E.164), with the separators that people write.
fn phone(bytes: &[u8], at: usize) -> Option<Finding> {
    let plus = at.checked_sub(1).filter(|plus| bytes[*plus] == b'+')?;
    let before = plus.checked_sub(1).map(|before| &bytes[before]);
    if bytes[at] == b'0' || is_word(before) || matches!(before, Some(b')' | b']' | b'+')) {
        return None;
    }
    let (mut digits, mut separators, mut end) = (0, 0, at);
    for (offset, byte) in bytes[at..].iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                separators = 0;
                end = at + offset + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if separators < 2 => separators += 1,
            _ => break,
        }
    }
    ((8..=15).contains(&digits) && !is_word(bytes.get(end))).then_some(Finding {
        start: plus,
        end,
        kind: "phone",
    })
}

/// 13 to 19 digits in one piece, or grouped as on a card, from a range that cards are issued in,
/// with a valid check digit. `run` digits stand together at the place.
fn card(bytes: &[u8], at: usize, run: usize) -> Option<Finding> {
    const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];
    let may_be_grouped =
        run == 4 && matches!(bytes[at + run..], [b' ' | b'-', next, ..] if next.is_ascii_digit());
    if !may_be_grouped && !(13..=19).contains(&run) {
        return None;
    }
    let before = at.checked_sub(1).map(|before| &bytes[before]);
    let is_fraction = before == Some(&b'.') && at >= 2 && bytes[at - 2].is_ascii_digit();
    if is_word(before) || is_fraction {
        return None;
    }
    let groupings = GROUPINGS.iter().filter_map(|grouping| grouped(bytes, at, grouping));
    let one_piece = (13..=19).contains(&run).then_some(at + run);
    one_piece.into_iter().chain(groupings).find_map(|end| {
        let digits: Vec<u8> =
            bytes[at..end].iter().filter(|byte| byte.is_ascii_digit()).map(|b| b - b'0').collect();
        let next_is_fraction =
            bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let stands_alone = !is_word(bytes.get(end)) && !next_is_fraction;
        (stands_alone && is_issued(&digits) && luhn(&digits)).then_some(Finding {
            start: at,
            end,
            kind: "card",
        })
    })
}

/// End of groups of these lengths, all separated by the same blank or dash.
fn grouped(bytes: &[u8], at: usize, lengths: &[usize]) -> Option<usize> {
    let separator = *bytes.get(at + lengths[0]).filter(|byte| matches!(byte, b' ' | b'-'))?;
    let mut from = at;
    for (index, length) in lengths.iter().enumerate() {
        if index > 0 {
            bytes.get(from).filter(|byte| **byte == separator)?;
            from += 1;
        }
        bytes.get(from..from + length).filter(|group| group.iter().all(u8::is_ascii_digit))?;
        from += length;
    }
    (!bytes.get(from).is_some_and(u8::is_ascii_digit)).then_some(from)
}

/// The first digits of Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro.
fn is_issued(digits: &[u8]) -> bool {
    let varied = digits.iter().any(|digit| *digit != digits[0]);
    varied && matches!(digits, [4..=6, ..] | [3, 0 | 4..=9, ..] | [2, 2..=7, ..])
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 - if digit > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Countries of the IBAN registry with the length of their numbers.
const IBAN_LENGTHS: &str = "\
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 \
    IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 \
    NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 \
    SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// A bank account: country, two check digits (which `at` points at), the rest; the sum decides.
fn iban(bytes: &[u8], at: usize) -> Option<Finding> {
    let start = at.checked_sub(2)?;
    let before = start.checked_sub(1).map(|before| &bytes[before]);
    let country = &bytes[start..at];
    if is_word(before) || !country.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let entry = |entry: &&str| entry.as_bytes()[..2].eq_ignore_ascii_case(country);
    let length: usize = IBAN_LENGTHS.split_whitespace().find(entry)?[2..].parse().ok()?;
    let mut characters = Vec::with_capacity(length);
    let mut end = start;
    while characters.len() < length {
        match bytes.get(end)? {
            byte if byte.is_ascii_alphanumeric() => characters.push(byte.to_ascii_uppercase()),
            b' ' | b'-' if bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => return None,
        }
        end += 1;
    }
    let valid = !is_word(bytes.get(end)) && iban_remainder(&characters) == 1;
    valid.then_some(Finding { start, end, kind: "iban" })
}

/// The number's remainder of 97 (ISO 13616): the first four characters last, letters as 10 to 35.
fn iban_remainder(characters: &[u8]) -> u32 {
    let turned = characters[4..].iter().chain(&characters[..4]);
    turned.fold(0, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_is_found_wherever_it_stands() {
        for length in 0..20 {
            for digit in ["0", "9"] {
                let other = "/:\u{7f}\0üÿ~@".chars().cycle().take(length).collect::<String>();
                let text = format!("{other}{digit}{}", "x4:/".repeat(4));
                assert_eq!(first_digit(text.as_bytes()), Some(other.len()), "{text:?}");
                assert_eq!(first_digit(other.as_bytes()), None, "{other:?}");
            }
        }
    }
}
