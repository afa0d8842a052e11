//! What tools ask: descriptions, lists, deletion.

use super::retention::forget_offsets;
use super::step::{Step, TooLarge};
use super::{Delete, Describe, Group, Groups, Reply, classic, records};
use crate::effects::{Effects, Now, Ticket};
use ottla_wire::messages::delete_groups::DeletableGroupResult;
use ottla_wire::messages::describe_groups::DescribedGroup;
use ottla_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_wire::{ErrorCode, WireStr};

/// From this version on DescribeGroups says that a group is not there; before, that it is dead.
const GROUP_MUST_EXIST_FROM: i16 = 6;
const DEAD: &str = "Dead";

impl Groups {
    pub(super) fn describe(&self, describe: &Describe) -> DescribedGroup {
        let id = &describe.group_id;
        match self.groups.get(id) {
            Some(group) => group.classic.described(id),
            None if describe.version >= GROUP_MUST_EXIST_FROM => DescribedGroup {
                error_code: ErrorCode::GroupIdNotFound.code(),
                error_message: Some(format!("Group {id} not found.").into()),
                group_id: id.clone(),
                group_state: WireStr::from_static(DEAD),
                ..Default::default()
            },
            None => DescribedGroup {
                group_id: id.clone(),
                group_state: WireStr::from_static(DEAD),
                ..Default::default()
            },
        }
    }

    pub(super) fn list(&self, request: &ListGroupsRequest) -> ListGroupsResponse {
        let names = |filter: &[WireStr], name: &str| {
            filter.is_empty() || filter.iter().any(|given| given.eq_ignore_ascii_case(name))
        };
        let is_wanted = |group: &Group| {
            names(&request.types_filter, classic::TYPE)
                && names(&request.states_filter, group.classic.state())
        };
        let wanted = self.groups.iter().filter(|(_, group)| is_wanted(group));
        ListGroupsResponse {
            groups: wanted.map(|(id, group)| group.classic.listed(id)).collect(),
            ..Default::default()
        }
    }

    pub(super) fn delete(&mut self, now: Now, ticket: Ticket, delete: &Delete) -> Effects<Reply> {
        let id = &delete.group_id;
        let mut effects = Effects::default();
        let deleted = self.on_group(id, now, &mut effects, |group, at| {
            group.classic.check_deletion()?;
            delete_group(group, at)
        });
        let error = deleted.unwrap_or(Err(ErrorCode::GroupIdNotFound)).err().unwrap_or(ErrorCode::None);
        let result =
            DeletableGroupResult { group_id: id.clone(), error_code: error.code(), error_message: None };
        effects.replies.push((ticket, Reply::Delete(result)));
        effects
    }
}

/// A group with more offsets than one decision forgets is asked to be deleted again, which goes on where this ends.
fn delete_group(group: &Group, at: &mut Step<'_>) -> Result<(), ErrorCode> {
    if !forget_offsets(at, group.offsets.places()) {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    if group.classic.is_stored() {
        let gone = records::group_gone(at.group_id).map_err(TooLarge::from);
        gone.and_then(|gone| at.record(gone)).map_err(|TooLarge| ErrorCode::UnknownServerError)?;
    }
    Ok(())
}
