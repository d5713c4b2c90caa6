//! Who talks to Claude: the client, the budget, the time, and where finished turns are kept. The worker keeps them in
//! the table; an evaluation on a laptop keeps nothing.

use std::time::Duration;

use autofix::claude::Claude;
use autofix::clock::Clock;
use autofix::metrics::Metrics;
use autofix::reason::{Reason, ReasonCode};
use autofix::store::{self, Lease, Saved, Store, StoreError};
use autofix::usage::Usage;
use jiff::Timestamp;
use serde_json::Value;

use crate::happened::Stopped;
use crate::investigation::turn_file::TurnFile;
use crate::worker::{self, Worker};

/// One investigation's means.
pub struct Analyst<'a> {
    pub claude: &'a Claude,
    pub clock: &'a Clock,
    /// When the invocation ends.
    pub deadline: Timestamp,
    /// US dollars.
    pub max_cost_usd: f64,
    pub usage: Usage,
    pub metrics: Metrics,
    pub ledger: Ledger<'a>,
}

/// Where finished turns and their cost are kept.
pub enum Ledger<'a> {
    Table {
        store: &'a Store,
        lease: &'a mut Lease,
        /// US dollars for all attempts of a UTC day.
        daily_cost_usd: f64,
    },
    /// In a file: an evaluation that was stopped continues where it was.
    File(&'a mut TurnFile),
    /// Nowhere: an evaluation begins anew each time.
    None,
}

impl<'a> Analyst<'a> {
    /// The means to investigate the case of the attempt that is in work until `deadline`. `spent` is what was paid before the
    /// conversations that come; theirs is counted again from the checkpoints.
    pub(crate) fn of(
        worker: &'a Worker,
        lease: &'a mut Lease,
        deadline: Timestamp,
        spent: Usage,
    ) -> Analyst<'a> {
        let config = &worker.config;
        Analyst {
            claude: &worker.claude,
            clock: &worker.clock,
            deadline,
            max_cost_usd: config.max_cost_usd,
            usage: spent,
            metrics: worker.metrics.clone(),
            ledger: Ledger::Table { store: &worker.store, lease, daily_cost_usd: config.daily_cost_usd },
        }
    }

    /// Time left for work, the margin for saving already taken off.
    pub(crate) fn time_left(&self) -> Duration {
        worker::time_left(self.deadline, self.clock)
    }

    pub(crate) async fn kept_turns(&self, conversation: &str) -> Result<Vec<Value>, Stopped> {
        match &self.ledger {
            Ledger::Table { store, lease, .. } => Ok(store.turns(lease.attempt_id(), conversation).await?),
            Ledger::File(file) => Ok(file.turns(conversation)),
            Ledger::None => Ok(Vec::new()),
        }
    }

    /// Keeps a finished turn and adds its cost to the day's.
    pub(crate) async fn keep(&mut self, turn: store::Turn<'_>) -> Result<(), Stopped> {
        let (store, lease) = match &mut self.ledger {
            Ledger::Table { store, lease, .. } => (store, lease),
            Ledger::File(file) => {
                file.keep(turn).map_err(|error| StoreError::Damaged {
                    key: "the file of turns".to_owned(),
                    why: error.to_string(),
                })?;
                return if file.is_to_stop() { Err(Stopped::OutOfTime) } else { Ok(()) };
            }
            Ledger::None => return Ok(()),
        };
        match store.save_turn(lease, turn, self.clock.now()).await? {
            Saved::Yes => Ok(()),
            Saved::Conflict => Err(Stopped::LostLease), // another worker is having this conversation
        }
    }

    /// Looked at before every turn that would be paid for, with what that turn will cost at least: the reason to
    /// stop, where there is one.
    pub(crate) async fn over_budget(&self, least_cost_usd: f64) -> Result<Option<Reason>, Stopped> {
        let (max, spent) = (self.max_cost_usd, self.usage.cost_usd);
        if spent + least_cost_usd > max {
            let sentence = format!(
                "The budget of ${max:.2} for one attempt does not allow another turn (`AUTOFIX_MAX_COST_USD`; ${spent:.2} spent)."
            );
            return Ok(Some(Reason::new(ReasonCode::BudgetSpent, sentence)));
        }
        let Ledger::Table { store, daily_cost_usd, .. } = &self.ledger else { return Ok(None) };
        if store.spent_today(self.clock.now()).await? < *daily_cost_usd {
            return Ok(None);
        }
        let sentence = format!(
            "Today's budget of ${daily_cost_usd:.2} for all attempts is spent (`AUTOFIX_DAILY_COST_USD`)."
        );
        Ok(Some(Reason::new(ReasonCode::DailyBudgetSpent, sentence)))
    }
}
