//! Numbers, shares and durations as people read them, told apart by the column's name: `…_s` and
//! `…_ms` are times, `…_rate` is a share between 0 and 1, everything else is a number.

use super::grid::Value;

/// What stands where there is no figure: an end that has not come, a schedule that does not apply.
/// Never 0.
const NONE: &str = "–";

/// A cell of the column `name`.
pub(super) fn figure(name: &str, value: &Value) -> String {
    let Some(number) = value.number() else {
        return match value {
            Value::Text(text) => text.clone(),
            Value::Time(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            _ => NONE.to_string(),
        };
    };
    if name == "overdue_s" && number < 0.0 {
        format!("in {}", duration(-number))
    } else if name.ends_with("_s") {
        duration(number)
    } else if name.ends_with("_ms") {
        duration(number / 1_000.0)
    } else if name.ends_with("_rate") {
        format!("{:.1} %", number * 100.0)
    } else if let Value::Whole(whole) = value {
        thousands(*whole)
    } else {
        let text = format!("{number:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

/// By how much a cell of the column `name` has changed since `previous`: shares in points, all else in percent, or in
/// its own unit where it was nothing; empty where either is missing.
pub(super) fn change(name: &str, value: &Value, previous: &Value) -> String {
    let (Some(now), Some(then)) = (value.number(), previous.number()) else { return String::new() };
    if now == then {
        return "same".to_string();
    }
    let sign = if now > then { "+" } else { "−" };
    let difference = (now - then).abs();
    if name.ends_with("_rate") {
        return format!("{sign}{:.1} points", difference * 100.0);
    }
    if then == 0.0 {
        return format!("{sign}{}", figure(name, &Value::Number(difference)));
    }
    let percent = difference / then.abs() * 100.0;
    if percent < 0.5 {
        return "same".to_string();
    }
    if percent >= 1_000.0 {
        return format!("× {:.0}", now / then);
    }
    format!("{sign}{percent:.0} %")
}

/// A column's name in words.
pub(super) fn label(name: &str) -> String {
    let known = match name {
        "n" => "count",
        "n_pending" => "still waiting",
        "n_abandoned" => "given up",
        "n_excluded" => "left out",
        "contained_naive" => "contained (naive)",
        "contained_net" => "contained (net)",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_string();
    }
    let bare = name.strip_suffix("_s").or_else(|| name.strip_suffix("_ms")).unwrap_or(name);
    bare.replace('_', " ")
}

/// A headline's name in words: as [`label`], said in full where space allows.
pub(super) fn headline_label(name: &str) -> String {
    match name {
        "median_s" => "median wait".to_string(),
        "mean_s" => "mean wait".to_string(),
        "p90_s" => "90 % within".to_string(),
        "p95_s" => "95 % within".to_string(),
        "n" => "replies".to_string(),
        _ => label(name),
    }
}

/// Seconds as a duration in at most two units: `47 s`, `5 min 12 s`, `9 h 10 min`, `14 d 16 h`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.to_string();
    }
    let sign = if seconds < 0.0 { "−" } else { "" };
    let seconds = seconds.abs();
    if seconds < 9.95 {
        let text = format!("{seconds:.1}");
        return format!("{sign}{} s", text.strip_suffix(".0").unwrap_or(&text));
    }
    // Saturates far beyond any chat.
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    let text = match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => pair(minutes, "min", whole % 60, "s"),
        3_600..86_400 => pair(hours, "h", minutes, "min"),
        _ => pair(days, "d", hours, "h"),
    };
    format!("{sign}{text}")
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// `12,372`.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number < 0 { format!("−{grouped}") } else { grouped }
}

/// `312 B`, `84 KB`, `2.4 MB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} KB", count.div_ceil(1_000)),
        _ => format!("{:.1} MB", count as f64 / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        let cases = [
            ("median_s", Value::Number(47.2), "47 s"),
            ("median_s", Value::Number(0.25), "0.2 s"),
            ("median_s", Value::Number(9.97), "10 s"),
            ("p90_s", Value::Whole(312), "5 min 12 s"),
            ("p90_s", Value::Whole(59), "59 s"),
            ("p90_s", Value::Number(59.6), "1 min"),
            ("p95_s", Value::Number(33_053.0), "9 h 10 min"),
            ("mean_s", Value::Number(1_268_404.0), "14 d 16 h"),
            ("nrt_ms", Value::Whole(1_500), "1.5 s"),
            // What is not yet due was overdue by less than nothing.
            ("overdue_s", Value::Number(-14_820.0), "in 4 h 7 min"),
            ("overdue_s", Value::Number(14_820.0), "4 h 7 min"),
            ("median_s", Value::Null, "–"),
            ("median_s", Value::Number(f64::NAN), "–"),
            ("handoff_rate", Value::Number(0.6843), "68.4 %"),
            ("n", Value::Whole(1_234_567), "1,234,567"),
            ("n", Value::Whole(-123), "−123"),
            ("share", Value::Number(2.5), "2.5"),
            ("agent", Value::Text("林晓".to_string()), "林晓"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(figure(name, &value), expected, "{name} {value:?}");
        }
    }

    #[test]
    fn a_change_says_its_way_and_has_no_percent_of_nothing() {
        let number = Value::Number;
        let cases = [
            ("median_s", number(90.0), number(60.0), "+50 %"),
            ("median_s", number(30.0), number(60.0), "−50 %"),
            ("median_s", number(90.0), number(0.0), "+1 min 30 s"),
            ("n", Value::Whole(5), Value::Whole(5), "same"),
            ("n", Value::Whole(1_001), Value::Whole(1_000), "same"),
            ("n", Value::Whole(500), Value::Whole(5), "× 100"),
            ("handoff_rate", number(0.25), number(0.5), "−25.0 points"),
            ("n", Value::Null, Value::Whole(5), ""),
            ("n", Value::Whole(5), Value::Null, ""),
        ];
        for (name, now, then, expected) in cases {
            assert_eq!(change(name, &now, &then), expected, "{name} {now:?} {then:?}");
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(label("frt_human_s"), "frt human");
        assert_eq!(label("n_pending"), "still waiting");
        assert_eq!(headline_label("median_s"), "median wait");
        assert_eq!(bytes(2_350_000), "2.4 MB");
    }
}
