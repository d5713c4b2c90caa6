//! Dialogs, and who belongs to a group.

use serde_json::json;

use super::Slack;
use crate::journal::Service;
use crate::messages::Dialog;
use crate::outbound::{ErrorKind, ServiceError};

impl Slack {
    /// Opens a dialog for whoever made the click that `trigger_id` is of. Slack lets it be used once, within three
    /// seconds of the click.
    pub async fn open_dialog(&self, trigger_id: &str, dialog: &Dialog) -> Result<(), ServiceError> {
        let body = json!({ "trigger_id": trigger_id, "view": dialog.to_json() });
        self.api_call("views.open", body).await.map(|_| ())
    }

    /// Ids of the people in a user group. `team` is needed where the app is installed for a whole organisation.
    /// Needs `usergroups:read`.
    pub async fn group_members(&self, group: &str, team: Option<&str>) -> Result<Vec<String>, ServiceError> {
        let mut body = json!({ "usergroup": group });
        if let Some(team) = team {
            body["team_id"] = json!(team);
        }
        let answer = self.api_call("usergroups.users.list", body).await?;
        let users = answer["users"].as_array().ok_or_else(|| {
            ServiceError::new(
                Service::Slack,
                ErrorKind::Malformed,
                "usergroups.users.list without `users`".to_owned(),
            )
        })?;
        Ok(users.iter().filter_map(|user| user.as_str().map(str::to_owned)).collect())
    }
}
