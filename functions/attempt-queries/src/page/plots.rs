//! Plots as numbers for an SVG: where each bar, point and label stands. Everything shown is also in a table beside it.

/// Width of every plot; the height of those by week. Narrow enough to be read on a phone, where it is as wide as the screen.
pub(super) const WIDTH: u32 = 440;
pub(super) const HEIGHT: u32 = 208;
/// The part of a plot by week in which values stand.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 432.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 180.0;
/// Bars by name: the column of names, the longest bar, the height of a row.
const NAMES: f64 = 160.0;
const LONGEST: f64 = 220.0;
const ROW: u32 = 28;
/// Weeks whose label has room.
const MAX_LABELS: usize = 7;

/// Bars by name, one below the other.
pub(super) struct Bars {
    pub height: u32,
    pub bars: Vec<NamedBar>,
}

pub(super) struct NamedBar {
    pub name: String,
    pub value: String,
    pub series: &'static str,
    pub y: u32,
    pub text_y: u32,
    pub width: f64,
    /// Where the value stands.
    pub value_x: f64,
}

/// A value with its name and how it is written.
pub(super) struct Named {
    pub name: String,
    pub value: f64,
    pub shown: String,
    pub series: &'static str,
}

pub(super) fn bars(values: Vec<Named>) -> Bars {
    let highest = values.iter().map(|named| named.value).fold(0.0, f64::max);
    let bars: Vec<NamedBar> = (0..)
        .zip(values)
        .map(|(row, named)| {
            let part = if highest > 0.0 { (named.value / highest).clamp(0.0, 1.0) } else { 0.0 };
            let width = rounded(part * LONGEST);
            NamedBar {
                name: named.name,
                value: named.shown,
                series: named.series,
                y: row * ROW + 4,
                text_y: row * ROW + 19,
                width,
                value_x: rounded(NAMES + width + 8.0),
            }
        })
        .collect();
    Bars { height: u32::try_from(bars.len()).unwrap_or(0) * ROW, bars }
}

/// Values by week, side by side.
pub(super) struct ByWeek {
    pub ticks: Vec<Tick>,
    pub labels: Vec<Label>,
    pub bars: Vec<Bar>,
    pub points: Vec<Point>,
    /// The points of each unbroken line, as SVG writes them.
    pub lines: Vec<String>,
}

pub(super) struct Tick {
    pub y: f64,
    pub text_y: f64,
    pub label: String,
}

pub(super) struct Label {
    pub x: f64,
    pub text: String,
}

pub(super) struct Bar {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub series: &'static str,
}

pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

/// Values of one kind, one for each week; `None` where there is none.
pub(super) struct Series {
    pub name: &'static str,
    pub values: Vec<Option<f64>>,
}

/// Bars for each week.
pub(super) fn columns(weeks: &[String], series: &[Series], written: impl Fn(f64) -> String) -> ByWeek {
    let scale = Scale::of(weeks, series);
    let mut plot = scale.frame(weeks, written);
    let width = rounded(scale.step * 0.8 / series.len().max(1) as f64);
    for (place, one) in series.iter().enumerate() {
        for (week, value) in one.values.iter().enumerate() {
            let Some(value) = value.filter(|value| *value > 0.0) else { continue };
            let x = LEFT + scale.step * (week as f64 + 0.1) + width * place as f64;
            let y = scale.y(value);
            plot.bars.push(Bar { x: rounded(x), y, width, height: rounded(BOTTOM - y), series: one.name });
        }
    }
    plot
}

/// A line through the weeks that have a value.
pub(super) fn line(weeks: &[String], values: Vec<Option<f64>>, written: impl Fn(f64) -> String) -> ByWeek {
    let series = [Series { name: "", values }];
    let scale = Scale::of(weeks, &series);
    let mut plot = scale.frame(weeks, written);
    let mut open = Vec::new();
    let [Series { values, .. }] = series;
    for (week, value) in values.into_iter().enumerate().map(|(week, value)| (week as f64, value)) {
        match value {
            Some(value) => {
                let point = Point { x: rounded(LEFT + scale.step * (week + 0.5)), y: scale.y(value) };
                open.push(format!("{},{}", point.x, point.y));
                plot.points.push(point);
            }
            None => plot.lines.extend(
                Some(std::mem::take(&mut open)).filter(|line| line.len() > 1).map(|line| line.join(" ")),
            ),
        }
    }
    plot.lines.extend(Some(open).filter(|line| line.len() > 1).map(|line| line.join(" ")));
    plot
}

struct Scale {
    top: f64,
    step: f64,
}

impl Scale {
    fn of(weeks: &[String], series: &[Series]) -> Scale {
        let values = series.iter().flat_map(|one| &one.values).flatten();
        let highest = values.copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
        Scale { top: round_above(highest), step: (RIGHT - LEFT) / weeks.len().max(1) as f64 }
    }

    fn y(&self, value: f64) -> f64 {
        rounded(BOTTOM - (value / self.top).clamp(0.0, 1.0) * (BOTTOM - TOP))
    }

    fn frame(&self, weeks: &[String], written: impl Fn(f64) -> String) -> ByWeek {
        let ticks = [0.0, self.top / 2.0, self.top].map(|value| {
            let y = self.y(value);
            Tick { y, text_y: y + 4.0, label: written(value) }
        });
        let mut ticks: Vec<Tick> = ticks.into();
        if ticks[1].label == ticks[0].label {
            ticks[1].label.clear(); // too fine to be written
        }
        let every = weeks.len().div_ceil(MAX_LABELS).max(1);
        let labels = weeks.iter().enumerate().filter(|(week, _)| week % every == 0).map(|(week, text)| {
            Label { x: rounded(LEFT + self.step * (week as f64 + 0.5)), text: text.clone() }
        });
        ByWeek { ticks, labels: labels.collect(), bars: Vec::new(), points: Vec::new(), lines: Vec::new() }
    }
}

/// The least of 2, 4, 10, 20, 40, … (and 0.2, 0.4, 1, …) that is not below: half of it can be written, too.
fn round_above(value: f64) -> f64 {
    if value <= 0.0 {
        return 2.0;
    }
    let magnitude = 10_f64.powf(value.log10().floor());
    let found = [1.0, 2.0, 4.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|top| *top >= value);
    found.unwrap_or(10.0 * magnitude)
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weeks(count: usize) -> Vec<String> {
        (0..count).map(|week| format!("w{week}")).collect()
    }

    #[test]
    fn bars_share_the_room_and_keep_their_proportions() {
        let named = |value: f64| Named { name: "x".into(), value, shown: value.to_string(), series: "shown" };
        let found = bars(vec![named(10.0), named(5.0), named(0.0)]);
        assert_eq!(found.bars.iter().map(|bar| bar.width).collect::<Vec<_>>(), [220.0, 110.0, 0.0]);
        assert_eq!(found.height, 84);
        assert_eq!(bars(vec![named(0.0)]).bars[0].width, 0.0, "nothing is no division by zero");
    }

    #[test]
    fn columns_stay_inside_the_plot_and_leave_out_what_is_nothing() {
        let series = ["shown", "merged"]
            .map(|name| Series { name, values: vec![Some(3.0), Some(0.0), None, Some(4.0)] });
        let plot = columns(&weeks(4), &series, |value| format!("{value}"));
        assert_eq!(plot.bars.len(), 4);
        for bar in &plot.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= RIGHT, "{}", bar.x);
            assert!(bar.y >= TOP && (bar.y + bar.height - BOTTOM).abs() < 0.2, "{}", bar.y);
        }
        assert_eq!(plot.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(), ["0", "2", "4"]);
    }

    #[test]
    fn a_line_is_broken_where_a_week_has_no_value() {
        let values = vec![Some(1.0), Some(2.0), None, Some(3.0), None, Some(1.0), Some(f64::INFINITY)];
        let plot = line(&weeks(7), values, |value| format!("{value:.0}"));
        assert_eq!((plot.points.len(), plot.lines.len()), (5, 2));
        assert!(plot.points.iter().all(|point| (TOP..=BOTTOM).contains(&point.y)));
    }

    #[test]
    fn half_of_a_scale_too_fine_to_be_written_has_no_label() {
        let plot = line(&weeks(1), vec![Some(1.0)], |value| format!("{} s", value as u32));
        assert_eq!(plot.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(), ["0 s", "", "1 s"]);
    }

    #[test]
    fn a_year_has_no_more_labels_than_there_is_room_for() {
        let plot = columns(&weeks(53), &[], |value| value.to_string());
        assert!(plot.labels.len() <= MAX_LABELS);
        assert!(columns(&[], &[], |value| value.to_string()).labels.is_empty());
    }

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (value, top) in [(0.0, 2.0), (1.0, 1.0), (3.0, 4.0), (5.0, 10.0), (41.0, 100.0), (0.03, 0.04)] {
            assert!((round_above(value) - top).abs() < 1e-9, "{value}: {}", round_above(value));
        }
    }
}
