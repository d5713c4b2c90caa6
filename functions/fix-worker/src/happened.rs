//! What a step gives back: what happened, which the engine applies and saves, or why it was left before it was done.

use autofix::attempt::{Event, Fact, JoinedIssue};
use autofix::outbound::ServiceError;
use autofix::store::{StoreError, Versioned};

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Happened {
    /// Applied in this order, and saved in one write. Empty where there is nothing to do yet.
    Events(Vec<Event>),
    /// The attempt joins another one: both are changed, in one transaction.
    Joined(Box<Joining>),
}

/// The two ends of a join.
#[derive(Debug)]
pub(crate) struct Joining {
    /// What happens to the attempt that joins, and ends with that.
    pub event: Event,
    /// The attempt that it joins, as it was read.
    pub other: Versioned,
    /// What that one takes in.
    pub issue: JoinedIssue,
}

/// Why a step ended before its last line: something happened already, or it was stopped.
#[derive(Debug)]
pub(crate) enum Early {
    Happened(Happened),
    Stopped(Stopped),
}

/// A step's result. `Err(Early::Happened(_))` and `Ok(_)` mean the same to the engine; the first lets `?` end a step.
pub(crate) type Stepped = Result<Happened, Early>;

impl From<Event> for Happened {
    fn from(event: Event) -> Happened {
        Happened::Events(vec![event])
    }
}

impl From<Fact> for Happened {
    fn from(fact: Fact) -> Happened {
        Event::Learned(fact).into()
    }
}

impl From<Event> for Early {
    fn from(event: Event) -> Early {
        Early::Happened(event.into())
    }
}

impl From<Stopped> for Early {
    fn from(stopped: Stopped) -> Early {
        Early::Stopped(stopped)
    }
}

impl From<ServiceError> for Early {
    fn from(error: ServiceError) -> Early {
        Early::Stopped(error.into())
    }
}

impl From<StoreError> for Early {
    fn from(error: StoreError) -> Early {
        Early::Stopped(error.into())
    }
}

/// Why a step, or an investigation, stopped. It is done again: by this worker, by the next one, or after a pause.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Someone else changed the attempt; its next step may be another one.
    #[error("the attempt was changed meanwhile")]
    Changed,
    #[error("another worker has the lease")]
    LostLease,
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The invocation has no time left; the next one continues.
    #[error("the invocation has no time left")]
    OutOfTime,
    #[error(transparent)]
    Store(#[from] StoreError),
}
