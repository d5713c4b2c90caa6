//! `outline` and `find_callers`.

use super::*;

const ORDERS: &str = "from shop.labels import lines as rows\n\n\nclass Order:\n    @property\n    def total(\n        self, \
                      tax=1,\n    ) -> int:\n        # lines(a) is not called here\n        return rows(self) + \
                      'lines'\n\n\nhandler = Order.total\n";

fn with_callers() -> Snapshot {
    let many: String = (0..80).map(|number| format!("total({number})\n")).collect();
    let files: [(&str, &str); 7] = [
        ("shop/.env", "TOTAL=hunter2 total()\n"),
        ("shop/labels.py", "def lines(a):\n    return a\n"),
        ("shop/orders.py", ORDERS),
        ("shop/orders.rb", "class Order\n  # total\n  def show = total.to_s\nend\n"),
        ("shop/orders.sh", "# total\ntotals\necho total \u{1b}[2J\n"),
        ("shop/orders.ts", "order\n  .lines()\n  .total();\n"),
        ("web/many.js", &many),
    ];
    Snapshot::of(files)
}

#[track_caller]
fn ask(name: &str, input: Value) -> ToolAnswer {
    let snapshot = with_callers();
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::parse("shop").expect("a good folder"));
    let answer = toolbox.call(name, &input);
    assert!(toolbox.shown_files().is_empty(), "nothing was read");
    assert!(!answer.text().contains("hunter2") && !answer.text().contains('\u{1b}'), "{}", answer.text());
    answer
}

#[test]
fn an_outline_has_the_definitions_with_their_lines() {
    let expected = "\
2 definitions in `shop/orders.py`:
    4-10 | class `Order`: class Order:
    5-10 | function `Order.total`: def total( self, tax=1, ) -> int:
";
    assert_eq!(ask("outline", json!({"path": "orders.py"})), ToolAnswer::Found(expected.to_owned()));
    let none = ask("outline", json!({"path": "web/many.js"}));
    assert_eq!(none.text(), "`web/many.js` defines no function and no class by name.\n");
    let refusals = [
        (
            "orders.sh",
            "The language of `shop/orders.sh` has no outline here; read the file with `read_file`, or find its \
             definitions with `search`.",
        ),
        ("shop/.env", "`shop/.env` cannot be shown: may hold credentials, never shown (22 bytes)."),
        ("order.py", "There is no file `order.py`. Did you mean `shop/orders.py`?"),
    ];
    for (path, expected) in refusals {
        let answer = ask("outline", json!({"path": path}));
        assert_eq!((answer.text(), answer.is_refusal()), (expected, true));
    }
}

#[test]
fn callers_are_found_with_the_function_around_them() {
    let expected = "\
3 lines use `lines` in 2 files in `shop`:
shop/orders.py
    1 | import | from shop.labels import lines as rows
   10 | call in `Order.total` | return rows(self) + 'lines'
shop/orders.ts
    2 | call | .lines()
";
    for name in ["lines", "shop.labels.lines", "lines()", "`lines`"] {
        let answer = ask("find_callers", json!({"name": name, "folder": ""}));
        assert_eq!(answer, ToolAnswer::Found(expected.to_owned()), "{name}");
    }
    let expected = "\
5 lines use `total` in 4 files in `shop`:
shop/orders.py
   13 | mention | handler = Order.total
shop/orders.rb
    3 | mention in `Order.show` | def show = total.to_s
shop/orders.sh
    1 | text | # total
    3 | text | echo total
shop/orders.ts
    3 | call | .total();
";
    assert_eq!(ask("find_callers", json!({"name": "total"})), ToolAnswer::Found(expected.to_owned()));
}

#[test]
fn what_a_decorator_registers_is_said_to_be_called_by_a_framework() {
    let files: [(&str, &str); 5] = [
        (
            "api.py",
            "@router.get(\"/orders/{id}\", status_code=200)\n@cached\nasync def get_order(id):\n    return id\n\n\n\
             @property\ndef plain(self):\n    return 1\n",
        ),
        ("tasks.py", "@shared_task\ndef send():\n    pass\n\n\nsend()\n"),
        ("Orders.java", "class Orders {\n  @GetMapping(\"/orders\")\n  String list() { return \"\"; }\n}\n"),
        ("orders.rs", "#[tokio::main]\nasync fn main() {}\n#[get(\"/orders\")]\nasync fn index() {}\n"),
        ("a.php", "<?php\nclass A {\n  #[Route('/x')]\n  public function shown() {}\n}\n"),
    ];
    let snapshot = Snapshot::of(files);
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::root());
    let said =
        |name: &str| toolbox.call("find_callers", &json!({"name": name, "folder": ""})).text().to_owned();
    assert_eq!(
        said("get_order"),
        "Nothing in the repository uses `get_order`.\n`get_order` is registered by a decorator, so a framework calls it: \
         `@router.get(\"/orders/{id}\",status_code=200)` (api.py, line 1).\n"
    );
    assert_eq!(
        said("send"),
        "1 line uses `send` in 1 file in the repository:\ntasks.py\n    6 | call | send()\n`send` is registered by a \
         decorator, so a framework calls it: `@shared_task` (tasks.py, line 1).\n"
    );
    assert!(
        said("list").ends_with("`@GetMapping(\"/orders\")` (Orders.java, line 2).\n"),
        "{}",
        said("list")
    );
    assert!(said("index").contains("`#[get(\"/orders\")]` (orders.rs, line 3)"), "{}", said("index"));
    assert!(
        said("shown").contains("`#[Route('/x')]`") || said("shown").contains("`Route('/x')`"),
        "{}",
        said("shown")
    );
    for name in ["plain", "main"] {
        assert!(!said(name).contains("registered"), "{}", said(name));
    }
}

#[test]
fn callers_are_bounded_and_a_wrong_question_is_told_so() {
    let many = ask("find_callers", json!({"name": "total", "folder": "web"}));
    assert!(
        many.text()
            .starts_with("60 lines use `total` in 1 file in `web`:\nweb/many.js\n    1 | call | total(0)\n")
    );
    assert!(many.text().ends_with("(ended early: there are more; make the folder narrower)\n"));
    let nothing = ask("find_callers", json!({"name": "absent", "folder": "/"}));
    assert_eq!(nothing.text(), "Nothing in the repository uses `absent`.\n");
    for name in ["", "a b", "def x:", "(.*)", "()"] {
        let answer = ask("find_callers", json!({"name": name, "folder": ""}));
        assert!(answer.is_refusal() && answer.text().contains("is not the name"), "{}", answer.text());
    }
    assert!(ask("find_callers", json!({"name": "x", "folder": "nowhere"})).is_refusal());
    assert!(ask("find_callers", json!({"folder": ""})).is_refusal());
}
