//! What a power cut puts in doubt: of a topic that is answered before it is synced, everything that was sent before the
//! cut, unless it is below the offset up to which the partition was synced.

use super::{Checker, Partition, Place, Value, Verdict, broken};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Records that were sent before it, of all partitions.
    sent: u64,
    synced: i64,
}

impl Partition {
    /// Whether nothing may be concluded of a record that was sent as the so-manieth one. `None`: it may be anywhere.
    pub fn doubts(&self, order: u64, offset: Option<i64>) -> bool {
        let is_above = |cut: &Cut| offset.is_none_or(|offset| offset >= cut.synced);
        self.cuts.iter().any(|cut| order < cut.sent && is_above(cut))
    }

    pub fn is_cut_below(&self, offset: i64) -> bool {
        self.cuts.iter().any(|cut| cut.synced < offset)
    }
}

impl Checker {
    /// Acknowledged records that may be gone.
    pub fn doubted(&self) -> u64 {
        self.doubted
    }

    pub fn is_doubted(&self, place: Place, offset: i64, value: Value) -> bool {
        let order = self.sent.get(&value).map(|sent| sent.order);
        order.zip(self.partitions.get(&place)).is_some_and(|(order, p)| p.doubts(order, Some(offset)))
    }

    pub fn cut(&mut self, synced: &[(Place, i64)]) {
        let synced: BTreeMap<Place, i64> = synced.iter().copied().collect();
        let sent = self.sent.len() as u64;
        for (place, partition) in &mut self.partitions {
            if !self.topics.get(&place.topic).is_some_and(|topic| topic.synced_later) {
                continue;
            }
            let synced = synced.get(place).copied().unwrap_or(0).max(partition.synced_first);
            partition.cuts.push(Cut { sent, synced });
            for (_, known) in partition.known.split_off(&synced) {
                self.doubted += u64::from(known.acked);
                if let Some(sent) = self.sent.get_mut(&known.value) {
                    sent.offset = None;
                }
            }
            partition.acked_max = partition.acked_max.min(synced - 1);
            partition
                .somewhere
                .retain(|value| self.sent.get(value).is_some_and(|sent| sent.offset.is_some()));
            self.sessions.retain(|(_, of, _), offset| of != place || *offset < synced);
            for ((_, of), next) in &mut self.readers {
                *next = next.filter(|next| of != place || *next <= synced);
            }
            for (_, floor) in self.asked.values_mut().filter(|(of, _)| of == place) {
                *floor = (*floor).min(synced - 1);
            }
        }
    }

    /// A reader was given a record of a batch of this epoch.
    pub fn in_epoch(&mut self, place: Place, offset: i64, epoch: i32, value: Value) -> Verdict {
        if !self.topic(place.topic).synced_later {
            return Ok(());
        }
        let known = *self.partition(place).by_epoch.entry((offset, epoch)).or_insert(value);
        if known == value {
            return Ok(());
        }
        broken(
            "R8",
            format!("offset {offset} of {place:?} has value {known:x} and value {value:x} in epoch {epoch}"),
        )
    }
}
