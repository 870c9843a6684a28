//! Something is asked to be erased.

use rand::random;
use serde_json::value::to_raw_value;

use super::{AskedErasure, ErasePlan, EraseRequest, Keeper, KeeperError, check_count, event_of};
use crate::access::{Action, Identity};
use crate::erasure::{is_held_back, tombstones};
use crate::model::{EraseData, Erasure, FieldError, Kind, Micros, Offset, Record, held_by};
use crate::relay::RelayError;

impl Keeper {
    /// Asks to erase, or says what that would be.
    pub async fn erase(
        &self,
        identity: &Identity,
        request: &EraseRequest,
    ) -> Result<AskedErasure, KeeperError> {
        identity.require(Action::Administer)?;
        let customer = request.customer.as_deref();
        let customer = customer.map(|customer| self.pseudonyms.of(&identity.shop, customer));
        let conversations = self.planned(identity, request, customer.clone()).await?;
        if request.dry_run {
            return Ok(AskedErasure { id: None, conversations });
        }
        let id = format!("erase-{:016x}", random::<u64>());
        let data = match &customer {
            Some(_) => Some(to_raw_value(&EraseData { customer, receipt: None })?),
            None => None,
        };
        let event = |plan: &ErasePlan| {
            let mut event = event_of(identity, &id, &plan.conversation, Kind::Erase);
            event.target.clone_from(&request.message);
            event.text = Some(request.ground.clone());
            event.data.clone_from(&data);
            event
        };
        self.append(identity, conversations.iter().map(event).collect()).await?;
        Ok(AskedErasure { id: Some(id), conversations })
    }

    /// What would be erased of each conversation concerned. Reads them whole, one after the other.
    async fn planned(
        &self,
        identity: &Identity,
        request: &EraseRequest,
        customer: Option<String>,
    ) -> Result<Vec<ErasePlan>, KeeperError> {
        let turn = self.planning.clone().acquire_owned().await;
        let (keeper, identity, request) = (self.clone(), identity.clone(), request.clone());
        let plan = move || {
            let _turn = turn;
            let names = keeper.to_erase(&identity, &request)?;
            let plan = |name: &String| keeper.plan(&identity, name, &request, customer.clone());
            names.iter().map(plan).collect()
        };
        tokio::task::spawn_blocking(plan).await.map_err(RelayError::panicked)?
    }

    fn to_erase(
        &self,
        identity: &Identity,
        request: &EraseRequest,
    ) -> Result<Vec<String>, KeeperError> {
        if request.ground.trim().is_empty() {
            let rule = "say why: it stands in the place of what is erased";
            return Err(FieldError::new("ground", &request.ground, rule).into());
        }
        match (&request.message, &request.conversation, &request.customer) {
            (_, Some(name), None) => Ok(vec![name.clone()]),
            (None, None, Some(customer)) => {
                let names = self.lookup.conversations_of(&identity.shop, customer)?;
                check_count(&names.iter().cloned().collect())?;
                Ok(names)
            }
            _ => {
                let rule =
                    "name a `message` with its `conversation`, a `conversation`, or a `customer`";
                Err(FieldError::new("", "the request", rule).into())
            }
        }
    }

    fn plan(
        &self,
        identity: &Identity,
        name: &str,
        request: &EraseRequest,
        customer: Option<String>,
    ) -> Result<ErasePlan, KeeperError> {
        let records = self.records.conversation(&identity.shop, name)?;
        if let Some(message) = &request.message
            && !records.iter().any(|record| record.event.id == *message)
        {
            let rule = format!("be the id of an event of conversation `{name}`");
            return Err(FieldError::new("message", message, rule).into());
        }
        let erasure = Erasure {
            asked: Offset(u64::MAX),
            at: Micros::now(),
            message: request.message.clone(),
            customer,
            ground: request.ground.clone(),
        };
        let tombstones = tombstones(&records, &[erasure], &self.pseudonyms);
        let attachments_of = |tombstone: &Record| {
            let before = records.iter().find(|record| record.offset == tombstone.offset);
            before.map_or(0, |record| record.event.attachments.len() as u64)
        };
        let cases = held_by(&records);
        let held_by: Vec<String> = if is_held_back(!cases.is_empty(), &tombstones) {
            cases.into_iter().collect()
        } else {
            Vec::new()
        };
        Ok(ErasePlan {
            conversation: name.to_string(),
            records: tombstones.len() as u64,
            attachments: tombstones.iter().map(attachments_of).sum(),
            held_by,
        })
    }
}
