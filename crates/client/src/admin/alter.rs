//! Changes of settings, one by one: what is not named stays as it is. A change that is repeated changes nothing more.

use super::configs::ConfigResource;
use super::topics::whole_call_error;
use super::{Admin, item};
use crate::errors::ClientError;
use ottla_wire::ErrorCode;
use ottla_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

/// What becomes of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    Set(String),
    /// Back to what is in force without it.
    Delete,
    /// Adds to a list what it does not hold yet.
    Append(String),
    /// Takes out of a list.
    Subtract(String),
}

impl ConfigChange {
    fn to_wire(&self) -> (i8, Option<&str>) {
        match self {
            Self::Set(value) => (0, Some(value)),
            Self::Delete => (1, None),
            Self::Append(items) => (2, Some(items)),
            Self::Subtract(items) => (3, Some(items)),
        }
    }
}

/// A resource, and what becomes of its settings by their names.
type Changed = (ConfigResource, Vec<(String, ConfigChange)>);

impl Admin {
    /// With `validate_only` everything is checked and nothing is changed. Each resource may be named once, and changes
    /// as a whole or not at all; results are in the order of `resources`.
    pub async fn incremental_alter_configs(
        &self,
        resources: &[Changed],
        validate_only: bool,
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let mut results = Vec::with_capacity(resources.len());
        // A broker takes only its own settings; everything else is passed on to the controller by any of them.
        let shared: Vec<&Changed> = resources.iter().filter(|(r, _)| !r.is_of_one_broker()).collect();
        let mut of_shared = match shared.is_empty() {
            true => Vec::new(),
            false => {
                let request = request(&shared, validate_only);
                self.cluster.call_any(&request, |response| altered(&shared, &response)).await?
            }
        }
        .into_iter();
        for changed in resources {
            match changed.0.is_of_one_broker() {
                false => results.extend(of_shared.next()),
                true => results.push(self.alter_broker(changed, validate_only).await),
            }
        }
        Ok(results)
    }

    async fn alter_broker(&self, changed: &Changed, validate_only: bool) -> Result<(), ClientError> {
        let response = self.ask_broker(&changed.0, &request(&[changed], validate_only)).await?;
        answer_of(&changed.0, &response)
    }
}

fn request(resources: &[&Changed], validate_only: bool) -> IncrementalAlterConfigsRequest {
    let config = |(name, change): &(String, ConfigChange)| {
        let (config_operation, value) = change.to_wire();
        AlterableConfig { name: name.as_str().into(), config_operation, value: value.map(Into::into) }
    };
    let resource = |(resource, changes): &&Changed| AlterConfigsResource {
        resource_type: resource.kind as i8,
        resource_name: resource.name.as_str().into(),
        configs: changes.iter().map(config).collect(),
    };
    IncrementalAlterConfigsRequest { resources: resources.iter().map(resource).collect(), validate_only }
}

fn altered(
    resources: &[&Changed],
    response: &IncrementalAlterConfigsResponse,
) -> Result<Vec<Result<(), ClientError>>, ClientError> {
    let results: Vec<_> = resources.iter().map(|(resource, _)| answer_of(resource, response)).collect();
    whole_call_error(&results).map_or(Ok(results), Err)
}

fn answer_of(
    resource: &ConfigResource,
    response: &IncrementalAlterConfigsResponse,
) -> Result<(), ClientError> {
    let what = match resource.name.as_str() {
        "" => "settings of all brokers".to_owned(),
        name => format!("settings of {name}"),
    };
    let answer = response.responses.iter().find(|answer| {
        answer.resource_type == resource.kind as i8 && answer.resource_name == resource.name.as_str()
    });
    let answer = answer.ok_or_else(|| ClientError::refused(&what, ErrorCode::UnknownServerError, None))?;
    item(&what, answer.error_code, answer.error_message.as_deref(), ())
}
