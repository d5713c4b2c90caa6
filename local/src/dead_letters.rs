//! The command `dead-letters`: from a message of the dead-letter queue back to the attempt.
//!
//! Lambda puts into that queue which records of the stream it gave up (shard and sequence numbers), and nothing of
//! what was in them. As long as the stream keeps a record, 24 hours, it still says which item it was about. After
//! that nothing does; then the attempts that are overdue are the answer, since the clock wakes whatever is due within
//! a minute. Message format: "Retain discarded records for a DynamoDB event source in Lambda", Lambda developer guide.

use std::path::Path;

use anyhow::{Context, bail};
use autofix::attempt::AttemptId;
use autofix::store::{Saved, Store};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::ProvideErrorMetadata;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::terminal::{patiently, say};

/// An attempt that is due for longer than this was left lying: the clock comes every minute.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// Overdue attempts shown, at most, of each of the index's partitions.
const OVERDUE_SHOWN: i32 = 25;
/// Answers of the stream read for one message; a batch is one record, and an answer can be empty.
const MAX_READS: usize = 20;
/// How often a race against a worker is run again.
const WAKE_ROUNDS: usize = 5;

/// What the stream's mapping gave up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    pub stream_arn: String,
    pub shard_id: String,
    pub start_sequence_number: String,
    pub end_sequence_number: String,
    pub approximate_arrival_of_first_record: Timestamp,
}

/// Where a message leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// The attempts whose records were given up, each once.
    Attempts(Vec<AttemptId>),
    /// The stream does not have the records any more.
    Expired,
}

/// Whether what was found is also woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Shown,
    Woken,
}

/// The table and its stream, where the letters lead.
pub struct Office {
    pub store: Store,
    pub streams: Client,
    pub now: Timestamp,
}

impl DeadLetter {
    /// Reads a message, a list of messages, or what `aws sqs receive-message` prints (nothing, where the queue is
    /// empty).
    ///
    /// # Errors
    /// When something in there is no message of a DynamoDB stream's mapping.
    pub fn read_all(text: &str) -> anyhow::Result<Vec<DeadLetter>> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let value: Value = serde_json::from_str(text).context("read the messages as JSON")?;
        let messages = match &value {
            Value::Array(all) => all.as_slice(),
            Value::Object(printed) => match printed.get("Messages") {
                Some(Value::Array(all)) => all.as_slice(),
                _ => std::slice::from_ref(&value),
            },
            _ => bail!("neither a message nor what `aws sqs receive-message` prints"),
        };
        messages.iter().map(DeadLetter::read).collect()
    }

    fn read(message: &Value) -> anyhow::Result<DeadLetter> {
        let body = match message.get("Body").and_then(Value::as_str) {
            Some(body) => serde_json::from_str(body).context("read a message's body as JSON")?,
            None => message.clone(),
        };
        let batch = body.get("DDBStreamBatchInfo").context("a message has no `DDBStreamBatchInfo`")?;
        DeadLetter::deserialize(batch).context("read a message's `DDBStreamBatchInfo`")
    }
}

impl Office {
    /// Where a message leads.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn follow(&self, letter: &DeadLetter) -> anyhow::Result<Lead> {
        let iterator = self
            .streams
            .get_shard_iterator()
            .stream_arn(&letter.stream_arn)
            .shard_id(&letter.shard_id)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .sequence_number(&letter.start_sequence_number)
            .send()
            .await;
        let mut iterator = match iterator {
            Ok(answer) => answer.shard_iterator,
            Err(error) if is_gone(&error) => return Ok(Lead::Expired),
            Err(error) => return Err(error).context("find the record in the stream"),
        };
        let mut attempts = Vec::new();
        for _ in 0..MAX_READS {
            let Some(position) = iterator else { break };
            let answer = match self.streams.get_records().shard_iterator(position).send().await {
                Ok(answer) => answer,
                Err(error) if is_gone(&error) => return Ok(Lead::Expired),
                Err(error) => return Err(error).context("read the record from the stream"),
            };
            for record in answer.records.unwrap_or_default() {
                let number = sequence_number(&record);
                if is_after(number, &letter.end_sequence_number) {
                    return Ok(Lead::Attempts(attempts));
                }
                attempts.extend(attempt(&record).filter(|id| !attempts.contains(id)));
                if number == letter.end_sequence_number {
                    return Ok(Lead::Attempts(attempts));
                }
            }
            iterator = answer.next_shard_iterator;
        }
        Ok(Lead::Attempts(attempts))
    }

    /// Attempts that the clock should have woken, and has not.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn overdue(&self) -> anyhow::Result<Vec<AttemptId>> {
        Ok(self
            .store
            .due(self.now - OVERDUE, OVERDUE_SHOWN)
            .await
            .context("look for what is overdue")?
            .attempts)
    }

    /// Has the stream bring an attempt to the worker once more. What the attempt itself waits for, it goes on waiting
    /// for; one that has ended stays ended. `false` where there is no such attempt any more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn wake(&self, id: AttemptId) -> anyhow::Result<bool> {
        for _ in 0..WAKE_ROUNDS {
            let Some(before) = self.store.attempt(id).await? else { return Ok(false) };
            let mut after = before.attempt.clone();
            after.wake(self.now);
            if self.store.save_decision(&before, &after, self.now).await? == Saved::Yes {
                return Ok(true);
            }
        }
        bail!("attempt {id} changes all the time: a worker is at it")
    }

    /// Tells where each message leads, and wakes what is found where that is wanted.
    ///
    /// # Errors
    /// When table or stream cannot be reached.
    pub async fn answer(&self, letters: &[DeadLetter], found: Found) -> anyhow::Result<()> {
        if letters.is_empty() {
            say!("No messages.");
        }
        let mut expired = 0;
        for letter in letters {
            let arrived = letter.approximate_arrival_of_first_record;
            match patiently("Asking the table's stream …", self.follow(letter)).await? {
                Lead::Attempts(attempts) => {
                    say!("Record {} of {arrived}:", letter.start_sequence_number);
                    self.show(&attempts, found).await?;
                }
                Lead::Expired => {
                    expired += 1;
                    say!("Record {} of {arrived}: no longer in the stream", letter.start_sequence_number);
                }
            }
        }
        if expired > 0 {
            say!("Attempts that are due for more than {} minutes:", OVERDUE.as_mins());
            let overdue = patiently("Asking the table …", self.overdue()).await?;
            self.show(&overdue, found).await?;
        }
        Ok(())
    }

    async fn show(&self, attempts: &[AttemptId], found: Found) -> anyhow::Result<()> {
        if attempts.is_empty() {
            say!("  none");
        }
        for &id in attempts {
            let Some(versioned) = self.store.attempt(id).await? else {
                say!("  {id}  deleted");
                continue;
            };
            let woken = match found {
                Found::Woken if self.wake(id).await? => "  woken",
                Found::Woken | Found::Shown => "",
            };
            let attempt = versioned.attempt;
            say!("  {id}  {:<17} {}{woken}", attempt.status().as_str(), attempt.subject.project);
        }
        Ok(())
    }
}

/// The messages of a file; `-` is standard input.
///
/// # Errors
/// When the file cannot be read, or is not what [`DeadLetter::read_all`] reads.
pub fn open(file: &Path) -> anyhow::Result<Vec<DeadLetter>> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("read standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?
    };
    DeadLetter::read_all(&text)
}

/// The shard has expired, or the record within it.
fn is_gone(error: &impl ProvideErrorMetadata) -> bool {
    matches!(error.code(), Some("TrimmedDataAccessException" | "ResourceNotFoundException"))
}

fn sequence_number(record: &Record) -> &str {
    record.dynamodb().and_then(|change| change.sequence_number()).unwrap_or_default()
}

/// Decimal numbers of up to 40 digits.
fn is_after(number: &str, last: &str) -> bool {
    let digits = |text: &str| text.trim_start_matches('0').to_owned();
    let (number, last) = (digits(number), digits(last));
    (number.len(), number.as_str()) > (last.len(), last.as_str())
}

fn attempt(record: &Record) -> Option<AttemptId> {
    match record.dynamodb()?.keys()?.get("pk")? {
        AttributeValue::S(pk) => AttemptId::parse(pk.strip_prefix("ATTEMPT#")?).ok(),
        _ => None, // another table's key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &str = r#"{"shardId":"shardId-00000001795341600000-1a2b3c4d","startSequenceNumber":"800000000000000000042","endSequenceNumber":"800000000000000000042","approximateArrivalOfFirstRecord":"2026-11-22T10:00:00Z","approximateArrivalOfLastRecord":"2026-11-22T10:00:00Z","batchSize":1,"streamArn":"arn:aws:dynamodb:us-east-1:123456789012:table/autofix/stream/2026-11-01T00:00:00.000"}"#;

    #[test]
    fn a_message_is_read_as_it_is_and_as_the_command_line_prints_it() {
        let body = format!(r#"{{"requestContext":{{}},"version":"1.0","DDBStreamBatchInfo":{BATCH}}}"#);
        let alone = DeadLetter::read_all(&body).unwrap();
        assert_eq!(alone[0].start_sequence_number, "800000000000000000042");
        let printed =
            serde_json::json!({ "Messages": [{ "MessageId": "1", "Body": body }, { "Body": body }] });
        assert_eq!(
            DeadLetter::read_all(&printed.to_string()).unwrap(),
            [alone.clone(), alone.clone()].concat()
        );
        assert_eq!(DeadLetter::read_all(&format!("[{body}]")).unwrap(), alone);
        assert_eq!(DeadLetter::read_all("\n").unwrap(), []);
        for wrong in ["{}", "7", "[1]", "no JSON", r#"{"Messages":[{"Body":"{}"}]}"#] {
            assert!(DeadLetter::read_all(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        assert!(is_after("1000", "999") && is_after("0043", "42"));
        assert!(!is_after("42", "42") && !is_after("0999", "1000"));
    }
}
