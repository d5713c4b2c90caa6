//! The table's stream as `fix-worker` would get it from Lambda: in order, filtered as in
//! `template.yaml`, in Lambda's event types.
//!
//! Reads from the oldest record that is kept, so that a record which a stopped process left unread
//! is read by the next one; the worker may see a record twice, as it may on AWS. Redelivery after a
//! failure is the caller's, and so is the pause between two polls.

use anyhow::{Context, bail};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use serde_json::{Map, Value, json};

/// The attribute, and its text, of the items that the worker is woken for: the filter of the stream's mapping in
/// `template.yaml`.
pub const WANTED: (&str, &str) = ("work", "ready");

/// Reads the stream of one table of the embedded DynamoDB, which keeps it in one shard.
pub struct StreamReader {
    streams: Client,
    table_name: String,
    position: Option<Position>,
}

struct Position {
    stream_arn: String,
    shard_id: String,
    iterator: String,
}

impl StreamReader {
    /// A reader that begins at the oldest record kept. Asks nothing yet.
    pub fn new(streams: Client, table_name: &str) -> StreamReader {
        StreamReader { streams, table_name: table_name.to_owned(), position: None }
    }

    /// The shard that it reads, once it has read something.
    pub fn shard_id(&self) -> Option<&str> {
        self.position.as_ref().map(|position| position.shard_id.as_str())
    }

    /// The next records that pass the filter, oldest first. Empty means that there is nothing new
    /// now; returns at once in either case.
    ///
    /// # Errors
    /// If the table does not exist or cannot be reached; a later poll then reads the same records.
    pub async fn poll(&mut self) -> anyhow::Result<Vec<EventRecord>> {
        let mut position = match self.position.take() {
            Some(position) => position,
            None => self.oldest().await?,
        };
        loop {
            let request = self.streams.get_records().shard_iterator(&position.iterator);
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    self.position = Some(position);
                    return Err(error).context("read the table's stream");
                }
            };
            let records = answer.records.unwrap_or_default();
            let end = records.is_empty();
            let wanted: Vec<EventRecord> = records
                .iter()
                .filter(|record| is_wanted(record))
                .map(|record| {
                    let wire = lambda_record(record, &position.stream_arn)?;
                    serde_json::from_value(wire).context("read a record of the table's stream")
                })
                .collect::<anyhow::Result<_>>()?;
            position.iterator = answer.next_shard_iterator.context("the table's stream has ended")?;
            if end || !wanted.is_empty() {
                self.position = Some(position);
                return Ok(wanted);
            }
        }
    }

    async fn oldest(&self) -> anyhow::Result<Position> {
        let table_name = &self.table_name;
        let found = self.streams.list_streams().table_name(table_name).send().await;
        let found = found.with_context(|| format!("find the stream of the table `{table_name}`"))?;
        let stream = found.streams().first().and_then(|stream| stream.stream_arn());
        let stream = stream.with_context(|| format!("the table `{table_name}` has no stream"))?;
        let described = self.streams.describe_stream().stream_arn(stream).send().await;
        let described = described.context("describe the table's stream")?.stream_description;
        let shards = described.map(|d| d.shards.unwrap_or_default()).unwrap_or_default();
        let [shard] = shards.as_slice() else {
            bail!("the stream of the embedded table has {} shards in place of one", shards.len());
        };
        let iterator = self
            .streams
            .get_shard_iterator()
            .stream_arn(stream)
            .set_shard_id(shard.shard_id.clone())
            .shard_iterator_type(ShardIteratorType::TrimHorizon)
            .send()
            .await
            .context("find the beginning of the table's stream")?
            .shard_iterator
            .context("the table's stream has no beginning")?;
        let shard_id = shard.shard_id.clone().unwrap_or_default();
        Ok(Position { stream_arn: stream.to_owned(), shard_id, iterator })
    }
}

/// The event with which Lambda hands over one record (the mapping's batch size is one).
pub fn event_of(record: EventRecord) -> Event {
    let mut event = Event::default();
    event.records.push(record);
    event
}

fn is_wanted(record: &Record) -> bool {
    let image = record.dynamodb().and_then(|change| change.new_image());
    let mark = image.and_then(|image| image.get(WANTED.0));
    mark.and_then(|mark| mark.as_s().ok()).is_some_and(|mark| mark == WANTED.1)
}

/// The JSON of one record as Lambda writes it.
fn lambda_record(record: &Record, stream_arn: &str) -> anyhow::Result<Value> {
    let change = record.dynamodb().context("a record of the stream has no change")?;
    let mut dynamodb = Map::new();
    for (name, item) in
        [("Keys", change.keys()), ("NewImage", change.new_image()), ("OldImage", change.old_image())]
    {
        if let Some(item) = item {
            dynamodb.insert(name.to_owned(), attributes(item)?);
        }
    }
    if let Some(time) = change.approximate_creation_date_time() {
        dynamodb.insert("ApproximateCreationDateTime".to_owned(), json!(time.as_secs_f64()));
    }
    dynamodb.insert("SequenceNumber".to_owned(), json!(change.sequence_number()));
    dynamodb.insert("SizeBytes".to_owned(), json!(change.size_bytes().unwrap_or_default()));
    dynamodb.insert("StreamViewType".to_owned(), json!(change.stream_view_type().map(|view| view.as_str())));
    Ok(json!({
        "eventID": record.event_id().unwrap_or_default(),
        "eventName": record.event_name().map(|name| name.as_str()).unwrap_or_default(),
        "eventVersion": record.event_version(),
        "eventSource": record.event_source(),
        "awsRegion": record.aws_region().unwrap_or_default(),
        "dynamodb": dynamodb,
        "eventSourceARN": stream_arn,
        "userIdentity": record.user_identity().map(|who| json!({"type": who.r#type(), "principalId": who.principal_id()})),
    }))
}

fn attributes<'a>(item: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> anyhow::Result<Value> {
    let pair = |(name, value): (&String, &AttributeValue)| Ok((name.clone(), attribute(value)?));
    item.into_iter().map(pair).collect::<anyhow::Result<Map<_, _>>>().map(Value::Object)
}

fn attribute(value: &AttributeValue) -> anyhow::Result<Value> {
    Ok(match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        _ => bail!("the stream has an attribute of a type that AutoFix does not store"),
    })
}

#[cfg(test)]
mod tests;
