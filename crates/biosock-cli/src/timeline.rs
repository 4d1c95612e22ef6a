//! A race drawn on the terminal: a row for each lookup and attempt, as bars on a
//! common time axis.

use std::time::Duration;

use crate::race::{End, Row};
use crate::scale::Scale;
use crate::terminal::Terminal;
use crate::text::escape;

/// A wider drawing would not be clearer.
const WIDEST: usize = 120;
/// A narrower bar shows too little: bars then get lines of their own.
const NARROWEST_BAR: usize = 20;
const GAP: &str = "  ";
/// The minimum width of one tick of the axis, in columns.
const TICK: usize = 8;

/// The lines of the drawing.
pub(crate) fn draw(rows: &[Row], elapsed: Duration, terminal: &Terminal) -> Vec<String> {
    let drawing = Drawing { terminal, scale: Scale::of(rows, elapsed), glyphs: glyphs(terminal) };
    drawing.lines(rows)
}

struct Glyphs {
    /// A full cell of a bar, a right half and a left half.
    attempt: [char; 3],
    lookup: [char; 3],
    silent: [char; 3],
    won: &'static str,
    failed: &'static str,
    grid: char,
    ellipsis: char,
}

const UNICODE: Glyphs = Glyphs {
    attempt: ['━', '╺', '╸'],
    lookup: ['─', '╶', '╴'],
    silent: ['┅', '┅', '┅'],
    won: "✓",
    failed: "✗",
    grid: '┊',
    ellipsis: '…',
};

const ASCII: Glyphs = Glyphs {
    attempt: ['='; 3],
    lookup: ['-'; 3],
    silent: ['.'; 3],
    won: "*",
    failed: "x",
    grid: ':',
    ellipsis: '~',
};

fn glyphs(terminal: &Terminal) -> &'static Glyphs {
    if terminal.unicode { &UNICODE } else { &ASCII }
}

struct Drawing<'a> {
    terminal: &'a Terminal,
    scale: Scale,
    glyphs: &'static Glyphs,
}

/// The strings of a row, one for each column.
struct Cells {
    label: String,
    times: String,
    note: String,
}

impl Drawing<'_> {
    fn lines(&self, rows: &[Row]) -> Vec<String> {
        let width = self.terminal.width.min(WIDEST);
        let full = self.cells(rows, |row| &row.note);
        let short = self.cells(rows, |row| &row.short);
        for cells in [&full, &short] {
            let used = self.columns_around_the_bar(cells);
            if width >= used + NARROWEST_BAR {
                return self.side_by_side(rows, cells, width - used);
            }
        }
        self.stacked(rows, &short, width)
    }

    fn cells(&self, rows: &[Row], note: impl Fn(&Row) -> &str) -> Vec<Cells> {
        let numbers = |time: fn(&Row) -> Duration| -> Vec<_> {
            aligned(rows.iter().map(|row| self.scale.number(time(row))).collect())
        };
        let started = numbers(|row| row.started);
        let took = numbers(|row| row.took);
        let times = started
            .into_iter()
            .zip(took)
            .map(|(started, took)| self.ascii_if_needed(format!("{started} + {took} {}", self.scale.unit())));
        let cells = rows.iter().zip(times).map(|(row, times)| Cells {
            label: escape(&row.label).into_owned(),
            times,
            note: escape(note(row)).into_owned(),
        });
        cells.collect()
    }

    /// Label, mark, times and note, and the gaps between them.
    fn columns_around_the_bar(&self, cells: &[Cells]) -> usize {
        let gaps = 3 * GAP.len() + 2;
        widest(cells, |it| &it.label) + widest(cells, |it| &it.times) + widest(cells, |it| &it.note) + gaps
    }

    fn side_by_side(&self, rows: &[Row], cells: &[Cells], bar: usize) -> Vec<String> {
        let wide = widest(cells, |it| &it.label);
        let line = |(row, cells): (&Row, &Cells)| {
            let label = self.label(row, &format!("{:wide$}", cells.label));
            let (bar, mark) = (self.bar(row, bar), self.mark(row));
            format!("{label}{GAP}{bar}{GAP}{mark} {}{GAP}{}", cells.times, self.note(row, &cells.note))
        };
        let margin = " ".repeat(wide + GAP.len());
        let axis = format!("{margin}{}", self.axis(bar));
        rows.iter().zip(cells).map(line).chain([axis]).collect()
    }

    /// Two lines per row, for narrow terminals.
    fn stacked(&self, rows: &[Row], cells: &[Cells], width: usize) -> Vec<String> {
        let bar = width.saturating_sub(GAP.len()).max(1);
        let texts = self.stacked_texts(cells, bar);
        let lines = rows.iter().zip(texts).flat_map(|(row, text)| {
            let label = format!("{} {}", self.mark(row), self.label(row, &text));
            [label, format!("{GAP}{}", self.bar(row, bar)).trim_end().to_owned()]
        });
        lines.chain([format!("{GAP}{}", self.axis(bar))]).collect()
    }

    /// Includes the times only if all of them fit, since the bars show them too.
    fn stacked_texts(&self, cells: &[Cells], room: usize) -> Vec<String> {
        let short = |it: &Cells| format!("{}{GAP}{}", it.label, it.note);
        let long: Vec<_> = cells.iter().map(|it| format!("{}{GAP}{}", short(it), it.times)).collect();
        if long.iter().all(|text| text.chars().count() <= room) {
            return long;
        }
        cells.iter().map(|it| self.cut(&short(it), room)).collect()
    }

    fn bar(&self, row: &Row, width: usize) -> String {
        let (from, to) = self.halves(row, width);
        let cells = from / 2..to.div_ceil(2);
        let kind = match row.end {
            End::Silent => &self.glyphs.silent,
            _ if row.is_lookup => &self.glyphs.lookup,
            _ => &self.glyphs.attempt,
        };
        let bar: String = cells
            .clone()
            .map(|cell| match (from <= 2 * cell, 2 * cell + 2 <= to) {
                (true, true) => kind[0],
                (false, _) => kind[1],
                (true, false) => kind[2],
            })
            .collect();
        let (before, after) = (self.grid(0..cells.start, width), self.grid(cells.end..width, width));
        format!("{before}{}{after}", self.terminal.paint(colour(row.end), &bar))
    }

    /// Where a bar begins and ends, in half cells; at least one.
    fn halves(&self, row: &Row, width: usize) -> (usize, usize) {
        let whole = 2 * width;
        let from = ((self.scale.share(row.started) * whole as f64) as usize).min(whole - 1);
        let to = (self.scale.share(row.ended()) * whole as f64).ceil() as usize;
        (from, to.clamp(from + 1, whole))
    }

    /// An empty part of a row, with its ticks.
    fn grid(&self, cells: std::ops::Range<usize>, width: usize) -> String {
        let ticks: Vec<_> = self.ticks(width).into_iter().map(|(cell, _)| cell).collect();
        let text: String =
            cells.map(|cell| if ticks.contains(&cell) { self.glyphs.grid } else { ' ' }).collect();
        self.terminal.paint("2", &text)
    }

    /// The cell and text of each tick.
    fn ticks(&self, width: usize) -> Vec<(usize, String)> {
        let cell = |tick| ((self.scale.share(tick) * width as f64) as usize).min(width - 1);
        let text = |tick| self.ascii_if_needed(self.scale.tick(tick));
        self.scale.ticks(width / TICK).into_iter().map(|tick| (cell(tick), text(tick))).collect()
    }

    /// The tick labels, as many as there is room for.
    fn axis(&self, width: usize) -> String {
        let mut line = String::new();
        for (cell, text) in self.ticks(width) {
            let (used, wide) = (line.chars().count(), text.chars().count());
            // The last label ends where the axis does.
            let cell = cell.min(width.saturating_sub(wide));
            if (cell > used || used == 0) && wide <= width {
                line.push_str(&" ".repeat(cell - used));
                line.push_str(&text);
            }
        }
        self.terminal.paint("2", &line)
    }

    fn mark(&self, row: &Row) -> String {
        let mark = match row.end {
            End::Connected => self.glyphs.won,
            End::Failed => self.glyphs.failed,
            End::Answered | End::Silent => " ",
        };
        self.terminal.paint(colour(row.end), mark)
    }

    fn label(&self, row: &Row, text: &str) -> String {
        if row.end == End::Connected { self.terminal.paint("1", text) } else { text.into() }
    }

    fn note(&self, row: &Row, text: &str) -> String {
        if row.end == End::Answered { text.into() } else { self.terminal.paint(colour(row.end), text) }
    }

    fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.into();
        }
        let kept: String = text.chars().take(width.saturating_sub(1)).collect();
        format!("{kept}{}", self.glyphs.ellipsis)
    }

    fn ascii_if_needed(&self, text: String) -> String {
        if self.terminal.unicode { text } else { text.replace('µ', "u") }
    }
}

fn colour(end: End) -> &'static str {
    match end {
        End::Answered => "36",
        End::Connected => "32",
        End::Failed => "31",
        End::Silent => "33",
    }
}

fn aligned(texts: Vec<String>) -> Vec<String> {
    let wide = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    texts.into_iter().map(|text| format!("{text:>wide$}")).collect()
}

fn widest(cells: &[Cells], text: impl Fn(&Cells) -> &String) -> usize {
    cells.iter().map(|cells| text(cells).chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use biosock::dial::{Attempt, LookupReport, Outcome, Report};
    use biosock::{Domain, Error, Operation, Reason, SocketAddr};

    use super::*;
    use crate::race;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn attempt(addr: &str, started: u64, took: u64, outcome: Outcome) -> Attempt {
        Attempt::new(addr.parse().unwrap(), ms(started), ms(took), outcome)
    }

    /// The IPv6 address is silent, one IPv4 address fails at once, another answers.
    fn report() -> Report {
        let failed = Outcome::Failed(Error::from_reason(Operation::Connect, Reason::Connect));
        let mut report = Report::default();
        report.lookups.push(LookupReport::new(Domain::IPV6, Some(ms(20)), Some(Ok(1))));
        report.lookups.push(LookupReport::new(Domain::IPV4, None, None));
        report.attempts.push(attempt("[2001:db8::1]:443", 20, 380, Outcome::NoAnswer));
        report.attempts.push(attempt("192.0.2.1:443", 270, 0, failed));
        report.attempts.push(attempt("192.0.2.2:443", 300, 100, Outcome::Connected));
        report.elapsed = ms(400);
        report
    }

    fn drawn(report: &Report, width: usize, unicode: bool, colour: bool) -> String {
        let terminal = Terminal { width, unicode, colour };
        draw(&race::rows(report), report.elapsed, &terminal).join("\n")
    }

    #[test]
    fn bars_share_one_time_axis() {
        let expected = "\
lookup IPv6        ─╴           ┊           ┊      0.0 +  20.0 ms  1 address
lookup IPv4        ┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅      0.0 + 400.0 ms  no answer
[2001:db8::1]:443  ┊┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅     20.0 + 380.0 ms  no answer
192.0.2.1:443      ┊            ┊   ╺       ┊  ✗ 270.0 +   0.0 ms  connect error
192.0.2.2:443      ┊            ┊     ╺━━━━━━  ✓ 300.0 + 100.0 ms  connected
                   0 ms         200 ms 400 ms";
        assert_eq!(drawn(&report(), 80, true, false), expected);
    }

    #[test]
    fn without_unicode_the_drawing_is_ascii() {
        let expected = "\
lookup IPv6        --           :           :      0.0 +  20.0 ms  1 address
lookup IPv4        ..........................      0.0 + 400.0 ms  no answer
[2001:db8::1]:443  :.........................     20.0 + 380.0 ms  no answer
192.0.2.1:443      :            :   =       :  x 270.0 +   0.0 ms  connect error
192.0.2.2:443      :            :     =======  * 300.0 + 100.0 ms  connected
                   0 ms         200 ms 400 ms";
        assert_eq!(drawn(&report(), 80, false, false), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_two_lines_per_row() {
        let expected = "  lookup IPv6  1 address
  ─╴             ┊             ┊
  lookup IPv4  no answer
  ┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅
  [2001:db8::1]:443  no answer
  ┊┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅
✗ 192.0.2.1:443  connect error
  ┊              ┊    ╸        ┊
✓ 192.0.2.2:443  connected
  ┊              ┊      ╺━━━━━━━
  0 ms           200 ms   400 ms";
        assert_eq!(drawn(&report(), 32, true, false), expected);
    }

    #[test]
    fn colour_changes_only_the_colour() {
        let coloured = drawn(&report(), 80, true, true);
        let mut plain = String::new();
        for part in coloured.split("\x1b[") {
            plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
        }
        assert!(coloured.contains("\x1b[32m✓\x1b[0m"), "{coloured}");
        assert_eq!(plain.lines().next(), drawn(&report(), 80, true, false).lines().next());
    }

    #[test]
    fn the_drawing_fits_any_width() {
        let path = biosock::UnixAddr::from_path("/\u{1b}[2J/häuser/".repeat(6)).unwrap();
        let outcome = Outcome::NoAnswer;
        let unix = Attempt::new(SocketAddr::Unix(path), ms(0), ms(0), outcome);
        let mut alone = Report::default();
        alone.attempts.push(unix);
        for report in [report(), alone] {
            for width in 0..200 {
                let drawing = drawn(&report, width, true, false);
                assert!(!drawing.contains('\x1b'));
                // Even an attempt that took no time has a bar.
                assert!(drawing.contains('┅'), "{width}:\n{drawing}");
                for line in drawing.lines() {
                    assert!(line.chars().count() <= width.max(3), "{width}:\n{drawing}");
                }
            }
        }
    }
}
