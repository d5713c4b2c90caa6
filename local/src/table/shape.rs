//! The table's keys, indexes, expiry and stream: those of `template.yaml`, against which a test holds them.

/// What a table is made of.
#[derive(Clone, Copy, Debug)]
pub struct TableShape<'a> {
    /// Every attribute that a key uses, with its type: `S` or `N`.
    pub attributes: &'a [(&'a str, &'a str)],
    pub keys: Keys<'a>,
    /// Global secondary indexes.
    pub indexes: &'a [Index<'a>],
    /// Holds the epoch second after which an item may be deleted.
    pub ttl_attribute: &'a str,
    /// One of DynamoDB's stream view types.
    pub stream_view: &'a str,
}

/// The attributes of a key, each with its role: `HASH` or `RANGE`.
pub type Keys<'a> = [(&'a str, &'a str); 2];

/// A global secondary index.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    pub name: &'a str,
    pub keys: Keys<'a>,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: &'a str,
}

/// The table of AutoFix.
pub const SHAPE: TableShape<'static> = TableShape {
    attributes: &[
        ("pk", "S"),
        ("sk", "S"),
        ("list_bucket", "S"),
        ("list_key", "S"),
        ("due_shard", "S"),
        ("due_at", "N"),
    ],
    keys: [("pk", "HASH"), ("sk", "RANGE")],
    indexes: &[
        Index { name: "listing", keys: [("list_bucket", "HASH"), ("list_key", "RANGE")], projection: "ALL" },
        Index { name: "due", keys: [("due_shard", "HASH"), ("due_at", "RANGE")], projection: "KEYS_ONLY" },
    ],
    ttl_attribute: "expires_at",
    stream_view: "NEW_IMAGE",
};
