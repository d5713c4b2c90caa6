//! The table on this machine: an embeddable DynamoDB on a loopback port, spoken to with the real
//! AWS SDK, in memory or in a folder, with the keys, indexes and stream of `template.yaml`.
//!
//! One process at a time may use a folder. It checks no credentials, which is why it
//! listens on loopback only unless another address is asked for. Items expire only when [`EmbeddedTable::sweep_expired`] is called.

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use autofix::store::contention::with_retries;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{AppName, BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
    StreamSpecification, TableDescription, TimeToLiveSpecification,
};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::table_proxy::TableProxy;

const REGION: &str = "us-east-1";
/// It wants a signed request but checks no signature.
const ACCESS_KEY: &str = "embedded-table";
/// The database in its folder; SQLite puts two more files beside it.
const TABLE_FILE: &str = "table.sqlite";

/// Between two tries of a request; on loopback nobody gains by waiting longer.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

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

/// The table of AutoFix: that of `template.yaml`, against which a test holds it.
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

/// What becomes of the items that an earlier process left in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Kept,
    Deleted,
}

/// A running embedded DynamoDB. Dropping it stops the server.
pub struct EmbeddedTable {
    database: Database,
    address: SocketAddr,
    proxy: Option<TableProxy>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl EmbeddedTable {
    /// Starts an empty one that is forgotten at the end, on a free port.
    ///
    /// # Errors
    /// If no loopback port can be had.
    pub async fn memory() -> anyhow::Result<EmbeddedTable> {
        let database = Database::memory().context("start an embedded table in memory")?;
        EmbeddedTable::serve(database, None, free_port()).await
    }

    /// Starts one whose items live in `folder` (made if missing), on a free port.
    ///
    /// # Errors
    /// If another process uses the folder, or it cannot be written.
    pub async fn open(folder: &Path) -> anyhow::Result<EmbeddedTable> {
        EmbeddedTable::open_at(folder, free_port(), Before::Kept).await
    }

    /// As [`EmbeddedTable::open`], at a given address. Anyone who reaches it may read and write the table.
    ///
    /// # Errors
    /// As [`EmbeddedTable::open`], and if the address cannot be had. Nothing is deleted from under another process.
    pub async fn open_at(
        folder: &Path,
        address: SocketAddr,
        before: Before,
    ) -> anyhow::Result<EmbeddedTable> {
        let lock = lock(folder)?;
        if before == Before::Deleted {
            for name in [TABLE_FILE.to_owned(), format!("{TABLE_FILE}-wal"), format!("{TABLE_FILE}-shm")] {
                let deleted = std::fs::remove_file(folder.join(&name));
                if let Err(error) = deleted
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    return Err(error).with_context(|| format!("delete `{name}` in `{}`", folder.display()));
                }
            }
        }
        EmbeddedTable::open_locked(folder, lock, address).await
    }

    async fn open_locked(folder: &Path, lock: File, address: SocketAddr) -> anyhow::Result<EmbeddedTable> {
        let shown = folder.display();
        let path = folder.join(TABLE_FILE);
        let path = path.to_str().with_context(|| format!("the folder `{shown}` is not valid UTF-8"))?;
        let database = Database::new(path).with_context(|| format!("open the table in `{shown}`"))?;
        index_the_stream(path).with_context(|| format!("index the table's stream in `{shown}`"))?;
        EmbeddedTable::serve(database, Some(lock), address).await
    }

    async fn serve(
        database: Database,
        lock: Option<File>,
        address: SocketAddr,
    ) -> anyhow::Result<EmbeddedTable> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address} for the embedded table"))?;
        let address = listener.local_addr().context("learn the port of the embedded table")?;
        let (stop, stopped) = oneshot::channel();
        let served = database.clone();
        let server = tokio::spawn(async move {
            let until = async {
                // An error means that the sender is gone: as good a reason to stop.
                let _ = stopped.await;
            };
            let result = dynoxide::server::serve_with_shutdown(listener, served, until).await;
            // The lock outlives the last request.
            drop(lock);
            result
        });
        Ok(EmbeddedTable { database, address, proxy: None, stop, server })
    }

    /// Has all that follows, but copies and the sweep, done by another implementation of DynamoDB at this address.
    pub fn by_another_engine(self, address: SocketAddr) -> EmbeddedTable {
        EmbeddedTable { address, ..self }
    }

    /// Puts a proxy before it, through which every client made from now on goes.
    ///
    /// # Errors
    /// If no loopback port can be had.
    pub async fn behind_a_proxy(mut self) -> anyhow::Result<(EmbeddedTable, TableProxy)> {
        let proxy = TableProxy::open(self.address).await?;
        self.proxy = Some(proxy.clone());
        Ok((self, proxy))
    }

    /// `http://host:port`, for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        let address = self.proxy.as_ref().map_or(self.address, |proxy| proxy.service().address());
        format!("http://{address}")
    }

    /// The variables with which any AWS SDK finds this table.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint()),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", self.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ]
    }

    /// A new client of the table. Clones share its connections.
    pub fn client(&self) -> Client {
        self.client_of("autofix")
    }

    /// A client that names itself in every request (`app/<name>` in `x-amz-user-agent`), so that a proxy can tell the
    /// functions of one process apart. Names are letters, digits and dashes.
    pub fn client_of(&self, name: &'static str) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.endpoint())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .app_name(AppName::new(name).expect("the names in this program are of letters and dashes"))
            .http_client(autofix::aws::http::plain());
        Client::from_conf(with_retries(config, RETRY_PAUSE).build())
    }

    /// A new client of the table's stream.
    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.endpoint())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .http_client(autofix::aws::http::plain());
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }

    /// Creates the table of `template.yaml` under this name, with its stream and expiry. One that is
    /// there already is left as it is.
    ///
    /// # Errors
    /// If the one that is there has other keys or indexes than the template.
    pub async fn create(&self, table_name: &str) -> anyhow::Result<()> {
        let client = self.client();
        match client.describe_table().table_name(table_name).send().await {
            Ok(described) => {
                let found = described.table.context("the embedded table described nothing")?;
                return same_shape(&found, &SHAPE);
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => return Err(error).context("look for the table"),
        }
        create_table(&client, table_name, &SHAPE).await
    }

    /// Deletes what has expired, as DynamoDB does within days. Returns how many items that were.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn sweep_expired(&self) -> anyhow::Result<usize> {
        let database = self.database.clone();
        let sweep = tokio::task::spawn_blocking(move || database.sweep_ttl());
        sweep.await.context("finish the sweep")?.context("delete expired items")
    }

    /// Copies everything that it holds, its stream too, into a new file.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn copy_to(&self, file: &Path) -> anyhow::Result<()> {
        let path = file.to_str().context("the path of a table's copy is not valid UTF-8")?;
        self.database.vacuum_into(path).context("copy the embedded table")
    }

    /// Holds again what a copy holds, and nothing else.
    ///
    /// # Errors
    /// If the file is no copy of a table.
    pub fn become_copy(&self, file: &Path) -> anyhow::Result<()> {
        let path = file.to_str().context("the path of a table's copy is not valid UTF-8")?;
        self.database.restore_from(path).context("go back to a copy of the embedded table")
    }

    /// Stops the server once the requests under way are answered, and frees the folder.
    ///
    /// # Errors
    /// If the server had failed before.
    pub async fn close(self) -> anyhow::Result<()> {
        // An error means that the server has ended already; the join below tells why.
        let _ = self.stop.send(());
        let ended = self.server.await.context("stop the embedded table")?;
        ended.map_err(anyhow::Error::msg).context("serve the embedded table")
    }
}

/// Any free port of this machine.
pub(crate) fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn create_table(client: &Client, table_name: &str, shape: &TableShape<'_>) -> anyhow::Result<()> {
    let mut request = client
        .create_table()
        .table_name(table_name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(shape.keys)?))
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(shape.stream_view.into())
                .build()?,
        );
    for (name, kind) in shape.attributes {
        request = request.attribute_definitions(
            AttributeDefinition::builder().attribute_name(*name).attribute_type((*kind).into()).build()?,
        );
    }
    for index in shape.indexes {
        let projection = Projection::builder().projection_type(index.projection.into()).build();
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.keys)?))
                .projection(projection)
                .build()?,
        );
    }
    request.send().await.with_context(|| format!("create the table `{table_name}`"))?;
    let expiry =
        TimeToLiveSpecification::builder().enabled(true).attribute_name(shape.ttl_attribute).build()?;
    client
        .update_time_to_live()
        .table_name(table_name)
        .time_to_live_specification(expiry)
        .send()
        .await
        .with_context(|| format!("switch on expiry of the table `{table_name}`"))?;
    Ok(())
}

fn key_schema(keys: Keys<'_>) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |(name, role): (&str, &str)| {
        KeySchemaElement::builder().attribute_name(name).key_type(role.into()).build()
    };
    Ok(keys.into_iter().map(element).collect::<Result<_, _>>()?)
}

fn same_shape(found: &TableDescription, wanted: &TableShape<'_>) -> anyhow::Result<()> {
    let by_name = |mut indexes: Vec<(String, Vec<KeySchemaElement>)>| {
        indexes.sort_by(|(one, _), (other, _)| one.cmp(other));
        indexes
    };
    let indexes = found.global_secondary_indexes().iter();
    let indexes =
        indexes.map(|index| (index.index_name().unwrap_or_default().to_owned(), index.key_schema().to_vec()));
    let wanted_indexes =
        wanted.indexes.iter().map(|index| Ok((index.name.to_owned(), key_schema(index.keys)?)));
    let wanted_indexes = wanted_indexes.collect::<anyhow::Result<_>>()?;
    if found.key_schema() != key_schema(wanted.keys)? || by_name(indexes.collect()) != by_name(wanted_indexes)
    {
        bail!(
            "the table `{}` was made by a version of AutoFix with other keys; use a new folder",
            found.table_name().unwrap_or_default()
        );
    }
    Ok(())
}

/// The database numbers a record of the stream by the largest number there is, for which it would read the whole stream at
/// every write: ten thousand writes, and each takes 50 ms. With this index it looks at one entry.
fn index_the_stream(path: &str) -> Result<(), rusqlite::Error> {
    rusqlite::Connection::open(path)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS _stream_records_in_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder `{}`", folder.display()))?;
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("write `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "`{}` is in use by another AutoFix process; stop that one or use another folder",
                folder.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock `{}`", path.display())),
    }
}

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "embedded-table")
}

#[cfg(test)]
mod tests;
