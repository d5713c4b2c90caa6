//! What is logged while a test runs, in the form in which a Lambda function logs it.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use autofix::logging;
use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::util::SubscriberInitExt;

/// The lines of the log of this thread, from `trace` on for our own crates.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// While `tracing` knows of one subscriber only, a line of code that is reached first by a thread without one is
/// silent for all threads; with these two it never knows of only one.
static NEVER_ALONE: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(), ()].map(|()| Dispatch::new(tracing_subscriber::registry())));

impl Log {
    pub fn listen(&self) -> DefaultGuard {
        LazyLock::force(&NEVER_ALONE);
        let log = self.clone();
        logging::json_lines(Some("trace"), move || log.clone()).set_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Each line as the one JSON object that it has to be.
    pub fn objects(&self) -> Vec<Value> {
        let text = self.text();
        let object = |line: &str| {
            let Fields(fields) =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the log: {line}"));
            let count = fields.len();
            let object: serde_json::Map<String, Value> = fields.into_iter().collect();
            assert_eq!(object.len(), count, "a field is there twice: {line}");
            Value::Object(object)
        };
        text.split_terminator('\n').map(object).collect()
    }
}

/// An object's fields as they stand, so that one that is there twice is seen.
struct Fields(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Fields;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = object.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
