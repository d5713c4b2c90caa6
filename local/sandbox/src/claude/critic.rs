//! The scripted critic. It is no judge, and says so: to every question it answers yes, with the first line of the code
//! shown to it that holds the question's identifier. Only a script with answers of its own says anything else.

use serde_json::{Value, json};

use super::scripts::{Turn, VERDICT_TOOL};

/// What a verdict says that was filled up here.
const SCRIPTED: &str = "This critic is a script that says yes to every question.";

/// Fills in the answers of verdicts that have none.
pub(super) fn answer_questions(turn: &mut Turn, first_message: &str) {
    let verdicts = turn.tool_uses.iter_mut().filter(|call| call.name == VERDICT_TOOL);
    for verdict in verdicts.filter_map(|call| call.input.as_object_mut()) {
        if verdict.contains_key("answers") {
            continue;
        }
        let answers = answers(first_message);
        if let Some(Value::String(explanation)) = verdict.get_mut("explanation")
            && !answers.is_empty()
        {
            *explanation = format!("{explanation} {SCRIPTED}");
        }
        verdict.insert("answers".to_owned(), json!(answers));
    }
}

fn answers(first_message: &str) -> Vec<Value> {
    let shown = shown_lines(first_message);
    let mut answers = Vec::new();
    let mut lines = first_message.lines();
    while let Some(line) = lines.next() {
        let Some((id, _)) = line.strip_prefix("Question ").and_then(|rest| rest.split_once(": ")) else {
            continue;
        };
        let identifier = lines.next().and_then(|line| line.strip_prefix("Identifier: `")?.strip_suffix('`'));
        let proof = identifier.and_then(|name| shown.iter().find(|line| has_word(line.text, name)));
        let quotes = proof.map(|line| json!({"file": line.file, "line": line.number, "quote": line.text}));
        let answer = if quotes.is_some() { "yes" } else { "unknown" };
        answers.push(json!({"question": id, "answer": answer, "quotes": Vec::from_iter(quotes)}));
    }
    answers
}

/// A line of code before the change.
struct ShownLine<'m> {
    file: &'m str,
    number: u32,
    text: &'m str,
}

/// The lines with a number, each of the file that was named last before it.
fn shown_lines(message: &str) -> Vec<ShownLine<'_>> {
    let mut file = "";
    let mut shown = Vec::new();
    for line in message.lines() {
        if let Some((_, rest)) = line.split_once("content=\"the change to ") {
            file = rest.split('"').next().unwrap_or_default();
        } else if let Some(rest) = line.strip_prefix("Line ") {
            file = rest.split('`').nth(1).unwrap_or_default();
        } else if let Some((number, rest)) = line.trim_start().split_once(' ')
            && let (Ok(number), Some(text)) = (number.parse(), rest.get(2..))
        {
            shown.push(ShownLine { file, number, text: text.trim() });
        }
    }
    shown.retain(|line| !line.file.is_empty());
    shown
}

fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "\
Review this change.
<DATA-1 content=\"the crash\">
AttributeError at line 6 of `a.py`:
    6       second = line2.strip()
</DATA-1>
<DATA-1 content=\"the change to a.py\">
      …
    5   def lines(line22):
    6 -     second = line2.strip()
      +     second = (line2 or \"\").strip()
</DATA-1>
Answer these in `answers`.

Question q1: May it be missing?
Identifier: `line2`

Question q2: And this?
Identifier: `line3`
";

    fn verdict(input: Value, message: &str) -> Value {
        let mut turn = Turn::tool(VERDICT_TOOL, input);
        answer_questions(&mut turn, message);
        turn.tool_uses.remove(0).input
    }

    #[test]
    fn every_question_is_answered_with_a_line_that_was_shown() {
        let quote = json!({"file": "a.py", "line": 6, "quote": "second = line2.strip()"});
        assert_eq!(
            verdict(json!({"explanation": "Good."}), MESSAGE),
            json!({
                "explanation": "Good. This critic is a script that says yes to every question.",
                "answers": [
                    {"question": "q1", "answer": "yes", "quotes": [quote]},
                    {"question": "q2", "answer": "unknown", "quotes": []},
                ],
            })
        );
        let nothing_asked = json!({"explanation": "Good.", "answers": []});
        assert_eq!(verdict(json!({"explanation": "Good."}), "Review this change."), nothing_asked);
    }

    #[test]
    fn a_script_that_answers_by_itself_is_left_alone() {
        let own =
            json!({"explanation": "Bad.", "answers": [{"question": "q1", "answer": "no", "quotes": []}]});
        assert_eq!(verdict(own.clone(), MESSAGE), own);
    }
}
