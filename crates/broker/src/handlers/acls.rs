//! DescribeAcls (29), CreateAcls (30), DeleteAcls (31), versions 1-3: there is no access control, and these say so.
//!
//! Every request that can be read gets this answer; Kafka closes the connection where a kind is the number 0.

use crate::call::Call;
use crate::reply::Reply;
use ottla_wire::messages::create_acls::{AclCreationResult, CreateAclsRequest, CreateAclsResponse};
use ottla_wire::messages::delete_acls::{DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse};
use ottla_wire::messages::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
use ottla_wire::{ErrorCode, WireStr};

const CODE: ErrorCode = ErrorCode::SecurityDisabled;

fn message() -> Option<WireStr> {
    Some("access control is off: this broker has no authorizer".into())
}

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let _: DescribeAclsRequest = call.read()?;
    Ok(call.returns().now(DescribeAclsResponse {
        error_code: CODE.code(),
        error_message: message(),
        ..Default::default()
    }))
}

pub fn create(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: CreateAclsRequest = call.read()?;
    let result = AclCreationResult { error_code: CODE.code(), error_message: message() };
    let results = vec![result; request.creations.len()];
    Ok(call.returns().now(CreateAclsResponse { results, ..Default::default() }))
}

pub fn delete(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DeleteAclsRequest = call.read()?;
    let result =
        DeleteAclsFilterResult { error_code: CODE.code(), error_message: message(), ..Default::default() };
    let filter_results = vec![result; request.filters.len()];
    Ok(call.returns().now(DeleteAclsResponse { filter_results, ..Default::default() }))
}
