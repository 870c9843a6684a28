//! Which of the rows behind it a figure counts, by what it is called: the one rule, for SQL and for whoever reads the rows.

/// Reasons for which rows are left out that have a figure of their own.
pub const REASONS: [&str; 6] =
    ["pending", "abandoned", "answered_by_bot", "breached", "cancelled", "assigned_no_reply"];

/// What `left_out` is of the rows that a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// Nothing: they are left out of no figure.
    Kept,
    /// This reason, as which the figure is called: `n_pending`, `breached`.
    Reason(&'a str),
    /// `n_excluded`: whatever has no figure of its own.
    Others,
}

impl<'a> Counted<'a> {
    /// What a figure counts. A shop's own may be called as a reason that only its query knows.
    pub fn of(figure: Option<&'a str>, is_reason: impl Fn(&str) -> bool) -> Counted<'a> {
        let Some(figure) = figure else { return Counted::Kept };
        let bare = figure.strip_prefix("n_").unwrap_or(figure);
        match bare {
            "excluded" => Counted::Others,
            _ if REASONS.contains(&bare) || is_reason(bare) => Counted::Reason(bare),
            _ => Counted::Kept,
        }
    }

    /// Whether a row is counted that is left out for this reason.
    pub fn counts(self, left_out: Option<&str>) -> bool {
        match (self, left_out) {
            (Counted::Kept, left_out) => left_out.is_none(),
            (_, None) => false,
            (Counted::Reason(reason), Some(left_out)) => reason == left_out,
            (Counted::Others, Some(left_out)) => !REASONS.contains(&left_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_counts_what_it_is_called_as() {
        let reasons = [None, Some("pending"), Some("breached"), Some("untimed"), Some("own")];
        let counted = |figure| {
            let counted = Counted::of(figure, |reason| reason == "own");
            reasons.map(|reason| counted.counts(reason))
        };
        for (figure, expected) in [
            (None, [true, false, false, false, false]),
            (Some("median_s"), [true, false, false, false, false]),
            (Some("n"), [true, false, false, false, false]),
            (Some("n_pending"), [false, true, false, false, false]),
            (Some("breached"), [false, false, true, false, false]),
            (Some("n_excluded"), [false, false, false, true, true]),
            (Some("own"), [false, false, false, false, true]),
        ] {
            assert_eq!(counted(figure), expected, "{figure:?}");
        }
    }
}
