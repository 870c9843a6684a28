//! The one table of columns of each table of facts: name, how it is read, what it means. Arrow
//! schema, batches and reference docs are made from it.

use std::sync::LazyLock;

use arrow::datatypes::SchemaRef;

use super::change_row::ChangeRow;
use super::closer::Closer;
use super::rating_row::RatingRow;
use super::row::FactRow;
use super::rows::{EpisodeRow, StintRow, TurnRow};
use super::stray_row::StrayRow;
use super::tag_row::TagRow;
use crate::model::Offset;
use crate::table::columns::Read::{
    Count, Flag, MaybeCount, MaybeNumber, MaybeSmall, MaybeText, MaybeTime, Small, Text, Texts,
    Time,
};
use crate::table::columns::{Column, Read, schema};

const fn column<R>(name: &'static str, read: Read<R>, meaning: &'static str) -> Column<R> {
    Column { name, read, meaning }
}

/// Every column of `turns`, in order.
#[rustfmt::skip]
pub const TURN_COLUMNS: &[Column<TurnRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation it is part of"),
    column("turn", Count(|row| row.turn.into()), "number of the turn in its conversation, dense from 1"),
    column("episode", Count(|row| row.episode.into()), "number of the episode it lies in"),
    column("started_by", Text(|row| row.started_by.as_str()), "customer, handoff, or reopen: what made the customer wait"),
    column("waiting_since", Time(|row| row.waiting_since), "first unanswered message, handoff or reopen; where the transcript has no times, the time of import"),
    column("waiting_offset", Count(|row| row.waiting_offset.signed()), "offset of what began the waiting"),
    column("customer_messages", Count(|row| row.customer_messages.into()), "public messages of the customer in it"),
    column("ended_at", MaybeTime(|row| row.ended_at), "the answer, the resolve that cut it, or the end of the idle time; NULL while open"),
    column("outcome", Text(|row| row.outcome.as_str()), "replied (by a human), bot, closed (resolved without an answer), abandoned (nobody said anything for the idle time), open"),
    column("replied_at", MaybeTime(|row| row.replied_at), "the human reply that ended it"),
    column("replier", MaybeText(|row| row.replier.as_deref()), "who sent that reply: the credit is theirs"),
    column("replier_assignee", MaybeText(|row| row.replier_assignee.as_deref()), "who was assigned when it was sent; NULL when nobody was"),
    column("reply_offset", MaybeCount(|row| row.reply_offset.map(Offset::signed)), "offset of that reply"),
    column("nrt_ms", MaybeCount(|row| row.nrt_ms), "next response time: waiting_since to the human reply"),
    column("nrt_business_ms", MaybeCount(|row| row.nrt_business_ms), "how much of nrt_ms was open, by the hours of `team`, or else of the shop; NULL where there are none"),
    column("response_any_ms", MaybeCount(|row| row.response_any_ms), "waiting_since to the first message of anyone but the customer, bots included"),
    column("response_any_business_ms", MaybeCount(|row| row.response_any_business_ms), "how much of response_any_ms was open"),
    column("agent", MaybeText(|row| row.agent.as_deref()), "who replied; where no human did, who was assigned when it ended, or is now"),
    column("team", MaybeText(|row| row.team.as_deref()), "the agent's team when it ended, or now; NULL: of none"),
    column("sla_target", MaybeText(|row| row.sla_target.map(|target| target.as_str())), "which target it had when it began: first_reply (no human had replied in the episode) or next_reply; NULL: none"),
    column("due_at", MaybeTime(|row| row.due_at), "when the reply is due by that target; NULL where there is none, the wait has no time, or no hours to count by"),
    column("handed_off", Flag(|row| row.handed_off), "a handoff happened while the customer was waiting"),
    column("excluded", MaybeText(|row| row.excluded.map(|reason| reason.as_str())), "why there is no figure and never will be: untimed, clock_backwards, unanswered_at_close"),
    column("closed_offset", MaybeCount(|row| row.closed_offset.map(Offset::signed)), "offset of the record that closed it, of whichever conversation; NULL while open"),
    column("closed_at", MaybeTime(|row| row.closed_at), "when that record was received"),
    column("origin", Text(|row| row.origin.as_str()), "live chat, or an imported transcript"),
    column("channel", MaybeText(|row| row.channel.as_deref()), "the conversation's channel, as last told"),
    column("language", MaybeText(|row| row.language.as_deref()), "the conversation's language, as last told"),
    column("metric_version", Small(|row| row.metric_version), "version of the definitions behind this row"),
    column("rules_version", Count(|row| row.rules_version.into()), "version of the shop's rules behind this row; 0: none set"),
    column("schedule_version", MaybeSmall(|row| row.schedule_version), "version of the rules that last changed the hours or teams behind this row; NULL: no hours apply"),
];

/// Every column of `episodes`, in order.
#[rustfmt::skip]
pub const EPISODE_COLUMNS: &[Column<EpisodeRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation it is part of"),
    column("episode", Count(|row| row.episode.into()), "number of the episode in its conversation, dense from 1"),
    column("started_at", Time(|row| row.started_at), "when it began"),
    column("started_offset", Count(|row| row.started_offset.signed()), "offset of what began it; a rating or tag after the end belongs to the last episode that started at or below its offset"),
    column("started_by", Text(|row| row.started_by.as_str()), "open, message, reopen, idle (first activity after silence), handoff (the conversation reached us by one)"),
    column("timed", Flag(|row| row.timed), "false: it began with a record of a transcript without times, so started_at is when that was imported, and no time of it means anything"),
    column("first_customer_at", MaybeTime(|row| row.first_customer_at), "first public message of the customer, or the customer's reopen"),
    column("first_human_at", MaybeTime(|row| row.first_human_at), "first human reply to the customer; what a human said before does not count"),
    column("first_bot_at", MaybeTime(|row| row.first_bot_at), "first bot message after the customer's first"),
    column("frt_total_ms", MaybeCount(|row| row.frt_total_ms), "first_customer_at to first_human_at, bot time included; after a reopen from the reopening"),
    column("frt_total_business_ms", MaybeCount(|row| row.frt_total_business_ms), "how much of frt_total_ms was open, by the hours of `team`, or else of the shop; NULL where there are none"),
    column("frt_human_ms", MaybeCount(|row| row.frt_human_ms), "the later of first_customer_at and the last handoff before the reply, to first_human_at"),
    column("frt_human_business_ms", MaybeCount(|row| row.frt_human_business_ms), "how much of frt_human_ms was open"),
    column("frt_bot_ms", MaybeCount(|row| row.frt_bot_ms), "first_customer_at to first_bot_at"),
    column("frt_bot_business_ms", MaybeCount(|row| row.frt_bot_business_ms), "how much of frt_bot_ms was open"),
    column("frt_excluded", MaybeText(|row| row.frt_excluded.map(|reason| reason.as_str())), "why frt_total_ms or frt_human_ms will never have a value: untimed, clock_backwards, no_reply, no_customer"),
    column("first_replier", MaybeText(|row| row.first_replier.as_deref()), "who sent the first reply"),
    column("first_replier_team", MaybeText(|row| row.first_replier_team.as_deref()), "their team when the episode ended, or now; NULL: of none"),
    column("agent", MaybeText(|row| row.agent.as_deref()), "the last human who replied in it; where none did, who was last assigned"),
    column("team", MaybeText(|row| row.team.as_deref()), "the agent's team when it ended, or now; NULL: of none"),
    column("ended_at", MaybeTime(|row| row.ended_at), "the resolve, or the last activity plus the idle time; NULL while open"),
    column("ended_by", MaybeText(|row| row.ended_by.map(|end| end.as_str())), "resolve or idle; NULL while open"),
    column("resolved_by", MaybeText(|row| row.resolved_by.as_deref()), "who resolved it"),
    column("resolver_role", MaybeText(|row| row.resolver_role.map(|role| role.as_str())), "role of who resolved it"),
    column("episode_resolution_ms", MaybeCount(|row| row.episode_resolution_ms), "started_at to the resolve; NULL when it went idle"),
    column("episode_resolution_business_ms", MaybeCount(|row| row.episode_resolution_business_ms), "how much of episode_resolution_ms was open"),
    column("resolution_human_ms", MaybeCount(|row| row.resolution_human_ms), "the first handoff, where no human had replied before it, else the customer's first message, to the resolve; NULL when it went idle, or no human had a part in it"),
    column("resolution_human_business_ms", MaybeCount(|row| row.resolution_human_business_ms), "how much of resolution_human_ms was open"),
    column("close_gap_ms", MaybeCount(|row| row.close_gap_ms), "the customer's last public message to the resolve; NULL when it went idle"),
    column("close_gap_business_ms", MaybeCount(|row| row.close_gap_business_ms), "how much of close_gap_ms was open"),
    column("resolution_due_at", MaybeTime(|row| row.resolution_due_at), "when the resolve is due by the policy in force when it began; NULL where there is none"),
    column("unanswered", Flag(|row| row.unanswered), "it ended while the customer waited: its last turn was closed or abandoned"),
    column("abandoned", Flag(|row| row.abandoned), "it went idle while the customer waited"),
    column("events", Count(|row| row.events.into()), "records in it, of whatever kind"),
    column("messages", Count(|row| row.messages.into()), "messages in it, notes and automatic texts included"),
    column("earliest_at", Time(|row| row.earliest_at), "earliest of its records by their own times; holds, releases, erasures and categories of a model aside, here and in the next"),
    column("latest_at", Time(|row| row.latest_at), "latest of them"),
    column("customer_messages", Count(|row| row.customer_messages.into()), "public messages of the customer"),
    column("human_messages", Count(|row| row.human_messages.into()), "public messages of humans, automatic ones left out"),
    column("bot_messages", Count(|row| row.bot_messages.into()), "public messages of bots, automatic ones left out"),
    column("handoffs", Count(|row| row.handoffs.into()), "handoffs, transfers included"),
    column("transfers", Count(|row| row.transfers.into()), "handoffs by a human"),
    column("first_handoff_at", MaybeTime(|row| row.first_handoff_at), "first handoff"),
    column("reopened", Flag(|row| row.reopened), "it began after a resolve, or with a reopen"),
    column("since_resolve_ms", MaybeCount(|row| row.since_resolve_ms), "how long after the previous resolve it began; NULL unless reopened"),
    column("categories", Texts(|row| &row.categories), "categories that people gave and that stood at its end, sorted; empty when untagged"),
    column("rating", MaybeSmall(|row| row.rating.map(i32::from)), "last rating given before it ended; later ones are found by started_offset"),
    column("last_assignee", MaybeText(|row| row.last_assignee.as_deref()), "who was last assigned, before or in it"),
    column("customer", MaybeText(|row| row.customer.as_deref()), "the customer's sender id"),
    column("order", MaybeText(|row| row.order.as_deref()), "order number, as last told"),
    column("channel", MaybeText(|row| row.channel.as_deref()), "the conversation's channel, as last told"),
    column("language", MaybeText(|row| row.language.as_deref()), "the conversation's language, as last told"),
    column("origin", Text(|row| row.origin.as_str()), "live chat, or an imported transcript"),
    column("closed_offset", MaybeCount(|row| row.closed_offset.map(Offset::signed)), "offset of the record that closed it, of whichever conversation; NULL while open"),
    column("closed_at", MaybeTime(|row| row.closed_at), "when that record was received"),
    column("metric_version", Small(|row| row.metric_version), "version of the definitions behind this row"),
    column("rules_version", Count(|row| row.rules_version.into()), "version of the shop's rules behind this row; 0: none set"),
    column("schedule_version", MaybeSmall(|row| row.schedule_version), "version of the rules that last changed the hours or teams behind this row; NULL: no hours apply"),
];

/// Every column of `changes`, in order.
#[rustfmt::skip]
pub const CHANGE_COLUMNS: &[Column<ChangeRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation it is part of"),
    column("message", Text(|row| &row.message), "id of the message, also where an edit of it was named"),
    column("kind", Text(|row| row.kind.as_str()), "edit or retract"),
    column("version", Count(|row| row.version.into()), "the message's version since: 1 is the original, each edit makes the next"),
    column("offset", Count(|row| row.at.offset.signed()), "offset of the edit or retraction"),
    column("received_at", Time(|row| row.at.received_at), "when it was received"),
    column("occurred_at", Time(|row| row.occurred_at), "when it occurred"),
    column("text", MaybeText(|row| row.text.as_deref()), "the text after the edit; NULL for a retraction"),
    column("sender_id", Text(|row| &row.sender_id), "who edited or retracted"),
    column("sender_role", Text(|row| row.sender_role.as_str()), "their role"),
];

/// Every column of `tags`, in order.
#[rustfmt::skip]
pub const TAG_COLUMNS: &[Column<TagRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation tagged"),
    column("category", Text(|row| &row.category), "the category"),
    column("tagged", Flag(|row| row.tagged), "whether it stands from here on"),
    column("offset", Count(|row| row.at.offset.signed()), "offset of the tag or untag"),
    column("received_at", Time(|row| row.at.received_at), "when it was received"),
    column("occurred_at", Time(|row| row.occurred_at), "when it occurred"),
    column("timed", Flag(|row| row.timed), "false: it is of a transcript without times, so occurred_at is when that was imported"),
    column("sender_id", Text(|row| &row.sender_id), "who tagged or untagged"),
    column("sender_role", Text(|row| row.sender_role.as_str()), "their role"),
    column("automatic", Flag(|row| row.automatic), "a model did, and no person"),
    column("model", MaybeText(|row| row.model.as_deref()), "that model, as name@version; NULL on a person's"),
    column("probability", MaybeNumber(|row| row.probability), "how sure it was, between 0 and 1; NULL on a person's, and where an automatic one was taken off"),
];

/// Every column of `strays`, in order.
#[rustfmt::skip]
pub const STRAY_COLUMNS: &[Column<StrayRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation it is part of"),
    column("kind", Text(|row| row.kind.as_str()), "what happened"),
    column("offset", Count(|row| row.at.offset.signed()), "offset of the record"),
    column("received_at", Time(|row| row.at.received_at), "when it was received"),
    column("occurred_at", Time(|row| row.occurred_at), "when it occurred"),
    column("automatic", Flag(|row| row.automatic), "nobody typed it: a greeting, a survey, a model's category"),
    column("rating", MaybeSmall(|row| row.rating.map(i32::from)), "the rating given with it"),
    column("customer", MaybeText(|row| row.customer.as_deref()), "the conversation's customer, as known then"),
    column("order", MaybeText(|row| row.order.as_deref()), "order number, as last told"),
    column("channel", MaybeText(|row| row.channel.as_deref()), "the conversation's channel, as last told"),
    column("language", MaybeText(|row| row.language.as_deref()), "the conversation's language, as last told"),
];

/// Every column of `stints`, in order.
#[rustfmt::skip]
pub const STINT_COLUMNS: &[Column<StintRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation it is part of"),
    column("episode", Count(|row| row.episode.into()), "number of the episode it lies in"),
    column("stint", Count(|row| row.stint.into()), "number of the stint in its conversation, dense from 1"),
    column("place", Text(|row| row.place.as_str()), "where the conversation lay: nobody, bot, queue, agent, paused"),
    column("agent", MaybeText(|row| row.agent.as_deref()), "the agent who had it; NULL unless place is agent"),
    column("team", MaybeText(|row| row.team.as_deref()), "the agent's team when it ended, or now; NULL: of none"),
    column("started_at", Time(|row| row.started_at), "when it began: when the stint before it ended"),
    column("started_offset", Count(|row| row.started_offset.signed()), "offset of what began it"),
    column("started_by", Text(|row| row.started_by.as_str()), "what moved the conversation here: open, message, reply, assign, handoff, queue, pause, resume, reopen, idle (first activity after silence), leave"),
    column("ended_at", MaybeTime(|row| row.ended_at), "when it ended; NULL while open"),
    column("ended_by", MaybeText(|row| row.ended_by.map(|end| end.as_str())), "what moved it on, or resolve or idle; NULL while open"),
    column("duration_ms", MaybeCount(|row| row.duration_ms), "started_at to ended_at"),
    column("business_ms", MaybeCount(|row| row.business_ms), "how much of duration_ms was open, by the hours of `team`, or else of the shop; NULL where there are none"),
    column("pending_since", MaybeTime(|row| row.pending_since), "from when the agent owed a first reply: the start, where the customer waited then, else the customer's next message; carried on through a pause; NULL: none was owed"),
    column("first_reply_at", MaybeTime(|row| row.first_reply_at), "the first reply that was owed"),
    column("first_reply_offset", MaybeCount(|row| row.first_reply_offset.map(Offset::signed)), "offset of that reply"),
    column("frt_agent_ms", MaybeCount(|row| row.frt_agent_ms), "pending_since to first_reply_at"),
    column("frt_agent_business_ms", MaybeCount(|row| row.frt_agent_business_ms), "how much of frt_agent_ms was open"),
    column("outcome", MaybeText(|row| row.outcome.map(|outcome| outcome.as_str())), "of an agent: replied, no_reply (owed, and silent), nothing_owed, paused (what was owed goes on after the pause), open; of a queue: assigned, answered, abandoned (the customer left, or fell silent), resolved, paused, open; else NULL"),
    column("messages", Count(|row| row.messages.into()), "public messages of the agent in it, automatic ones left out"),
    column("excluded", MaybeText(|row| row.excluded.map(|reason| reason.as_str())), "why duration_ms or frt_agent_ms will never have a value: untimed, clock_backwards"),
    column("origin", Text(|row| row.origin.as_str()), "live chat, or an imported transcript"),
    column("channel", MaybeText(|row| row.channel.as_deref()), "the conversation's channel, as last told"),
    column("language", MaybeText(|row| row.language.as_deref()), "the conversation's language, as last told"),
    column("closed_offset", MaybeCount(|row| row.closed_offset.map(Offset::signed)), "offset of the record that closed it, of whichever conversation; NULL while open"),
    column("closed_at", MaybeTime(|row| row.closed_at), "when that record was received"),
    column("metric_version", Small(|row| row.metric_version), "version of the definitions behind this row"),
    column("rules_version", Count(|row| row.rules_version.into()), "version of the shop's rules behind this row; 0: none set"),
    column("schedule_version", MaybeSmall(|row| row.schedule_version), "version of the rules that last changed the hours or teams behind this row; NULL: no hours apply"),
];

/// Every column of `ratings`, in order.
#[rustfmt::skip]
pub const RATING_COLUMNS: &[Column<RatingRow>] = &[
    column("shop", Text(|row| &row.shop), "the tenant"),
    column("conversation", Text(|row| &row.conversation), "the conversation rated"),
    column("episode", MaybeCount(|row| row.episode.map(i64::from)), "number of the last episode begun; NULL: none was"),
    column("kind", Text(|row| if row.is_request { "request" } else { "rating" }), "request (a rating was asked for) or rating"),
    column("offset", Count(|row| row.at.offset.signed()), "offset of the record"),
    column("received_at", Time(|row| row.at.received_at), "when it was received"),
    column("occurred_at", Time(|row| row.occurred_at), "when it occurred"),
    column("rating", MaybeSmall(|row| row.rating.map(i32::from)), "1 to 5; NULL on a request"),
    column("requested_at", MaybeTime(|row| row.requested_at), "of a rating: the last request before it, unless an earlier rating answered that; NULL: nobody asked"),
    column("requested_offset", MaybeCount(|row| row.requested_offset.map(Offset::signed)), "offset of that request"),
    column("agent", MaybeText(|row| row.agent.as_deref()), "the last human who replied in the conversation before: the credit is theirs"),
    column("team", MaybeText(|row| row.team.as_deref()), "the agent's team then; NULL: of none"),
    column("channel", MaybeText(|row| row.channel.as_deref()), "the conversation's channel, as last told"),
    column("language", MaybeText(|row| row.language.as_deref()), "the conversation's language, as last told"),
    column("customer", MaybeText(|row| row.customer.as_deref()), "the conversation's customer, as known then"),
];

/// Declares that `$row` is the row of the table `$table`.
macro_rules! fact_row {
    ($row:ident, $table:literal, $columns:ident, $closer:expr) => {
        impl FactRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [Column<$row>] = $columns;

            fn schema() -> SchemaRef {
                static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema($columns));
                SCHEMA.clone()
            }

            fn shop(&self) -> &str {
                &self.shop
            }

            fn conversation(&self) -> &str {
                &self.conversation
            }

            fn closer(&self) -> Option<Closer> {
                let closer: fn(&$row) -> Option<Closer> = $closer;
                closer(self)
            }
        }
    };
}

fact_row!(TurnRow, "turns", TURN_COLUMNS, |row| Closer::at(row.closed_offset, row.closed_at));
fact_row!(EpisodeRow, "episodes", EPISODE_COLUMNS, |row| Closer::at(
    row.closed_offset,
    row.closed_at
));
fact_row!(ChangeRow, "changes", CHANGE_COLUMNS, |row| Some(row.at));
fact_row!(TagRow, "tags", TAG_COLUMNS, |row| Some(row.at));
fact_row!(StintRow, "stints", STINT_COLUMNS, |row| Closer::at(row.closed_offset, row.closed_at));
fact_row!(RatingRow, "ratings", RATING_COLUMNS, |row| Some(row.at));
fact_row!(StrayRow, "strays", STRAY_COLUMNS, |row| Some(row.at));
