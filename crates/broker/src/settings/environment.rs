//! Environment variables to settings, by the rule of Apache Kafka's container image.
//!
//! The prefix `KAFKA_` goes, then `___` is `-`, `__` is `_`, `_` is `.`, and letters become small. What the image itself
//! and a Java virtual machine read is accepted without effect, so that a container's environment works unchanged.

/// What a variable says.
#[derive(Debug, PartialEq, Eq)]
pub enum Variable {
    Setting(String),
    /// Meant for a Java virtual machine or a start script.
    NoEffect,
    Foreign,
}

const NO_EFFECT: &[&str] = &[
    "KAFKA_CLASSPATH",
    "KAFKA_DEBUG",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_HOME",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_LOG4J_LOGGERS",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_LOG4J_ROOT_LOGLEVEL",
    "KAFKA_OPTS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_VERSION",
];

pub fn classify(name: &str) -> Variable {
    if name == "CLUSTER_ID" {
        return Variable::Setting("cluster.id".to_owned());
    }
    let Some(rest) = name.strip_prefix("KAFKA_").filter(|rest| !rest.is_empty()) else {
        return Variable::Foreign;
    };
    // A user interface's list of clusters, not the broker's.
    if rest.starts_with("CLUSTERS_") {
        return Variable::Foreign;
    }
    if NO_EFFECT.contains(&name) {
        return Variable::NoEffect;
    }
    let dashed = rest.to_lowercase().replace("___", "-");
    Variable::Setting(dashed.replace("__", "\0").replace('_', ".").replace('\0', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_the_image() {
        for (name, setting) in [
            ("KAFKA_LOG_RETENTION_MS", "log.retention.ms"),
            ("KAFKA_A__B___C_D", "a_b-c.d"),
            ("CLUSTER_ID", "cluster.id"),
            ("KAFKA_CLUSTER_ID", "cluster.id"),
        ] {
            assert_eq!(classify(name), Variable::Setting(setting.to_owned()));
        }
        assert_eq!(classify("KAFKA_HEAP_OPTS"), Variable::NoEffect);
        for foreign in ["PATH", "KAFKA_", "KAFKAX_A", "KAFKA_CLUSTERS_0_NAME"] {
            assert_eq!(classify(foreign), Variable::Foreign);
        }
    }
}
