//! Removes the data of deleted topics: rename, unlink, and a record that forgets the topic (durability rule C2).
//!
//! Started by the metadata, which keeps a deleted topic until its data is gone; so a deletion that was cut short goes
//! on at the next start.

use super::registry::{Forget, Registry};
use crate::reserve::Reserve;
use ottla_env::disk::{Disk, lacks_room};
use ottla_state::TopicId;
use std::io;
use std::path::Path;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A topic whose data has to go, and how many partitions it had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doomed {
    pub id: TopicId,
    pub partitions: u32,
}

/// Works off deletions until the registry is gone.
pub(super) async fn run(
    registry: Registry,
    forget: Box<Forget>,
    mut doomed: mpsc::UnboundedReceiver<Doomed>,
) {
    // To forget a topic is to write, which a full disk may refuse for as long as the data of the next one is there.
    let mut forgetting = JoinSet::new();
    let mut gone = Vec::new();
    loop {
        if forgetting.is_empty() && !gone.is_empty() {
            forgetting.spawn(forget(std::mem::take(&mut gone)));
        }
        let first = tokio::select! {
            Some(first) = doomed.recv() => first,
            Some(_) = forgetting.join_next() => continue,
            else => return,
        };
        let mut topics = vec![first];
        while let Ok(next) = doomed.try_recv() {
            topics.push(next);
        }
        for topic in topics {
            registry.close_topic(topic).await;
            match registry.remove_data(topic).await {
                Ok(()) => gone.push(topic.id),
                // It stays in the metadata, and the next start tries again.
                Err(error) => {
                    tracing::error!(topic_id = %topic.id, error = %error, "the data of a deleted topic cannot be removed");
                }
            }
        }
    }
}

/// Removes the directories of a topic. Waits for the disk.
pub(super) fn remove(disk: &dyn Disk, reserve: &Reserve, topics_dir: &Path, topic: Doomed) -> io::Result<()> {
    let names: Vec<String> =
        (0..topic.partitions).map(|p| super::registry::directory_name(topic.id, p)).collect();
    let mut renamed = Vec::new();
    for name in &names {
        let (from, to) = (topics_dir.join(name), topics_dir.join(format!("{name}.deleted")));
        if disk.entry(&from)?.is_some() {
            match disk.rename(&from, &to) {
                // A name may need a block of its directory, and deleting must not need room (durability rule A8).
                Err(error) if lacks_room(&error) => {
                    let again = || disk.rename(&from, &to);
                    reserve.lend(0, again, |renamed| renamed.as_ref().is_err_and(lacks_room))??;
                }
                done => done?,
            }
            renamed.push(to);
        } else if disk.entry(&to)?.is_some() {
            renamed.push(to);
        }
    }
    if renamed.is_empty() {
        return Ok(());
    }
    disk.sync_dir(topics_dir)?;
    renamed.iter().try_for_each(|dir| disk.remove_dir_all(dir))?;
    disk.sync_dir(topics_dir)
}
