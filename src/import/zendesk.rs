//! Zendesk tickets: objects with their comments, and with their audits where those were fetched too.
//!
//! Formats: <https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/>,
//! <https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-audit-events-reference/>.
//! A ticket says who asked (`requester_id`), and of nobody else which side they are on: users come
//! beside it (`users`, or objects `requester`, `submitter`, `assignee`), or `--agent` says it.
//! Audits are its history; without them only the state of the day of the export is known, and what
//! is made of it has no time.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::files::Files;
use super::json::Node;
use super::objects::Converter;
use super::out::{Out, edit, event};
use crate::model::{Event, FieldError, Kind, Role, Sender, Visibility};

/// Users that are remembered, at some 150 bytes each: 300 MB.
const USERS_MAX: usize = 2_000_000;
/// Where the system writes, Zendesk names an author below 0.
const SYSTEM: &str = "zendesk";

/// Whether an object with these fields is a ticket.
pub(super) fn has_fields(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|field| field == name);
    let is_ticket = has("requester_id") || has("requester");
    has("tickets") || (is_ticket && (has("comments") || has("audits") || has("subject")))
}

#[derive(Default)]
pub(super) struct Zendesk {
    users: HashMap<String, User>,
}

#[derive(Clone)]
struct User {
    role: Option<Role>,
    name: Option<String>,
    email: Option<String>,
}

impl Converter for Zendesk {
    fn wrappers(&self) -> &'static [&'static str] {
        &["tickets"]
    }

    fn learn(&mut self, wrapper: &Node<'_>) -> Result<(), FieldError> {
        wrapper.list("users")?.iter().try_for_each(|user| self.remember(user))
    }

    fn convert(
        &mut self,
        item: &Node<'_>,
        _files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        if item.has("users") {
            self.learn(item)?;
        }
        let is_user = item.has("role") && !item.has("comments") && !item.has("requester_id");
        if is_user {
            return self.remember(item);
        }
        let is_ticket = ["requester_id", "requester", "comments", "audits"];
        if !is_ticket.iter().any(|name| item.has(name)) {
            // A file of users beside the tickets.
            if !item.has("users") {
                out.left("objects that are neither tickets nor users");
            }
            return Ok(());
        }
        Ticket::read(self, item, out)?.convert(out)
    }
}

impl Zendesk {
    fn remember(&mut self, user: &Node<'_>) -> Result<(), FieldError> {
        let id = user.id_needed("id")?;
        if self.users.len() >= USERS_MAX && !self.users.contains_key(&id) {
            return Err(user.field_must("id", format!("be one of at most {USERS_MAX} users")));
        }
        self.users.insert(id, User::read(user)?);
        Ok(())
    }
}

impl User {
    fn read(user: &Node<'_>) -> Result<User, FieldError> {
        let role = match user.text("role")? {
            None => None,
            Some("end-user") => Some(Role::Customer),
            Some("agent" | "admin") => Some(Role::Human),
            Some(_) => return Err(user.field_must("role", "be one of end-user, agent, admin")),
        };
        let text = |name| user.words(name).map(|text| text.map(str::to_string));
        Ok(User { role, name: text("name")?, email: text("email")? })
    }
}

/// A ticket as it is read.
struct Ticket<'a, 'n> {
    node: &'n Node<'a>,
    conversation: String,
    requester: String,
    users: HashMap<String, User>,
    /// Who wrote in private, and whom it is given to: somebody of the shop, also where they asked.
    of_shop: BTreeSet<String>,
    /// Comments that became private later.
    hidden: BTreeSet<String>,
    comments: Vec<Node<'a>>,
    audits: Vec<Node<'a>>,
}

impl<'a, 'n> Ticket<'a, 'n> {
    fn read(
        zendesk: &Zendesk,
        node: &'n Node<'a>,
        out: &mut Out<'_>,
    ) -> Result<Ticket<'a, 'n>, FieldError> {
        let id = node.id_needed("id")?;
        let (comments, audits) = (node.list("comments")?, node.list("audits")?);
        let mut users = HashMap::new();
        let mut of_shop: BTreeSet<String> = node.id("assignee_id")?.into_iter().collect();
        for name in ["submitter", "requester", "assignee"] {
            let Some(user) = node.get(name) else { continue };
            let id = user.id_needed("id")?;
            if name == "assignee" {
                of_shop.insert(id.clone());
            }
            users.insert(id, User::read(&user)?);
        }
        let requester = match (node.id("requester_id")?, node.at(&["requester"])) {
            (Some(id), _) => id,
            (None, Some(requester)) => requester.id_needed("id")?,
            (None, None) => return Err(node.field_must("requester_id", "be present")),
        };
        let mut hidden = BTreeSet::new();
        for comment in &comments {
            if let Some(author) = comment.get("author") {
                users.insert(author.id_needed("id")?, User::read(&author)?);
            }
            if comment.has("public") && !comment.flag("public")? {
                of_shop.extend(author_of(comment, None)?);
            }
        }
        for audit in &audits {
            for change in audit.list("events")? {
                let kind = change.text("type")?.unwrap_or_default();
                let is_private = change.has("public") && !change.flag("public")?;
                match kind {
                    "CommentPrivacyChange" => {
                        out.left(
                            "comments whose privacy was changed (kept private if they ever were)",
                        );
                        if is_private {
                            hidden.extend(change.id("comment_id")?);
                        }
                    }
                    "Comment" | "VoiceComment" if is_private => {
                        of_shop.extend(author_of(&change, Some(audit))?);
                    }
                    _ => {}
                }
            }
        }
        for id in of_shop.iter().chain([&requester]).chain(&authors(&comments, &audits)?) {
            let is_known = users.get(id).is_some_and(|user: &User| user.role.is_some());
            if !is_known && let Some(user) = zendesk.users.get(id) {
                users.insert(id.clone(), user.clone());
            }
        }
        let conversation = format!("zendesk-{id}");
        Ok(Ticket { node, conversation, requester, users, of_shop, hidden, comments, audits })
    }

    /// Who somebody is, `of` naming the field that names them.
    fn sender(
        &self,
        id: &str,
        of: &Node<'_>,
        field: &str,
        out: &mut Out<'_>,
    ) -> Result<Sender, FieldError> {
        if id.starts_with('-') {
            return Ok(out.sender(SYSTEM, Role::System, None));
        }
        let user = self.users.get(id);
        let name = user.and_then(|user| user.name.as_deref());
        let email = user.and_then(|user| user.email.as_deref());
        let agents = &out.settings.agents;
        let is_agent = agents.has(&[id, name.unwrap_or_default(), email.unwrap_or_default()]);
        let role = match user.and_then(|user| user.role) {
            Some(role) => role,
            None if is_agent || self.of_shop.contains(id) => Role::Human,
            None if id == self.requester || !agents.is_empty() => Role::Customer,
            None => {
                let rule = "be somebody whose role is known: by `users` with their `role` before or beside the ticket, or by --agent";
                return Err(of.field_must(field, rule));
            }
        };
        Ok(out.sender(id, role, name))
    }

    fn convert(&self, out: &mut Out<'_>) -> Result<(), FieldError> {
        let mut events = vec![self.open(out)?];
        for comment in &self.comments {
            match self.comment(comment, None, out) {
                Ok(message) => events.push(message),
                Err(error) => out.refuse(error),
            }
        }
        for audit in &self.audits {
            for change in audit.list("events")? {
                if let Err(error) = self.change(audit, &change, &mut events, out) {
                    out.refuse(error);
                }
            }
        }
        if self.audits.is_empty() {
            self.state(&mut events, out)?;
        }
        if let Some(fields) = self.node.get("custom_fields") {
            let fields = fields.items()?;
            fields
                .iter()
                .filter(|field| field.has("value"))
                .for_each(|_| out.left("custom fields"));
        }
        out.send_by_time(events);
        Ok(())
    }

    fn open(&self, out: &mut Out<'_>) -> Result<Event, FieldError> {
        let sender = out.sender(SYSTEM, Role::System, None);
        let at = self.node.time("created_at", out.settings)?;
        let channel = match self.node.at(&["via"]) {
            Some(via) => via.words("channel")?.map(str::to_string),
            None => None,
        };
        let subject = self.node.words("subject")?;
        let data = subject.and_then(|subject| out.details(&json!({ "subject": subject })));
        let open = event(&self.conversation, "open", Kind::Open, &sender, at);
        let requester = self.sender(&self.requester, self.node, "requester_id", out)?;
        let customer = (requester.role == Role::Customer).then_some(requester.id);
        Ok(Event { customer, channel, data, ..open })
    }

    /// A comment, of the ticket or of one of its audits.
    fn comment(
        &self,
        comment: &Node<'_>,
        audit: Option<&Node<'_>>,
        out: &mut Out<'_>,
    ) -> Result<Event, FieldError> {
        let id = comment.id_needed("id")?;
        let author = author_of(comment, audit)?
            .ok_or_else(|| comment.field_must("author_id", "be present"))?;
        let sender = self.sender(&author, comment, "author_id", out)?;
        let at = match comment.time("created_at", out.settings)? {
            Some(at) => Some(at),
            None => audit.map_or(Ok(None), |audit| audit.time("created_at", out.settings))?,
        };
        let text = comment.text("body")?.or(comment.text("plain_body")?).unwrap_or_default();
        let mut files = Vec::new();
        for file in comment.list("attachments")? {
            files.push(json!({
                "name": file.text("file_name")?, "url": file.text("content_url")?,
                "media_type": file.text("content_type")?, "bytes": file.get("size").map(|size| size.value),
            }));
        }
        let is_private =
            (comment.has("public") && !comment.flag("public")?) || self.hidden.contains(&id);
        let message = event(&self.conversation, message_id(&id), Kind::Message, &sender, at);
        let data = out.files_elsewhere(files);
        let visibility = if is_private { Visibility::Private } else { Visibility::Public };
        Ok(Event { text: Some(text.to_string()), data, visibility, ..message })
    }

    /// What one event of an audit says happened.
    fn change(
        &self,
        audit: &Node<'_>,
        change: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let kind = change.text("type")?.unwrap_or_default();
        match kind {
            "Comment" | "VoiceComment" => {
                let id = message_id(&change.id_needed("id")?);
                if !events.iter().any(|event| event.id == id) {
                    events.push(self.comment(change, Some(audit), out)?);
                }
            }
            "Create" | "Change" => self.field_changed(audit, change, events, out)?,
            "SatisfactionRating" => {
                let score = change.text("score")?.unwrap_or_default();
                self.rated(audit, change, score, change.words("body")?, events, out)?;
            }
            "CommentRedactionEvent" => self.redacted(audit, change, events, out)?,
            // Counted where the ticket was read.
            "CommentPrivacyChange" => {}
            other => out.left(format!("audit events of type `{other}`")),
        }
        Ok(())
    }

    /// Who did what an audit lists, and when.
    fn did(
        &self,
        audit: &Node<'_>,
        change: &Node<'_>,
        kind: Kind,
        out: &mut Out<'_>,
    ) -> Result<Event, FieldError> {
        let author = audit.id_needed("author_id")?;
        let is_of_shop =
            matches!(kind, Kind::Assign | Kind::Tag | Kind::Untag | Kind::Pause | Kind::Resume);
        // What a rule does stands in the audit of whoever set it off, a customer's too.
        let is_by_rule = change.at(&["via"]).is_some_and(|via| via.value["channel"] == "rule");
        let system = out.sender(SYSTEM, Role::System, None);
        let author = if is_by_rule {
            system.clone()
        } else {
            self.sender(&author, audit, "author_id", out)?
        };
        let is_not_theirs = is_of_shop && author.role == Role::Customer;
        let sender = if is_not_theirs { system } else { author };
        let id = format!("event-{}", change.id_needed("id")?);
        Ok(event(&self.conversation, id, kind, &sender, audit.time("created_at", out.settings)?))
    }

    fn field_changed(
        &self,
        audit: &Node<'_>,
        change: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let name = change.id("field_name")?.unwrap_or_default();
        let is_new = change.text("type")? == Some("Create");
        match name.as_str() {
            "assignee_id" => match change.id("value")? {
                Some(assignee) => {
                    let assign = self.did(audit, change, Kind::Assign, out)?;
                    events.push(Event { assignee: Some(assignee), ..assign });
                }
                None if is_new => {}
                None => out.left("assignments taken back"),
            },
            "status" => {
                let (was, is) = (change.words("previous_value")?, change.words("value")?);
                if let Some(kind) = kind_of_status(was, is) {
                    events.push(self.did(audit, change, kind, out)?);
                }
            }
            "tags" => {
                let (was, is) = (labels(change, "previous_value")?, labels(change, "value")?);
                let put_on = is.difference(&was).map(|tag| (Kind::Tag, tag));
                let taken_off = was.difference(&is).map(|tag| (Kind::Untag, tag));
                for (index, (kind, tag)) in put_on.chain(taken_off).enumerate() {
                    let change = self.did(audit, change, kind, out)?;
                    let id = format!("{}-{}", change.id, index + 1);
                    events.push(Event { id, category: Some(tag.clone()), ..change });
                }
            }
            "satisfaction_score" => {
                let score = change.words("value")?.unwrap_or_default();
                // Where the rating has an event of its own, that one has its words.
                let beside = audit.list("events")?;
                let has_own =
                    beside.iter().any(|event| event.value["type"] == "SatisfactionRating");
                if !has_own || score == "offered" {
                    self.rated(audit, change, score, None, events, out)?;
                }
            }
            // What the open and the comments say.
            "subject" | "description" | "requester_id" | "submitter_id" | "via" if is_new => {}
            other if other.parse::<u64>().is_ok() => out.left("changes of custom fields"),
            other => out.left(format!("changes of `{other}`")),
        }
        Ok(())
    }

    fn rated(
        &self,
        audit: &Node<'_>,
        change: &Node<'_>,
        score: &str,
        words: Option<&str>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        if score == "offered" {
            events.push(self.did(audit, change, Kind::RateRequest, out)?);
        } else if let Some(rating) = rating_of(score) {
            let rate = self.did(audit, change, Kind::Rate, out)?;
            let (text, data) = (words.map(str::to_string), out.details(&json!({ "score": score })));
            events.push(Event { rating: Some(rating), text, data, ..rate });
        }
        Ok(())
    }

    /// Words were taken out of a comment: what is left of it is its last version.
    fn redacted(
        &self,
        audit: &Node<'_>,
        change: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        out.left("words redacted before the export");
        let target = message_id(&change.id_needed("comment_id")?);
        let Some(of) = events.iter().find(|event| event.id == target).cloned() else {
            return Ok(());
        };
        // Nobody edits what a customer said.
        if of.sender.role != Role::Customer {
            let did = self.did(audit, change, Kind::Edit, out)?;
            let text = of.text.clone().unwrap_or_default();
            events.push(edit(&of, did.id, &did.sender, did.sent_at, &text));
        }
        Ok(())
    }

    /// What is known without a history: the state on the day of the export, which says no times.
    fn state(&self, events: &mut Vec<Event>, out: &mut Out<'_>) -> Result<(), FieldError> {
        let system = out.sender(SYSTEM, Role::System, None);
        if let Some(assignee) = self.node.id("assignee_id")? {
            let assign = event(
                &self.conversation,
                format!("assign-{assignee}"),
                Kind::Assign,
                &system,
                None,
            );
            events.push(Event { assignee: Some(assignee), ..assign });
        }
        for tag in labels(self.node, "tags")? {
            let put_on = event(&self.conversation, format!("tag-{tag}"), Kind::Tag, &system, None);
            events.push(Event { category: Some(tag), ..put_on });
        }
        if self.node.has("status") {
            out.left("states of tickets without audits (when they were solved is not known)");
        }
        let Some(satisfaction) = self.node.get("satisfaction_rating") else { return Ok(()) };
        let score = satisfaction.text("score")?.unwrap_or_default();
        if let Some(rating) = rating_of(score) {
            let customer = self.sender(&self.requester, self.node, "requester_id", out)?;
            let rate =
                event(&self.conversation, format!("rate-{score}"), Kind::Rate, &customer, None);
            let text = satisfaction.words("comment")?.map(str::to_string);
            let data = out.details(&json!({ "score": score }));
            events.push(Event { rating: Some(rating), text, data, ..rate });
        }
        Ok(())
    }
}

fn message_id(comment: &str) -> String {
    format!("comment-{comment}")
}

/// Who wrote a comment: itself says, or the audit that lists it.
fn author_of(comment: &Node<'_>, audit: Option<&Node<'_>>) -> Result<Option<String>, FieldError> {
    if let Some(id) = comment.id("author_id")? {
        return Ok(Some(id));
    }
    if let Some(author) = comment.get("author") {
        return author.id("id");
    }
    audit.map_or(Ok(None), |audit| audit.id("author_id"))
}

fn authors(comments: &[Node<'_>], audits: &[Node<'_>]) -> Result<BTreeSet<String>, FieldError> {
    let mut authors = BTreeSet::new();
    for node in comments.iter().chain(audits) {
        authors.extend(node.id("author_id")?);
    }
    for audit in audits {
        for change in audit.list("events")? {
            authors.extend(change.id("author_id")?);
        }
    }
    Ok(authors)
}

/// What a change of status is, where it is anything.
fn kind_of_status(was: Option<&str>, is: Option<&str>) -> Option<Kind> {
    let is_over = |status| matches!(status, Some("solved" | "closed"));
    let is_paused = |status| matches!(status, Some("pending" | "hold"));
    match (is_over(was), is_over(is)) {
        (false, true) => Some(Kind::Resolve),
        (true, false) => Some(Kind::Reopen),
        (true, true) => None,
        (false, false) if !is_paused(was) && is_paused(is) => Some(Kind::Pause),
        (false, false) if is_paused(was) && !is_paused(is) => Some(Kind::Resume),
        (false, false) => None,
    }
}

/// Two words where we have five numbers: the ends of the scale.
pub(super) fn rating_of(score: &str) -> Option<u8> {
    match score {
        "good" => Some(5),
        "bad" => Some(1),
        _ => None,
    }
}

/// A list of labels, or labels in one string.
fn labels(node: &Node<'_>, name: &str) -> Result<BTreeSet<String>, FieldError> {
    let Some(field) = node.get(name) else { return Ok(BTreeSet::new()) };
    if let Some(text) = field.value.as_str() {
        return Ok(text.split_whitespace().map(str::to_string).collect());
    }
    let label = |item: &Node<'_>| item.value.as_str().map(str::to_string);
    field.items()?.iter().map(|item| label(item).ok_or_else(|| item.must("be a string"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::testing::{read, zip_of};
    use super::super::{Agents, Settings};
    use super::*;

    fn ticket() -> Value {
        json!({
            "id": 7, "subject": "Cup broken", "requester_id": 11, "assignee_id": 21, "status": "solved",
            "created_at": "2026-01-03T02:00:00Z", "via": {"channel": "chat"}, "tags": ["refund", "cup"],
            "custom_fields": [{"id": 1, "value": "red"}, {"id": 2, "value": null}],
            "satisfaction_rating": {"score": "good", "comment": "quick"},
            "comments": [
                {"id": 101, "author_id": 11, "body": "It broke", "public": true, "created_at": "2026-01-03T02:00:00Z",
                 "attachments": [{"file_name": "cup.jpg", "content_url": "https://x.example/cup.jpg",
                                  "content_type": "image/jpeg", "size": 3}]},
                {"id": 102, "author_id": 22, "body": "Ask the store", "public": false, "created_at": "2026-01-03T02:05:00Z"},
                {"id": 103, "author_id": 21, "body": "We refund", "public": true, "created_at": "2026-01-03T02:09:00Z"},
                {"id": 104, "author_id": -1, "body": "Merged", "public": true, "created_at": "2026-01-03T02:10:00Z"},
            ],
        })
    }

    fn with_audits() -> Value {
        let mut ticket = ticket();
        ticket["audits"] = json!([
            {"id": 900, "author_id": 11, "created_at": "2026-01-03T02:00:00Z", "events": [
                {"id": 101, "type": "Comment", "author_id": 11, "body": "It broke", "public": true},
                {"id": 901, "type": "Create", "field_name": "status", "value": "new"},
                {"id": 902, "type": "Create", "field_name": "assignee_id", "value": null},
                {"id": 903, "type": "Notification", "body": "mail"},
                {"id": 904, "type": "Change", "field_name": "tags", "value": ["cup"], "previous_value": []},
                {"id": 905, "type": "Change", "field_name": "status", "value": "open", "previous_value": "pending", "via": {"channel": "rule"}}]},
            {"id": 910, "author_id": 21, "created_at": "2026-01-03T02:09:30Z", "events": [
                {"id": 911, "type": "Change", "field_name": "assignee_id", "value": "21", "previous_value": null},
                {"id": 912, "type": "Change", "field_name": "tags", "value": ["refund"], "previous_value": ["cup"]},
                {"id": 913, "type": "CommentRedactionEvent", "comment_id": 103},
                {"id": 914, "type": "CommentPrivacyChange", "comment_id": 104, "public": false},
                {"id": 915, "type": "Change", "field_name": "status", "value": "solved", "previous_value": "open"},
                {"id": 916, "type": "Change", "field_name": "360", "value": "x", "previous_value": null},
                {"id": 917, "type": "Change", "field_name": "satisfaction_score", "value": "offered"}]},
            {"id": 920, "author_id": 11, "created_at": "2026-01-03T03:00:00Z", "events": [
                {"id": 921, "type": "SatisfactionRating", "score": "bad", "body": "slow"},
                {"id": 922, "type": "Change", "field_name": "satisfaction_score", "value": "bad"},
                {"id": 923, "type": "Change", "field_name": "status", "value": "open", "previous_value": "solved"}]},
        ]);
        ticket
    }

    fn lines(value: &Value) -> Vec<String> {
        let read =
            read("tickets.json", value.to_string().as_bytes(), &Settings::default()).unwrap();
        assert_eq!(read.refused, Vec::<String>::new());
        read.lines()
    }

    #[test]
    fn a_ticket_alone_becomes_messages_and_its_last_state() {
        assert_eq!(
            lines(&ticket()),
            [
                "open open system:zendesk customer=11 channel=chat at=2026-01-03T02:00:00Z",
                "message comment-101 customer:11 at=2026-01-03T02:00:00Z text=It broke",
                "message comment-102 human:22 private at=2026-01-03T02:05:00Z text=Ask the store",
                "message comment-103 human:21 at=2026-01-03T02:09:00Z text=We refund",
                "message comment-104 system:zendesk at=2026-01-03T02:10:00Z text=Merged",
                "assign assign-21 system:zendesk assignee=21",
                "tag tag-cup system:zendesk category=cup",
                "tag tag-refund system:zendesk category=refund",
                "rate rate-good customer:11 rating=5 text=quick",
            ]
        );
        let read = read("t.json", ticket().to_string().as_bytes(), &Settings::default()).unwrap();
        assert_eq!(
            read.left(),
            [
                ("custom fields".to_string(), 1),
                ("files that the source names and does not hold".to_string(), 1),
                (
                    "states of tickets without audits (when they were solved is not known)"
                        .to_string(),
                    1
                ),
            ]
        );
        let file = read.events[1].data.as_ref().unwrap().get();
        assert!(file.contains("https://x.example/cup.jpg") && file.contains("cup.jpg"), "{file}");
        assert!(read.events[0].data.as_ref().unwrap().get().contains("Cup broken"));
    }

    #[test]
    fn audits_say_what_happened_when() {
        let happened: Vec<String> =
            lines(&with_audits()).into_iter().filter(|line| !line.starts_with("message")).collect();
        assert_eq!(
            happened,
            [
                "open open system:zendesk customer=11 channel=chat at=2026-01-03T02:00:00Z",
                "tag event-904-1 system:zendesk category=cup at=2026-01-03T02:00:00Z",
                "resume event-905 system:zendesk at=2026-01-03T02:00:00Z",
                "assign event-911 human:21 assignee=21 at=2026-01-03T02:09:30Z",
                "tag event-912-1 human:21 category=refund at=2026-01-03T02:09:30Z",
                "untag event-912-2 human:21 category=cup at=2026-01-03T02:09:30Z",
                "edit event-913 human:21 target=comment-103 at=2026-01-03T02:09:30Z text=We refund",
                "resolve event-915 human:21 at=2026-01-03T02:09:30Z",
                "rate_request event-917 human:21 at=2026-01-03T02:09:30Z",
                "rate event-921 customer:11 rating=1 at=2026-01-03T03:00:00Z text=slow",
                "reopen event-923 customer:11 at=2026-01-03T03:00:00Z",
            ]
        );
        let private =
            "message comment-104 system:zendesk private at=2026-01-03T02:10:00Z text=Merged";
        assert!(lines(&with_audits()).contains(&private.to_string()));
        let read =
            read("t.json", with_audits().to_string().as_bytes(), &Settings::default()).unwrap();
        for kind in ["audit events of type `Notification`", "changes of custom fields"] {
            assert!(read.left().contains(&(kind.to_string(), 1)), "{:?}", read.left());
        }
    }

    /// The comments of an export without them are in its audits.
    #[test]
    fn audits_alone_hold_the_comments() {
        let mut ticket = with_audits();
        ticket["comments"] = json!(null);
        let lines = lines(&ticket);
        assert_eq!(
            lines[1],
            "message comment-101 customer:11 at=2026-01-03T02:00:00Z text=It broke"
        );
    }

    /// Lines, a list and a page are the same tickets, and a later export adds what is new.
    #[test]
    fn the_same_export_twice_is_the_same_events() {
        let mut other = with_audits();
        other["id"] = json!(8);
        let page = json!({"tickets": [ticket(), other], "count": 2, "users": []});
        let list = json!([ticket(), other]);
        let of = |text: String| {
            let read = read("x.json", text.as_bytes(), &Settings::default()).unwrap();
            (read.bodies(), read.left())
        };
        let lines = of(format!("{}\n{other}\n", ticket()));
        assert_eq!(lines, of(page.to_string()));
        assert_eq!(lines, of(serde_json::to_string_pretty(&list).unwrap()));
        let mut newer = ticket();
        newer["comments"].as_array_mut().unwrap().push(
            json!({"id": 105, "author_id": 11, "body": "Thanks", "created_at": "2026-01-04T00:00:00Z"}),
        );
        let (before, after) = (of(ticket().to_string()).0, of(newer.to_string()).0);
        let is_new: Vec<_> = after.iter().filter(|body| !before.contains(body)).collect();
        assert_eq!((is_new.len(), after.len()), (1, before.len() + 1));
    }

    #[test]
    fn whoever_is_on_no_known_side_is_asked_for() {
        let mut unknown = ticket();
        unknown["comments"].as_array_mut().unwrap().push(
            json!({"id": 105, "author_id": 33, "body": "Me too", "created_at": "2026-01-04T00:00:00Z"}),
        );
        let text = unknown.to_string();
        let refused = read("x.json", text.as_bytes(), &Settings::default()).unwrap();
        assert_eq!(refused.refused.len(), 1);
        assert!(refused.refused[0].contains("comments[4].author_id `33` must be somebody"));
        // The ticket itself can be mended and imported again.
        assert_eq!(serde_json::from_str::<Value>(&refused.originals[0]).unwrap(), unknown);
        let of = |settings: &Settings, text: &str| {
            let read = read("x.json", text.as_bytes(), settings).unwrap();
            let last = read.events.iter().rfind(|event| event.id == "comment-105").unwrap();
            last.sender.role
        };
        let agents = |name: &str| Settings {
            agents: Agents::new(&[name.to_string()]),
            ..Settings::default()
        };
        assert_eq!(of(&agents("33"), &text), Role::Human);
        assert_eq!(of(&agents("somebody else"), &text), Role::Customer);
        let users = format!("{}\n{text}", json!({"id": 33, "role": "agent", "name": "Lin"}));
        let settings =
            Settings { from: Some(super::super::Format::Zendesk), ..Settings::default() };
        assert_eq!(of(&settings, &users), Role::Human);
        // As they are fetched from the service, in a file beside the tickets.
        let users = json!({"users": [{"id": 33, "role": "agent", "name": "Lin"}], "count": 1});
        let zip = zip_of(&[
            ("tickets.json", text.as_bytes()),
            ("users.json", users.to_string().as_bytes()),
        ]);
        let read = read("x.zip", &zip, &Settings::default()).unwrap();
        assert_eq!(read.refused, Vec::<String>::new());
        assert!(!read.left().iter().any(|(kind, _)| kind.contains("users")), "{:?}", read.left());
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let mut bad = ticket();
        bad["comments"][0]["created_at"] = json!("noon");
        bad["comments"][2]["body"] = json!("x".repeat(40_000));
        let lines =
            format!("{{\"id\":\n{bad}\n{}\n", json!({"id": 8, "requester_id": 1, "comments": 5}));
        let settings =
            Settings { from: Some(super::super::Format::Zendesk), ..Settings::default() };
        let read = read("x.json", lines.as_bytes(), &settings).unwrap();
        let expected = [
            ":1: `{\"id\":` must be a JSON object",
            ":2: comments[0].created_at `noon` must be a time",
            ":2: comment-103.text `40000 bytes` must be at most 32768 bytes",
            ":3: comments `5` must be a list",
        ];
        assert_eq!(read.refused.len(), expected.len(), "{:?}", read.refused);
        for (said, wanted) in read.refused.iter().zip(expected) {
            assert!(said.contains(wanted), "{said}");
        }
        assert_eq!(read.events.iter().filter(|event| event.kind == Kind::Message).count(), 2);
    }
}
