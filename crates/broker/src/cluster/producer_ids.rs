//! Producer ids: numbers that are never given twice (durability rule P4).
//!
//! A broker holds a block of them that a synced record of the metadata reserved. What a stop leaves of a block is lost,
//! never given again.

use super::controller::ControllerError;
use super::controller_client::ControllerClient;
use ottla_state::controller::{ProducerIdBlock, Refusal};
use tokio::sync::Mutex;

#[derive(Debug, thiserror::Error)]
pub enum ProducerIdError {
    #[error(transparent)]
    Controller(#[from] ControllerError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

#[derive(Debug)]
pub struct ProducerIds {
    controller: ControllerClient,
    /// Held across the reservation of the next block, so that one caller asks and the others wait for it.
    block: Mutex<ProducerIdBlock>,
}

impl ProducerIds {
    pub fn new(controller: ControllerClient) -> Self {
        Self { controller, block: Mutex::new(ProducerIdBlock { first: 0, count: 0 }) }
    }

    pub async fn next(&self) -> Result<i64, ProducerIdError> {
        let mut block = self.block.lock().await;
        if block.count == 0 {
            *block = self.controller.allocate_producer_ids().await??;
        }
        let id = block.first;
        *block = ProducerIdBlock { first: id + 1, count: block.count - 1 };
        Ok(id)
    }
}
