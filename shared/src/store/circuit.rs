//! The circuits of the services outside. One item a service, written only when something is wrong or well again.

use std::collections::HashMap;

use jiff::Timestamp;

use super::attempts::is_condition;
use super::item;
use super::{Saved, Store, StoreError, unavailable};
use crate::circuit::Circuit;
use crate::journal::Service;

const PK: &str = "CIRCUIT";

/// A circuit as it was read, with the version that a write has to name.
#[derive(Clone, Debug, Default)]
pub struct VersionedCircuit {
    pub circuit: Circuit,
    version: i64,
}

impl Store {
    /// Every circuit that was ever written; a service that is not named never failed.
    pub async fn circuits(&self) -> Result<HashMap<Service, VersionedCircuit>, StoreError> {
        let items = self.items_of(PK).await?;
        let named = items.iter().filter_map(|item| Some((item::get_text(item, "sk")?.parse().ok()?, item)));
        named.map(|(service, item)| Ok((service, read(item)?))).collect()
    }

    /// The circuit of one service.
    pub async fn circuit(&self, service: Service) -> Result<VersionedCircuit, StoreError> {
        let item = self.item(item::key(PK, service.as_str())).await?;
        item.as_ref().map_or(Ok(VersionedCircuit::default()), read)
    }

    /// Writes a circuit that was made from `before`. While its card is owed, the clock finds it.
    pub async fn save_circuit(
        &self,
        service: Service,
        before: &VersionedCircuit,
        after: &Circuit,
    ) -> Result<Saved, StoreError> {
        let mut item = item::key(PK, service.as_str());
        item.insert("circuit".to_owned(), item::json(after));
        item.insert("version".to_owned(), item::number(before.version + 1));
        if let Some(due) = after.card_due() {
            super::attempts::set_due(&mut item, PK, due);
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR version = :version")
            .expression_attribute_values(":version", item::number(before.version));
        match put.send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if is_condition(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Reads a circuit, changes it, and writes it, again and again until nobody came in between. `None`: there was
    /// nothing to change.
    pub async fn change_circuit(
        &self,
        service: Service,
        change: impl Fn(&mut Circuit),
    ) -> Result<Option<Change>, StoreError> {
        loop {
            let before = self.circuit(service).await?;
            let mut after = before.circuit.clone();
            change(&mut after);
            if after == before.circuit {
                return Ok(None);
            }
            // Whoever wins has made a step, so that nobody loses for ever.
            if self.save_circuit(service, &before, &after).await? == Saved::Yes {
                return Ok(Some(Change { before: before.circuit, after }));
            }
        }
    }

    /// Takes the trial of a service whose pause is over. Of several that ask at once, one gets it.
    pub async fn take_trial(&self, service: Service, now: Timestamp) -> Result<Trial, StoreError> {
        let before = self.circuit(service).await?;
        let mut after = before.circuit.clone();
        if after.take_trial(now) && self.save_circuit(service, &before, &after).await? == Saved::Yes {
            return Ok(Trial::Ours(after));
        }
        Ok(Trial::NotOurs(self.circuit(service).await?.circuit))
    }
}

/// What became of asking for a trial, and the circuit as it is now.
#[derive(Clone, Debug)]
pub enum Trial {
    Ours(Circuit),
    NotOurs(Circuit),
}

/// A circuit before and after a write.
#[derive(Clone, Debug)]
pub struct Change {
    pub before: Circuit,
    pub after: Circuit,
}

fn read(item: &item::Item) -> Result<VersionedCircuit, StoreError> {
    let version = item::get_number(item, "version").unwrap_or(0);
    Ok(VersionedCircuit { circuit: item::from_json(item, "circuit")?, version })
}
