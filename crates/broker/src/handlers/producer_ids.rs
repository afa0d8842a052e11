//! InitProducerId (22), versions 0-5: an id for an idempotent producer. Transactional ids are refused until transactions
//! exist.

use crate::call::Call;
use crate::error;
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use std::sync::Arc;

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: InitProducerIdRequest = call.read()?;
    let refuse = |error: ErrorCode| {
        let producer_epoch = -1;
        InitProducerIdResponse {
            error_code: error.code(),
            producer_id: -1,
            producer_epoch,
            ..Default::default()
        }
    };
    match request.transactional_id.as_deref() {
        None => {}
        Some("") => return Ok(call.returns().now(refuse(ErrorCode::InvalidRequest))),
        Some(_) => return Ok(call.returns().now(refuse(ErrorCode::UnsupportedVersion))),
    }
    let ids = Arc::clone(&call.context.producer_ids);
    Ok(call.returns().later(async move {
        match ids.next().await {
            Ok(producer_id) => {
                InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() }
            }
            Err(failure) => refuse(error::of_producer_id(&failure)),
        }
    }))
}
