//! Tiles by their paths, as C2SP's `tlog-tiles` writes them: `LEVEL/NUMBER` and, of a tile that is not
//! full, `LEVEL/NUMBER.p/WIDTH`; a number in groups of three digits, all but the last behind an `x`:
//! `0/x001/x234/067`.

use super::tree::TILE_HASHES;

/// Levels that C2SP allows.
const LEVEL_MAX: usize = 63;
/// Digits of the largest number, by threes.
const GROUPS_MAX: usize = 7;

/// Which tile, and how many of its hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    pub level: usize,
    pub number: u64,
    pub width: usize,
}

impl TilePath {
    /// Reads what follows `tile/`; `None` for anything that C2SP would write otherwise.
    pub fn parse(path: &str) -> Option<TilePath> {
        let (level, rest) = path.split_once('/')?;
        let level = decimal(level).filter(|level| *level <= LEVEL_MAX as u64)?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                let width = decimal(width)?;
                (
                    number,
                    usize::try_from(width).ok().filter(|width| (1..TILE_HASHES).contains(width))?,
                )
            }
            None => (rest, TILE_HASHES),
        };
        Some(TilePath { level: usize::try_from(level).ok()?, number: number_of(number)?, width })
    }
}

fn number_of(groups: &str) -> Option<u64> {
    let groups: Vec<&str> = groups.split('/').collect();
    if groups.len() > GROUPS_MAX || (groups.len() > 1 && groups[0] == "x000") {
        return None;
    }
    let mut number = 0_u64;
    for (place, group) in groups.iter().enumerate() {
        let is_last = place + 1 == groups.len();
        let digits = if is_last { *group } else { group.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

/// A number without zeros before it.
fn decimal(digits: &str) -> Option<u64> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if is_plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library writes paths with a height before the level.
    #[test]
    fn paths_are_read_as_the_library_writes_them() {
        for number in [0, 9, 999, 1_000, 1_234_067, 123_456_789, u64::MAX / 256] {
            for width in [1, 255, 256] {
                let tile = tlog_tiles::Tile::new(8, 4, number, width, false);
                let path = tile.path();
                let read = TilePath::parse(path.strip_prefix("tile/8/").unwrap()).unwrap();
                assert_eq!(read, TilePath { level: 4, number, width: width as usize }, "{path}");
            }
        }
    }

    #[test]
    fn other_paths_are_none() {
        for path in [
            "",
            "0",
            "0/",
            "0/1",
            "0/0001",
            "00/001",
            "64/001",
            "-1/001",
            "0/x001",
            "0/001/002",
            "0/x000/001",
            "0/001.p/0",
            "0/001.p/256",
            "0/001.p/01",
            "0/001.p/",
            "0/001.p",
            "0/+01",
            "data/001",
            "0/x999/x999/x999/x999/x999/x999/999",
            "0/001/",
            "0/x001/..",
            "0/٠٠١",
        ] {
            assert_eq!(TilePath::parse(path), None, "{path}");
        }
    }
}
