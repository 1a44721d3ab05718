//! Which lines of a conversation are in the page: those in sight and some beyond them. The others are empty space as high
//! as they are, or as such lines are likely to be; so a conversation of thousands moves like one of ten.

use std::ops::Range;

use baton_protocol::Seq;

/// Lines beyond either end of what is in sight: more than a screen of them, so that nobody who scrolls meets a gap.
const SPARE: usize = 24;

/// Lines come and go by so many: not at every pixel.
const STEP: usize = 8;

/// Lines that are marked stay in the page, so many beyond either end of what is in sight: more than anybody reads through to
/// copy, and few enough to be drawn.
pub const MARKED: usize = 1_000;

/// The height of a line before any has been measured, in pixels.
const LIKELY: f64 = 48.0;

/// Tells a line from others, in their order: those that came along by their place, then what was said here by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The context's line of this place.
    Earlier(usize),
    /// The entry of this number.
    Here(Seq),
}

/// What of the conversation the reader has before them, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    /// The end, so high.
    End(f64),
    /// From so far below the beginning on, so high.
    At(f64, f64),
}

/// The lines that are in the page, by their places, and the space in the place of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// From the first one to behind the last one.
    pub lines: Range<usize>,
    /// Pixels above them.
    pub above: f64,
    /// Pixels below them.
    pub below: f64,
}

/// The lines of a conversation, and how high they are, as far as they have been in the page.
#[derive(Debug, Default)]
pub struct Heights {
    lines: Vec<(Mark, Option<f64>)>,
    /// How high the others count: as the first ones that were seen. It does not change with every line that is seen, or the
    /// space in the place of thousands would.
    likely: Option<f64>,
    width: i32,
}

impl Heights {
    /// The conversation has these lines now. What is known of them stays known.
    pub fn hold(&mut self, marks: impl Iterator<Item = Mark>) {
        let mut known = std::mem::take(&mut self.lines).into_iter().peekable();
        let line = |mark| {
            while known.next_if(|(before, _)| *before < mark).is_some() {}
            (mark, known.next_if(|(before, _)| *before == mark).and_then(|(_, height)| height))
        };
        self.lines = marks.map(line).collect();
    }

    /// The conversation is so wide now: in another width lines have other heights.
    pub fn fit(&mut self, width: i32) {
        if self.width != width {
            (self.width, self.likely) = (width, None);
            self.lines.iter_mut().for_each(|(_, height)| *height = None);
        }
    }

    /// The lines from this place on were seen to be so high.
    pub fn saw(&mut self, first: usize, heights: impl Iterator<Item = f64>) {
        let (mut sum, mut seen) = (0.0, 0_u32);
        for ((_, known), height) in self.lines.iter_mut().skip(first).zip(heights) {
            *known = Some(height);
            (sum, seen) = (sum + height, seen + 1);
        }
        if seen > 0 {
            self.likely.get_or_insert(sum / f64::from(seen));
        }
    }

    /// The height of each line, known or likely.
    fn each(&self) -> impl Iterator<Item = f64> + '_ {
        let likely = self.likely.unwrap_or(LIKELY);
        self.lines.iter().map(move |(_, height)| height.unwrap_or(likely))
    }

    /// How many of the first lines came along.
    #[must_use]
    pub fn earlier(&self) -> usize {
        self.lines.partition_point(|(mark, _)| matches!(mark, Mark::Earlier(_)))
    }

    /// The line of this place.
    #[must_use]
    pub fn mark(&self, place: usize) -> Option<Mark> {
        self.lines.get(place).map(|(mark, _)| *mark)
    }

    /// Where a line begins, in pixels below the beginning of all.
    #[must_use]
    pub fn top(&self, place: usize) -> f64 {
        self.each().take(place).sum()
    }

    /// The place of a line.
    #[must_use]
    pub fn place(&self, mark: Mark) -> Option<usize> {
        self.lines.binary_search_by_key(&mark, |(mark, _)| *mark).ok()
    }

    /// What is in the page when this is in sight, and these places are marked.
    #[must_use]
    pub fn window(&self, sight: Sight, marked: Option<&Range<usize>>) -> Window {
        let lines = self.lines.len();
        let (mut under, mut seen) = (0.0, 0..lines);
        match sight {
            Sight::End(height) => {
                let whole: f64 = self.each().sum();
                seen.start = self.each().take_while(|line| within(&mut under, *line, whole - height)).count();
            }
            Sight::At(top, height) => {
                seen.start = self.each().take_while(|line| within(&mut under, *line, top)).count();
                let more = self.each().skip(seen.start);
                let below = more.take_while(|line| within(&mut under, *line, top + height)).count();
                seen.end = (seen.start + below + 1).min(lines);
            }
        }
        let first = (seen.start.saturating_sub(SPARE) / STEP * STEP).min(lines);
        let end = match sight {
            Sight::End(_) => lines,
            Sight::At(..) => ((seen.end + SPARE).div_ceil(STEP) * STEP).min(lines),
        };
        let marked = marked.cloned().unwrap_or(first..end);
        let first = first.min(marked.start.max(first.saturating_sub(MARKED)));
        let end = end.max(marked.end.min(end + MARKED)).min(lines);
        let above = self.top(first);
        let below = self.each().skip(end).sum();
        Window { lines: first..end, above, below }
    }
}

/// Whether a line ends at or before this, which begins where the ones before it end.
fn within(under: &mut f64, line: f64, end: f64) -> bool {
    let fits = *under + line <= end;
    if fits {
        *under += line;
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: u64) -> Heights {
        let mut heights = Heights::default();
        heights.hold((1..=lines).map(Mark::Here));
        heights
    }

    #[test]
    fn a_short_conversation_is_there_as_a_whole() {
        for sight in [Sight::End(800.0), Sight::At(0.0, 800.0)] {
            assert_eq!(of(10).window(sight, None), Window { lines: 0..10, above: 0.0, below: 0.0 });
            assert_eq!(of(0).window(sight, None), Window::default());
        }
    }

    #[test]
    fn of_a_long_one_what_is_in_sight_is_there_and_the_rest_is_space() {
        let (heights, whole) = (of(5_000), 5_000.0 * LIKELY);
        let mut top = 0.0;
        while top < whole {
            let Window { lines, above, below } = heights.window(Sight::At(top, 800.0), None);
            assert!(lines.len() < 90, "{lines:?}");
            let there = heights.top(lines.end) - heights.top(lines.start);
            assert!((above + there + below - whole).abs() < 0.01, "the whole is as high as ever");
            assert!(above <= top && above + there >= (top + 800.0).min(whole), "what is in sight is there");
            let spare = |pixels: f64, ends: bool| ends || pixels >= 1_000.0;
            assert!(spare(top - above, lines.start == 0));
            assert!(spare(above + there - top - 800.0, lines.end == 5_000));
            top += 333.0;
        }
    }

    #[test]
    fn the_end_stays_the_end_whatever_comes() {
        let mut heights = of(4_990);
        for lines in 4_991..5_030 {
            heights.hold((1..=lines).map(Mark::Here));
            let window = heights.window(Sight::End(800.0), None);
            assert_eq!(window.lines.end, usize::try_from(lines).unwrap());
            assert!(window.below == 0.0 && window.lines.len() < 90);
            heights.saw(window.lines.end - 1, [90.0].into_iter());
        }
    }

    #[test]
    fn what_is_marked_stays_in_the_page_as_far_as_it_can_be_drawn() {
        let heights = of(5_000);
        let whole = 5_000.0 * LIKELY;
        let (end, far) = (Sight::End(800.0), Sight::At(2_500.0 * LIKELY, 800.0));
        let of = |sight, marked| heights.window(sight, Some(&marked));
        assert_eq!(of(end, 4_990..4_995), heights.window(end, None), "it is there anyway");
        assert_eq!(of(end, 4_500..4_990).lines, 4_500..5_000);
        let bare = heights.window(far, None).lines;
        assert_eq!(of(far, 2_510..3_000).lines, bare.start..3_000);
        assert_eq!(of(far, 2_000..2_510).lines, 2_000..bare.end);
        assert_eq!(of(far, 0..5_000).lines, bare.start - MARKED..bare.end + MARKED);
        let Window { lines, above, below } = of(far, 0..9_000);
        let there = heights.top(lines.end) - heights.top(lines.start);
        assert!((above + there + below - whole).abs() < 0.01);
        assert_eq!(heights.place(Mark::Here(7)), Some(6));
        assert_eq!(heights.place(Mark::Earlier(0)), None);
    }

    #[test]
    fn what_was_seen_counts_until_the_conversation_is_as_wide_as_another() {
        let mut heights = Heights::default();
        heights.fit(600);
        heights.hold([Mark::Earlier(0), Mark::Earlier(2), Mark::Here(1), Mark::Here(2)].into_iter());
        heights.saw(1, [30.0, 60.0, 90.0].into_iter());
        heights.saw(3, [10.0].into_iter());
        let each = |heights: &Heights| heights.each().collect::<Vec<_>>();
        assert_eq!(each(&heights), [60.0, 30.0, 60.0, 10.0], "the first is as high as those on average");
        // A line that is gone, and one that has come, do not shift the others.
        heights.hold([Mark::Earlier(2), Mark::Here(1), Mark::Here(3)].into_iter());
        assert_eq!(each(&heights), [30.0, 60.0, 60.0]);
        assert_eq!((heights.top(2), heights.earlier(), heights.mark(2)), (90.0, 1, Some(Mark::Here(3))));
        heights.fit(600);
        assert_eq!(heights.top(2), 90.0);
        heights.fit(500);
        assert_eq!(heights.top(2), 2.0 * LIKELY);
    }
}
