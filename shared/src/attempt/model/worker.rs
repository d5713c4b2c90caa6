//! The worker of the model: the discipline that the real one keeps, without its services. It looks before it makes, saves
//! after it did, and whoever saved in between wins.

use jiff::SignedDuration;

use super::matrix;
use super::world::{Github, Luck, World, shown};
use crate::attempt::{
    Attempt, CardMessage, Checks, Cleanup, Event, MAX_STEP_FAILURES, Next, NextHead, NextHeadKind,
    PullRequest, RollBack, State, Status, Step, Telling, WaitsFor, Watch,
};

/// Steps that one wake-up may take at most, many more than there are states: more is a loop.
const STEPS: usize = 40;
/// Between two looks at anything.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// Why a step stopped.
#[derive(PartialEq)]
enum Stop {
    Died,
    /// Somebody saved in between; the attempt was read again.
    Changed,
    ServiceFailed,
    NotAsked,
}

pub(super) struct Worker<'w> {
    pub world: &'w mut World,
    /// As it was read, and what was done to it since.
    pub attempt: Attempt,
    pub version: u64,
    pub luck: std::vec::IntoIter<Luck>,
    pub findings: std::vec::IntoIter<u8>,
}

impl Worker<'_> {
    /// One wake-up: works until the attempt waits, has ended, or the worker dies.
    pub(super) fn work(mut self) {
        let mut done: Vec<(Step, Attempt)> = Vec::new();
        loop {
            let Next::Do(step) = self.attempt.next_step(self.world.now) else {
                if self.save() == Err(Stop::Changed) {
                    self.work(); // somebody decided while the lease was given back
                }
                return;
            };
            let same = (step, self.attempt.clone());
            assert!(
                !done.contains(&same),
                "`{step:?}` again, and nothing has changed: {:?}",
                self.attempt.state
            );
            assert!(done.len() < STEPS, "no rest after {STEPS} steps");
            done.push(same);
            match self.run(step) {
                Ok(()) | Err(Stop::Changed) => self.world.the_card_is_true(),
                Err(Stop::Died) => return,
                Err(stop) => {
                    let went_on = match stop {
                        Stop::ServiceFailed => self.step_failed(step),
                        _ => self.put_off(step),
                    };
                    if went_on == Err(Stop::Died) {
                        return;
                    }
                }
            }
        }
    }

    fn run(&mut self, step: Step) -> Result<(), Stop> {
        match step {
            Step::Analyze => self.analyze(),
            Step::OpenPullRequest => self.open_pull_request(),
            Step::ListIssues => self.list_issues(),
            Step::LookAtChecks => self.look_at_checks(),
            Step::Repair => self.repair(),
            Step::MoveHead => self.move_head(),
            Step::Merge => self.merge(),
            Step::CleanUp => self.clean_up(),
            Step::Watch => self.watch(),
            Step::LookForRevert => self.look_for_revert(),
            Step::TellSentry => {
                self.outside(|_| {})?;
                self.happened(Event::SentryTold { outcome: Telling::Done })
            }
            Step::RollBack => self.roll_back(),
            Step::ShowCard => self.show_card(),
        }
    }

    fn analyze(&mut self) -> Result<(), Stop> {
        if matches!(self.attempt.state, State::Pending) {
            self.happened(Event::AnalysisStarted { base_sha: None })?;
        }
        self.outside(|_| {})?;
        if matches!(self.attempt.state, State::Analyzing { base_sha: None }) {
            self.happened(Event::AnalysisStarted { base_sha: Some("b".repeat(40)) })?;
        }
        self.happened(Event::CauseFound { analysis: Box::default() })?;
        let look_at = self.world.now + PAUSE;
        let event = match self.finding() {
            3 => Event::Waits { what: WaitsFor::Place { limit: 3 }, look_at },
            1 => Event::Skipped { reasons: vec![matrix::reason()], fix: None },
            2 => Event::Failed { reason: matrix::reason() },
            _ => Event::FixProposed { fix: Box::new(matrix::fix()) },
        };
        self.happened(event)
    }

    fn open_pull_request(&mut self) -> Result<(), Stop> {
        assert!(matches!(self.world.table.state, State::Proposed { .. }), "nothing is proposed");
        let head_sha = format!("head {}", self.attempt.restarts);
        let branch = format!("branch {}", self.attempt.restarts);
        let pull_request = PullRequest { head_sha: head_sha.clone(), branch, ..matrix::pull_request() };
        let nth = self.attempt.restarts as usize + 1;
        self.outside(|world| {
            if world.github.pull_requests < nth {
                let merges = std::mem::take(&mut world.github.merges);
                world.github =
                    Github { pull_requests: nth, open: true, head: head_sha, merges, ..Github::default() };
            }
        })?;
        self.happened(Event::PullRequestOpened { pull_request })
    }

    fn list_issues(&mut self) -> Result<(), Stop> {
        let count = self.attempt.joined.count();
        self.outside(|world| world.github.issues = count)?;
        self.attempt.issues_listed(count);
        self.save()
    }

    fn look_at_checks(&mut self) -> Result<(), Stop> {
        self.outside(|_| {})?;
        if let Some(event) = self.taken_over() {
            return self.happened(event);
        }
        let checks = match self.finding() {
            1 => Checks::Running,
            2 => matrix::red(),
            3 => Checks::None,
            4 => return self.next_head(NextHeadKind::Rebase),
            5 if self.attempt.restarts == 0 => {
                return self.happened(Event::StartedOver { why: "it does not fit".to_owned() });
            }
            _ => Checks::Green { passed: 1 },
        };
        let look_at = self.world.now + PAUSE;
        self.happened(Event::ChecksSeen { checks, look_at })
    }

    fn repair(&mut self) -> Result<(), Stop> {
        match self.finding() {
            1 => self.next_head(NextHeadKind::Repair { failed: vec!["tests".to_owned()] }),
            _ => self.happened(Event::HandedOver { why: "nothing helps".to_owned() }),
        }
    }

    fn next_head(&mut self, kind: NextHeadKind) -> Result<(), Stop> {
        let next = Box::new(NextHead { fix: matrix::fix(), kind, at: self.world.now });
        self.happened(Event::NextHead { next, notice: "another commit".to_owned() })
    }

    fn move_head(&mut self) -> Result<(), Stop> {
        let State::PrCreated { offer } = &self.attempt.state else { panic!("no head to move") };
        let next = offer.next.as_ref().expect("a step for the commit that was decided on");
        let old = offer.pull_request.head_sha.clone();
        let head_sha = format!("{old}, and {}", next.at);
        let new = head_sha.clone();
        self.outside(move |world| {
            if world.github.open && world.github.head == old {
                world.github.head = new;
            }
        })?;
        if let Some(event) = self.taken_over_at(&head_sha) {
            return self.happened(event);
        }
        self.happened(Event::HeadMoved { head_sha: head_sha.clone() })?;
        let known = self.attempt.state.pull_request().map(|pull_request| &pull_request.head_sha);
        assert_eq!(known, Some(&head_sha), "the head moved and the attempt remembers another one");
        Ok(())
    }

    fn merge(&mut self) -> Result<(), Stop> {
        assert_eq!(
            self.world.table.status(),
            Status::Approved,
            "merged what the table does not call approved"
        );
        let approved = self.attempt.state.pull_request().expect("approved means open").head_sha.clone();
        let finding = self.finding();
        self.outside(|world| {
            let github = &mut world.github;
            if github.open && github.head == approved && finding == 0 {
                github.open = false;
                github.merged = true;
                github.merges.push(approved);
            }
        })?;
        let (look_at, watch) = (self.world.now + PAUSE, self.watch_over());
        let event = match self.taken_over() {
            Some(Event::MergedOnGithub { .. }) => Event::Merged { merge_sha: None, watch },
            Some(event) => event,
            None if finding == 1 => Event::MergeQueued { look_at },
            None => Event::MergeRefused { reason: matrix::reason() },
        };
        self.happened(event)
    }

    fn clean_up(&mut self) -> Result<(), Stop> {
        self.outside(|world| world.github.open = false)?;
        let is_withdrawing = matches!(self.attempt.state, State::Withdrawing { .. });
        let event = match self.world.github.merged {
            true if is_withdrawing => Event::MergedOnGithub { watch: self.watch_over() },
            true => Event::CleanedUp { outcome: Cleanup::TooLate },
            false => Event::CleanedUp { outcome: Cleanup::Done },
        };
        self.happened(event)
    }

    fn watch(&mut self) -> Result<(), Stop> {
        let State::Deployed { watch: Some(watch), .. } = &self.attempt.state else { panic!("not watched") };
        let (until, now) = (watch.until, self.world.now);
        self.outside(|_| {})?;
        let event = match self.finding() {
            1 => Event::CameBack { came_back: matrix::came_back(), look: self.watch_over() },
            4 => Event::TakenBackOnGithub { commit: None },
            _ if now >= until => Event::StayedQuiet,
            _ => {
                let watch = Some(Watch { until, look_at: now + PAUSE });
                Event::Watched { merge_sha: None, deployment: None, watch }
            }
        };
        self.happened(event)
    }

    fn look_for_revert(&mut self) -> Result<(), Stop> {
        let State::Regressed { look: Some(look), .. } = &self.attempt.state else {
            panic!("not looked after")
        };
        let (until, now) = (look.until, self.world.now);
        self.outside(|_| {})?;
        let look = (now < until).then_some(Watch { until, look_at: now + PAUSE });
        let event = match self.finding() {
            1 => Event::TakenBackOnGithub { commit: Some("e".repeat(40)) },
            _ => Event::StillThere { look },
        };
        self.happened(event)
    }

    fn roll_back(&mut self) -> Result<(), Stop> {
        let State::Regressed { roll_back, .. } = self.attempt.state.clone() else {
            panic!("nothing to roll back")
        };
        match (roll_back, self.finding()) {
            (_, 2) => self.happened(Event::RollBackRefused { reason: matrix::reason() }),
            (RollBack::Approved { .. }, 1) => self.happened(Event::TakenBackOnGithub { commit: None }),
            (RollBack::Approved { .. }, _) => {
                self.outside(|world| world.github.reverts = 1)?;
                let look_at = self.world.now + PAUSE;
                self.happened(Event::RevertOpened { revert: matrix::pull_request(), look_at })
            }
            (RollBack::Opened { .. }, _) => {
                self.outside(|world| world.github.reverts_merged = 1)?;
                self.happened(Event::RolledBack)
            }
            (other, _) => panic!("{other:?} is nothing to do"),
        }
    }

    fn show_card(&mut self) -> Result<(), Stop> {
        let (revision, card) = (self.attempt.card.wanted, shown(&self.attempt));
        let found = self.attempt.card.message.is_some()
            || (self.attempt.card.post_tried_at.is_some() && self.world.slack.posts > 0);
        if !found {
            self.attempt.card.post_tried_at = Some(self.world.now);
            self.save()?;
        }
        self.outside(move |world| {
            world.slack.posts += usize::from(!found);
            world.slack.card = Some(card);
        })?;
        let message = CardMessage { channel: Some("C1".to_owned()), ts: Some("1.1".to_owned()) };
        self.attempt.card_shown(revision, Some(message));
        self.save()
    }

    /// What people did with the pull request on GitHub.
    fn taken_over(&self) -> Option<Event> {
        self.taken_over_at(&self.attempt.state.pull_request()?.head_sha)
    }

    fn taken_over_at(&self, head_sha: &str) -> Option<Event> {
        let github = &self.world.github;
        match (github.merged, github.open) {
            (true, _) => Some(Event::MergedOnGithub { watch: self.watch_over() }),
            _ if github.head != head_sha => Some(Event::Failed { reason: matrix::reason() }),
            (false, false) => Some(Event::ClosedOnGithub),
            (false, true) => None,
        }
    }

    fn watch_over(&self) -> Option<Watch> {
        Some(Watch { until: self.world.now + PAUSE * 3, look_at: self.world.now + PAUSE })
    }

    fn finding(&mut self) -> u8 {
        self.findings.next().unwrap_or(0)
    }

    fn happened(&mut self, event: Event) -> Result<(), Stop> {
        let refused = self.attempt.apply(event.clone(), self.world.now).err();
        assert_eq!(refused, None, "{event:?} was refused, and the step was chosen from this very state");
        self.save()
    }

    fn save(&mut self) -> Result<(), Stop> {
        let (attempt, version) = (self.attempt.clone(), self.version);
        let saved = self.outside(move |world| {
            if world.version == version {
                world.write(attempt);
            }
        });
        match saved {
            Err(_) => Err(Stop::Died), // a table that fails ends the invocation; its wake-up comes again
            Ok(()) if self.world.version == version + 1 && self.world.table == self.attempt => {
                self.version += 1;
                Ok(())
            }
            Ok(()) => {
                self.attempt = self.world.table.clone();
                self.version = self.world.version;
                Err(Stop::Changed)
            }
        }
    }

    fn outside(&mut self, effect: impl FnOnce(&mut World)) -> Result<(), Stop> {
        let luck = self.luck.next().unwrap_or(Luck::Good);
        if !matches!(luck, Luck::Refused | Luck::NotAsked | Luck::DiesBefore) {
            effect(self.world);
        }
        match luck {
            Luck::Good => Ok(()),
            Luck::Refused | Luck::AnswerLost => Err(Stop::ServiceFailed),
            Luck::NotAsked => Err(Stop::NotAsked),
            Luck::DiesBefore | Luck::DiesAfter => Err(Stop::Died),
            Luck::Meanwhile(person) => {
                self.world.someone(person);
                Ok(())
            }
        }
    }

    fn step_failed(&mut self, step: Step) -> Result<(), Stop> {
        let now = self.world.now;
        let until = now + SignedDuration::from_mins(1);
        if step == Step::ShowCard {
            self.attempt.card_postponed(until);
        } else if self.attempt.trouble.failures + 1 < MAX_STEP_FAILURES {
            self.attempt.step_postponed(until, "down".to_owned(), now);
        } else {
            return self.give_up(step);
        }
        Ok(())
    }

    fn put_off(&mut self, step: Step) -> Result<(), Stop> {
        let now = self.world.now;
        let until = now + SignedDuration::from_mins(5);
        if step == Step::ShowCard {
            self.attempt.card_put_off(until);
        } else if !self.attempt.trouble.lasts_too_long(now) {
            self.attempt.step_put_off(until, now);
        } else {
            return self.give_up(step);
        }
        Ok(())
    }

    fn give_up(&mut self, step: Step) -> Result<(), Stop> {
        let reason = matrix::reason();
        let event = match step {
            Step::ListIssues => {
                self.attempt.issues_listed(self.attempt.joined.count());
                return self.save();
            }
            Step::Merge => Event::MergeRefused { reason },
            Step::CleanUp => Event::CleanedUp { outcome: Cleanup::LeftOpen },
            Step::Watch => Event::Watched { merge_sha: None, deployment: None, watch: None },
            Step::LookForRevert => Event::StillThere { look: None },
            Step::TellSentry => Event::SentryTold { outcome: Telling::Refused },
            Step::RollBack => Event::RollBackRefused { reason },
            Step::Analyze
            | Step::OpenPullRequest
            | Step::LookAtChecks
            | Step::Repair
            | Step::MoveHead
            | Step::ShowCard => Event::Failed { reason },
        };
        self.happened(event)
    }
}
