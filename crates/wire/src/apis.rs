//! The table of APIs: one row each, with the versions that are decoded.
//!
//! What a broker announces is up to its own dispatch table; this one says what the codec can read. `announce_min` is
//! lower than `min` where clients decide by a version that nobody sends any more.

use crate::codec::Message;
use crate::messages;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Api {
    pub key: i16,
    pub name: &'static str,
    /// First and last version that is served, inclusive.
    pub min: i16,
    pub max: i16,
    /// The lower end that ApiVersions shows.
    pub announce_min: i16,
    /// First flexible version.
    pub flexible_from: i16,
}

macro_rules! apis {
    ($($constant:ident $module:ident $request:ident $name:literal $max:expr, $announce:expr;)+) => {
        $(pub const $constant: i16 = <messages::$module::$request as Message>::KEY;)+

        /// In ascending order of keys.
        pub const TABLE: &[Api] = &[$({
            type Body = messages::$module::$request;
            const MIN: i16 = <Body as Message>::VERSIONS.0;
            const MAX: i16 = <Body as Message>::VERSIONS.1;
            Api {
                key: <Body as Message>::KEY,
                name: $name,
                min: MIN,
                max: if $max < MAX { $max } else { MAX },
                announce_min: if $announce < MIN { $announce } else { MIN },
                flexible_from: <Body as Message>::FLEXIBLE_FROM,
            }
        }),+];
    };
}

const ALL: i16 = i16::MAX;

// Produce announces 0: librdkafka before 2.11 takes its presence for the permission to compress (KAFKA-18659).
// InitProducerId 6 is unstable in Kafka 4.4 and not served.
#[rustfmt::skip]
apis! {
    PRODUCE produce ProduceRequest "Produce" ALL, 0;
    FETCH fetch FetchRequest "Fetch" ALL, ALL;
    LIST_OFFSETS list_offsets ListOffsetsRequest "ListOffsets" ALL, ALL;
    METADATA metadata MetadataRequest "Metadata" ALL, ALL;
    OFFSET_COMMIT offset_commit OffsetCommitRequest "OffsetCommit" ALL, ALL;
    OFFSET_FETCH offset_fetch OffsetFetchRequest "OffsetFetch" ALL, ALL;
    FIND_COORDINATOR find_coordinator FindCoordinatorRequest "FindCoordinator" ALL, ALL;
    JOIN_GROUP join_group JoinGroupRequest "JoinGroup" ALL, ALL;
    HEARTBEAT heartbeat HeartbeatRequest "Heartbeat" ALL, ALL;
    LEAVE_GROUP leave_group LeaveGroupRequest "LeaveGroup" ALL, ALL;
    SYNC_GROUP sync_group SyncGroupRequest "SyncGroup" ALL, ALL;
    DESCRIBE_GROUPS describe_groups DescribeGroupsRequest "DescribeGroups" ALL, ALL;
    LIST_GROUPS list_groups ListGroupsRequest "ListGroups" ALL, ALL;
    SASL_HANDSHAKE sasl_handshake SaslHandshakeRequest "SaslHandshake" ALL, ALL;
    API_VERSIONS api_versions ApiVersionsRequest "ApiVersions" ALL, ALL;
    CREATE_TOPICS create_topics CreateTopicsRequest "CreateTopics" ALL, ALL;
    DELETE_TOPICS delete_topics DeleteTopicsRequest "DeleteTopics" ALL, ALL;
    DELETE_RECORDS delete_records DeleteRecordsRequest "DeleteRecords" ALL, ALL;
    INIT_PRODUCER_ID init_producer_id InitProducerIdRequest "InitProducerId" 5, ALL;
    OFFSET_FOR_LEADER_EPOCH offset_for_leader_epoch OffsetForLeaderEpochRequest "OffsetForLeaderEpoch" ALL, ALL;
    ADD_PARTITIONS_TO_TXN add_partitions_to_txn AddPartitionsToTxnRequest "AddPartitionsToTxn" ALL, ALL;
    ADD_OFFSETS_TO_TXN add_offsets_to_txn AddOffsetsToTxnRequest "AddOffsetsToTxn" ALL, ALL;
    END_TXN end_txn EndTxnRequest "EndTxn" ALL, ALL;
    WRITE_TXN_MARKERS write_txn_markers WriteTxnMarkersRequest "WriteTxnMarkers" ALL, ALL;
    TXN_OFFSET_COMMIT txn_offset_commit TxnOffsetCommitRequest "TxnOffsetCommit" ALL, ALL;
    DESCRIBE_ACLS describe_acls DescribeAclsRequest "DescribeAcls" ALL, ALL;
    CREATE_ACLS create_acls CreateAclsRequest "CreateAcls" ALL, ALL;
    DELETE_ACLS delete_acls DeleteAclsRequest "DeleteAcls" ALL, ALL;
    DESCRIBE_CONFIGS describe_configs DescribeConfigsRequest "DescribeConfigs" ALL, ALL;
    ALTER_CONFIGS alter_configs AlterConfigsRequest "AlterConfigs" ALL, ALL;
    ALTER_REPLICA_LOG_DIRS alter_replica_log_dirs AlterReplicaLogDirsRequest "AlterReplicaLogDirs" ALL, ALL;
    DESCRIBE_LOG_DIRS describe_log_dirs DescribeLogDirsRequest "DescribeLogDirs" ALL, ALL;
    SASL_AUTHENTICATE sasl_authenticate SaslAuthenticateRequest "SaslAuthenticate" ALL, ALL;
    CREATE_PARTITIONS create_partitions CreatePartitionsRequest "CreatePartitions" ALL, ALL;
    DELETE_GROUPS delete_groups DeleteGroupsRequest "DeleteGroups" ALL, ALL;
    ELECT_LEADERS elect_leaders ElectLeadersRequest "ElectLeaders" ALL, ALL;
    INCREMENTAL_ALTER_CONFIGS incremental_alter_configs IncrementalAlterConfigsRequest "IncrementalAlterConfigs" ALL, ALL;
    ALTER_PARTITION_REASSIGNMENTS alter_partition_reassignments AlterPartitionReassignmentsRequest "AlterPartitionReassignments" ALL, ALL;
    LIST_PARTITION_REASSIGNMENTS list_partition_reassignments ListPartitionReassignmentsRequest "ListPartitionReassignments" ALL, ALL;
    OFFSET_DELETE offset_delete OffsetDeleteRequest "OffsetDelete" ALL, ALL;
    DESCRIBE_CLIENT_QUOTAS describe_client_quotas DescribeClientQuotasRequest "DescribeClientQuotas" ALL, ALL;
    ALTER_CLIENT_QUOTAS alter_client_quotas AlterClientQuotasRequest "AlterClientQuotas" ALL, ALL;
    DESCRIBE_USER_SCRAM_CREDENTIALS describe_user_scram_credentials DescribeUserScramCredentialsRequest "DescribeUserScramCredentials" ALL, ALL;
    ALTER_USER_SCRAM_CREDENTIALS alter_user_scram_credentials AlterUserScramCredentialsRequest "AlterUserScramCredentials" ALL, ALL;
    DESCRIBE_QUORUM describe_quorum DescribeQuorumRequest "DescribeQuorum" ALL, ALL;
    UPDATE_FEATURES update_features UpdateFeaturesRequest "UpdateFeatures" ALL, ALL;
    DESCRIBE_CLUSTER describe_cluster DescribeClusterRequest "DescribeCluster" ALL, ALL;
    DESCRIBE_PRODUCERS describe_producers DescribeProducersRequest "DescribeProducers" ALL, ALL;
    UNREGISTER_BROKER unregister_broker UnregisterBrokerRequest "UnregisterBroker" ALL, ALL;
    DESCRIBE_TRANSACTIONS describe_transactions DescribeTransactionsRequest "DescribeTransactions" ALL, ALL;
    LIST_TRANSACTIONS list_transactions ListTransactionsRequest "ListTransactions" ALL, ALL;
    CONSUMER_GROUP_HEARTBEAT consumer_group_heartbeat ConsumerGroupHeartbeatRequest "ConsumerGroupHeartbeat" ALL, ALL;
    CONSUMER_GROUP_DESCRIBE consumer_group_describe ConsumerGroupDescribeRequest "ConsumerGroupDescribe" ALL, ALL;
    LIST_CONFIG_RESOURCES list_config_resources ListConfigResourcesRequest "ListConfigResources" ALL, ALL;
    DESCRIBE_TOPIC_PARTITIONS describe_topic_partitions DescribeTopicPartitionsRequest "DescribeTopicPartitions" ALL, ALL;
    SHARE_GROUP_HEARTBEAT share_group_heartbeat ShareGroupHeartbeatRequest "ShareGroupHeartbeat" ALL, ALL;
    SHARE_GROUP_DESCRIBE share_group_describe ShareGroupDescribeRequest "ShareGroupDescribe" ALL, ALL;
    SHARE_FETCH share_fetch ShareFetchRequest "ShareFetch" ALL, ALL;
    SHARE_ACKNOWLEDGE share_acknowledge ShareAcknowledgeRequest "ShareAcknowledge" ALL, ALL;
    DESCRIBE_SHARE_GROUP_OFFSETS describe_share_group_offsets DescribeShareGroupOffsetsRequest "DescribeShareGroupOffsets" ALL, ALL;
    ALTER_SHARE_GROUP_OFFSETS alter_share_group_offsets AlterShareGroupOffsetsRequest "AlterShareGroupOffsets" ALL, ALL;
    DELETE_SHARE_GROUP_OFFSETS delete_share_group_offsets DeleteShareGroupOffsetsRequest "DeleteShareGroupOffsets" ALL, ALL;
}

pub fn find(key: i16) -> Option<&'static Api> {
    TABLE.binary_search_by_key(&key, |api| api.key).ok().map(|i| &TABLE[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_their_ranges_are_those_of_the_schema() {
        assert!(TABLE.windows(2).all(|pair| pair[0].key < pair[1].key));
        let range = |key| find(key).map(|api| (api.announce_min, api.min, api.max));
        assert_eq!(range(PRODUCE), Some((0, 3, 13)));
        assert_eq!(range(FETCH), Some((4, 4, 18)));
        assert_eq!(range(METADATA), Some((0, 0, 13)));
        assert_eq!(range(LIST_OFFSETS), Some((0, 0, 11)));
        assert_eq!(range(CREATE_TOPICS), Some((0, 0, 7)));
        assert_eq!(range(DELETE_TOPICS), Some((0, 0, 6)));
        assert_eq!(range(INIT_PRODUCER_ID), Some((0, 0, 5)));
        assert_eq!(range(API_VERSIONS), Some((0, 0, 5)));
        assert_eq!(range(4), None);
    }
}
