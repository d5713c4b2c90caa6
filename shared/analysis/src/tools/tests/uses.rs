//! Who uses a function, as the critic is shown it.

use super::*;
use crate::tools::uses_of;

fn uses(files: &[(&str, &str)], name: &str, defined_in: &str) -> Vec<String> {
    let snapshot = Snapshot::of(files.iter().copied());
    uses_of(&snapshot, &[name.to_owned()], defined_in)
        .iter()
        .map(|one| format!("{}:{} {}", one.path, one.line, if one.is_call { "call" } else { "name" }))
        .collect()
}

#[test]
fn a_jsx_element_calls_its_function() {
    let page = "import { Price } from './price'\nexport const Page = () => <Price amount={1} />\n";
    let files = [("src/price.tsx", "export function Price(p) { return p.amount }\n"), ("src/page.tsx", page)];
    assert_eq!(uses(&files, "Price", "src/price.tsx"), ["src/page.tsx:2 call"]);
}

#[test]
fn what_nothing_calls_is_shown_where_it_is_named() {
    let order = "class Order:\n    @property\n    def total(self):\n        return 1\n";
    let page = "<p>{{ order.total }}</p>\n";
    let report = "def report(order):\n    return order.total\n";
    let files = [
        ("shop/order.py", order),
        ("shop/page.html", page),
        ("shop/report.py", report),
        ("notes.md", "total\n"),
    ];
    assert_eq!(uses(&files, "total", "shop/order.py"), ["shop/page.html:1 name", "shop/report.py:2 name"]);
}

#[test]
fn files_that_know_the_file_of_the_function_come_first() {
    let files = [
        ("a/other.py", "def f(x):\n    return x.save()\n"),
        ("b/user.py", "from b.basket import Basket\n\n\ndef g():\n    Basket().save()\n"),
        ("b/basket.py", "class Basket:\n    def save(self):\n        pass\n"),
    ];
    assert_eq!(uses(&files, "save", "b/basket.py"), ["b/user.py:5 call", "a/other.py:2 call"]);
}
