//! Finalized feature levels. Every broker that is registered has to support a level, and metadata that was written is
//! never rewritten for a lower one, so `metadata.version` only goes up.

use super::{Answer, Decision, METADATA_VERSION, Mode, Refusal};
use crate::{Change, Image};
use ottla_wire::{ErrorCode, WireStr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
    /// A number that nobody knows.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureUpdate {
    pub feature: WireStr,
    /// 0: the feature is given up.
    pub level: i16,
    pub upgrade: UpgradeType,
}

pub(super) fn update(image: &Image, updates: &[FeatureUpdate], mode: Mode) -> Decision {
    let refused = updates.iter().find_map(|update| check(image, update).err());
    if let Some(why) = refused {
        let refusal = Refusal::new(ErrorCode::InvalidUpdateVersion, format!("nothing was changed: {why}"));
        return Decision { steps: Vec::new(), answer: Answer::Features(Err(refusal)) };
    }
    let mut features = image.features().clone();
    for update in updates {
        features.insert(update.feature.to_string(), update.level);
    }
    let steps = if mode == Mode::Commit && features != *image.features() {
        vec![vec![Change::Features(features)]]
    } else {
        Vec::new()
    };
    Decision { steps, answer: Answer::Features(Ok(())) }
}

fn check(image: &Image, update: &FeatureUpdate) -> Result<(), String> {
    let FeatureUpdate { feature, level, upgrade } = update;
    let invalid = |why: String| Err(format!("level {level} of feature {feature}: {why}"));
    if *upgrade == UpgradeType::Unknown {
        return invalid("unknown kind of upgrade".to_owned());
    }
    if *level < 0 {
        return invalid("a level is never negative".to_owned());
    }
    for broker in image.brokers() {
        let id = broker.id;
        match broker.features.get(feature.as_str()) {
            None => return invalid(format!("broker {id} does not know it")),
            Some((min, max)) if level < min || level > max => {
                return invalid(format!("broker {id} supports {min} to {max}"));
            }
            Some(_) => {}
        }
    }
    let current = image.features().get(feature.as_str()).copied().unwrap_or(0);
    if *level > current && *upgrade != UpgradeType::Upgrade {
        return invalid("a downgrade does not raise a level".to_owned());
    }
    if *level < current && *upgrade == UpgradeType::Upgrade {
        return invalid(format!("{current} is in force, and going down has to be asked for"));
    }
    if *level < current && feature.as_str() == METADATA_VERSION {
        return invalid(format!("{current} is in force, and metadata that was written stays as it is"));
    }
    Ok(())
}
