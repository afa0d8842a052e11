//! UpdateFeatures (57), versions 0-2. v1: kinds of upgrade, and checks alone; v2: one answer for all features.
//!
//! A level that is in force already is no change and no error. `metadata.version` never goes down.

use crate::call::Call;
use crate::error;
use crate::reply::Reply;
use ottla_state::controller::{FeatureUpdate, Mode, Refusal, UpgradeType};
use ottla_wire::WireStr;
use ottla_wire::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use std::sync::Arc;

pub fn update(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: UpdateFeaturesRequest = call.read()?;
    let mode = if request.validate_only { Mode::ValidateOnly } else { Mode::Commit };
    let names: Vec<WireStr> = request.feature_updates.iter().map(|update| update.feature.clone()).collect();
    let updates = request.feature_updates.into_iter().map(wanted).collect();
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let failed = |failure| Err(Refusal::new(error::of_controller(&failure), failure.to_string()));
        let result = context.controller.update_features(updates, mode).await.unwrap_or_else(failed);
        match result {
            Ok(()) => UpdateFeaturesResponse {
                error_message: None,
                results: names.into_iter().map(updated).collect(),
                ..Default::default()
            },
            Err(refusal) => UpdateFeaturesResponse {
                error_code: refusal.code.code(),
                error_message: Some(refusal.message.as_str().into()),
                ..Default::default()
            },
        }
    }))
}

/// The flag of version 0 allows nothing, as in Kafka.
fn wanted(update: FeatureUpdateKey) -> FeatureUpdate {
    let upgrade = match update.upgrade_type {
        1 => UpgradeType::Upgrade,
        2 => UpgradeType::SafeDowngrade,
        3 => UpgradeType::UnsafeDowngrade,
        _ => UpgradeType::Unknown,
    };
    FeatureUpdate { feature: update.feature, level: update.max_version_level, upgrade }
}

fn updated(feature: WireStr) -> UpdatableFeatureResult {
    UpdatableFeatureResult { feature, error_message: None, ..Default::default() }
}
