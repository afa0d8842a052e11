//! ApiVersions and DescribeCluster.

use crate::harness::{ok, start, versions};
use ottla_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_wire::messages::describe_cluster::DescribeClusterRequest;
use ottla_wire::{ErrorCode, apis};

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1".into(),
        cluster_id: None,
        node_id: -1,
    }
}

/// Whether an answer announces a version of an API.
fn announces(answer: &ApiVersionsResponse, key: i16) -> Option<(i16, i16)> {
    answer.api_keys.iter().find(|api| api.api_key == key).map(|api| (api.min_version, api.max_version))
}

#[tokio::test]
async fn q1_produce_is_announced_from_version_0_and_served_from_3() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::API_VERSIONS) {
        let answer = connection.call(version, &request()).await;
        ok(answer.error_code);
        assert_eq!(announces(&answer, apis::PRODUCE), Some((0, 13)));
        assert_eq!(announces(&answer, apis::INIT_PRODUCER_ID), Some((0, 5)));
        assert_eq!(announces(&answer, apis::END_TXN), None, "what is not built is not announced");
    }
}

#[tokio::test]
async fn q3_an_unknown_version_is_answered_in_the_oldest_form() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in [99_i16, -1] {
        let frame = [&[0, 0, 0, 10, 0, 18][..], &version.to_be_bytes(), &[0, 0, 0, 7, 0xff, 0xff]].concat();
        connection.send_raw(&frame).await;
        let (correlation, answer) = connection.receive::<ApiVersionsRequest>(0).await;
        assert_eq!((correlation, answer.error_code), (7, ErrorCode::UnsupportedVersion.code()));
        assert_eq!((answer.api_keys.len(), announces(&answer, apis::API_VERSIONS)), (1, Some((0, 5))));
    }
    let nameless = ApiVersionsRequest { client_software_name: "".into(), ..request() };
    assert_eq!(connection.call(3, &nameless).await.error_code, ErrorCode::InvalidRequest.code());
}

#[tokio::test]
async fn q16_features_that_are_not_complete_are_not_there_and_below_version_4_none_with_a_minimum_of_0() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::API_VERSIONS) {
        let answer = connection.call(version, &request()).await;
        let supported: Vec<_> = answer
            .supported_features
            .iter()
            .map(|feature| (feature.name.as_str(), feature.min_version, feature.max_version))
            .collect();
        let finalized: Vec<_> = answer
            .finalized_features
            .iter()
            .map(|feature| (feature.name.as_str(), feature.max_version_level))
            .collect();
        // Features come with version 3. What is there is there in all versions: its minimum is not 0.
        let expected = if version >= 3 { vec![("metadata.version", 7, 33)] } else { Vec::new() };
        assert_eq!(supported, expected, "version {version}");
        let expected = if version >= 3 { vec![("metadata.version", 33)] } else { Vec::new() };
        assert_eq!(finalized, expected, "version {version}");
        assert!(version >= 4 || supported.iter().all(|(_, min, _)| *min > 0));
        for absent in ["transaction.version", "group.version", "share.version", "streams.version"] {
            let named = supported.iter().map(|(name, ..)| name).chain(finalized.iter().map(|(name, _)| name));
            assert!(named.into_iter().all(|name| *name != absent), "{absent} in version {version}");
        }
    }
}

#[tokio::test]
async fn q19_a_client_that_means_another_node_is_told_so() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let own = running.broker.cluster_id();
    for (cluster, node, expected) in [
        (Some(own.as_str()), 1, ErrorCode::None),
        (Some(own.as_str()), 2, ErrorCode::RebootstrapRequired),
        (Some("another"), 1, ErrorCode::RebootstrapRequired),
        (None, 1, ErrorCode::InvalidRequest),
        (Some(own.as_str()), -1, ErrorCode::InvalidRequest),
    ] {
        let request = ApiVersionsRequest { cluster_id: cluster.map(Into::into), node_id: node, ..request() };
        let answer = connection.call(5, &request).await;
        assert_eq!(ErrorCode::from_code(answer.error_code), expected);
        assert_eq!(answer.api_keys.is_empty(), expected.is_error());
    }
}

#[tokio::test]
async fn q18_the_cluster_is_described_by_its_lasting_id() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::DESCRIBE_CLUSTER) {
        let request = DescribeClusterRequest { endpoint_type: 1, ..Default::default() };
        let answer = connection.call(version, &request).await;
        ok(answer.error_code);
        assert_eq!(
            (answer.cluster_id.as_str(), answer.cluster_id.len()),
            (running.broker.cluster_id().as_str(), 22)
        );
        assert_eq!((answer.controller_id, answer.brokers[0].port), (1, 9092));
    }
}
