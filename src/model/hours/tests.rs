//! Hours against the clock on the wall, minute by minute.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use serde_json::{Value, json};

use super::open::SPAN_MAX;
use super::parse::days_of;
use super::steady::{DAY, DAY_MINUTES, MINUTE};
use super::*;
use crate::model::testing::Dice;
use crate::model::{Micros, parse_time};

fn hours(value: Value) -> Hours {
    Hours::parse("data.hours", &value).unwrap()
}

fn at(text: &str) -> Micros {
    parse_time(text).unwrap()
}

#[track_caller]
fn check(hours: &Hours, from: &str, to: &str, minutes: i64) {
    assert_eq!(hours.open_micros(at(from), at(to)), Some(minutes * MINUTE), "{from} to {to}");
}

#[test]
fn hours_count_and_the_rest_does_not() {
    let shop = hours(json!({"zone": "Asia/Shanghai",
        "week": {"mon": ["09:00-12:00", "13:00-18:00"], "tue": ["09:00-18:00"], "fri": ["21:00-02:00"],
            "sun": ["00:00-24:00"]},
        "dates": {"2026-02-17": [], "2026-02-18": ["10:00-11:00"]}}));
    // 2026-02-09 is a Monday.
    check(&shop, "2026-02-09T08:30:00+08:00", "2026-02-09T09:10:00+08:00", 10);
    check(&shop, "2026-02-09T11:50:00+08:00", "2026-02-09T13:05:00+08:00", 15);
    check(&shop, "2026-02-09T17:00:00+08:00", "2026-02-10T10:00:00+08:00", 120);
    check(&shop, "2026-02-11T09:00:00+08:00", "2026-02-12T09:00:00+08:00", 0);
    check(&shop, "2026-02-13T23:26:00+08:00", "2026-02-14T09:12:00+08:00", 154);
    check(&shop, "2026-02-15T00:00:00+08:00", "2026-02-16T00:00:00+08:00", 24 * 60);
    // A Tuesday and a Wednesday with hours of their own.
    check(&shop, "2026-02-17T00:00:00+08:00", "2026-02-19T00:00:00+08:00", 60);
    check(&shop, "2026-02-10T12:00:00+08:00", "2026-02-10T11:00:00+08:00", 0);
    let open_at = |time: &str| shop.open_micros(at(time), Micros(at(time).0 + 1));
    assert_eq!(open_at("2026-02-09T09:00:00+08:00"), Some(1));
    assert_eq!(open_at("2026-02-09T12:00:00+08:00"), Some(0));
    assert!(shop.open_micros(Micros(0), Micros(SPAN_MAX)).is_some());
    assert_eq!(shop.open_micros(Micros(0), Micros(SPAN_MAX + 1)), None);
    for time in [i64::MIN, i64::MAX] {
        assert_eq!(shop.open_micros(Micros(time), Micros(time)), None);
    }
    assert_eq!(shop.open_micros(Micros(i64::MAX - 1), Micros(i64::MAX)), None);
}

#[test]
fn hours_that_overlap_count_once() {
    let shop = hours(json!({"zone": "UTC", "week": {
        "mon": ["09:00-12:00", "10:00-11:00", "11:30-13:00", "22:00-03:00"], "tue": ["01:00-04:00"]}}));
    check(&shop, "2026-02-09T00:00:00Z", "2026-02-11T00:00:00Z", 4 * 60 + 6 * 60);
}

/// A clock that skips or repeats an hour, in zones that do so in other ways: by half an hour, at midnight, into
/// winter in spring. Each minute is looked at on that clock.
#[test]
fn every_minute_counts_as_the_clock_on_the_wall_shows_it() {
    let weeks = [
        json!({"mon": ["09:00-18:00"], "tue": ["09:00-18:00"], "wed": ["08:15-12:00", "12:30-20:45"],
            "thu": ["21:00-02:30"], "fri": ["22:00-06:00"], "sat": ["21:30-02:10"], "sun": ["01:15-03:05", "10:00-16:00"]}),
        json!({"sat": ["00:00-24:00"], "sun": ["00:00-02:30", "02:45-24:00"], "mon": ["00:10-00:20"]}),
    ];
    let zones = [
        ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
        ("America/New_York", ["2026-03-08", "2026-11-01"]),
        ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
        ("America/Santiago", ["2026-04-05", "2026-09-06"]),
        ("Africa/Casablanca", ["2026-02-15", "2026-03-22"]),
        ("Asia/Shanghai", ["2026-03-29", "2026-10-25"]),
    ];
    let dice = &mut Dice::new(5);
    for (zone, nights) in zones {
        for (week, night) in weeks.iter().flat_map(|week| nights.map(|night| (week, night))) {
            let of = hours(
                json!({"zone": zone, "week": week, "dates": {night: ["00:30-03:30", "23:00-01:00"]}}),
            );
            let first = at(&format!("{night}T00:00:00Z")).0 - 3 * DAY;
            let open: Vec<bool> = (0..6 * i64::from(DAY_MINUTES))
                .map(|minute| shows_open(&of, first + minute * MINUTE))
                .collect();
            for _ in 0..200 {
                let mut ends = [dice.roll(open.len()), dice.roll(open.len())];
                ends.sort_unstable();
                let counted = open[ends[0]..ends[1]].iter().filter(|open| **open).count();
                let [from, to] = ends.map(|minute| Micros(first + minute as i64 * MINUTE));
                let found = of.open_micros(from, to);
                assert_eq!(found, Some(counted as i64 * MINUTE), "{zone}: {from} to {to}");
            }
        }
    }
}

/// The way back from [`Hours::open_micros`]: not a microsecond earlier, and none later.
#[test]
fn what_is_due_is_due_when_so_much_has_been_open() {
    let week = json!({"mon": ["09:00-18:00"], "wed": ["08:15-12:00", "12:30-20:45"], "thu": ["21:00-02:30"],
        "sat": ["21:30-02:10"], "sun": ["01:15-03:05", "10:00-16:00"]});
    let dice = &mut Dice::new(11);
    for (zone, night) in [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("America/Santiago", "2026-09-06"),
        ("Africa/Casablanca", "2026-02-15"),
        ("Asia/Shanghai", "2026-03-29"),
    ] {
        let of = hours(
            json!({"zone": zone, "week": week, "dates": {night: ["00:30-03:30", "23:00-01:00"]}}),
        );
        let first = at(&format!("{night}T00:00:00Z")).0 - 3 * DAY;
        for _ in 0..300 {
            let from = Micros(first + dice.roll(6 * DAY as usize) as i64);
            let most_us = *dice.pick(&[MINUTE, DAY, 30 * DAY]);
            let open_us = 1 + dice.roll(most_us as usize) as i64;
            let due = of.after_open(from, open_us).unwrap();
            assert_eq!(
                of.open_micros(from, due),
                Some(open_us),
                "{zone}: {open_us} µs after {from}"
            );
            let before = of.open_micros(from, Micros(due.0 - 1));
            assert_eq!(before, Some(open_us - 1), "{zone}: {open_us} µs after {from}");
        }
    }
}

/// Weeks are passed over by what is open in one: those with a holiday, or a change of the clock, are not.
#[test]
fn a_promise_of_many_weeks_is_due_to_the_microsecond() {
    let dates = json!({"2026-04-06": [], "2026-07-04": ["22:00-03:00"], "2026-12-24": ["09:00-12:00"], "2029-01-01": []});
    let weeks = [
        json!({"mon": ["09:00-09:01"]}),
        json!({"sun": ["21:00-05:00"], "wed": ["08:15-12:00", "12:30-20:45"]}),
        json!({"sat": ["01:30-03:30"], "sun": ["01:15-03:05"]}),
    ];
    let dice = &mut Dice::new(13);
    for (zone, begin) in [
        ("Europe/Berlin", "2026-02-02T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-02-02T00:00:00Z"),
        ("Africa/Casablanca", "2026-02-02T00:00:00Z"),
        ("America/Recife", "2000-02-07T00:00:00Z"),
    ] {
        let begin = at(begin).0;
        for week in &weeks {
            let of = hours(json!({"zone": zone, "week": week, "dates": dates}));
            let week_us = of.open_micros(Micros(begin), Micros(begin + 7 * DAY));
            for _ in 0..50 {
                let from = Micros(begin + dice.roll(400 * DAY as usize) as i64);
                let open_us = 1 + dice.roll(300 * week_us.unwrap() as usize) as i64;
                let due = of.after_open(from, open_us).unwrap();
                assert_eq!(of.open_micros(from, due), Some(open_us), "{zone}: after {from}");
                let before = of.open_micros(from, Micros(due.0 - 1));
                assert_eq!(before, Some(open_us - 1), "{zone}: {open_us} µs after {from}");
            }
        }
    }
}

/// What weeks are passed over by.
#[test]
fn no_zone_changes_its_clock_and_back_within_half_a_week() {
    let first = at("1970-01-01T00:00:00Z").0;
    for zone in chrono_tz::TZ_VARIANTS {
        let offsets: Vec<i64> =
            (0..75 * 366).map(|day| super::steady::offset_at(zone, first + day * DAY)).collect();
        for days in offsets.windows(5) {
            let is_even = days[0] != days[4] || days.iter().all(|offset| *offset == days[0]);
            assert!(is_even, "{zone}");
        }
    }
}

#[test]
fn what_never_opens_again_is_never_due() {
    let from = at("2026-02-09T08:00:00Z");
    let week = json!({"mon": ["09:00-10:00"]});
    let shop = hours(json!({"zone": "UTC", "week": week}));
    assert_eq!(shop.after_open(from, 60 * MINUTE), Some(at("2026-02-09T10:00:00Z")));
    assert_eq!(
        shop.after_open(from, 60 * MINUTE + 1),
        Some(Micros(at("2026-02-16T09:00:00Z").0 + 1))
    );
    assert_eq!(shop.after_open(from, 0), Some(from));
    // 522 hours in ten years.
    assert!(shop.after_open(from, 522 * 60 * MINUTE).is_some());
    assert_eq!(shop.after_open(from, 523 * 60 * MINUTE), None);
    let past = json!({"2020-01-01": ["09:00-10:00"]});
    for closed in
        [json!({"zone": "UTC", "week": {}}), json!({"zone": "UTC", "week": {}, "dates": past})]
    {
        assert_eq!(hours(closed).after_open(from, 1), None);
    }
    for time in [i64::MIN, i64::MAX] {
        assert_eq!(shop.after_open(Micros(time), 1), None);
    }
    assert!(shop.after_open(from, i64::MAX).is_none());
}

/// What the clock on the wall shows, and whether that is within hours.
fn shows_open(hours: &Hours, at: i64) -> bool {
    let shown = DateTime::from_timestamp_micros(at).unwrap().with_timezone(&hours.zone);
    let minute = shown.hour() * 60 + shown.minute();
    let within = |date: NaiveDate, minute: u32| {
        let week = &hours.week[date.weekday().num_days_from_monday() as usize];
        let day = hours.dates.get(&days_of(date)).unwrap_or(week);
        day.iter().any(|stretch| stretch.from <= minute && minute < stretch.to)
    };
    let date = shown.date_naive();
    within(date, minute) || within(date.pred_opt().unwrap(), minute + DAY_MINUTES)
}

#[test]
fn what_is_read_is_written_so() {
    let value = json!({"zone": "Asia/Shanghai", "week": {"mon": ["09:00-12:00", "21:00-02:00"], "sun": ["00:00-24:00"]},
        "dates": {"2026-02-17": []}});
    let read = hours(value.clone());
    assert_eq!(serde_json::to_value(&read).unwrap(), value);
    assert_eq!(serde_json::from_value::<Hours>(value).unwrap(), read);
}

#[test]
fn mistakes_are_named() {
    let week = json!({"mon": ["09:00-18:00"]});
    for (value, named) in [
        (json!([]), "data.hours `[]` must be an object"),
        (json!({"week": week}), "data.hours.zone `null`"),
        (json!({"zone": "Asia/Shanghay", "week": week}), "Asia/Shanghay"),
        (json!({"zone": "UTC"}), "data.hours.week"),
        (json!({"zone": "UTC", "week": {"monday": []}}), "data.hours.week.monday"),
        (json!({"zone": "UTC", "week": {"mon": "09:00-18:00"}}), "a list of hours"),
        (json!({"zone": "UTC", "week": {"mon": ["9:00-18:00"]}}), "data.hours.week.mon[0]"),
        (json!({"zone": "UTC", "week": {"mon": ["09:00-09:00"]}}), "09:00-09:00"),
        (json!({"zone": "UTC", "week": {"mon": ["24:00-02:00"]}}), "24:00-02:00"),
        (json!({"zone": "UTC", "week": {"mon": ["09:00-24:30"]}}), "24:30"),
        (json!({"zone": "UTC", "week": {"mon": ["+9:00-18:00"]}}), "+9:00"),
        (
            json!({"zone": "UTC", "week": week, "dates": {"2026-2-17": []}}),
            "data.hours.dates.2026-2-17",
        ),
        (json!({"zone": "UTC", "week": week, "dates": {"2026-02-30": []}}), "2026-02-30"),
        (json!({"zone": "UTC", "week": week, "holidays": []}), "data.hours.holidays"),
    ] {
        let error = Hours::parse("data.hours", &value).unwrap_err().to_string();
        assert!(error.contains(named), "{value}: {error}");
    }
}
