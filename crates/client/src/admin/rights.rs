//! What this client may do with the cluster as a whole, by DescribeCluster.

use super::Admin;
use crate::connection::check;
use crate::errors::ClientError;
use ottla_wire::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};

/// Kafka's operations by the numbers that are the positions of their bits; gaps are no operations.
const OPERATIONS: &[(u32, &str)] = &[
    (3, "READ"),
    (4, "WRITE"),
    (5, "CREATE"),
    (6, "DELETE"),
    (7, "ALTER"),
    (8, "DESCRIBE"),
    (9, "CLUSTER_ACTION"),
    (10, "DESCRIBE_CONFIGS"),
    (11, "ALTER_CONFIGS"),
    (12, "IDEMPOTENT_WRITE"),
    (13, "CREATE_TOKENS"),
    (14, "DESCRIBE_TOKENS"),
    (15, "TWO_PHASE_COMMIT"),
];
/// The broker did not say.
const UNKNOWN: i32 = i32::MIN;

impl Admin {
    /// The operations on the cluster that this client may do. `None` where the broker does not tell.
    pub async fn cluster_rights(&self) -> Result<Option<Vec<&'static str>>, ClientError> {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        self.cluster.call_any(&request, rights).await
    }
}

fn rights(answer: DescribeClusterResponse) -> Result<Option<Vec<&'static str>>, ClientError> {
    check("describe the cluster", answer.error_code)?;
    let bits = answer.cluster_authorized_operations;
    let allowed = OPERATIONS.iter().filter(|(bit, _)| bits & (1 << bit) != 0);
    Ok((bits != UNKNOWN).then(|| allowed.map(|(_, name)| *name).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_an_operation() {
        let of = |bits| {
            let cluster_authorized_operations = bits;
            rights(DescribeClusterResponse { cluster_authorized_operations, ..Default::default() })
        };
        assert_eq!(of(1 << 7 | 1 << 5 | 1 << 1), Ok(Some(vec!["CREATE", "ALTER"])));
        assert_eq!((of(0), of(UNKNOWN)), (Ok(Some(Vec::new())), Ok(None)));
        assert!(rights(DescribeClusterResponse { error_code: 31, ..Default::default() }).is_err());
    }
}
