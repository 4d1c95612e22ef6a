//! A race drawn as SVG.

use std::fmt::Write;
use std::time::Duration;

use crate::race::{End, Row};
use crate::scale::Scale;
use crate::text::escape;

// All lengths are in the picture's user units, initially pixels.
const MARGIN: f64 = 24.0;
const TOP: f64 = 82.0;
const ROW: f64 = 30.0;
const BAR: f64 = 14.0;
/// Between lookups and attempts.
const PAUSE: f64 = 10.0;
const PLOT: f64 = 480.0;
const GAP: f64 = 18.0;
/// The width of a monospaced letter, estimated generously.
const LETTER: f64 = 7.9;
const HEADING_LETTER: f64 = 10.0;
/// The shortest bar that is still visible.
const SHORTEST_BAR: f64 = 3.0;
const MOST_TICKS: usize = 7;

const STYLE: &str = r#"
    .paper { fill: #ffffff; }
    text { font: 13px ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; }
    .title { font: bold 16px system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; }
    .outcome { font: 14px system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #59636e; }
    .tick, .time { fill: #59636e; }
    .winner { font-weight: bold; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    .grid { fill: #d1d9e0; }
    .lane { fill: #dafbe1; }
    .answered { fill: #54aeff; }
    .connected { fill: #1f883d; }
    .failed { fill: #cf222e; }
    .silent { fill: #fff8c5; stroke: #bf8700; stroke-dasharray: 5 3; }
    .note-failed { fill: #cf222e; }
    .note-silent { fill: #8a6100; }
    .note-connected { fill: #1a7f37; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; }
      text { fill: #f0f6fc; }
      .outcome, .tick, .time { fill: #9198a1; }
      .grid { fill: #3d444d; }
      .lane { fill: #12261e; }
      .answered { fill: #388bfd; }
      .connected { fill: #3fb950; }
      .failed { fill: #f85149; }
      .silent { fill: #341a00; stroke: #d29922; }
      .note-failed { fill: #f85149; }
      .note-silent { fill: #d29922; }
      .note-connected { fill: #3fb950; }
    }
"#;

/// The picture of a race; `title` is the target, `outcome` how the dial ended.
pub(crate) fn draw(title: &str, outcome: &str, rows: &[Row], elapsed: Duration) -> String {
    let sheet = Sheet::of(title, outcome, rows, Scale::of(rows, elapsed));
    let (width, height) = (sheet.width, sheet.bottom + 34.0);
    let (name, description) = (escaped(title), escaped(outcome));
    let mut canvas = Canvas(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img">
  <title>{name}</title>
  <desc>{description}</desc>
  <style>{STYLE}  </style>
"#
    ));
    canvas.rect("paper", [0.0, 0.0, width, height], 8.0);
    canvas.text("title", MARGIN, 36.0, title);
    canvas.text("outcome", MARGIN, 58.0, outcome);
    sheet.lane(&mut canvas, rows);
    sheet.axis(&mut canvas);
    for (row, middle) in rows.iter().zip(&sheet.middles) {
        sheet.row(&mut canvas, row, *middle);
    }
    canvas.0 + "</svg>\n"
}

/// The layout.
struct Sheet {
    scale: Scale,
    plot: f64,
    /// The middle of each row.
    middles: Vec<f64>,
    bottom: f64,
    width: f64,
    /// The right edges of the two time columns, and the left edge of the notes.
    started: f64,
    took: f64,
    note: f64,
}

impl Sheet {
    fn of(title: &str, outcome: &str, rows: &[Row], scale: Scale) -> Self {
        let widest = |text: &dyn Fn(&Row) -> String| {
            rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0) as f64 * LETTER
        };
        let plot = MARGIN + widest(&|row| row.label.clone()) + GAP;
        let started = plot + PLOT + GAP + widest(&|row| scale.number(row.started));
        let took = started + 3.0 * LETTER + widest(&|row| took(&scale, row));
        let note = took + GAP;
        let heading = title.chars().count().max(outcome.chars().count()) as f64 * HEADING_LETTER;
        let width = ((note + widest(&|row| row.note.clone())).max(MARGIN + heading) + MARGIN).ceil();
        let lookups = rows.iter().take_while(|row| row.is_lookup).count();
        let pause = |number| if lookups > 0 && number >= lookups { PAUSE } else { 0.0 };
        let middle = |number: usize| TOP + ROW * (number as f64 + 0.5) + pause(number);
        let middles = (0..rows.len()).map(middle).collect();
        Self { scale, plot, middles, bottom: middle(rows.len()) - ROW / 2.0, width, started, took, note }
    }

    fn x(&self, time: Duration) -> f64 {
        self.plot + PLOT * self.scale.share(time)
    }

    /// Highlights the winner, behind everything else.
    fn lane(&self, canvas: &mut Canvas, rows: &[Row]) {
        if let Some(winner) = rows.iter().position(|row| row.end == End::Connected) {
            let top = self.middles[winner] - ROW / 2.0 + 1.0;
            canvas.rect("lane", [MARGIN / 2.0, top, self.width - MARGIN, ROW - 2.0], 6.0);
        }
    }

    fn axis(&self, canvas: &mut Canvas) {
        for tick in self.scale.ticks(MOST_TICKS) {
            let x = self.x(tick);
            canvas.rect("grid", [x - 0.5, TOP, 1.0, self.bottom - TOP], 0.0);
            canvas.text("tick middle", x, self.bottom + 18.0, &self.scale.tick(tick));
        }
    }

    fn row(&self, canvas: &mut Canvas, row: &Row, middle: f64) {
        let (base, class) = (middle + 4.5, class(row.end));
        let (started, took) = (self.scale.number(row.started), took(&self.scale, row));
        let (label, note, unit) = (&row.label, &row.note, self.scale.unit());
        canvas.begin(&format!("{label}: started at {started} {unit}, took {took}: {note}"));
        canvas.text(if row.end == End::Connected { "winner" } else { "label" }, MARGIN, base, label);
        self.bar(canvas, row, middle);
        canvas.text("time end", self.started, base, &started);
        canvas.text("time end", self.started + 2.0 * LETTER, base, "+");
        canvas.text("time end", self.took, base, &took);
        canvas.text(&format!("note-{class}"), self.note, base, note);
        canvas.end();
    }

    fn bar(&self, canvas: &mut Canvas, row: &Row, middle: f64) {
        let width = (self.x(row.ended()) - self.x(row.started)).max(SHORTEST_BAR);
        // A bar that starts at the very end stays within the plot.
        let x = self.x(row.started).min(self.plot + PLOT - width);
        let height = if row.is_lookup { BAR / 2.0 } else { BAR };
        canvas.rect(class(row.end), [x, middle - height / 2.0, width, height], 3.0f64.min(width / 2.0));
    }
}

/// The SVG elements written so far.
struct Canvas(String);

impl Canvas {
    /// A rectangle: left, top, width and height.
    fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], round: f64) {
        self.add(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="{round:.1}"/>"#
        ));
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let text = escaped(text);
        self.add(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    /// A group with this as its tooltip.
    fn begin(&mut self, title: &str) {
        self.add(format_args!("<g><title>{}</title>", escaped(title)));
    }

    fn end(&mut self) {
        self.add(format_args!("</g>"));
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "  {element}");
    }
}

fn took(scale: &Scale, row: &Row) -> String {
    format!("{} {}", scale.number(row.took), scale.unit())
}

fn class(end: End) -> &'static str {
    match end {
        End::Answered => "answered",
        End::Connected => "connected",
        End::Failed => "failed",
        End::Silent => "silent",
    }
}

/// Text as XML 1.0 requires (sections 2.2 and 2.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
