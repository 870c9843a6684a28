//! The words in the columns of turns and episodes. Each is spelled once, here; queries compare with these.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of this column.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as the column holds it.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// What made somebody wait.
    TurnStart {
        /// A message of the customer.
        Customer "customer",
        /// A handoff while nothing was pending: the customer now waits for whoever takes over.
        Handoff "handoff",
        /// The customer reopened the conversation, with or without words.
        Reopen "reopen",
    }
}

words! {
    /// How a turn stands.
    Outcome {
        /// A human answered.
        Replied "replied",
        /// A bot answered: the waiting is over, and no human reply time is claimed for it.
        Bot "bot",
        /// The conversation was resolved before an answer.
        Closed "closed",
        /// Still waiting.
        Open "open",
    }
}

words! {
    /// Why a row has no figure and never will, so that it can be counted instead of vanishing.
    Excluded {
        /// An end of the span is an imported record without a time.
        Untimed "untimed",
        /// The span ends before it begins: the clocks of an imported transcript disagree with its order.
        ClockBackwards "clock_backwards",
        /// The turn was cut by a resolve.
        UnansweredAtClose "unanswered_at_close",
        /// The episode ended without a human reply.
        NoReply "no_reply",
        /// The episode ended without a word from the customer: there was nothing to answer.
        NoCustomer "no_customer",
    }
}

words! {
    /// What began an episode.
    EpisodeStart {
        /// An `open` event.
        Open "open",
        /// A message while nothing was open: the first one, or the customer's after a resolve.
        Message "message",
        /// A `reopen` event.
        Reopen "reopen",
        /// The first message or handoff after the previous episode had gone idle.
        Idle "idle",
        /// A handoff while nothing was open: the conversation reached us through it.
        Handoff "handoff",
    }
}

words! {
    /// What ended an episode.
    EpisodeEnd {
        /// A `resolve` event.
        Resolve "resolve",
        /// Silence for longer than the configured time while nobody waited.
        Idle "idle",
    }
}
