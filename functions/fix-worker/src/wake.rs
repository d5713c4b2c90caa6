//! What woke the worker: records of the table's stream, or the clock. Records are only a wake-up: the
//! table is read, not the record, which may be hours old.

use autofix::attempt::AttemptId;
use serde::{Deserialize, Serialize};

/// A wake-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    Records(Vec<Record>),
    Clock,
}

/// One record of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The same for every delivery of the record.
    pub event_id: String,
    /// Names the record when it has to be delivered again.
    pub sequence_number: String,
    /// `None` where the item is not an attempt.
    pub attempt: Option<AttemptId>,
}

/// What Lambda is told about the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub batch_item_failures: Vec<ItemFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    pub item_identifier: String,
}

/// The event is neither a batch of stream records nor a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is neither a DynamoDB stream event nor a scheduled event")]
pub struct UnknownEvent;

impl Wake {
    /// Reads an event of Lambda.
    pub fn read(event: serde_json::Value) -> Result<Wake, UnknownEvent> {
        match serde_json::from_value::<Event>(event).map_err(|_| UnknownEvent)? {
            Event::Stream(stream) => {
                Ok(Wake::Records(stream.records.into_iter().map(Record::read).collect()))
            }
            Event::Schedule(schedule)
                if schedule.source == "aws.events" || schedule.source == "aws.scheduler" =>
            {
                Ok(Wake::Clock)
            }
            Event::Schedule(_) => Err(UnknownEvent),
        }
    }
}

impl Record {
    fn read(record: aws_lambda_events::dynamodb::EventRecord) -> Record {
        let pk = record.change.keys.inner().get("pk");
        let pk = match pk {
            Some(serde_dynamo::AttributeValue::S(pk)) => pk.as_str(),
            _ => "", // another table's key: nothing to work on
        };
        Record {
            attempt: pk.strip_prefix("ATTEMPT#").and_then(|id| AttemptId::parse(id).ok()),
            event_id: record.event_id,
            sequence_number: record.change.sequence_number.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Stream(aws_lambda_events::dynamodb::Event),
    Schedule(Schedule),
}

#[derive(Deserialize)]
struct Schedule {
    source: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_is_the_clock_and_anything_else_is_refused() {
        assert_eq!(Wake::read(json!({ "source": "aws.events", "detail": {} })), Ok(Wake::Clock));
        for event in [json!({}), json!(null), json!({ "source": "aws.s3" }), json!({ "Records": 1 })] {
            assert_eq!(Wake::read(event.clone()), Err(UnknownEvent), "{event}");
        }
    }
}
