//! The requests of a consumer group, by hand as in `protocol`: FindCoordinator 0, JoinGroup 1, SyncGroup 0, Heartbeat 0,
//! LeaveGroup 0, OffsetCommit 2 and OffsetFetch 1.

use super::protocol::{Answer, Connection, Reader, Writer};
use anyhow::{Result, bail};

const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 9;
const FIND_COORDINATOR: i16 = 10;
const JOIN_GROUP: i16 = 11;
const HEARTBEAT: i16 = 12;
const LEAVE_GROUP: i16 = 13;
const SYNC_GROUP: i16 = 14;

const SESSION_MS: i32 = 30_000;
/// How long a group waits for a member whose answer the kill took.
const REBALANCE_MS: i32 = 200;

/// Who a member is in one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub member: String,
    pub generation: i32,
}

fn answer_of<T>(code: i16, value: T) -> Answer<T> {
    if code == 0 { Ok(value) } else { Err(code) }
}

impl Connection {
    pub fn find_coordinator(&mut self, group: &str) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.text(group);
        let answer = self.send(FIND_COORDINATOR, 0, body)?;
        Ok(answer_of(Reader(&answer).i16()?, ()))
    }

    /// Joins as the only member.
    pub fn join_group(&mut self, group: &str) -> Result<Answer<Identity>> {
        let mut body = Writer::default();
        body.text(group).i32(SESSION_MS).i32(REBALANCE_MS).text("").text("consumer");
        body.i32(1).text("range").i32(0);
        let answer = self.send(JOIN_GROUP, 1, body)?;
        let mut answer = Reader(&answer);
        let (code, generation) = (answer.i16()?, answer.i32()?);
        answer.text()?;
        answer.text()?;
        let member = answer.text()?.to_owned();
        Ok(answer_of(code, Identity { member, generation }))
    }

    /// Gives the only member its share.
    pub fn sync_group(&mut self, group: &str, own: &Identity) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.text(group).i32(own.generation).text(&own.member).i32(1).text(&own.member).i32(4).i32(7);
        let answer = self.send(SYNC_GROUP, 0, body)?;
        Ok(answer_of(Reader(&answer).i16()?, ()))
    }

    pub fn heartbeat(&mut self, group: &str, own: &Identity) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.text(group).i32(own.generation).text(&own.member);
        let answer = self.send(HEARTBEAT, 0, body)?;
        Ok(answer_of(Reader(&answer).i16()?, ()))
    }

    pub fn leave_group(&mut self, group: &str, own: &Identity) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.text(group).text(&own.member);
        let answer = self.send(LEAVE_GROUP, 0, body)?;
        Ok(answer_of(Reader(&answer).i16()?, ()))
    }

    /// Commits an offset of partition 0.
    pub fn commit_offset(
        &mut self,
        group: &str,
        own: &Identity,
        topic: &str,
        offset: i64,
    ) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.text(group).i32(own.generation).text(&own.member).i64(-1);
        body.i32(1).text(topic).i32(1).i32(0).i64(offset).text("note");
        let answer = self.send(OFFSET_COMMIT, 2, body)?;
        let mut answer = Reader(&answer);
        if answer.i32()? != 1 {
            bail!("one topic was committed");
        }
        answer.text()?;
        answer.i32()?;
        answer.i32()?;
        Ok(answer_of(answer.i16()?, ()))
    }

    /// The committed offset of partition 0; -1 where there is none.
    pub fn committed_offset(&mut self, group: &str, topic: &str) -> Result<Answer<i64>> {
        let mut body = Writer::default();
        body.text(group).i32(1).text(topic).i32(1).i32(0);
        let answer = self.send(OFFSET_FETCH, 1, body)?;
        let mut answer = Reader(&answer);
        if answer.i32()? != 1 {
            bail!("one topic was asked for");
        }
        answer.text()?;
        answer.i32()?;
        answer.i32()?;
        let offset = answer.i64()?;
        answer.text()?;
        Ok(answer_of(answer.i16()?, offset))
    }
}
