use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue as Stored;

use super::*;
use crate::table::EmbeddedTable;

async fn table() -> EmbeddedTable {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    table
}

fn reader(table: &EmbeddedTable) -> StreamReader {
    StreamReader::new(table.streams(), "autofix")
}

async fn put(table: &EmbeddedTable, pk: &str, extra: &[(&str, Stored)]) {
    let item: HashMap<_, _> = extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let request = table.client().put_item().table_name("autofix").set_item(Some(item));
    request
        .item("pk", Stored::S(pk.to_owned()))
        .item("sk", Stored::S("ATTEMPT".to_owned()))
        .send()
        .await
        .unwrap();
}

fn ready() -> (&'static str, Stored) {
    ("work", Stored::S("ready".to_owned()))
}

fn keys(records: &[EventRecord]) -> Vec<String> {
    let key = |record: &EventRecord| serde_json::to_value(&record.change.keys).unwrap()["pk"]["S"].clone();
    records.iter().map(|record| key(record).as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_marked_items_come_and_in_the_order_of_their_writing() {
    let table = table().await;
    let mut stream = reader(&table);
    put(&table, "ATTEMPT#1", &[ready()]).await;
    put(&table, "CLAIM#1", &[]).await;
    put(&table, "ATTEMPT#2", &[("work", Stored::S("none".to_owned()))]).await;
    put(&table, "ATTEMPT#3", &[ready()]).await;
    put(&table, "ATTEMPT#1", &[]).await;
    let records = stream.poll().await.unwrap();
    assert_eq!(keys(&records), ["ATTEMPT#1", "ATTEMPT#3"]);
    assert!(records[0].change.sequence_number < records[1].change.sequence_number);
    assert_eq!(records[0].event_name, "INSERT");
    assert_eq!(stream.poll().await.unwrap(), []);

    put(&table, "ATTEMPT#2", &[ready()]).await;
    let records = stream.poll().await.unwrap();
    assert_eq!(keys(&records), ["ATTEMPT#2"]);
    assert_eq!(records[0].event_name, "MODIFY");
}

#[tokio::test]
async fn a_wanted_record_behind_thousands_of_others_comes_in_one_poll() {
    let table = table().await;
    let client = table.client();
    for block in 0..60 {
        let puts = (0..25).map(|n| {
            let put = aws_sdk_dynamodb::types::PutRequest::builder()
                .item("pk", Stored::S(format!("OTHER#{block}#{n}")))
                .item("sk", Stored::S("X".to_owned()))
                .build()
                .unwrap();
            aws_sdk_dynamodb::types::WriteRequest::builder().put_request(put).build()
        });
        client.batch_write_item().request_items("autofix", puts.collect()).send().await.unwrap();
    }
    put(&table, "ATTEMPT#1", &[ready()]).await;
    assert_eq!(keys(&reader(&table).poll().await.unwrap()), ["ATTEMPT#1"]);
}

#[tokio::test]
async fn attributes_arrive_as_they_were_stored_in_lambdas_form() {
    let table = table().await;
    let texts = Stored::Ss(vec!["a".to_owned()]);
    put(&table, "ATTEMPT#1", &[ready(), ("number", Stored::N("1.5".to_owned())), ("texts", texts)]).await;
    let event = event_of(reader(&table).poll().await.unwrap().remove(0));
    let wire = serde_json::to_value(&event).unwrap();
    let image = &wire["Records"][0]["dynamodb"]["NewImage"];
    assert_eq!((&image["number"], &image["texts"]), (&json!({"N": "1.5"}), &json!({"SS": ["a"]})));
    assert!(wire["Records"][0]["eventSourceARN"].as_str().unwrap().contains("table/autofix/stream/"));
}

#[tokio::test]
async fn a_missing_table_is_named_and_may_appear_later() {
    let table = EmbeddedTable::memory().await.unwrap();
    let mut stream = reader(&table);
    let error = stream.poll().await.unwrap_err().to_string();
    assert_eq!(error, "the table `autofix` has no stream");
    table.create("autofix").await.unwrap();
    put(&table, "ATTEMPT#1", &[ready()]).await;
    assert_eq!(stream.poll().await.unwrap().len(), 1);
}
