//! What must not be reached by a wrong value: databases, other services, people, permissions, money, processes.
//!
//! A sink is recognised by what is called and on what, never by a word that merely stands nearby. One table holds the
//! words; each list says where its words count.

use tree_sitter::Node;

use super::tree::{callee, is_call, parts};
pub(super) use crate::names::has;
use crate::names::is_log_call;
use crate::names::split_words as words;
use crate::syntax::imports::Bindings;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, visit_below};

/// What kind of act a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sink {
    /// Reads a database, or builds what will be read.
    Query,
    Write,
    Request,
    /// A mail, a push, a socket: something that people or other programs receive.
    Message,
    /// Decides who may do something.
    Permission,
    Crypto,
    Money,
    /// Files, processes, code made at run time.
    System,
}

impl Sink {
    /// How a fact names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Sink::Query => "a database query",
            Sink::Write => "a database write",
            Sink::Request => "a request to another service",
            Sink::Message => "a message",
            Sink::Permission => "a permission check",
            Sink::Crypto => "cryptography",
            Sink::Money => "an amount of money",
            Sink::System => "a file, process or generated code",
        }
    }
}

/// Methods that write, whatever they are called on.
const WRITES: &str = "\
    bulk_create bulk_update get_or_create update_or_create commit rollback executemany insertMany insertOne \
    insert_one insert_many update_one update_many delete_one delete_many bulkCreate upsert destroy \
    findOrCreate updateOrCreate firstOrCreate saveAll deleteById save! create! update_all destroy_all \
    delete_all find_or_create_by executeUpdate persist save destroy! update! bulkWrite deleteMany updateMany \
    createMany set_many forceDelete setex hset zadd lpush rpush sadd";
/// Methods that write if they are called on something that stands for a database or a record.
const WRITES_ON_RECORDS: &str = "\
    create update delete insert add add_all merge remove set store put replace flush exec execute Exec \
    Create Update Delete Insert Save Put Remove Set Destroy";
/// Methods that read a database, whatever they are called on.
const QUERIES: &str = "\
    filter_by exclude annotate order_by group_by having select_related prefetch_related values_list \
    groupBy orderBy orderByDesc where whereIn whereRaw whereHas orWhere selectRaw havingRaw leftJoin innerJoin \
    select_for_update findAll findOne findAndCountAll findMany findUnique findByPk findById findOrFail \
    firstOrFail fetchone fetchall fetchmany scalars scalar_one scalar_one_or_none QueryRow QueryContext \
    createQuery createNativeQuery executeQuery prepareStatement fetch_one fetch_all fetch_optional query_as \
    query_row find_by find_each pluck raw literal RawSQL withReadTxn WithReadTxn get_object_or_404 \
    get_queryset restrict latest earliest in_bulk";
/// Methods that read if they are called on something that stands for a database or its records.
const QUERIES_ON_RECORDS: &str = "\
    get all first last filter find find_one find_all select query join values extra include aggregate count \
    exists execute exec scalar text distinct Query Find Get Select FindMany All First list oldest limit joins includes \
    getOldById getById Join Where Joins";
/// What stands for a database or its records.
const RECORDS: &str = "\
    objects pool stmt statement pdo db database cursor cur conn connection tx transaction session repo repository repositories prisma knex \
    mongo redis orm dao jdbc pdo sess qb queryset qs model models cache store collection";
/// Methods that talk to another service if they are called on a client.
const REQUESTS: &str = "\
    get post put patch delete head options request send fetch stream Do Get Post Head PostForm invoke urlopen \
    getForObject postForObject exchange";
/// What a client is called.
const CLIENTS: &str = "\
    client http https axios fetcher requests httpx aiohttp urllib s3 sqs sns smtp gateway sdk session reqwest got \
    superagent undici Faraday HTTParty RestClient Http Guzzle";
/// Names that talk to another service by themselves.
const REQUEST_NAMES: &str = "\
    fetch urlopen XMLHttpRequest WebSocket EventSource curl_exec fsockopen NewRequest NewRequestWithContext";
/// Words of a callee that reaches people or other programs.
const MESSAGES: &str = "\
    emit emitter notify notification notifications mail email sms broadcast publish webhook push_message alert announce remind sendmail enqueue deliver mailer";
/// Words that speak of permissions and sign-in wherever they stand.
const STRONG: &str = "\
    permission permissions forbidden unauthorized unauthenticated denied superuser staff admin authenticate authenticated \
    authorize authorized authorization password passwd jwt totp otp mfa csrf credential credentials acl rbac allowed \
    logged login impersonate privilege privileges";
/// Words that may: a role in a play, the token of a parser.
const WEAK: &str = "\
    token tokens role roles session scope scopes claims signature verify owner sanitize validate secret key auth user";
const MONEY: &str = "\
    price prices amount amounts tax taxes charge charges refund refunds invoice payout balance currency payment payments \
    billing wallet ledger salary";
const CRYPTO: &str = "\
    hmac hashlib crypto cryptography bcrypt argon2 passlib encrypt decrypt hash_password check_password make_password \
    sign unsign createHmac createHash createCipheriv randomBytes";
const SYSTEM: &str = "\
    subprocess system popen exec eval execSync spawnSync import_module import_string __import__ unlink rmtree \
    rmdir rename remove_file write_text write_bytes writeFile writeFileSync unlinkSync mkdir makedirs ensureDir chmod \
    shutil symlink remove_all RemoveAll";
/// Words of names whose value must not be told.
const SECRETS: &str = "\
    password passwd pwd secret secrets token tokens apikey credential credentials cookie cookies authorization jwt \
    environ env privatekey session sessionid pin cvv cvc iban ssn cardnumber";
/// Words of names that bound what a program takes or how long it waits.
const BOUNDS: &str = "\
    max min limit timeout retries retry ttl attempts deadline threshold ge gt le lt pattern regex multiple_of extra \
    frozen decimal_places allow_inf_nan";
/// Names that stand for everything that a request, a person or a configuration holds.
const WHOLE: &str = "\
    headers cookies environ meta settings config configuration context request req body payload event user account \
    session globals locals vars __dict__ self this serversettings credentials parametermap";

/// How surely a piece of code speaks of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guarding {
    No,
    Weak,
    Strong,
}

/// Whether names of a piece of code speak of permissions. A compound such as `access_token` counts by its words.
pub(super) fn guarding<'w>(names: impl IntoIterator<Item = &'w str>) -> Guarding {
    let mut found = Guarding::No;
    for name in names {
        for word in words(name) {
            if has(STRONG, &word) {
                return Guarding::Strong;
            }
            if has(WEAK, &word) {
                found = Guarding::Weak;
            }
        }
    }
    found
}

/// Whether names speak of money.
pub(super) fn is_money<'w>(names: impl IntoIterator<Item = &'w str>) -> bool {
    names.into_iter().any(|name| words(name).iter().any(|word| has(MONEY, word)))
}

/// Whether a name is of a limit.
pub(super) fn is_bound(name: &str) -> bool {
    has(BOUNDS, name) || (name.len() > 3 && words(name).iter().any(|word| has(BOUNDS, word)))
}

/// Whether a name is of something that no log line, no error text and no answer may tell.
pub(super) fn is_secret(name: &str) -> bool {
    let all = words(name);
    let is_pair = |pair: &[String]| {
        has("api_key private_key access_key secret_key card_number signing_key", &pair.join("_"))
    };
    all.iter().any(|word| has(SECRETS, word)) || all.windows(2).any(is_pair)
}

/// Whether a name stands for a whole object that holds more than one wants to tell.
pub(super) fn is_whole(name: &str) -> bool {
    let all = words(name);
    let last = all.last().map(String::as_str).unwrap_or_default();
    has(WHOLE, &name.to_lowercase())
        || (all.len() > 1
            && has("settings config headers event payload body environ request context cookies", last))
        || (all.len() > 1 && has("event payload request", &all[0]) && last == "data")
}

/// What a call does outside of its own function, if anything. `None` for log calls and plain computing.
pub(super) fn sink_of(parsed: &Parsed<'_>, call: Node<'_>, bindings: &Bindings) -> Option<Sink> {
    if !is_call(call.kind()) {
        return None;
    }
    let written = dotted_path(parsed, callee(call));
    let path = bindings.resolve(&written).unwrap_or_else(|| written.clone());
    if is_log_call(&written) || is_log_call(&path) {
        return None;
    }
    let segments: Vec<&str> = path.split(['.', '/']).filter(|part| !part.is_empty()).collect();
    let (last, receivers) = segments.split_last()?;
    let on = |list: &str| {
        receivers.iter().any(|part| has(list, part) || words(part).iter().any(|word| has(list, word)))
    };
    let last_words = words(last);
    let first_word = last_words.first().map(String::as_str).unwrap_or_default();
    if has(CRYPTO, last) || receivers.iter().any(|part| has(CRYPTO, part)) {
        return Some(Sink::Crypto);
    }
    if has(SYSTEM, last) && !matches!(*last, "exec" | "rename" | "system")
        || receivers.iter().any(|part| matches!(*part, "subprocess" | "shutil" | "child_process"))
    {
        return Some(Sink::System);
    }
    if (matches!(*last, "exec" | "system") && (receivers.is_empty() || on("os child_process process")))
        || (*last == "open" && receivers.is_empty() && parsed.family() == Family::Python)
        || (matches!(*last, "remove" | "rename") && receivers.last() == Some(&"os"))
    {
        return Some(Sink::System);
    }
    if last_words.iter().any(|word| has("authenticate authorize login logout", word)) {
        return Some(Sink::Permission);
    }
    let is_money = last_words.iter().any(|word| has("refund charge payout invoice pay", word));
    if is_money || on("payment payments billing wallet ledger invoices refunds payouts stripe paypal") {
        return Some(Sink::Money);
    }
    if guarding([*last]) == Guarding::Strong || has("verify authorize", first_word) {
        return Some(Sink::Permission);
    }
    if receivers.iter().any(|part| matches!(*part, "jwt" | "jsonwebtoken" | "jose")) {
        return Some(Sink::Crypto);
    }
    if has(REQUEST_NAMES, last) || (has(REQUESTS, last) && on(CLIENTS) && is_request(parsed, call, receivers))
    {
        return Some(Sink::Request);
    }
    let sends = *last == "send" && on("mailer mail smtp queue bot channel producer");
    if sends || last_words.iter().any(|word| has(MESSAGES, word)) {
        return Some(Sink::Message);
    }
    let is_class = receivers.last().is_some_and(|part| {
        part.starts_with(|c: char| c.is_ascii_uppercase()) && part.contains(|c: char| c.is_ascii_lowercase())
    });
    // As it is written: a module named `store` makes no database of what it holds.
    let written_on: Vec<&str> = written.split('.').collect();
    let on_written = |list: &str| {
        written_on
            .iter()
            .rev()
            .skip(1)
            .any(|part| has(list, part) || words(part).iter().any(|word| has(list, word)))
    };
    // `Boat.query.distinct(…)`; a request has a `query` as well.
    let on_query = on_written("query") && *last != "get" && !on_written("req request url uri route router");
    let on_records = on_written(RECORDS) || is_class || on_query;
    let acts_by_name = has("create update upsert delete insert save remove store destroy", first_word)
        && last_words.len() > 1
        && on_records
        || (has("upsert", first_word));
    let is_builtin_save = *last == "save" && receivers.is_empty();
    if (has(WRITES, last) && !is_builtin_save) || acts_by_name {
        return Some(Sink::Write);
    }
    let runs_sql = has("query execute exec Exec ExecContext Query run prepare executemany raw", last);
    if runs_sql && on_records && changes_rows(parsed, call) {
        return Some(Sink::Write);
    }
    if last_words.iter().any(|word| has("upsert insert", word))
        || (first_word == "find" && last_words.iter().any(|word| has("update delete remove replace", word)))
        || has("put_object delete_object upload_fileobj", last)
    {
        return Some(Sink::Write);
    }
    if *last == "delete" && !receivers.is_empty() && parsed.family() == Family::Python {
        return Some(Sink::Write); // no value of Python's own has it
    }
    let math = is_class && receivers.last().is_some_and(|part| has("Math Object Array JSON Promise Number String Date Map Set Arrays Collections Objects Optional List Instant LocalDate Vec Some Ok Err Option Result", part));
    if math {
        return None;
    }
    if has(WRITES_ON_RECORDS, last) && on_records && !has("execute exec Exec", last) {
        return Some(Sink::Write);
    }
    if has(QUERIES, last) || (has(QUERIES_ON_RECORDS, last) && on_records) {
        return Some(Sink::Query);
    }
    // Keywords make a `filter` of Python a query.
    let by_keyword = || {
        let arguments = call.child_by_field_name("arguments").map(parts).unwrap_or_default();
        arguments.iter().any(|one| one.kind() == "keyword_argument")
    };
    if *last == "filter" && parsed.family() == Family::Python && !receivers.is_empty() && by_keyword() {
        return Some(Sink::Query);
    }
    if *last == "first"
        && !receivers.is_empty()
        && matches!(parsed.family(), Family::Python | Family::Php | Family::Ruby)
    {
        let arguments = call.child_by_field_name("arguments").map(parts).unwrap_or_default();
        return arguments.is_empty().then_some(Sink::Query);
    }
    None
}

/// A `get` of a session or client is a request if it is given a URL, or what only requests take.
fn is_request(parsed: &Parsed<'_>, call: Node<'_>, receivers: &[&str]) -> bool {
    let surely = receivers.iter().any(|part| {
        has("requests httpx axios aiohttp http https client fetcher got superagent", &part.to_lowercase())
    });
    let Some(arguments) = call.child_by_field_name("arguments") else { return surely };
    if surely || parsed.family() != Family::Python {
        return surely || has("client", receivers.last().copied().unwrap_or_default());
    }
    let arguments = parts(arguments);
    let takes =
        |name: &str| has("timeout headers params json data files auth allow_redirects stream verify", name);
    let named = arguments
        .iter()
        .any(|one| one.kind() == "keyword_argument" && takes(parsed.field_text(*one, "name")));
    let first = arguments.first().map_or("", |one| parsed.text_of(*one)).to_lowercase();
    named || first.contains("url") || first.contains("://")
}

/// Whether a text of a call's arguments is SQL that changes rows.
fn changes_rows(parsed: &Parsed<'_>, call: Node<'_>) -> bool {
    let Some(arguments) = call.child_by_field_name("arguments") else { return false };
    let text = parsed.text_of(arguments).to_uppercase();
    ["INSERT ", "UPDATE ", "DELETE ", "REPLACE ", "MERGE ", "TRUNCATE "]
        .iter()
        .any(|verb| text.contains(verb))
}

/// Every sink called in a piece of code, with its call.
pub(super) fn sinks_below<'p>(
    parsed: &Parsed<'_>,
    top: Node<'p>,
    bindings: &Bindings,
) -> Vec<(Sink, Node<'p>)> {
    let mut found = Vec::new();
    visit_below(top, |node, _| {
        if let Some(sink) = sink_of(parsed, node, bindings) {
            found.push((sink, node));
        }
    });
    found
}
