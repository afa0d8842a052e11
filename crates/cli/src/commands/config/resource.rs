//! `topic/NAME`, `broker/ID`, `brokers` or `group/ID`: whose settings are meant.

use ottla_client::{ConfigEntry, ConfigResource, ConfigSource, ResourceType};
use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource(pub ConfigResource);

const FORMS: &str = "use topic/NAME, broker/ID, brokers (all of them) or group/ID";

impl FromStr for Resource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let resource = match text.split_once('/') {
            None if text == "brokers" => ConfigResource::all_brokers(),
            // A group's id may hold anything, a slash too.
            Some((kind, name)) if !name.is_empty() => match kind {
                "topic" => ConfigResource::topic(name),
                "broker" => match name.parse() {
                    Ok(id) if id >= 0 => ConfigResource::broker(id),
                    _ => return Err(format!("`{name}` is no number of a broker; {FORMS}")),
                },
                "group" => ConfigResource::group(name),
                _ => return Err(format!("`{kind}` has no settings; {FORMS}")),
            },
            _ => return Err(FORMS.to_owned()),
        };
        Ok(Self(resource))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            ResourceType::Topic => write!(f, "topic/{}", self.0.name),
            ResourceType::Broker if self.0.name.is_empty() => f.write_str("brokers"),
            ResourceType::Broker => write!(f, "broker/{}", self.0.name),
            ResourceType::Group => write!(f, "group/{}", self.0.name),
        }
    }
}

impl Resource {
    /// Whether somebody set it: at this topic or group, or anywhere for a broker.
    pub fn has_set(&self, entry: &ConfigEntry) -> bool {
        match self.0.kind {
            ResourceType::Topic => entry.source == ConfigSource::Topic,
            ResourceType::Group => entry.source == ConfigSource::Group,
            ResourceType::Broker => !matches!(entry.source, ConfigSource::Default | ConfigSource::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_written_as_it_is_read() {
        for text in ["topic/orders", "broker/1", "brokers", "group/a/b", "group/topic"] {
            assert_eq!(text.parse::<Resource>().map(|r| r.to_string()), Ok(text.to_owned()));
        }
        for bad in ["", "orders", "topic/", "broker/x", "broker/-1", "broker/", "user/a", "brokers/", "/x"] {
            assert!(bad.parse::<Resource>().is_err(), "{bad}");
        }
    }
}
