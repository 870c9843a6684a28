//! How high a figure stands: the range of an axis, its round ticks and their texts.

use crate::web::figures::thousands;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    /// Between 0 and 1, told in percent.
    Share,
    /// Whole things.
    Count,
    Number,
}

/// Whether an axis may be logarithmic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ladder {
    Allowed,
    /// What is stacked is added up, which a logarithm does not show.
    Never,
}

/// An axis of figures. Its ticks go upwards, the lowest at its foot unless figures lie beyond every
/// step of a ladder.
#[derive(Debug)]
pub(super) struct Scale {
    pub ticks: Vec<Tick>,
    low: f64,
    high: f64,
    /// Logarithmic, with the steps of [`DURATIONS`].
    pub is_ladder: bool,
}

#[derive(Debug)]
pub(super) struct Tick {
    pub value: f64,
    pub text: String,
}

/// Steps of an axis on which a minute and a day can both be read.
const DURATIONS: &[(f64, &str)] = &[
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 d"),
    (604_800.0, "7 d"),
    (2_592_000.0, "30 d"),
];
/// From this ratio on, the smaller of two durations cannot be read on a linear axis 250 pixels
/// high.
const LADDER_RATIO: f64 = 50.0;
/// Intervals between ticks, before the range is rounded outwards to whole ones, which adds two at
/// most.
const INTERVALS_MAX: f64 = 5.0;
/// Smallest range of an axis: less has no readable labels.
const SPAN_MIN: f64 = 1e-6;

impl Scale {
    /// The scale on which all of `figures` can be read.
    pub(super) fn of(unit: Unit, figures: impl Iterator<Item = f64>, ladder: Ladder) -> Scale {
        let (least, most) = figures
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), one| {
                (least.min(one), most.max(one))
            });
        // A logarithm has no place for zero.
        let is_far_apart = least > 0.0 && most / least > LADDER_RATIO;
        if ladder == Ladder::Allowed && unit == Unit::Seconds && is_far_apart {
            Scale::ladder(least, most)
        } else {
            Scale::linear(unit, least, most)
        }
    }

    /// Where a figure stands: 0 at the foot of the axis, 1 at its head.
    pub(super) fn share(&self, figure: f64) -> f64 {
        if self.is_ladder {
            (figure / self.low).ln() / (self.high / self.low).ln()
        } else {
            (figure - self.low) / (self.high - self.low)
        }
    }

    /// Where bars begin: at zero, or at the foot where there is none.
    pub(super) fn base(&self) -> f64 {
        if self.is_ladder { 0.0 } else { self.share(0.0) }
    }

    fn ladder(least: f64, most: f64) -> Scale {
        let steps = || DURATIONS.iter().map(|(seconds, _)| *seconds);
        // Below the least, so that its bar is seen.
        let low = steps().rev().find(|step| *step < least).unwrap_or(least / 2.0);
        let high = steps().find(|step| *step >= most).unwrap_or(most);
        let within = DURATIONS.iter().filter(|(seconds, _)| (low..=high).contains(seconds));
        let ticks = within.map(|(value, text)| Tick { value: *value, text: text.to_string() });
        Scale { ticks: ticks.collect(), low, high, is_ladder: true }
    }

    fn linear(unit: Unit, least: f64, most: f64) -> Scale {
        let (least, most) = (least.min(0.0), most.max(0.0));
        let (divisor, suffix) = divisor_of(unit, most.max(-least));
        let span = ((most - least) / divisor).max(SPAN_MIN);
        let step = round_step(span / INTERVALS_MAX);
        let step = if unit == Unit::Count && divisor == 1.0 { step.max(1.0) } else { step };
        let first = (least / divisor / step).floor();
        let last = (most / divisor / step).ceil().max(first + 1.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        // At most `INTERVALS_MAX` + 2.
        let count = (last - first).round() as u32;
        let ticks = (0..=count).map(|index| {
            let number = (first + f64::from(index)) * step;
            let text = format!("{}{suffix}", number_text(number, decimals));
            Tick { value: number * divisor, text }
        });
        Scale {
            ticks: ticks.collect(),
            low: first * step * divisor,
            high: last * step * divisor,
            is_ladder: false,
        }
    }
}

/// The unit in which figures up to `most` are small numbers.
fn divisor_of(unit: Unit, most: f64) -> (f64, &'static str) {
    match unit {
        Unit::Seconds if most < 180.0 => (1.0, " s"),
        Unit::Seconds if most < 10_800.0 => (60.0, " min"),
        Unit::Seconds if most < 259_200.0 => (3_600.0, " h"),
        Unit::Seconds => (86_400.0, " d"),
        Unit::Share => (0.01, " %"),
        Unit::Count | Unit::Number if most >= 1e6 => (1e6, " M"),
        Unit::Count | Unit::Number => (1.0, ""),
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50, … and of their tenths that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    // A hair's breadth, because 0.3 / 0.1 is a little less than 3.
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

fn number_text(number: f64, decimals: usize) -> String {
    if decimals == 0 {
        // Below 1e15, as every figure that is drawn.
        return thousands(number.round() as i64);
    }
    format!("{number:.decimals$}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unit: Unit, figures: &[f64]) -> Vec<String> {
        let scale = Scale::of(unit, figures.iter().copied(), Ladder::Allowed);
        scale.ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_are_round_in_a_unit_that_keeps_them_small() {
        let cases: [(Unit, &[f64], &[&str]); 10] = [
            (Unit::Seconds, &[47.0], &["0 s", "10 s", "20 s", "30 s", "40 s", "50 s"]),
            (
                Unit::Seconds,
                &[0.0, 600.0],
                &["0 min", "2 min", "4 min", "6 min", "8 min", "10 min"],
            ),
            (Unit::Seconds, &[0.0, 34_000.0], &["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]),
            (Unit::Seconds, &[260_000.0], &["0 d", "1 d", "2 d", "3 d", "4 d"]),
            (Unit::Share, &[0.6843], &["0 %", "20 %", "40 %", "60 %", "80 %"]),
            (Unit::Count, &[1.0, 2.0], &["0", "1", "2"]),
            (Unit::Count, &[4_800.0], &["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
            (Unit::Count, &[2_500_000.0], &["0.0 M", "0.5 M", "1.0 M", "1.5 M", "2.0 M", "2.5 M"]),
            (Unit::Number, &[-0.3, 0.2], &["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2"]),
            (Unit::Count, &[0.0], &["0", "1"]),
        ];
        for (unit, figures, expected) in cases {
            assert_eq!(texts(unit, figures), expected, "{unit:?} {figures:?}");
        }
    }

    #[test]
    fn durations_far_apart_share_a_ladder_unless_one_is_zero() {
        assert_eq!(
            texts(Unit::Seconds, &[54.0, 34_000.0]),
            ["10 s", "1 min", "10 min", "1 h", "6 h", "1 d"]
        );
        let scale = Scale::of(Unit::Seconds, [60.0, 86_400.0].into_iter(), Ladder::Allowed);
        assert!(scale.base() == 0.0 && scale.share(60.0) > 0.1 && scale.share(86_400.0) == 1.0);
        let stacked = Scale::of(Unit::Seconds, [54.0, 34_000.0].into_iter(), Ladder::Never);
        assert_eq!(stacked.ticks[1].text, "2 h");
        assert_eq!(texts(Unit::Seconds, &[0.0, 54.0, 34_000.0])[1], "2 h");
    }

    #[test]
    fn whatever_the_figures_ticks_are_few_and_each_figure_lies_between_the_ends() {
        let figures =
            [0.0, 1e-12, 0.07, 0.99, 1.0, 3.0, 9.99, 179.9, 180.0, 1e4, 7e5, 1e6, 1e9, 9.9e14];
        for unit in [Unit::Seconds, Unit::Share, Unit::Count, Unit::Number] {
            for (least, most) in figures.iter().flat_map(|one| figures.map(|other| (*one, other))) {
                for (least, most) in [(least, most), (-least, most), (-most, -least)] {
                    let scale = Scale::of(unit, [least, most].into_iter(), Ladder::Allowed);
                    let shares = [scale.share(least), scale.share(most)];
                    let inside = |share: &f64| (-1e-9..=1.0 + 1e-9).contains(share);
                    assert!(shares.iter().all(inside), "{unit:?} {least} {most}: {scale:?}");
                    assert!((1..=9).contains(&scale.ticks.len()), "{unit:?} {least} {most}");
                }
            }
        }
    }
}
