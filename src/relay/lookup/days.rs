//! The UTC days on which records of a conversation were received: where the archive keeps them.

use chrono::NaiveDate;

use crate::model::Micros;

/// Most stretches of days remembered; beyond them the two closest become one, which then names days
/// in between on which nothing was received.
const RUNS_MAX: usize = 32;

/// Stretches of days, in order, each from its first to its last day, counted from the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days {
    runs: Vec<(u32, u32)>,
}

impl Days {
    /// Adds the day of a record that was received at `at`. Times never run backwards.
    pub fn add(&mut self, at: Micros) {
        let day = day_of(at);
        match self.runs.last_mut() {
            Some((_, last)) if day <= *last => return,
            Some((_, last)) if day == *last + 1 => *last = day,
            _ => self.runs.push((day, day)),
        }
        if self.runs.len() > RUNS_MAX {
            self.join_closest();
        }
    }

    /// Whether something may have been received on `day`.
    pub fn contains(&self, date: NaiveDate) -> bool {
        let day = u32::try_from(date.to_epoch_days()).unwrap_or(0);
        self.runs.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }

    /// `count u8 ‖ (first u32 ‖ last u32)*`
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.runs.len() as u8);
        for (first, last) in &self.runs {
            bytes.extend_from_slice(&first.to_be_bytes());
            bytes.extend_from_slice(&last.to_be_bytes());
        }
    }

    /// What [`Days::encode`] wrote, and the bytes after it.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Days, &[u8])> {
        let (count, mut rest) = bytes.split_first()?;
        let mut runs = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (first, after_first) = rest.split_first_chunk()?;
            let (last, after_last) = after_first.split_first_chunk()?;
            runs.push((u32::from_be_bytes(*first), u32::from_be_bytes(*last)));
            rest = after_last;
        }
        Some((Days { runs }, rest))
    }

    fn join_closest(&mut self) {
        let gap = |at: &usize| self.runs[at + 1].0 - self.runs[*at].1;
        let Some(closest) = (0..self.runs.len() - 1).min_by_key(gap) else { return };
        let (_, last) = self.runs.remove(closest + 1);
        self.runs[closest].1 = last;
    }
}

/// Days from the epoch, in UTC. Times before it do not occur.
fn day_of(at: Micros) -> u32 {
    const DAY_MICROS: i64 = 86_400_000_000;
    u32::try_from(at.0.div_euclid(DAY_MICROS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(days: &Days, day: u32) -> bool {
        days.contains(NaiveDate::from_epoch_days(day as i32).unwrap())
    }

    fn days(of: &[u32]) -> Days {
        let mut days = Days::default();
        for day in of {
            days.add(Micros(i64::from(*day) * 86_400_000_000 + 5));
        }
        days
    }

    #[test]
    fn days_in_a_row_are_one_stretch() {
        let days = days(&[20_000, 20_000, 20_001, 20_005]);
        assert_eq!(days.runs, [(20_000, 20_001), (20_005, 20_005)]);
        assert!(has(&days, 20_001) && !has(&days, 20_002) && has(&days, 20_005));
        let mut bytes = Vec::new();
        days.encode(&mut bytes);
        bytes.push(7);
        assert_eq!(Days::decode(&bytes), Some((days, [7].as_slice())));
        assert_eq!(Days::decode(&bytes[..5]), None);
    }

    /// A conversation of ten years is open on thousands of days: none is forgotten, and what is
    /// kept of it stays small.
    #[test]
    fn many_stretches_become_fewer_and_lose_no_day() {
        let said: Vec<u32> = (0..4_000).map(|index| index * 3 + index % 2).collect();
        let days = days(&said);
        assert!(days.runs.len() <= RUNS_MAX);
        assert!(said.iter().all(|day| has(&days, *day)));
        assert!(!has(&days, said.last().unwrap() + 1));
    }
}
