//! Brings the circuits of the table and the switchboard of this process together: before the work, what others found
//! out; after each step, what this one heard. A success where nothing is wrong is not written down.

use autofix::circuit::{Circuit, Line};
use autofix::journal::Service;
use autofix::metrics::Measured;
use autofix::store::{Change, StoreError, Trial};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info};

use crate::Worker;

/// Whether a service may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayAsk {
    Now,
    NotBefore(Timestamp),
}

/// Learns which services are not to be asked.
pub(crate) async fn look(worker: &Worker) -> Result<(), StoreError> {
    let circuits = worker.store.circuits().await?;
    let (now, well) = (worker.clock.now(), Circuit::default());
    for &service in Service::ALL {
        let circuit = circuits.get(&service).map_or(&well, |found| &found.circuit);
        worker.switchboard.set(service, circuit, now);
    }
    Ok(())
}

/// After a trial that failed its attempt lets the others go first: what fails may be its own question, and not the
/// service.
const OTHERS_FIRST: SignedDuration = SignedDuration::from_mins(1);

/// When whoever made a trial that failed asks again.
pub(crate) fn others_first(worker: &Worker, service: Service) -> Timestamp {
    let now = worker.clock.now();
    // A time that has passed means that another task is just writing the new one.
    worker.switchboard.open_until(service).map_or(now, |until| until.max(now)) + OTHERS_FIRST
}

/// Writes down what was heard since the last time, where it matters.
pub(crate) async fn note(worker: &Worker) -> Result<(), StoreError> {
    for &service in Service::ALL {
        let Some(heard) = worker.switchboard.take_heard(service) else { continue };
        let now = worker.clock.now();
        let change = worker.store.change_circuit(service, |circuit| {
            if let Some(at) = heard.answered_at {
                circuit.answered(at);
            }
            for failure in &heard.failures {
                circuit.failed(failure.clone(), now);
            }
        });
        if let Some(change) = change.await? {
            worker.switchboard.set(service, &change.after, now);
            tell(worker, service, &change);
        }
    }
    Ok(())
}

fn tell(worker: &Worker, service: Service, change: &Change) {
    match (change.before.line(), change.after.line()) {
        (Line::Closed, Line::Open { until }) => {
            let why = change.after.outage.as_ref().map_or("", |outage| outage.why.as_str());
            error!(service = %service, why, "`{service}` failed again and again; it is not asked before {until}");
            worker.measure(&Measured::Circuit { service: service.as_str(), open: 1 });
        }
        (Line::Open { .. }, Line::Closed) => {
            info!(service = %service, "`{service}` answers again");
            worker.measure(&Measured::Circuit { service: service.as_str(), open: 0 });
        }
        (Line::Closed, Line::Closed) | (Line::Open { .. }, Line::Open { .. }) => {}
    }
}

/// Whether this worker may ask a service now. Where the pause of an open circuit is over, it takes the trial: of several
/// workers one may, and the others wait for what it finds.
pub(crate) async fn may_ask(worker: &Worker, service: Service) -> Result<MayAsk, StoreError> {
    let now = worker.clock.now();
    match worker.switchboard.open_until(service) {
        None => return Ok(MayAsk::Now),
        Some(until) if until > now => return Ok(MayAsk::NotBefore(until)),
        Some(_) => {}
    }
    let (circuit, ours) = match worker.store.take_trial(service, now).await? {
        Trial::Ours(circuit) => (circuit, true),
        Trial::NotOurs(circuit) => (circuit, false),
    };
    worker.switchboard.set(service, &circuit, now);
    Ok(match circuit.line() {
        Line::Closed => MayAsk::Now,
        Line::Open { until } if ours => {
            worker.switchboard.allow_trial(service, until);
            MayAsk::Now
        }
        // A time that has passed means that someone is just writing a new one.
        Line::Open { until } => MayAsk::NotBefore(until.max(now + SignedDuration::from_secs(1))),
    })
}
