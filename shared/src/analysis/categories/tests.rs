use super::*;

fn found(path: &str, before: &str, after: &str) -> Vec<Category> {
    let change = FileChange { path: path.into(), before: before.into(), after: after.into() };
    let mut categories: Vec<Category> =
        categories_of(&[change]).into_iter().map(|(category, _)| category).collect();
    categories.sort();
    categories
}

/// A file with one function whose last line is changed.
fn in_function(imports: &str, name: &str, body: &str) -> Vec<Category> {
    let text = |last: &str| format!("{imports}\n\n\ndef {name}(item):\n    {body}\n    {last}\n");
    found("shop/labels.py", &text("return item.x"), &text("return item.y"))
}

#[test]
fn paths_name_sensitive_areas() {
    let cases: &[(&str, &[Category])] = &[
        ("app/auth.py", &[Category::Security]),
        ("app/core/jwt_utils.py", &[Category::Security]),
        ("web/src/LoginForm.tsx", &[Category::Security]),
        ("app/db/base.py", &[Category::Database]),
        ("app/order_repository.py", &[Category::Database]),
        ("app/models/address.py", &[Category::Database]),
        ("app/billing/plans.py", &[Category::Payments]),
        ("app/stripe_events.py", &[Category::Payments]),
        ("app/integrations/crm.py", &[Category::ExternalApi]),
        ("backend/bookshop/labels.py", &[]),
        ("app/author_names.py", &[]),
        ("web/src/tokenizer.ts", &[]),
        ("app/dashboard.py", &[]),
    ];
    for (path, expected) in cases {
        assert_eq!(found(path, "a = 1\n", "a = 2\n"), *expected, "{path}");
    }
}

#[test]
fn what_the_touched_function_calls_decides() {
    use Category::{Database, ExternalApi, Payments, Security};
    let cases: &[(&str, &str, &str, &[Category])] = &[
        ("", "label", "session.execute(q)", &[Database]),
        ("", "label", "rows = self.db.query(Item).all()", &[Database]),
        ("", "label", "db.commit()", &[Database]),
        ("from sqlalchemy import select", "label", "q = select(Item)", &[Database]),
        ("", "label", "q = \"SELECT id FROM items\"", &[Database]),
        ("import httpx", "label", "r = httpx.get(item.url)", &[ExternalApi]),
        ("from urllib.request import urlopen as u", "label", "u(item.url)", &[ExternalApi]),
        ("", "label", "self.client.post('/x', json=item)", &[ExternalApi]),
        ("import boto3", "label", "boto3.client('s3')", &[ExternalApi]),
        ("import hashlib", "label", "hashlib.sha256(b'')", &[Security]),
        ("import jwt", "label", "jwt.decode(item)", &[Security]),
        ("from passlib.context import CryptContext as C", "label", "C().hash(item)", &[Security]),
        ("", "get_current_user", "x = 1", &[Security]),
        ("", "reset_password", "x = 1", &[Security]),
        ("import stripe", "label", "stripe.Charge.create()", &[Payments]),
        ("", "refund_order", "x = 1", &[Payments]),
        ("", "label", "charge(item)", &[Payments]),
        ("from shop.db import get_items", "label", "get_items()", &[Database]),
    ];
    for (imports, name, body, expected) in cases {
        assert_eq!(in_function(imports, name, body), *expected, "{imports} {name} {body}");
    }
}

#[test]
fn innocent_code_has_no_category() {
    let cases = [
        ("import stripe, sqlalchemy, jwt, httpx", "address_lines", "lines = [item.get('line1')]"),
        ("", "label", "return ', '.join(part.strip() for part in item.parts)"),
        ("", "label", "value = cache_key.get('a') or settings.get('b')"),
        ("import re", "label", "m = re.compile('a').match(item.text)"),
        ("from datetime import date", "label", "date.today().isoformat()"),
        ("", "label", "names = sorted(item.tags, key=str.lower)"),
        ("", "label", "text = 'select an option from the list'.title()"),
        ("from shop.formatting import title", "label", "title(item.name)"),
        ("", "author_names", "x = item.authors"),
    ];
    for (imports, name, body) in cases {
        assert_eq!(in_function(imports, name, body), [], "{imports} {name} {body}");
    }
}

#[test]
fn a_helper_in_a_file_with_sensitive_neighbours_is_innocent() {
    let file = |line: &str| {
        format!(
            "import httpx\nfrom fastapi import Depends\n\n\ndef label(a):\n    return {line}\n\n\n\
             def charge(session=Depends(get_session)):\n    httpx.post(URL)\n    session.commit()\n"
        )
    };
    assert_eq!(found("shop/orders.py", &file("a.x.strip()"), &file("(a.x or '').strip()")), []);
    let with_dependency = |line: &str| {
        format!("@router.get('/x')\ndef show(user=Depends(get_current_user)):\n    return {line}\n")
    };
    assert_eq!(found("shop/pages.py", &with_dependency("{}"), &with_dependency("{'a': 1}")), []);
}

#[test]
fn changed_lines_outside_functions_are_read_themselves() {
    assert_eq!(found("shop/a.py", "A = 1\n", "import jwt\nA = 1\n"), [Category::Security]);
    assert_eq!(found("shop/a.py", "LIMIT = 1\n", "LIMIT = 2\n"), []);
    let model = |line: &str| format!("class Item(Base):\n    name = {line}\n");
    assert_eq!(found("shop/a.py", &model("Column(1)"), &model("Column(2)")), [Category::Database]);
    let validator = |line: &str| {
        format!("class A(BaseModel):\n    @field_validator('x')\n    def f(cls, v):\n        return {line}\n")
    };
    assert_eq!(found("shop/a.py", &validator("v"), &validator("v or 1")), [Category::Security]);
    assert_eq!(found("shop/a.py", "x = order.amount\n", "x = order.amount or 0\n"), [Category::Payments]);
}

#[test]
fn scripts_and_go_are_read_too() {
    let script = |line: &str| {
        format!(
            "export async function load(id) {{\n  const r = await fetch(`/a/${{id}}`);\n  return {line};\n}}\n"
        )
    };
    assert_eq!(found("web/a.ts", &script("r.a"), &script("r?.a")), [Category::ExternalApi]);
    let innocent = |line: &str| format!("export const label = (a) => {{\n  return {line};\n}};\n");
    assert_eq!(found("web/a.ts", &innocent("a.b.c"), &innocent("a.b?.c ?? ''")), []);
    let go = |line: &str| {
        format!(
            "package a\n\nimport \"net/http\"\n\nfunc f(u string) string {{\n\thttp.Get(u)\n\treturn {line}\n}}\n"
        )
    };
    assert_eq!(found("cmd/a.go", &go("u"), &go("u + u")), [Category::ExternalApi]);
    let handler = |line: &str| {
        format!(
            "package a\n\nimport \"net/http\"\n\nfunc f(w http.ResponseWriter) {{\n\thttp.Error(w, {line}, 500)\n}}\n"
        )
    };
    assert_eq!(found("cmd/a.go", &handler("\"a\""), &handler("\"b\"")), []);
}

#[test]
fn several_files_are_a_category_and_unknown_languages_are_read_as_words() {
    let change =
        |path: &str| FileChange { path: path.into(), before: "a\n".into(), after: "check_password\n".into() };
    let two = categories_of(&[change("a.kt"), change("b.kt")]);
    let words: Vec<Category> = two.iter().map(|(category, _)| *category).collect();
    assert_eq!(words, [Category::MultiFile, Category::Security]);
}

#[test]
fn a_place_is_judged_before_there_is_a_change() {
    let text = "def label(a):\n    return a.x\n\n\ndef rows(session):\n    return session.execute(Q)\n";
    let at = |path: &str, line: u32| -> Vec<Category> {
        categories_of_place(path, text, &BTreeSet::from([line]))
            .into_iter()
            .map(|(category, _)| category)
            .collect()
    };
    assert_eq!(at("shop/labels.py", 2), []);
    assert_eq!(at("shop/labels.py", 6), [Category::Database]);
    assert_eq!(at("shop/auth.py", 2), [Category::Security]);
}
