//! ListGroups (16), versions 0-5; DescribeGroups (15), 0-6; DeleteGroups (42), 0-3.
//!
//! ListGroups v4: by state; v5: by type. DescribeGroups v3: authorized operations; v6: an unknown group is an error.
//! DeleteGroups v3: messages.

use super::{ask, other};
use crate::call::Call;
use crate::reply::Reply;
use ottla_state::group;
use ottla_wire::ErrorCode;
use ottla_wire::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use ottla_wire::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup};
use ottla_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Without access control everybody may do everything: Kafka's bits of all operations on a group.
const GROUP_OPERATIONS: i32 = 3400;
/// Memory of one group and of one member until they are written, beside what the member said.
const GROUP_BYTES: usize = 512;
const MEMBER_BYTES: usize = 512;

pub fn list(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ListGroupsRequest = call.read()?;
    let (context, returns) = (Arc::clone(call.context), call.returns());
    Ok(Reply::Later(Box::pin(async move {
        let mut groups = Vec::new();
        for reply in context.groups.ask_all(&group::Request::List(request)).await {
            match reply {
                Ok(group::Reply::List(answer)) => groups.extend(answer.groups),
                Ok(reply) => other(&reply),
                // Another broker has these groups now.
                Err(ErrorCode::NotCoordinator) => {}
                Err(error) => {
                    return returns
                        .outcome(ListGroupsResponse { error_code: error.code(), ..Default::default() });
                }
            }
        }
        let bytes = groups.len() * GROUP_BYTES;
        let answer = ListGroupsResponse { groups, ..Default::default() };
        returns.outcome_within(&context.answers, bytes, answer).await
    })))
}

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeGroupsRequest = call.read()?;
    let version = call.version();
    let (context, returns) = (Arc::clone(call.context), call.returns());
    Ok(Reply::Later(Box::pin(async move {
        let mut groups = Vec::new();
        let mut bytes = 0;
        let mut seen = BTreeSet::new();
        for group_id in request.groups {
            // Once, however often it is named: the answer may be much larger than the question.
            if !seen.insert(group_id.clone()) {
                continue;
            }
            let describe = group::Describe { version, group_id };
            let mut described = match ask(&context.groups, group::Request::Describe(describe)).await {
                group::Reply::Describe(described) => described,
                reply => other(&reply),
            };
            if request.include_authorized_operations && described.error_code == ErrorCode::None.code() {
                described.authorized_operations = GROUP_OPERATIONS;
            }
            bytes += size(&described);
            groups.push(described);
        }
        let answer = DescribeGroupsResponse { groups, ..Default::default() };
        returns.outcome_within(&context.answers, bytes, answer).await
    })))
}

/// What it takes to write it; until then what members said is where the group keeps it.
fn size(group: &DescribedGroup) -> usize {
    let members = group.members.iter();
    let said = members.map(|m| MEMBER_BYTES + m.member_metadata.len() + m.member_assignment.len());
    GROUP_BYTES + said.sum::<usize>()
}

pub fn delete(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DeleteGroupsRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let mut results = Vec::with_capacity(request.groups_names.len());
        for group_id in request.groups_names {
            match ask(&context.groups, group::Request::Delete(group::Delete { group_id })).await {
                group::Reply::Delete(result) => results.push(result),
                reply => other(&reply),
            }
        }
        DeleteGroupsResponse { results, ..Default::default() }
    }))
}
