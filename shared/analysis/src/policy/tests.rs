use std::collections::BTreeMap;

use super::*;
use autofix_domain::report::Evidence;

/// What a test changes in an otherwise perfect fix.
#[derive(Clone)]
struct Known {
    analysis: Analysis,
    critique: Option<Critique>,
    second: Option<Critique>,
    questions: Vec<Question>,
    /// What the answers of the first and the second critic are worth.
    answers: [CheckedAnswers; 2],
    forbidden: Vec<Reason>,
    findings: Vec<Reason>,
    code_categories: Vec<(Category, String)>,
    frame: FrameCheck,
    evidence: EvidenceCheck,
    syntax: SyntaxCheck,
    edited_file: EditedFile,
    settings: PolicySettings,
}

impl Known {
    fn perfect() -> Known {
        Known {
            analysis: Analysis {
                error_type: "AttributeError".into(),
                error_message: String::new(),
                root_cause: "`line2` may be missing.".into(),
                file_path: "backend/bookshop/labels.py".into(),
                line_number: Some(12),
                function_name: None,
                confidence: Some(0.9),
                can_auto_fix: true,
                explanation: "…".into(),
                complexity: Some(Complexity::Simple),
                security_implications: Some(SecurityRisk::None),
                blast_radius: Some(BlastRadius::Isolated),
                recommendation: "Give it a default.".into(),
                classification: Some(Classification::CodeFix),
                categories: Some(vec![]),
                evidence: vec![Evidence { file: "a.py".into(), line: 1, quote: "a".into() }],
            },
            second: None,
            questions: Vec::new(),
            answers: Default::default(),
            forbidden: Vec::new(),
            critique: Some(Critique {
                stops_this_error: true,
                changes_other_behaviour: false,
                hides_deeper_fault: false,
                touches_sensitive_area: false,
                confidence: Some(0.95),
                approve: true,
                explanation: "One line.".into(),
                answers: Vec::new(),
            }),
            findings: vec![],
            code_categories: vec![],
            frame: FrameCheck::Verified,
            evidence: EvidenceCheck::True,
            syntax: SyntaxCheck::Checked,
            edited_file: EditedFile::CulpritFile,
            settings: PolicySettings {
                enabled: Enabled::Yes,
                min_confidence: 0.8,
                blocked_categories: BTreeSet::new(),
            },
        }
    }

    fn root_cause(&self) -> RootCause<'_> {
        RootCause {
            analysis: &self.analysis,
            frame: self.frame,
            evidence: self.evidence,
            code_categories: &self.code_categories,
            forbidden: &self.forbidden,
            settings: &self.settings,
        }
    }

    fn input(&self) -> PolicyInput<'_> {
        let [first, second] = &self.answers;
        PolicyInput {
            root_cause: self.root_cause(),
            questions: &self.questions,
            critic: self.critique.as_ref().map(|critique| Review { critique, answers: first }),
            second_critic: self.second.as_ref().map(|critique| Review { critique, answers: second }),
            findings: &self.findings,
            syntax: self.syntax,
            edited_file: self.edited_file,
        }
    }

    fn verdict(&self) -> Verdict {
        decide(&self.input())
    }

    /// Asks `q1`, `q2`, …; both critics answer each with a proven yes.
    fn asked(needs_two: &[bool]) -> Known {
        with(|known| {
            known.questions = (1..)
                .zip(needs_two)
                .map(|(number, &needs_two)| Question {
                    id: format!("q{number}"),
                    text: "May `line2` be missing?".into(),
                    identifier: "line2".into(),
                    needs_two,
                })
                .collect();
            known.second = known.critique.clone();
            let ids = known.questions.iter().map(|question| question.id.clone());
            let standings: BTreeMap<_, _> = ids.map(|id| (id, Standing::Proven)).collect();
            known.answers =
                [(); 2].map(|()| CheckedAnswers { standings: standings.clone(), unasked: vec![] });
        })
    }

    fn refusals(&self) -> Vec<ReasonCode> {
        match self.verdict() {
            Verdict::OpenPullRequest { .. } => vec![],
            Verdict::Refuse { reasons } => reasons.iter().map(|reason| reason.code).collect(),
        }
    }

    fn refusals_before_fix(&self) -> Vec<ReasonCode> {
        match decide_before_fix(&self.root_cause()) {
            Outlook::ProposeFix => vec![],
            Outlook::Refuse { reasons } => reasons.iter().map(|reason| reason.code).collect(),
        }
    }

    fn critic(&mut self) -> &mut Critique {
        self.critique.as_mut().expect("a perfect fix has a critique")
    }
}

fn with(change: impl FnOnce(&mut Known)) -> Known {
    let mut known = Known::perfect();
    change(&mut known);
    known
}

/// Checks both decisions; a change that is known after the root cause refuses in both.
#[track_caller]
fn refused_early(code: ReasonCode, change: impl FnOnce(&mut Known)) {
    let known = with(change);
    assert_eq!(known.refusals(), [code]);
    assert_eq!(known.refusals_before_fix(), [code]);
}

/// Checks a change that is only known when there is a fix.
#[track_caller]
fn refused_late(code: ReasonCode, change: impl FnOnce(&mut Known)) {
    let known = with(change);
    assert_eq!(known.refusals(), [code]);
    assert_eq!(known.refusals_before_fix(), []);
}

#[test]
fn a_perfect_fix_is_opened_with_the_lower_confidence() {
    assert_eq!(Known::perfect().verdict(), Verdict::OpenPullRequest { confidence: 0.9 });
    assert_eq!(
        with(|k| k.critic().confidence = Some(0.81)).verdict(),
        Verdict::OpenPullRequest { confidence: 0.81 }
    );
    assert_eq!(decide_before_fix(&Known::perfect().root_cause()), Outlook::ProposeFix);
}

#[test]
fn every_missing_or_unknown_field_is_a_refusal() {
    let code = ReasonCode::FieldMissing;
    refused_early(code, |k| k.analysis.error_type.clear());
    refused_early(code, |k| k.analysis.root_cause = " \n".into());
    refused_early(code, |k| k.analysis.file_path.clear());
    refused_early(code, |k| k.analysis.explanation.clear());
    refused_early(code, |k| k.analysis.recommendation.clear());
    refused_early(code, |k| k.analysis.line_number = None);
    refused_early(code, |k| k.analysis.line_number = Some(0));
    refused_early(code, |k| k.analysis.complexity = None);
    refused_early(code, |k| k.analysis.security_implications = None);
    refused_early(code, |k| k.analysis.blast_radius = None);
    refused_early(code, |k| k.analysis.classification = None);
    refused_early(code, |k| k.analysis.categories = None);
    for not_a_fraction in [None, Some(f64::NAN), Some(1.01), Some(-0.1), Some(f64::INFINITY)] {
        refused_early(code, |k| k.analysis.confidence = not_a_fraction);
        let of_critic = with(|k| k.critic().confidence = not_a_fraction);
        assert_eq!(of_critic.refusals(), [code, code], "{not_a_fraction:?}");
    }
    assert_eq!(with(|k| k.critique = None).refusals(), [code]);
    assert_eq!(
        with(|k| k.analysis = Analysis::default()).refusals().iter().filter(|one| **one == code).count(),
        12
    );
}

#[test]
fn every_word_of_every_field_is_decided() {
    let code = |allowed: bool, code| if allowed { vec![] } else { vec![code] };
    for &word in Complexity::ALL {
        let allowed = matches!(word, Complexity::Minimal | Complexity::Simple);
        let known = with(|k| k.analysis.complexity = Some(word));
        assert_eq!(known.refusals(), code(allowed, ReasonCode::ComplexityTooHigh), "{word}");
    }
    for &word in SecurityRisk::ALL {
        let allowed = matches!(word, SecurityRisk::None | SecurityRisk::Low);
        let known = with(|k| k.analysis.security_implications = Some(word));
        assert_eq!(known.refusals(), code(allowed, ReasonCode::SecurityRisk), "{word}");
    }
    for &word in BlastRadius::ALL {
        let known = with(|k| k.analysis.blast_radius = Some(word));
        assert_eq!(known.refusals(), code(word == BlastRadius::Isolated, ReasonCode::BlastRadius), "{word}");
    }
    let classifications = [
        (Classification::CodeFix, vec![]),
        (Classification::NeedsHuman, vec![ReasonCode::NeedsHuman]),
        (Classification::NotOurCode, vec![ReasonCode::NotOurCode]),
        (Classification::AlreadyFixed, vec![ReasonCode::AlreadyFixed]),
    ];
    assert_eq!(classifications.len(), Classification::ALL.len());
    for (word, expected) in classifications {
        assert_eq!(with(|k| k.analysis.classification = Some(word)).refusals(), expected, "{word}");
    }
}

#[test]
fn every_category_blocks_whoever_names_it() {
    for &category in Category::ALL {
        refused_early(ReasonCode::CategoryBlocked, |k| k.analysis.categories = Some(vec![category]));
        refused_early(ReasonCode::CategoryBlocked, |k| {
            k.code_categories = vec![(category, "Seen in the code.".into())]
        });
    }
    let both = with(|k| {
        k.analysis.categories = Some(vec![Category::Security, Category::Payments]);
        k.code_categories = vec![(Category::Security, "The path names `auth`.".into())];
        k.settings.blocked_categories = BTreeSet::from([Category::Security]);
    });
    let Verdict::Refuse { reasons } = both.verdict() else { panic!("two categories refuse") };
    assert_eq!(reasons.len(), 2);
    assert_eq!(
        reasons[0].detail,
        "This touches `security`, which needs a person. The analysis says so. The path names `auth`. The \
         repository's file blocks it by name."
    );
}

#[test]
fn a_blocked_category_of_the_repository_that_is_not_touched_changes_nothing() {
    let known = with(|k| k.settings.blocked_categories = Category::ALL.iter().copied().collect());
    assert_eq!(known.refusals(), []);
}

#[test]
fn facts_refuse_on_their_own() {
    refused_early(ReasonCode::FrameUnverified, |k| k.frame = FrameCheck::Unverified);
    refused_early(ReasonCode::EvidenceFalse, |k| k.evidence = EvidenceCheck::False);
    refused_early(ReasonCode::EvidenceFalse, |k| k.analysis.evidence.clear());
    refused_early(ReasonCode::ModelDeclined, |k| k.analysis.can_auto_fix = false);
    refused_early(ReasonCode::ForbiddenPath, |k| {
        k.forbidden = vec![Reason::new(ReasonCode::ForbiddenPath, "x")]
    });
    refused_early(ReasonCode::DisabledByRepository, |k| k.settings.enabled = Enabled::No);
    refused_late(ReasonCode::SyntaxError, |k| k.findings = vec![Reason::new(ReasonCode::SyntaxError, "x")]);
}

#[test]
fn every_answer_of_the_critic_can_refuse_and_beats_any_confidence() {
    let answers: [fn(&mut Critique); 5] = [
        |c| c.approve = false,
        |c| c.stops_this_error = false,
        |c| c.changes_other_behaviour = true,
        |c| c.hides_deeper_fault = true,
        |c| c.touches_sensitive_area = true,
    ];
    for answer in answers {
        refused_late(ReasonCode::CriticRefused, |k| {
            k.analysis.confidence = Some(1.0);
            k.critic().confidence = Some(1.0);
            answer(k.critic());
        });
    }
    let all = with(|k| answers.iter().for_each(|answer| answer(k.critic())));
    assert_eq!(all.refusals(), [ReasonCode::CriticRefused; 5]);
}

#[test]
fn confidence_is_compared_after_the_penalties() {
    let low = ReasonCode::LowConfidence;
    refused_early(low, |k| k.analysis.confidence = Some(0.79));
    refused_late(low, |k| k.critic().confidence = Some(0.79));
    let exactly = with(|k| {
        k.analysis.confidence = Some(0.85);
        k.evidence = EvidenceCheck::Thin;
    });
    assert_eq!(exactly.verdict(), Verdict::OpenPullRequest { confidence: 0.8 });
    refused_early(low, |k| {
        k.analysis.confidence = Some(0.84);
        k.evidence = EvidenceCheck::Thin;
    });
    refused_late(low, |k| {
        k.analysis.confidence = Some(0.89);
        k.edited_file = EditedFile::OtherFile;
    });
    let all = with(|k| {
        (k.evidence, k.syntax, k.edited_file) =
            (EvidenceCheck::Thin, SyntaxCheck::NotChecked, EditedFile::OtherFile);
    });
    let Verdict::Refuse { reasons } = all.verdict() else { panic!("0.9 less 0.2 is too little") };
    assert_eq!(
        reasons[0].detail,
        "The confidence is 0.70 (after evidence_thin −0.05, syntax_not_checked −0.05, culprit_elsewhere −0.10); \
         0.80 is wanted."
    );
}

#[test]
fn a_senseless_threshold_refuses_everything() {
    for threshold in [f64::NAN, -1.0, 1.5, f64::INFINITY] {
        refused_early(ReasonCode::LowConfidence, |k| k.settings.min_confidence = threshold);
    }
    assert_eq!(with(|k| k.settings.min_confidence = 1.0).refusals(), [ReasonCode::LowConfidence]);
}

#[test]
fn all_reasons_are_told_and_the_critics_come_first() {
    let known = with(|k| {
        k.critic().approve = false;
        k.analysis.complexity = Some(Complexity::Complex);
        k.analysis.categories = Some(vec![Category::Database]);
        k.analysis.confidence = Some(0.1);
        k.findings = vec![Reason::new(ReasonCode::TooManyLines, "x")];
    });
    assert_eq!(
        known.refusals(),
        [
            ReasonCode::CriticRefused,
            ReasonCode::ComplexityTooHigh,
            ReasonCode::CategoryBlocked,
            ReasonCode::TooManyLines,
            ReasonCode::LowConfidence,
        ]
    );
}

#[test]
fn a_question_is_open_until_it_is_answered_with_a_proven_yes() {
    let open = ReasonCode::QuestionOpen;
    assert_eq!(Known::asked(&[false, false]).refusals(), []);
    let sentence = "`x` does not stand there.".to_owned();
    let standings = [
        (Standing::No, "The critic answers no (`q2`): May `line2` be missing?"),
        (Standing::Unknown, "The critic can't tell from the code shown (`q2`): May `line2` be missing?"),
        (Standing::Missing, "The critic gives no answer (`q2`): May `line2` be missing?"),
        (Standing::NoQuote, "The critic says yes without quoting any code (`q2`): May `line2` be missing?"),
        (
            Standing::FalseQuote { sentence },
            "The critic says yes with a quote that isn't in the code: `x` does not stand there. (`q2`): May `line2` be \
             missing?",
        ),
        (
            Standing::NameNotQuoted,
            "The critic says yes without quoting code that holds `line2` (`q2`): May `line2` be missing?",
        ),
    ];
    for (standing, expected) in standings {
        let mut known = Known::asked(&[false, false]);
        known.answers[0].standings.insert("q2".into(), standing.clone());
        let Verdict::Refuse { reasons } = known.verdict() else { panic!("{standing:?} leaves it open") };
        assert_eq!(reasons, [Reason::new(open, expected)]);
    }
    let mut nothing = Known::asked(&[false, false]);
    nothing.answers[0] = CheckedAnswers::default();
    assert_eq!(nothing.refusals(), [open, open]);
    let mut unasked = Known::perfect();
    unasked.answers[0].unasked.push("q9".into());
    assert_eq!(unasked.refusals(), [open]);
    assert_eq!(Known::asked(&[false; MAX_QUESTIONS]).refusals(), []);
    assert_eq!(Known::asked(&[false; MAX_QUESTIONS + 1]).refusals(), [open]);
}

#[test]
fn where_two_critics_are_needed_both_have_to_approve_and_to_answer() {
    let two = || Known::asked(&[false, true]);
    assert!(needs_second_critic(&two().questions) && !needs_second_critic(&Known::asked(&[false]).questions));
    assert_eq!(two().verdict(), Verdict::OpenPullRequest { confidence: 0.9 });
    let check = |expected: &[ReasonCode], change: fn(&mut Known)| {
        let mut known = two();
        change(&mut known);
        assert_eq!(known.refusals(), expected);
    };
    check(&[ReasonCode::FieldMissing], |k| k.second = None);
    check(&[ReasonCode::FieldMissing; 2], |k| (k.critique, k.second) = (None, None));
    check(&[ReasonCode::CriticRefused], |k| k.second.as_mut().unwrap().approve = false);
    check(&[ReasonCode::CriticRefused], |k| k.second.as_mut().unwrap().touches_sensitive_area = true);
    check(&[ReasonCode::LowConfidence], |k| k.second.as_mut().unwrap().confidence = Some(0.5));
    check(&[ReasonCode::FieldMissing; 2], |k| k.second.as_mut().unwrap().confidence = None);
    check(&[ReasonCode::QuestionOpen], |k| {
        k.answers[1].standings.insert("q2".into(), Standing::No);
    });
    check(&[ReasonCode::QuestionOpen], |k| {
        k.answers[0].standings.insert("q2".into(), Standing::Unknown);
    });
    // What one critic suffices for is not asked twice.
    check(&[], |k| drop(k.answers[1].standings.remove("q1")));
    check(&[ReasonCode::CriticRefused, ReasonCode::CriticRefused], |k| {
        k.critic().approve = false;
        k.second.as_mut().unwrap().approve = false;
    });
}

#[test]
fn a_critic_is_not_paid_for_where_something_refuses_already() {
    let so_far = |known: &Known| refusals_so_far(&known.input()).iter().map(|r| r.code).collect::<Vec<_>>();
    let mut known = Known::asked(&[true]);
    (known.critique, known.second) = (None, None);
    assert_eq!(so_far(&known), []);
    known.critique = Known::perfect().critique;
    assert_eq!(so_far(&known), [], "the second critic may be asked");
    known.critic().approve = false;
    assert_eq!(so_far(&known), [ReasonCode::CriticRefused]);
    known.critique = None;
    known.findings = vec![Reason::new(ReasonCode::ExceptionSwallowed, "x")];
    known.analysis.categories = Some(vec![Category::Database]);
    // Too little whatever a critic says.
    (known.analysis.confidence, known.edited_file) = (Some(0.85), EditedFile::OtherFile);
    assert_eq!(
        so_far(&known),
        [ReasonCode::CategoryBlocked, ReasonCode::ExceptionSwallowed, ReasonCode::LowConfidence]
    );
}
