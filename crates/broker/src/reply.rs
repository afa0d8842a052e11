//! What becomes of a request.

use crate::budget::{Budget, Memory, OWN_BYTES};
use crate::quotas::Charge;
use ottla_wire::codec::{Chunks, EncodeError, Message};
use ottla_wire::frame::encode_response;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub type Later = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub enum Reply {
    Now(Outcome),
    /// What had to happen in the order of arrival has happened; the rest may wait.
    Later(Later),
}

#[derive(Debug)]
pub enum Outcome {
    Answer(Answer),
    /// The request is done and wants no answer.
    Silent,
    /// Nothing that follows can be answered; the reason is for the log.
    Close(String),
}

/// An answer, and the memory it counts against until it is sent.
#[derive(Debug)]
pub struct Answer {
    pub chunks: Chunks,
    pub memory: Option<Memory>,
}

impl Outcome {
    /// The answer, if it is one, holds what it needs of this memory until it is sent.
    #[must_use]
    pub fn holding(self, memory: Option<Memory>) -> Self {
        match self {
            Self::Answer(Answer { chunks, .. }) => {
                let memory = memory.filter(|_| chunks.len > OWN_BYTES);
                let memory = memory.map(|memory| memory.keeping(chunks.len));
                Self::Answer(Answer { chunks, memory })
            }
            other => other,
        }
    }
}

/// How one request is to be answered.
#[derive(Debug, Clone)]
pub struct Return {
    pub correlation_id: i32,
    pub version: i16,
    /// What the request costs, where somebody is limited.
    pub charge: Option<Arc<Charge>>,
}

impl Return {
    /// The answer, with how long the client has to wait for what it did.
    pub fn outcome<M: Message>(self, mut body: M) -> Outcome {
        if let Some(charge) = &self.charge {
            body.set_throttle_time_ms(charge.settle());
        }
        match encode_response(self.correlation_id, self.version, &body) {
            Ok(chunks) => Outcome::Answer(Answer { chunks, memory: None }),
            Err(error @ (EncodeError::StringTooLong(_) | EncodeError::TooLong(_))) => {
                Outcome::Close(format!("an answer that cannot be written: {error}"))
            }
        }
    }

    pub fn now<M: Message>(self, body: M) -> Reply {
        Reply::Now(self.outcome(body))
    }

    /// An answer that is larger than what it was made of: memory for so many bytes is taken before it is written.
    pub async fn outcome_within<M: Message>(self, answers: &Budget, bytes: usize, body: M) -> Outcome {
        let memory = answers.room(bytes).await;
        self.outcome(body).holding(memory)
    }

    pub fn later<M: Message>(self, body: impl Future<Output = M> + Send + 'static) -> Reply {
        Reply::Later(Box::pin(async move { self.outcome(body.await) }))
    }
}
