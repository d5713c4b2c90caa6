use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};

use super::*;

/// A folder of this test's own, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("autofix-table-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(client: &Client, pk: &str, extra: Option<(&str, AttributeValue)>) {
    let mut request = client.put_item().table_name("autofix").item("pk", text(pk)).item("sk", text("X"));
    if let Some((name, value)) = extra {
        request = request.item(name, value);
    }
    request.send().await.unwrap();
}

async fn stored(client: &Client) -> Vec<String> {
    let found = client.scan().table_name("autofix").send().await.unwrap();
    let mut keys: Vec<_> = found.items().iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn the_table_has_the_attributes_stream_and_expiry_of_its_shape() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let client = table.client();
    let found = client.describe_table().table_name("autofix").send().await.unwrap().table.unwrap();
    same_shape(&found, &SHAPE).unwrap();
    for index in found.global_secondary_indexes() {
        let own = SHAPE.indexes.iter().find(|own| index.index_name() == Some(own.name)).unwrap();
        let projection = index.projection().unwrap().projection_type();
        assert_eq!(projection.map(|projection| projection.as_str()), Some(own.projection));
    }
    let attributes = found.attribute_definitions().iter();
    let mut attributes: Vec<_> =
        attributes.map(|one| (one.attribute_name(), one.attribute_type().as_str())).collect();
    let mut own = SHAPE.attributes.to_vec();
    attributes.sort_unstable();
    own.sort_unstable();
    assert_eq!(attributes, own);
    assert_eq!(found.stream_specification().unwrap().stream_view_type().unwrap().as_str(), SHAPE.stream_view);
    let expiry = client.describe_time_to_live().table_name("autofix").send().await.unwrap();
    let expiry = expiry.time_to_live_description.unwrap();
    assert_eq!(expiry.attribute_name(), Some(SHAPE.ttl_attribute));
    assert_eq!(expiry.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
}

#[tokio::test]
async fn a_table_with_other_keys_is_not_used() {
    let table = EmbeddedTable::memory().await.unwrap();
    let shape = TableShape { attributes: &SHAPE.attributes[..4], indexes: &SHAPE.indexes[..1], ..SHAPE };
    create_table(&table.client(), "autofix", &shape).await.unwrap();
    let error = table.create("autofix").await.unwrap_err().to_string();
    assert!(error.contains("made by a version of AutoFix with other keys"), "{error}");
}

#[tokio::test]
async fn items_survive_a_restart() {
    let folder = Folder::new("restart");
    let table = EmbeddedTable::open(&folder.0).await.unwrap();
    table.create("autofix").await.unwrap();
    put(&table.client(), "BEFORE", None).await;
    table.close().await.unwrap();

    let table = EmbeddedTable::open(&folder.0).await.unwrap();
    table.create("autofix").await.unwrap();
    put(&table.client(), "AFTER", None).await;
    assert_eq!(stored(&table.client()).await, ["AFTER", "BEFORE"]);
}

#[tokio::test]
async fn a_folder_has_one_user_at_a_time() {
    let folder = Folder::new("lock");
    let table = EmbeddedTable::open(&folder.0).await.unwrap();
    let error = EmbeddedTable::open(&folder.0).await.err().unwrap().to_string();
    assert!(error.contains("is in use by another AutoFix process"), "{error}");
    assert!(error.contains(folder.0.to_str().unwrap()), "{error}");
    table.close().await.unwrap();
    EmbeddedTable::open(&folder.0).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_address() {
    let table = EmbeddedTable::memory().await.unwrap();
    let (port, folder) = (table.address.port(), Folder::new("port"));
    let error = EmbeddedTable::open_at(&folder.0, (Ipv4Addr::LOCALHOST, port).into(), Before::Kept)
        .await
        .err()
        .unwrap()
        .to_string();
    assert_eq!(error, format!("listen on 127.0.0.1:{port} for the embedded table"));
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired_and_nothing_else() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let client = table.client();
    // DynamoDB leaves alone what expired more than five years ago, so these are near now.
    let now = autofix::clock::Clock::system().now().as_second();
    put(&client, "EXPIRED", Some(("expires_at", AttributeValue::N((now - 3600).to_string())))).await;
    put(&client, "LATER", Some(("expires_at", AttributeValue::N((now + 3600).to_string())))).await;
    put(&client, "FOREVER", None).await;
    assert_eq!(table.sweep_expired().await.unwrap(), 1);
    assert_eq!(stored(&client).await, ["FOREVER", "LATER"]);
    assert_eq!(table.sweep_expired().await.unwrap(), 0);
}

#[tokio::test]
async fn a_write_numbers_its_record_without_reading_the_stream() {
    let folder = Folder::new("stream-index");
    let table = EmbeddedTable::open(&folder.0).await.unwrap();
    table.create("autofix").await.unwrap();
    put(&table.client(), "a", None).await;
    let file = rusqlite::Connection::open(folder.0.join(TABLE_FILE)).unwrap();
    let asked = "FROM _stream_records WHERE table_name = 'autofix'";
    let numbered: i64 = file.query_row(&format!("SELECT COUNT(*) {asked}"), [], |row| row.get(0)).unwrap();
    assert_eq!(numbered, 1);
    let plan = format!("EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) {asked}");
    let plan: String = file.query_row(&plan, [], |row| row.get("detail")).unwrap();
    assert!(plan.contains("USING") && plan.contains("_stream_records_in_order"), "{plan}");
}
