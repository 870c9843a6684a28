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

/// What happened, by its kind.
pub(super) const fn kind_label(kind: Kind) -> Label {
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
