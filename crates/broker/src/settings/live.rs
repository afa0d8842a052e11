//! The settings in force: those of this process, below what the metadata says of this broker and of all brokers.
//!
//! Whoever works with settings takes them anew for each piece of work ([`LiveSettings::load`]), so a value that is
//! changed while the broker runs has its effect from the next one on.

use super::{Settings, alter};
use arc_swap::ArcSwap;
use ottla_state::controller::{Alteration, ConfigResource, ConfigRules, Refusal};
use ottla_state::image::Configs;
use ottla_state::{Image, NodeId};
use ottla_wire::WireStr;
use std::sync::Arc;
use tokio::sync::watch;

/// Values that brokers were given while they ran.
#[derive(Debug, Clone, Default)]
pub struct Dynamic {
    /// For this broker alone.
    pub own: Arc<Configs>,
    /// For every broker.
    pub defaults: Arc<Configs>,
}

impl Dynamic {
    fn of(image: &Image, node: NodeId) -> Self {
        let own = image.broker_configs(node).cloned().unwrap_or_default();
        Self { own, defaults: Arc::clone(image.broker_defaults()) }
    }

    /// What wins over everything that the process itself was started with.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).or_else(|| self.defaults.get(name)).map(String::as_str)
    }

    fn is_same(&self, other: &Self) -> bool {
        let same = |a: &Arc<Configs>, b: &Arc<Configs>| Arc::ptr_eq(a, b) || a == b;
        same(&self.own, &other.own) && same(&self.defaults, &other.defaults)
    }
}

#[derive(Debug)]
pub struct LiveSettings {
    node: NodeId,
    current: ArcSwap<Settings>,
    changed: watch::Sender<()>,
}

impl LiveSettings {
    pub fn new(node: NodeId, mut settings: Settings) -> Self {
        settings.set_node_id(node);
        Self { node, current: ArcSwap::from_pointee(settings), changed: watch::Sender::new(()) }
    }

    pub fn load(&self) -> Arc<Settings> {
        self.current.load_full()
    }

    /// Marked whenever there are others, for who works for longer than a piece of work takes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Takes over what an image says, and tells whether anything is different now. Has to be told of each image before it
    /// is published.
    pub fn on_image(&self, image: &Image) -> bool {
        let (old, new) = (self.load(), self.at(image));
        // A cluster that was never started says nothing yet.
        if image.cluster().is_none() || Arc::ptr_eq(&old, &new) {
            return false;
        }
        self.current.store(new);
        self.changed.send_replace(());
        true
    }

    /// The settings as they are with an image.
    fn at(&self, image: &Image) -> Arc<Settings> {
        let (current, dynamic) = (self.load(), Dynamic::of(image, self.node));
        if current.dynamic.is_same(&dynamic) { current } else { Arc::new(current.with(dynamic)) }
    }
}

impl ConfigRules for LiveSettings {
    fn new_topic(&self, image: &Image, configs: &[(WireStr, Option<WireStr>)]) -> Result<Configs, Refusal> {
        self.at(image).check_topic(configs)
    }

    fn altered(
        &self,
        image: &Image,
        resource: &ConfigResource,
        current: &Configs,
        alteration: &Alteration,
    ) -> Result<Configs, Refusal> {
        alter::altered(&self.at(image), resource, current, alteration)
    }
}
