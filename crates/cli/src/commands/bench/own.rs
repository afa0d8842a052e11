//! The topic of a run: the one that was named, or one of its own that goes when the run ends.

use crate::args::Global;
use crate::cluster;
use crate::exit::Exit;
use anyhow::Result;
use ottla_client::{Client, Surroundings};
use ottla_env::rng::{OsRng, Rng};

#[derive(Debug)]
pub struct BenchTopic {
    pub name: String,
    is_own: bool,
}

impl BenchTopic {
    pub fn new(named: Option<&str>) -> Self {
        let own = || format!("ottla-bench-{:08x}", OsRng.next_u64() as u32);
        Self { name: named.map_or_else(own, str::to_owned), is_own: named.is_none() }
    }

    /// Removes a topic that the run made for itself.
    pub async fn remove(self, client: &Client) {
        if self.is_own {
            remove(client, &[self.name], &[]).await;
        }
    }
}

/// Connects and runs a load on its topic, which goes when it is the run's own.
pub async fn with_topic(
    named: Option<&str>,
    global: &Global,
    measure: impl AsyncFnOnce(&str, &Client, &Surroundings) -> Result<Exit>,
) -> Result<Exit> {
    let (client, settings) = cluster::connect(global).await?;
    let topic = BenchTopic::new(named);
    let result = measure(&topic.name, &client, &settings.client.surroundings).await;
    topic.remove(&client).await;
    result
}

/// Removes topics and groups of a run. A signal while that takes its time ends it.
pub async fn remove(client: &Client, topics: &[String], groups: &[String]) {
    let admin = client.admin();
    let removed = async {
        if !groups.is_empty() {
            let _ = admin.delete_groups(groups).await;
        }
        for result in admin.delete_topics(topics).await.unwrap_or_default() {
            result.unwrap_or_else(|error| eprintln!("ottla: {error}"));
        }
    };
    tokio::select! {
        () = removed => {}
        Ok(_) = cluster::interrupted() => eprintln!("ottla: {} may be left", topics.join(", ")),
    }
}
