//! The memory of this process, where the system tells.

use serde::Serialize;

/// Resident memory. `None` where there is no `/proc`: then nothing is known, which is not the same as nothing used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Now, kibibytes.
    pub resident_kib: Option<u64>,
    /// The most there ever was, kibibytes.
    pub peak_kib: Option<u64>,
}

impl Memory {
    pub fn now() -> Memory {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Memory { resident_kib: field(&status, "VmRSS:"), peak_kib: field(&status, "VmHWM:") }
    }
}

/// A field of `proc_pid_status(5)`, kibibytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Megabytes for people; a dash where nothing is known.
pub fn megabytes(kib: Option<u64>) -> String {
    kib.map_or_else(|| "–".to_owned(), |kib| format!("{:.1} MB", kib as f64 * 1024.0 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_where_they_are() {
        let status = "Name:\tautofix\nVmHWM:\t   12345 kB\nVmRSS:\t    9876 kB\n";
        assert_eq!((field(status, "VmHWM:"), field(status, "VmRSS:")), (Some(12_345), Some(9_876)));
        assert_eq!(field("", "VmRSS:"), None);
        assert_eq!((megabytes(Some(1_000)), megabytes(None)), ("1.0 MB".to_owned(), "–".to_owned()));
    }
}
