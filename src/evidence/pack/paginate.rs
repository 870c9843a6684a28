//! Blocks onto pages.
//!
//! Invariants: every line of every block stands on a page, once, in order, between the margins; what
//! belongs together is not torn apart at the end of a page, unless it is longer than a page.

use super::picture::Picture;
use super::story::{Block, MARGIN, TEXT_WIDTH};
use super::typeset::SetLine;

pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
/// Where text begins and ends, between what stands on every page.
const TOP: f32 = 72.0;
const BOTTOM: f32 = PAGE_HEIGHT - 72.0;
/// Lines of a block that do not stand alone at the end of a page.
const TOGETHER: usize = 2;
const BAR_X: f32 = MARGIN - 9.0;

/// What is drawn, and where.
#[derive(Default)]
pub(super) struct PlacedPage {
    pub(super) lines: Vec<(f32, f32, SetLine)>,
    pub(super) pictures: Vec<(f32, f32, Picture)>,
    /// Left, top and bottom of bars; left, top and right of rules.
    pub(super) bars: Vec<(f32, f32, f32)>,
    pub(super) rules: Vec<(f32, f32, f32)>,
}

/// The height of lines that so many pages hold for certain not: theirs and that of one more, for the names
/// beside what they name on the first page.
pub(super) fn room_of(pages: usize) -> f32 {
    (pages as f32 + 1.0) * (BOTTOM - TOP)
}

/// Places all blocks.
pub(super) fn paginate(blocks: Vec<Block>) -> Vec<PlacedPage> {
    let needed: Vec<f32> = (0..blocks.len()).map(|place| needed(&blocks[place..])).collect();
    let mut pages = Pages { pages: vec![PlacedPage::default()], y: TOP };
    for (block, needed) in blocks.into_iter().zip(needed) {
        if pages.y > TOP && pages.y + needed > BOTTOM {
            pages.turn();
        }
        pages.place(block);
    }
    pages.pages
}

/// The height that the first of `blocks` needs on the page where it begins, with what it is kept with.
fn needed(blocks: &[Block]) -> f32 {
    let mut height = 0.0;
    for block in blocks {
        height += block.above;
        if block.keeps_with_next {
            height += block.height();
            continue;
        }
        let first: f32 = block.lines.iter().take(TOGETHER).map(|line| line.height).sum();
        return height + block.picture_height() + first;
    }
    height
}

impl Block {
    fn picture_height(&self) -> f32 {
        self.picture.as_ref().map_or(0.0, |picture| picture.height)
    }

    fn height(&self) -> f32 {
        self.picture_height() + self.lines.iter().map(|line| line.height).sum::<f32>()
    }
}

struct Pages {
    pages: Vec<PlacedPage>,
    /// Where the next line begins.
    y: f32,
}

impl Pages {
    fn turn(&mut self) {
        self.pages.push(PlacedPage::default());
        self.y = TOP;
    }

    fn place(&mut self, block: Block) {
        if self.y > TOP {
            self.y += block.above;
        }
        if block.is_ruled && self.y > TOP {
            let y = self.y - block.above / 2.0;
            self.page(|page| page.rules.push((MARGIN, y, MARGIN + TEXT_WIDTH)));
        }
        if let Some(picture) = block.picture {
            let height = picture.height;
            if self.y + height > BOTTOM {
                self.turn();
            }
            let (x, y) = (MARGIN + block.indent, self.y);
            self.page(|page| page.pictures.push((x, y, picture)));
            self.advance(height, block.is_chosen);
        }
        let heights: Vec<f32> = block.lines.iter().map(|line| line.height).collect();
        let mut beside = block.beside.into_iter();
        for (number, line) in block.lines.into_iter().enumerate() {
            // The last line of a block does not stand alone at the top of a page either.
            let left = heights.len() - number;
            let together = if left == TOGETHER && number > 0 { TOGETHER } else { 1 };
            let wanted: f32 = heights[number..].iter().take(together).sum();
            if self.y + wanted > BOTTOM && self.y > TOP {
                self.turn();
            }
            let (y, baseline) = (self.y, line.baseline);
            self.page(|page| page.lines.push((MARGIN + block.indent, y, line)));
            if let Some(name) = beside.next() {
                // On the line that it names, though it is smaller.
                let y = y + baseline - name.baseline;
                self.page(|page| page.lines.push((MARGIN, y, name)));
            }
            self.advance(heights[number], block.is_chosen);
        }
    }

    fn advance(&mut self, height: f32, is_chosen: bool) {
        let (from, to) = (self.y, self.y + height);
        self.y = to;
        if !is_chosen {
            return;
        }
        self.page(|page| match page.bars.last_mut() {
            // One bar along one message, its small gaps included.
            Some((_, _, end)) if from - *end < 6.0 => *end = to,
            _ => page.bars.push((BAR_X, from, to)),
        });
    }

    fn page(&mut self, add: impl FnOnce(&mut PlacedPage)) {
        if let Some(page) = self.pages.last_mut() {
            add(page);
        }
    }
}
