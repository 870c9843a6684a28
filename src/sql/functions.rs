//! SQL functions of our own: the local day and hour of an instant in a named zone, daylight saving
//! included; and how much of a span lies in opening hours, by the shop's rules.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Date32Builder, Int32Array, Int64Array, ListBuilder,
    PrimitiveArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int32Type, TimeUnit, TimestampMicrosecondType,
};
use chrono_tz::Tz;
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use serde::Serialize;
use utoipa::ToSchema;

use super::covered::CoveredMs;
use super::nearest_rank::{NearestRank, Shares};
use crate::model::{Micros, Schedules, utc_offset_seconds};

/// A function of our own.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Function {
    pub name: &'static str,
    /// How it is called.
    pub call: &'static str,
    /// The type of its value.
    pub returns: &'static str,
    pub meaning: &'static str,
}

/// All of them, as they are told.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "local_day",
        call: "local_day(instant, zone)",
        returns: "DATE",
        meaning: "the day that it was in a zone, such as 'Asia/Shanghai'",
    },
    Function {
        name: "local_hour",
        call: "local_hour(instant, zone)",
        returns: "INTEGER",
        meaning: "the hour that it was in a zone, 0 to 23",
    },
    Function {
        name: "business_ms",
        call: "business_ms(from, to [, team])",
        returns: "BIGINT",
        meaning: "milliseconds of [from, to) in the opening hours of the shop, or of a team; NULL where there are none",
    },
    Function {
        name: "local_days",
        call: "local_days(from, to, zone)",
        returns: "DATE[]",
        meaning: "the days in a zone on which a moment of [from, to) lies",
    },
    Function {
        name: "elapsed_ms",
        call: "elapsed_ms(from, to)",
        returns: "BIGINT",
        meaning: "milliseconds from one instant to another; negative where `to` is the earlier one",
    },
    Function {
        name: "covered_ms",
        call: "covered_ms(from, to)",
        returns: "BIGINT",
        meaning: "of a group: the milliseconds in which at least one of the spans [from, to) lasts",
    },
    Function {
        name: "nearest_rank",
        call: "nearest_rank(value, share)",
        returns: "BIGINT, or DOUBLE of a DOUBLE",
        meaning: "of a group: the least value that at least this share of the values does not exceed, such as 0.9; NULLs are left out",
    },
];

/// Makes our functions known to a session of a shop with these opening hours.
pub fn register(context: &SessionContext, schedules: Arc<Schedules>) {
    context.register_udf(ScalarUDF::from(Local::new(Part::Day)));
    context.register_udf(ScalarUDF::from(Local::new(Part::Hour)));
    context.register_udf(ScalarUDF::from(LocalDays::new()));
    context.register_udf(ScalarUDF::from(ElapsedMs::new()));
    context.register_udf(ScalarUDF::from(BusinessMs::new(schedules)));
    context.register_udaf(AggregateUDF::from(NearestRank::of(Shares::One)));
    context.register_udaf(AggregateUDF::from(CoveredMs::new()));
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Which part of the local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// `local_day(instant, zone)`: DATE
    Day,
    /// `local_hour(instant, zone)`: INT, 0 to 23
    Hour,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Local {
    part: Part,
    signature: Signature,
}

impl Local {
    fn new(part: Part) -> Local {
        let arguments = TypeSignature::Exact(vec![instant(), DataType::Utf8]);
        Local { part, signature: Signature::new(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Local {
    fn name(&self) -> &str {
        match self.part {
            Part::Day => "local_day",
            Part::Hour => "local_hour",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.part {
            Part::Day => DataType::Date32,
            Part::Hour => DataType::Int32,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [instants, zone] = arguments.args.as_slice() else {
            return plan_err!("{} takes an instant and a zone", self.name());
        };
        let zone = zone_of(self.name(), zone)?;
        let instants = instants.to_array(arguments.number_rows)?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let mut clock = LocalClock::new(zone);
        let result: ArrayRef = match self.part {
            Part::Day => Arc::new(map(instants, |instant| clock.day(instant)) as Date32Array),
            Part::Hour => Arc::new(map(instants, |instant| clock.hour(instant)) as Int32Array),
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn map<T: ArrowPrimitiveType>(
    instants: &PrimitiveArray<TimestampMicrosecondType>,
    mut part: impl FnMut(i64) -> T::Native,
) -> PrimitiveArray<T> {
    instants.iter().map(|instant| instant.map(&mut part)).collect()
}

fn zone_of(function: &str, value: &ColumnarValue) -> Result<Tz> {
    let ColumnarValue::Scalar(scalar) = value else {
        return exec_err!("{function}: the zone must be one name for all rows");
    };
    let name = scalar.to_string();
    name.parse()
        .or_else(|_| exec_err!("{function}: `{name}` must be an IANA zone such as Asia/Shanghai"))
}

/// Local time of many instants. Few days see a change of the zone's offset, so it is looked up once for each day of UTC.
struct LocalClock {
    zone: Tz,
    /// What is known of days, each in its place.
    days: Vec<ClockDay>,
}

/// A day of UTC.
#[derive(Clone, Copy)]
struct ClockDay {
    day: i64,
    /// None where it changes.
    offset_seconds: Option<i64>,
}

/// More than half a year has: days that are so far apart share a place.
const CLOCK_DAYS: i64 = 256;
const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;

impl LocalClock {
    fn new(zone: Tz) -> LocalClock {
        // No instant lies in that day.
        let unknown = ClockDay { day: i64::MIN, offset_seconds: None };
        LocalClock { zone, days: vec![unknown; CLOCK_DAYS as usize] }
    }

    fn local_seconds(&mut self, instant: i64) -> i64 {
        let day = instant.div_euclid(DAY_MICROS);
        let place = &mut self.days[day.rem_euclid(CLOCK_DAYS) as usize];
        if place.day != day {
            *place = ClockDay::of(self.zone, day);
        }
        let offset_seconds = match place.offset_seconds {
            Some(offset_seconds) => offset_seconds,
            None => utc_offset_seconds(self.zone, Micros(instant)),
        };
        instant.div_euclid(SECOND_MICROS) + offset_seconds
    }

    fn day(&mut self, instant: i64) -> <Date32Type as ArrowPrimitiveType>::Native {
        // In range: 64 bits of microseconds are 107 million days before and after 1970.
        self.local_seconds(instant).div_euclid(86_400) as i32
    }

    fn hour(&mut self, instant: i64) -> <Int32Type as ArrowPrimitiveType>::Native {
        (self.local_seconds(instant).rem_euclid(86_400) / 3_600) as i32
    }
}

impl ClockDay {
    fn of(zone: Tz, day: i64) -> ClockDay {
        // The first and the last day that 64 bits reach are not whole.
        let start = day.saturating_mul(DAY_MICROS);
        let at = |instant| utc_offset_seconds(zone, Micros(instant));
        let (first, last) = (at(start), at(start.saturating_add(DAY_MICROS - 1)));
        ClockDay { day, offset_seconds: (first == last).then_some(first) }
    }
}

/// `local_days(from, to, zone)`: a list of DATE, the days on which a moment of `[from, to)` lies; NULL where an end
/// is, or `to` comes before `from`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalDays {
    signature: Signature,
}

/// Most days in such a list: a century. × 4 bytes = 146 KiB.
const LOCAL_DAYS_MAX: i32 = 36_525;

impl LocalDays {
    fn new() -> LocalDays {
        let arguments = TypeSignature::Exact(vec![instant(), instant(), DataType::Utf8]);
        LocalDays { signature: Signature::new(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for LocalDays {
    fn name(&self) -> &str {
        "local_days"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Date32, true))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(from), ColumnarValue::Scalar(to), zone] =
            arguments.args.as_slice()
        else {
            return exec_err!("local_days: both ends must be one instant for all rows");
        };
        let mut clock = LocalClock::new(zone_of(self.name(), zone)?);
        let mut days = ListBuilder::new(Date32Builder::new());
        match (from, to) {
            (
                ScalarValue::TimestampMicrosecond(Some(from), _),
                ScalarValue::TimestampMicrosecond(Some(to), _),
            ) if from < to => {
                let (first, last) = (clock.day(*from), clock.day(to - 1));
                if last - first >= LOCAL_DAYS_MAX {
                    return exec_err!("local_days: at most {LOCAL_DAYS_MAX} days");
                }
                days.append_value((first..=last).map(Some));
            }
            _ => days.append_null(),
        }
        Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(days.finish()))))
    }
}

/// `elapsed_ms(from, to)`: BIGINT, the milliseconds from one instant to another; negative where `to` is the
/// earlier one, NULL where either is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ElapsedMs {
    signature: Signature,
}

impl ElapsedMs {
    fn new() -> ElapsedMs {
        let span = TypeSignature::Exact(vec![instant(), instant()]);
        ElapsedMs { signature: Signature::new(span, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for ElapsedMs {
    fn name(&self) -> &str {
        "elapsed_ms"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [from, to] = arguments.args.as_slice() else {
            return plan_err!("elapsed_ms takes two instants");
        };
        let (from, to) =
            (from.to_array(arguments.number_rows)?, to.to_array(arguments.number_rows)?);
        let to = to.as_primitive::<TimestampMicrosecondType>();
        let spans = from.as_primitive::<TimestampMicrosecondType>().iter().zip(to);
        let ms = spans.map(|(from, to)| Some(Micros(to?).ms_since(Micros(from?))));
        Ok(ColumnarValue::Array(Arc::new(ms.collect::<Int64Array>())))
    }
}

/// `business_ms(from, to)`, `business_ms(from, to, team)`: BIGINT, the milliseconds of `[from, to)` in the
/// opening hours of the shop, or of a team; of the shop where `team` is NULL. NULL where nobody has decided any
/// hours, `team` is none, an end is NULL, `to` comes before `from`, or a century lies between.
#[derive(Debug, PartialEq, Eq, Hash)]
struct BusinessMs {
    schedules: Arc<Schedules>,
    signature: Signature,
}

impl BusinessMs {
    fn new(schedules: Arc<Schedules>) -> BusinessMs {
        let span = || vec![instant(), instant()];
        let of_team = [span(), vec![DataType::Utf8]].concat();
        let arguments = vec![TypeSignature::Exact(span()), TypeSignature::Exact(of_team)];
        BusinessMs { schedules, signature: Signature::one_of(arguments, Volatility::Immutable) }
    }

    fn ms(&self, from: i64, to: i64, team: Option<&str>) -> Option<i64> {
        if to < from {
            return None;
        }
        let open = self.schedules.of(team)?.open_micros(Micros(from), Micros(to))?;
        Some(open / MILLISECOND_MICROS)
    }
}

const MILLISECOND_MICROS: i64 = 1_000;

impl ScalarUDFImpl for BusinessMs {
    fn name(&self) -> &str {
        "business_ms"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let (from, to, team) = match arguments.args.as_slice() {
            [from, to] => (from, to, None),
            [from, to, team] => (from, to, Some(team.to_array(rows)?)),
            _ => return plan_err!("business_ms takes two instants and perhaps a team"),
        };
        let (from, to) = (from.to_array(rows)?, to.to_array(rows)?);
        let (from, to) = (from.as_primitive::<TimestampMicrosecondType>(), to.as_primitive());
        let to: &PrimitiveArray<TimestampMicrosecondType> = to;
        let teams = team.as_ref().map(|team| team.as_string::<i32>());
        let ms = from.iter().zip(to).enumerate().map(|(row, (from, to))| {
            let team = teams.filter(|teams| teams.is_valid(row)).map(|teams| teams.value(row));
            self.ms(from?, to?, team)
        });
        Ok(ColumnarValue::Array(Arc::new(ms.collect::<Int64Array>())))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::parse_time;
    use crate::model::testing::Dice;

    #[test]
    fn days_and_hours_follow_the_zone_across_its_changes() {
        let cases = [
            ("Asia/Shanghai", "2026-01-02T18:13:05Z", "2026-01-03", 2),
            ("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08", 1),
            ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08", 3),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25", 2),
            ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25", 2),
            ("Asia/Kathmandu", "2026-01-01T18:14:59Z", "2026-01-01", 23),
            ("Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-02", 0),
            ("UTC", "1970-01-01T00:00:00Z", "1970-01-01", 0),
        ];
        for (zone, instant, day, hour) in cases {
            let mut clock = LocalClock::new(zone.parse().unwrap());
            let micros = parse_time(instant).unwrap().0;
            let day_number = i64::from(clock.day(micros)) * 86_400;
            let shown = DateTime::from_timestamp(day_number, 0).unwrap().date_naive().to_string();
            assert_eq!((shown.as_str(), clock.hour(micros)), (day, hour), "{zone} {instant}");
        }
    }

    /// Against a look at each instant, in whatever order they come.
    #[test]
    fn a_day_is_looked_at_once_and_what_changes_in_it_is_not_missed() {
        let mut dice = Dice::new(3);
        let from = parse_time("2000-01-01T00:00:00Z").unwrap().0;
        for zone in chrono_tz::TZ_VARIANTS {
            let mut clock = LocalClock::new(zone);
            for _ in 0..2_000 {
                let instant = from + dice.roll(40 * 365 * 24 * 4) as i64 * 900 * SECOND_MICROS;
                let expected = instant / SECOND_MICROS + utc_offset_seconds(zone, Micros(instant));
                assert_eq!(clock.local_seconds(instant), expected, "{zone} {instant}");
            }
        }
        let mut clock = LocalClock::new(chrono_tz::Europe::Berlin);
        for quarter in 0..4 * 24 * 366 {
            let instant = from + quarter * 900 * SECOND_MICROS;
            let expected = instant / SECOND_MICROS
                + utc_offset_seconds(chrono_tz::Europe::Berlin, Micros(instant));
            assert_eq!(clock.local_seconds(instant), expected, "{instant}");
        }
        clock.day(i64::MAX);
        clock.day(i64::MIN);
    }
}
