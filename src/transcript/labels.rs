//! What stands in a transcript beside what people wrote, in both languages side by side: whoever gets it reads one of
//! them.

use std::fmt;

use crate::model::{Kind, Role};

/// A few words in Chinese and in English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub zh: &'static str,
    pub en: &'static str,
}

impl Label {
    pub const fn new(zh: &'static str, en: &'static str) -> Label {
        Label { zh, en }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.zh, self.en)
    }
}

// What stands above a transcript.
pub(super) const SHOP: Label = Label::new("店铺", "Shop");
pub(super) const ORDER: Label = Label::new("订单", "Order");
pub(super) const ZONE: Label = Label::new("时区", "Zone");
pub(super) const MADE: Label = Label::new("制作", "Made");
pub(super) const COMPLETE_TO: Label = Label::new("完整至", "Complete to");
pub(super) const HOLDS: Label = Label::new("范围", "Holds");
pub(super) const CONVERSATION: Label = Label::new("会话", "Conversation");
pub(super) const TIME: Label = Label::new("时间", "Time");
pub(super) const STATUS: Label = Label::new("状态", "Status");
pub(super) const RECORDS: Label = Label::new("记录", "Records");
pub(super) const MESSAGES: Label = Label::new("消息", "messages");
pub(super) const CUSTOMER: Label = Label::new("客户", "Customer");
pub(super) const AGENTS: Label = Label::new("客服", "Agents");
pub(super) const BOT: Label = Label::new("机器人", "Bot");
pub(super) const ALL_SENT_BY: Label = Label::new("经", "All sent by");
pub(super) const RATED: Label = Label::new("评分", "rated");
pub(super) const TIMES_NOT_KNOWN: Label = Label::new("时间未知", "times not known");
pub(super) const TIMES_TELL: Label =
    Label::new("每个时间都注明与 UTC 的时差", "every time says its distance from UTC");
pub(super) const ACKNOWLEDGED_BEFORE: Label =
    Label::new("此前已确认的全部内容", "everything acknowledged before");
pub(super) const EVERY_RECORD: Label = Label::new("全部记录", "every record");
pub(super) const WHAT_THE_CUSTOMER_SAW: Label = Label::new(
    "客户可见的全部内容；店铺内部记录不在此副本中",
    "everything that the customer could see; the shop's internal records are no part of this copy",
);
pub(super) const INTERNAL: Label = Label::new("内部", "INTERNAL");
pub(super) const HAS_NOTES: Label =
    Label::new("含内部备注，不得外传", "contains private notes, not for the other side");
pub(super) const NOT_COMPLETE: Label = Label::new("不完整", "NOT COMPLETE");
pub(super) const FIRST_RECORDS: Label =
    Label::new("只含前面的记录，其后还有", "only the first records, there are more behind them");
pub(super) const BROUGHT_IN: Label = Label::new(
    "导入的记录：时间以原记录所述为准",
    "brought in from an old transcript: its times are as that one tells them",
);

// What stands beside a record.
pub(super) const UNCHANGED: Label =
    Label::new("至此未编辑、未撤回", "neither edited nor retracted up to here");
pub const ATTACHMENT: Label = Label::new("附件", "attachment");
pub const AUTOMATIC: Label = Label::new("自动", "automatic");
pub const ERASED: Label = Label::new("已删除", "erased");
pub const IMPORTED: Label = Label::new("导入", "imported");
pub const PRIVATE_NOTE: Label = Label::new("内部备注", "private note");
pub const RETRACTED_LATER: Label = Label::new("已撤回", "retracted later");
pub const SENT_BY: Label = Label::new("经", "sent by");
pub const TIME_NOT_KNOWN: Label = Label::new("时间未知", "time not known");
pub const AS_FIRST_SENT: Label = Label::new("原文", "As first sent");
pub const EDITED_BY: Label = Label::new("编辑", "Edited by");
pub const IN_REPLY_TO: Label = Label::new("回复", "In reply to");
pub const RETRACTED_BY: Label = Label::new("撤回", "Retracted by");
pub const READ_BY: Label = Label::new("已读", "Read by");

/// What happened, by its kind.
pub const fn kind_label(kind: Kind) -> Label {
    match kind {
        Kind::Open => Label::new("开始会话", "opened"),
        Kind::Message => Label::new("消息", "message"),
        Kind::Edit => Label::new("编辑", "edited"),
        Kind::Retract => Label::new("撤回", "retracted"),
        Kind::Assign => Label::new("分配", "assigned"),
        Kind::Handoff => Label::new("转接", "handed over"),
        Kind::Queue => Label::new("排队", "queued"),
        Kind::Pause => Label::new("暂停", "paused"),
        Kind::Resume => Label::new("恢复", "resumed"),
        Kind::Resolve => Label::new("已解决", "resolved"),
        Kind::Reopen => Label::new("重新打开", "reopened"),
        Kind::Tag => Label::new("标签", "tagged"),
        Kind::Untag => Label::new("去除标签", "untagged"),
        Kind::RateRequest => Label::new("邀请评价", "asked for a rating"),
        Kind::Rate => Label::new("评价", "rated"),
        Kind::Read => Label::new("已读", "read"),
        Kind::Join => Label::new("加入", "joined"),
        Kind::Leave => Label::new("离开", "left"),
        Kind::Call => Label::new("通话", "call"),
        Kind::Rules => Label::new("规则", "rules"),
        Kind::Hold => Label::new("保全", "held"),
        Kind::Release => Label::new("解除保全", "released"),
        Kind::Erase => Label::new("删除", "erased"),
        Kind::Access => Label::new("查阅", "accessed"),
    }
}

/// A role as readers call it.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Human => "agent",
        role => role.as_str(),
    }
}

/// The same in both languages.
pub(super) const fn role_label(role: Role) -> Label {
    match role {
        Role::Customer => Label::new("客户", "customer"),
        Role::Human => Label::new("客服", "agent"),
        Role::Bot => Label::new("机器人", "bot"),
        Role::System => Label::new("系统", "system"),
    }
}
