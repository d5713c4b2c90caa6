//! Exception groups: Python's `ExceptionGroup`, JavaScript's `AggregateError`, .NET's `AggregateException`.
//!
//! SDKs send a group's members beside it in the chain, told apart by ids in their mechanisms
//! (<https://develop.sentry.dev/sdk/telemetry/exception-groups/>). A group only wraps: what failed are its members.

use std::collections::HashSet;

use super::wire::Leaf;
use crate::incident::{Exception, Part};

/// What an SDK says about an exception's place among the others.
#[derive(Clone, Default)]
pub(super) struct Relation {
    pub(super) id: Option<u64>,
    pub(super) parent: Option<u64>,
    pub(super) is_group: bool,
    /// Whether the parent holds it in a list (`exceptions[0]`) and not as a cause (`__cause__`); `None` if not said.
    pub(super) in_list: Option<bool>,
}

impl Relation {
    pub(super) fn in_list(source: Leaf<'_>) -> Option<bool> {
        source.words().map(|source| source.contains('['))
    }
}

/// Types that are groups even where the SDK does not say so.
const GROUP_TYPES: [&str; 5] =
    ["ExceptionGroup", "BaseExceptionGroup", "AggregateError", "AggregateException", "MultiError"];

/// The exceptions in an order in which the last one is what failed: groups first, then the members in which they end,
/// each after its own causes, the first that was raised last. A member that equals an earlier one is left out.
/// Without a group, the order as it was.
pub(super) fn unwrapped(exceptions: &[&Exception], relations: &[Relation]) -> Vec<(usize, Part)> {
    let all = 0..exceptions.len();
    let parents = parents(relations);
    let in_list = |child: usize| relations[child].in_list.unwrap_or(true);
    let is_group: Vec<bool> = all
        .clone()
        .map(|at| {
            let named = exceptions[at].kind.rsplit(['.', ':']).next().unwrap_or_default();
            // Older JavaScript SDKs call every error with a cause a group.
            let has_members = all.clone().any(|child| parents[child] == Some(at) && in_list(child));
            has_members && (relations[at].is_group || GROUP_TYPES.contains(&named))
        })
        .collect();
    let is_member =
        |at: usize| !is_group[at] && in_list(at) && parents[at].is_some_and(|parent| is_group[parent]);
    // The member whose cause, or cause's cause, an exception is.
    let member_of = |at: usize| {
        let up =
            std::iter::successors(Some(at), |at| parents[*at].filter(|_| !is_member(*at) && !is_group[*at]));
        up.take(exceptions.len()).find(|at| is_member(*at))
    };
    let raised = |at: usize| (relations[at].id.unwrap_or(u64::MAX), at);
    // Whether anything was raised around the group: then that is what surfaced, and the group is among its causes.
    let is_wrapped = all.clone().rev().find(|at| parents[*at].is_none()).is_none_or(|root| is_group[root]);
    let mut members: Vec<usize> = all.clone().filter(|at| is_member(*at)).collect();
    members.sort_by_key(|at| raised(*at));
    let mut seen = HashSet::new();
    members.retain(|at| seen.insert(fingerprint(exceptions[*at])));
    let mut ordered: Vec<_> = all
        .filter_map(|at| {
            let (rank, within) = match member_of(at) {
                _ if is_group[at] => (0, raised(at)),
                Some(member) => {
                    let place = members.iter().position(|one| *one == member)?;
                    (2, (u64::MAX - place as u64, at))
                }
                None => (if is_wrapped { 1 } else { 3 }, (0, at)),
            };
            let part = match (is_group[at], is_member(at)) {
                (true, _) => Part::Group,
                (false, true) if is_wrapped => Part::Member,
                (false, _) => Part::Chain,
            };
            Some((rank, within, at, part))
        })
        .collect();
    ordered.sort_by_key(|(rank, within, ..)| (*rank, *within));
    ordered.into_iter().map(|(.., at, part)| (at, part)).collect()
}

/// Who holds whom. Without ids, each exception is the cause of the one behind it.
fn parents(relations: &[Relation]) -> Vec<Option<usize>> {
    let by_id = |id: u64| relations.iter().position(|relation| relation.id == Some(id));
    let have_ids = relations.iter().any(|relation| relation.parent.is_some());
    let one = |(at, relation): (usize, &Relation)| match have_ids {
        true => by_id(relation.parent?).filter(|parent| *parent != at),
        false => Some(at + 1).filter(|next| *next < relations.len()),
    };
    relations.iter().enumerate().map(one).collect()
}

/// What makes two members the same failure: the type and where it was raised.
fn fingerprint(exception: &Exception) -> String {
    let crash = exception.frames.last();
    let place =
        crash.map(|frame| (&frame.filename, &frame.abs_path, &frame.module, &frame.function, frame.line));
    match place {
        Some(place) => format!("{} {place:?}", exception.kind),
        None => format!("{} {}", exception.kind, exception.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Frame;

    /// `id parent flags type`, cause first; flags: `g` group, `c` a cause of its parent, `-` neither.
    #[track_caller]
    fn check(chain: &[&str], expected: &[&str]) {
        let (mut exceptions, mut relations) = (Vec::new(), Vec::new());
        for (line, text) in chain.iter().enumerate() {
            let [id, parent, flags, kind] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
            let line = u32::try_from(line).ok();
            let frames = vec![Frame { line: line.filter(|_| !kind.ends_with('=')), ..Frame::default() }];
            exceptions.push(Exception {
                kind: kind.trim_end_matches('=').into(),
                frames,
                ..Exception::default()
            });
            relations.push(Relation {
                id: id.parse().ok(),
                parent: parent.parse().ok(),
                is_group: flags.contains('g'),
                in_list: parent.parse::<u64>().ok().map(|_| !flags.contains('c')),
            });
        }
        let shown: Vec<String> = unwrapped(&exceptions.iter().collect::<Vec<_>>(), &relations)
            .into_iter()
            .map(|(at, part)| match part {
                Part::Group => format!("({})", exceptions[at].kind),
                Part::Member => format!("[{}]", exceptions[at].kind),
                Part::Chain => exceptions[at].kind.clone(),
            })
            .collect();
        assert_eq!(shown, expected, "{chain:?}");
    }

    #[test]
    fn a_group_stands_before_the_members_in_which_it_ends() {
        // One member, with and without a cause of its own.
        check(&["1 0 - KeyError", "0 - g ExceptionGroup"], &["(ExceptionGroup)", "[KeyError]"]);
        check(
            &["2 1 c OSError", "1 0 - AppError", "0 - g ExceptionGroup"],
            &["(ExceptionGroup)", "OSError", "[AppError]"],
        );
        // Several: the first that was raised is last.
        check(
            &["2 0 - TypeError", "1 0 - KeyError", "0 - g AggregateError"],
            &["(AggregateError)", "[TypeError]", "[KeyError]"],
        );
        // Ten tasks that failed at one line are one failure.
        check(
            &["2 0 - KeyError=", "1 0 - KeyError=", "0 - g ExceptionGroup"],
            &["(ExceptionGroup)", "[KeyError]"],
        );
        // Groups in groups.
        check(
            &["3 1 - KeyError", "2 0 - TypeError", "1 0 g ExceptionGroup", "0 - g ExceptionGroup"],
            &["(ExceptionGroup)", "(ExceptionGroup)", "[KeyError]", "[TypeError]"],
        );
        // A group that was raised from something, and one that something was raised from.
        check(
            &["2 0 c OSError", "1 0 - KeyError", "0 - g ExceptionGroup"],
            &["(ExceptionGroup)", "OSError", "[KeyError]"],
        );
        check(
            &["2 1 - KeyError", "1 0 gc ExceptionGroup", "0 - - AppError"],
            &["(ExceptionGroup)", "KeyError", "AppError"],
        );
    }

    #[test]
    fn what_is_no_group_stays_a_chain() {
        check(&["- - - KeyError", "- - - AppError"], &["KeyError", "AppError"]);
        check(&["1 0 c TypeError", "0 - g Error"], &["TypeError", "Error"]);
        check(&["- - - ExceptionGroup"], &["ExceptionGroup"]);
        // Known by its type, where the SDK tells no ids.
        check(
            &["- - - NullReferenceException", "- - - System.AggregateException"],
            &["(System.AggregateException)", "[NullReferenceException]"],
        );
        // Ids that lead nowhere or in a circle end nothing.
        check(&["0 0 g ExceptionGroup", "5 9 - KeyError"], &["ExceptionGroup", "KeyError"]);
        check(&["0 1 g ExceptionGroup", "1 0 g ExceptionGroup"], &["(ExceptionGroup)", "(ExceptionGroup)"]);
    }
}
