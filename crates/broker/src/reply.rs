//! What becomes of a request.

use ottla_wire::codec::{Chunks, EncodeError, Message};
use ottla_wire::frame::encode_response;
use std::future::Future;
use std::pin::Pin;

pub type Later = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub enum Reply {
    Now(Outcome),
    /// What had to happen in the order of arrival has happened; the rest may wait.
    Later(Later),
}

#[derive(Debug)]
pub enum Outcome {
    Answer(Chunks),
    /// The request is done and wants no answer.
    Silent,
    /// Nothing that follows can be answered; the reason is for the log.
    Close(String),
}

/// How one request is to be answered.
#[derive(Debug, Clone, Copy)]
pub struct Return {
    pub correlation_id: i32,
    pub version: i16,
}

impl Return {
    pub fn outcome<M: Message>(self, body: &M) -> Outcome {
        match encode_response(self.correlation_id, self.version, body) {
            Ok(chunks) => Outcome::Answer(chunks),
            Err(error @ (EncodeError::StringTooLong(_) | EncodeError::TooLong(_))) => {
                Outcome::Close(format!("an answer that cannot be written: {error}"))
            }
        }
    }

    pub fn now<M: Message>(self, body: &M) -> Reply {
        Reply::Now(self.outcome(body))
    }

    pub fn later<M: Message>(self, body: impl Future<Output = M> + Send + 'static) -> Reply {
        Reply::Later(Box::pin(async move { self.outcome(&body.await) }))
    }
}
