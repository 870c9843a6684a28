//! WhatsApp chats exported as text: `_chat.txt` or `WhatsApp Chat with ….txt`, alone or with the files
//! that were sent.
//!
//! There is no published format; what is read here is how phones write it (a description:
//! <https://www.wachattopdf.com/blog/whatsapp-chat-txt-format>). Dates go by the phone's language, clocks
//! have no zone, nobody is the shop, and nothing has an id: `--zone` and `--agent` say what the file does
//! not, `--dates` where its dates can be read in two ways, and a message is known by its instant, its
//! sender, and its place among that sender's of that instant.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};

use super::files::Files;
use super::items::ITEM_BYTES_MAX;
use super::out::{Out, Piece, Reader, conversation_name, edit, event, retraction, short_hash};
use super::{DateOrder, InputError, Notes, Settings};
use crate::model::fields::ID_CHARS_MAX;
use crate::model::{Event, FieldError, Kind, Role, Sender, local_instant};

const SYSTEM: &str = "whatsapp";
/// What an iPhone calls every chat, without its ending.
const CHAT: &str = "_chat";
/// Lines of a file that are tried to tell it: the first may be cut off.
const LINES_TRIED: usize = 5;
/// What the app writes before its own words, so that they are read from left to right.
const MARKS: [char; 6] = ['\u{200e}', '\u{200f}', '\u{202a}', '\u{202c}', '\u{2068}', '\u{2069}'];

/// How the app says that words were taken back, in English and Chinese.
const DELETED: &[&str] = &[
    "This message was deleted",
    "You deleted this message",
    "此消息已删除",
    "该消息已删除",
    "您已删除此消息",
    "你已删除此消息",
    "此訊息已刪除",
    "您已刪除此訊息",
    "你已刪除此訊息",
    "你刪除了此訊息",
];
/// What it writes behind words that were changed.
const EDITED: &[&str] = &[
    "<This message was edited>",
    "<此消息已编辑>",
    "<此消息已被编辑>",
    "<此訊息已編輯>",
    "<已編輯此訊息>",
];
/// What stands in place of a file that was left out.
const OMITTED: &[&str] = &[
    "<Media omitted>",
    "image omitted",
    "video omitted",
    "audio omitted",
    "sticker omitted",
    "document omitted",
    "GIF omitted",
    "Contact card omitted",
    "<媒体省略>",
    "<省略影音内容>",
    "<已省略多媒体文件>",
    "<省略多媒體檔案>",
    "<已省略多媒體檔案>",
    "忽略图片",
    "忽略视频",
    "忽略音频",
    "圖片已略去",
    "影片已略去",
    "音訊已略去",
];

/// Whether a folder or an archive of these files is an export.
pub(super) fn has_names(names: &[String]) -> bool {
    chat_name(names).is_some()
}

/// The text of the chat among these files.
fn chat_name(names: &[String]) -> Option<&String> {
    let is_chat = |name: &&String| {
        let file = name.rsplit('/').next().unwrap_or(name);
        let is_named = ["WhatsApp", "whatsapp"].iter().any(|word| file.contains(word));
        file == "_chat.txt" || (is_named && file.ends_with(".txt"))
    };
    names.iter().filter(is_chat).min_by_key(|name| name.matches('/').count())
}

/// Whether a file that begins so is the text of a chat.
pub(super) fn is_chat(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.lines().take(LINES_TRIED).any(|line| Stamp::read(line).is_some())
}

/// When a message was written, as its phone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// The numbers of the date, in the order in which they stand.
    date: [u32; 3],
    /// Whether the first has four digits, or is called a year.
    is_year_first: bool,
    time: NaiveTime,
}

impl Stamp {
    /// The stamp that a line begins with, and what follows it: `[3/1/26, 02:13:05] …` on an iPhone,
    /// `03/01/2026, 2:13 am - …` on Android, `2026/1/3 下午2:13 - …` in Chinese.
    fn read(line: &str) -> Option<(Stamp, &str)> {
        let line = line.trim_start_matches('\u{feff}').trim_start_matches(MARKS);
        let (in_brackets, mut rest) = match line.strip_prefix('[') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let mut date = [0; 3];
        let mut is_year_first = false;
        for (index, number) in date.iter_mut().enumerate() {
            let digits = leading_digits(rest, if index == 1 { 2 } else { 4 })?;
            *number = digits.parse().ok()?;
            is_year_first |= index == 0 && digits.len() == 4;
            rest = &rest[digits.len()..];
            let called = [['年', '月', '日'][index]];
            if let Some(after) = rest.strip_prefix(called) {
                is_year_first |= index == 0;
                rest = after.trim_start_matches(is_space);
            } else if index < 2 {
                rest = rest.strip_prefix(['/', '.', '-'])?.trim_start_matches(is_space);
            }
        }
        rest = rest.trim_start_matches('.').trim_start_matches([',', '،']);
        let spaced = rest.trim_start_matches(is_space);
        let (part, after) = day_part(spaced);
        rest = after;
        let hour = leading_digits(rest, 2)?;
        rest = rest[hour.len()..].strip_prefix([':', '.', '：'])?;
        let minute = leading_digits(rest, 2).filter(|digits| digits.len() == 2)?;
        rest = &rest[minute.len()..];
        let mut second = 0;
        if let Some(after) = rest.strip_prefix([':', '.', '：'])
            && let Some(digits) = leading_digits(after, 2)
        {
            second = digits.parse().ok()?;
            rest = &after[digits.len()..];
        }
        let (later, after) = day_part(rest.trim_start_matches(is_space));
        if later.is_some() {
            rest = after;
        }
        let hour = hour_of(hour.parse().ok()?, part.or(later))?;
        let time = NaiveTime::from_hms_opt(hour, minute.parse().ok()?, second)?;
        let rest = if in_brackets {
            rest.strip_prefix(']')?.trim_start_matches(is_space)
        } else {
            rest.trim_start_matches(is_space).strip_prefix('-')?.strip_prefix(' ')?
        };
        Some((Stamp { date, is_year_first, time }, rest))
    }

    /// The day, where the numbers are one in this order.
    fn day(&self, order: DateOrder) -> Option<NaiveDate> {
        let [first, second, third] = self.date;
        let (year, month, day) = match order {
            DateOrder::Dmy => (third, second, first),
            DateOrder::Mdy => (third, first, second),
            DateOrder::Ymd => (first, second, third),
        };
        let year = if year < 100 { year + 2_000 } else { year };
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
    }

    fn at(&self, order: DateOrder) -> Option<NaiveDateTime> {
        Some(self.day(order)?.and_time(self.time))
    }
}

/// Spaces of any width, which the app puts between a time and its half of the day.
fn is_space(char: char) -> bool {
    char == ' ' || char == '\u{a0}' || char == '\u{202f}'
}

/// The first digits of `text`; `None` where there are none or too many.
fn leading_digits(text: &str, count_max: usize) -> Option<&str> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    (1..=count_max).contains(&end).then(|| &text[..end])
}

#[derive(Clone, Copy)]
enum DayPart {
    Morning,
    Noon,
    Evening,
}

/// The half of the day that `text` begins with, if it does, and what follows.
fn day_part(text: &str) -> (Option<DayPart>, &str) {
    const PARTS: &[(&str, DayPart)] = &[
        ("上午", DayPart::Morning),
        ("凌晨", DayPart::Morning),
        ("清晨", DayPart::Morning),
        ("早上", DayPart::Morning),
        ("中午", DayPart::Noon),
        ("下午", DayPart::Evening),
        ("傍晚", DayPart::Evening),
        ("晚上", DayPart::Evening),
        ("a.m.", DayPart::Morning),
        ("p.m.", DayPart::Evening),
        ("a. m.", DayPart::Morning),
        ("p. m.", DayPart::Evening),
        ("am", DayPart::Morning),
        ("pm", DayPart::Evening),
    ];
    for (word, part) in PARTS {
        let begin = text.get(..word.len());
        if begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word)) {
            return (Some(*part), text[word.len()..].trim_start_matches(is_space));
        }
    }
    (None, text)
}

fn hour_of(hour: u32, part: Option<DayPart>) -> Option<u32> {
    match part {
        None => Some(hour),
        // Some phones write 13 and an afternoon beside it.
        Some(_) if hour > 12 => Some(hour),
        Some(DayPart::Morning) => Some(hour % 12),
        Some(DayPart::Evening) => Some(hour % 12 + 12),
        Some(DayPart::Noon) => Some(if hour < 10 { hour + 12 } else { hour }),
    }
}

/// One message, or what the app says between them.
struct Message {
    line: usize,
    stamp: Stamp,
    sender: Option<String>,
    text: String,
    /// Whether the app wrote it, by the mark that it puts before.
    is_marked: bool,
}

#[derive(Default)]
pub(super) struct Whatsapp {
    messages: VecDeque<Message>,
    /// Lines before the first message.
    lost: Vec<usize>,
    name: String,
    order: Option<DateOrder>,
    conversation: String,
    senders: BTreeMap<String, Sender>,
    /// How many messages somebody has sent at an instant.
    counts: HashMap<(NaiveDateTime, String), u32>,
}

impl Reader for Whatsapp {
    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let names = files.names();
        let path = || files.path().to_path_buf();
        // Somebody who says what it is may call it as they like.
        let only_text = || names.iter().find(|name| name.ends_with(".txt") && !name.contains('/'));
        let name =
            if files.is_one() { names.first() } else { chat_name(&names).or_else(only_text) };
        let Some(name) = name else {
            let reason = "there is no text of a chat".to_string();
            return Err(InputError::NotOfFormat { path: path(), format: SYSTEM, reason });
        };
        self.name.clone_from(name);
        let bytes = files.whole(name, ITEM_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let reason = format!("it must be UTF-8: byte {} is not", error.valid_up_to());
            InputError::NotOfFormat { path: path(), format: SYSTEM, reason }
        })?;
        self.read(text);
        if self.messages.is_empty() {
            // An empty file holds no events, and says so.
            if bytes.is_empty() {
                return Ok(());
            }
            let reason = "no line of it begins with a date and a time".to_string();
            return Err(InputError::NotOfFormat { path: path(), format: SYSTEM, reason });
        }
        if settings.zone.is_none() {
            return Err(InputError::WhichZone { path: path() });
        }
        self.order = Some(match settings.dates {
            Some(order) => order,
            None => {
                self.told_order().map_err(|date| InputError::WhichDates { path: path(), date })?
            }
        });
        self.name_senders(files, settings)
    }

    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        let Some(message) = self.messages.pop_front() else { return Ok(None) };
        let mut out = Out::new(settings, notes);
        for line in std::mem::take(&mut self.lost) {
            let rule = "come after a line with a date, a time and a sender";
            out.refuse(FieldError::new("line", line, rule));
        }
        if let Err(error) = self.message(&message, files, &mut out) {
            out.refuse(error);
        }
        let place = files.place(&self.name, message.line);
        Ok(Some(out.into_piece(place)))
    }
}

impl Whatsapp {
    /// Splits the text into messages: a line that begins with no stamp goes on with the one before.
    fn read(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let number = index + 1;
            let Some((stamp, rest)) = Stamp::read(line) else {
                match self.messages.back_mut() {
                    Some(message) => {
                        message.text.push('\n');
                        message.text.push_str(line);
                    }
                    None if line.trim().is_empty() => {}
                    None => self.lost.push(number),
                }
                continue;
            };
            let (sender, text) =
                match rest.split_once(": ").or(rest.strip_suffix(':').map(|name| (name, ""))) {
                    Some((name, text)) if !name.is_empty() => (Some(name), text),
                    _ => (None, rest),
                };
            let is_marked = text.starts_with(MARKS);
            let sender = sender.map(|name| name.trim_matches(MARKS).trim_start_matches('~').trim());
            let sender = sender.filter(|name| !name.is_empty()).map(str::to_string);
            let text = text.to_string();
            self.messages.push_back(Message { line: number, stamp, sender, text, is_marked });
        }
        // The end of the file ends its last line.
        if let Some(last) = self.messages.back_mut()
            && let Some(text) = last.text.strip_suffix('\n')
        {
            last.text = text.to_string();
        }
    }

    /// The order in which all dates are dates, and do not run backwards; or one that can be read in two.
    fn told_order(&self) -> Result<DateOrder, String> {
        if self.messages.iter().all(|message| message.stamp.is_year_first) {
            return Ok(DateOrder::Ymd);
        }
        let fits = |order: DateOrder| {
            let mut days = self.messages.iter().map(|message| message.stamp.day(order));
            let mut before = None;
            days.all(|day| {
                let is_later = day.is_some() && day >= before;
                before = day;
                is_later
            })
        };
        match (fits(DateOrder::Dmy), fits(DateOrder::Mdy)) {
            (true, false) => Ok(DateOrder::Dmy),
            (false, true) => Ok(DateOrder::Mdy),
            _ => {
                let mut dates = self.messages.iter().map(|message| message.stamp.date);
                Err(dates.next_back().map_or(String::new(), |[a, b, c]| format!("{a}/{b}/{c}")))
            }
        }
    }

    /// Who is the shop, who the customer, and what the conversation is called: by its one customer, or
    /// by its file where there are several.
    fn name_senders(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let names: BTreeSet<String> = self
            .messages
            .iter()
            .filter(|message| !is_of_app(message))
            .filter_map(|message| message.sender.clone())
            .collect();
        let is_agent = |name: &String| settings.agents.has(&[name.as_str()]);
        if !names.iter().any(is_agent) {
            let there: Vec<String> = names.into_iter().collect();
            return Err(InputError::who_is_the_shop(files.path(), &there));
        }
        let customers: Vec<&String> = names.iter().filter(|name| !is_agent(name)).collect();
        let called = match customers.as_slice() {
            [only] => only.to_string(),
            _ => title(&self.name, files).ok_or_else(|| {
                let reason = "it is of several customers, and nothing names it: \
                    give it as a file that is called as the chat is";
                let (path, reason) = (files.path().to_path_buf(), reason.to_string());
                InputError::NotOfFormat { path, format: SYSTEM, reason }
            })?,
        };
        self.conversation = conversation_name(SYSTEM, &[&called]);
        for name in &names {
            let role = if is_agent(name) { Role::Human } else { Role::Customer };
            let is_short = name.chars().count() <= ID_CHARS_MAX;
            let id = if is_short { name.clone() } else { short_hash(&[name]) };
            self.senders.insert(name.clone(), Sender { id, role, name: None });
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: &Message,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let order = self.order.unwrap_or(DateOrder::Dmy);
        let [a, b, c] = message.stamp.date;
        let at = message.stamp.at(order).ok_or_else(|| {
            let order: &str = order.into();
            FieldError::new("date", format!("{a}/{b}/{c}"), format!("be a day, read as {order}"))
        })?;
        let zone = out.settings.zone.unwrap_or(chrono_tz::UTC);
        let sent_at = local_instant(at, zone)
            .datetime()
            .with_timezone(&zone)
            .to_rfc3339_opts(SecondsFormat::Secs, true);
        let system = out.sender(SYSTEM, Role::System, None);
        let person = message.sender.as_ref().filter(|_| !is_of_app(message));
        let sender = person.and_then(|name| self.senders.get(name)).unwrap_or(&system).clone();
        let count = self.counts.entry((at, sender.id.clone())).or_default();
        *count += 1;
        let id = format!("{}-{}-{count}", at.format("%Y%m%dT%H%M%S"), short_hash(&[&sender.id]));
        let said = event(&self.conversation, &id, Kind::Message, &sender, Some(sent_at));
        if person.is_none() {
            out.send(Event { text: Some(message.text.clone()), automatic: true, ..said });
            return Ok(());
        }
        let bare = message.text.trim_matches(MARKS).trim();
        if DELETED.iter().any(|words| bare.trim_end_matches(['.', '。']) == *words) {
            out.left("words of messages that were deleted before the export");
            let said = Event { text: Some(String::new()), ..said };
            let retract = retraction(&said, format!("{id}.deleted"), Some(sender), None);
            out.send(said);
            out.send(retract);
            return Ok(());
        }
        let (text, is_edited) = without_mark_of_edit(&message.text);
        let mut said = Event { text: Some(text.to_string()), ..said };
        if let Some((file, caption)) = attached(text, &self.name, files) {
            let shown = file.rsplit('/').next().unwrap_or(&file).to_string();
            said.attachments = vec![out.attach(files, &file, &shown)?];
            said.text = (!caption.is_empty()).then(|| caption.to_string());
        } else if OMITTED.contains(&bare) || names_a_file(bare) {
            out.left("files that were left out of the export");
        }
        let edited = is_edited.then(|| {
            out.left("first words of messages that were edited");
            edit(&said, format!("{id}.edited"), &sender, None, text)
        });
        // Words that were changed are the same message; others are another, which a cut of the chat has put
        // in its place.
        let send = if edited.is_some() { Out::send } else { Out::send_made };
        send(&mut *out, said);
        edited.into_iter().for_each(|edited| out.send(edited));
        Ok(())
    }
}

/// Whether the app wrote a line: it has no sender, or words that only the app marks.
fn is_of_app(message: &Message) -> bool {
    let Some(_) = &message.sender else { return true };
    if !message.is_marked {
        return false;
    }
    let bare = message.text.trim_matches(MARKS).trim();
    let is_deleted = DELETED.iter().any(|words| bare.trim_end_matches(['.', '。']) == *words);
    // A file, one that was left out, and words that were taken back are marked too.
    !(is_deleted || OMITTED.contains(&bare) || names_a_file(bare) || bare.ends_with(" omitted"))
}

/// Words without the mark that they were changed, and whether they have it.
fn without_mark_of_edit(text: &str) -> (&str, bool) {
    let bare = text.trim_end().trim_end_matches(MARKS);
    let mark = EDITED.iter().find_map(|mark| bare.strip_suffix(mark));
    mark.map_or((text, false), |text| (text.trim_end_matches(MARKS).trim_end(), true))
}

/// The name that words give to a file: `<attached: NAME>`, `NAME (file attached)`, in any language.
fn named_file(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(MARKS);
    let (line, caption) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.trim_matches(MARKS).trim_end();
    if let Some(inner) = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')) {
        let (_, name) = inner.split_once([':', '：'])?;
        return Some((name.trim(), caption));
    }
    let open = line.rfind(" (")?;
    line.ends_with(')').then(|| (line[..open].trim_matches(MARKS), caption))
}

/// Whether words are the name of a file as the app gives them, here or not.
fn names_a_file(text: &str) -> bool {
    named_file(text).is_some_and(|(name, _)| {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        let is_ending = |ending: &str| {
            (2..=5).contains(&ending.len())
                && ending.chars().all(|char| char.is_ascii_alphanumeric())
        };
        ending.is_some_and(is_ending) && !name.contains(['/', '\\'])
    })
}

/// The file of the export that words name, and what was written below it.
fn attached<'a>(text: &'a str, chat: &str, files: &Files) -> Option<(String, &'a str)> {
    let (name, caption) = named_file(text)?;
    let folder = chat.rfind('/').map_or("", |end| &chat[..=end]);
    let file = format!("{folder}{name}");
    files.has(&file).then_some((file, caption))
}

/// What a chat of several customers is called: by its file, or, since an iPhone calls each `_chat.txt`, by
/// the folder or the archive in which that lies. `None` of a pipe.
fn title(name: &str, files: &Files) -> Option<String> {
    let is_named = files.path().is_file() || files.path().is_dir();
    let path = std::path::absolute(files.path()).ok().filter(|_| is_named);
    let path = path.as_deref();
    let above = if files.is_one() { path.and_then(Path::parent) } else { path };
    let above = above.and_then(Path::file_name).map(|above| above.to_string_lossy());
    let within = Some(name).filter(|_| is_named || !files.is_one());
    let names =
        above.as_deref().into_iter().chain(within.into_iter().flat_map(|name| name.split('/')));
    let whole = names.map(without_ending).rfind(|name| *name != CHAT)?;
    let begins = ["WhatsApp Chat with ", "WhatsApp Chat - "];
    let bare = begins.iter().find_map(|begin| whole.strip_prefix(begin)).unwrap_or(whole);
    Some(bare.to_string())
}

fn without_ending(name: &str) -> &str {
    let endings = [".zip", ".gz", ".zst", ".txt"];
    endings.iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::super::Agents;
    use super::super::testing::{Read, read, zip_of};
    use super::*;

    fn settings(agent: &str) -> Settings {
        Settings {
            zone: Some(chrono_tz::Asia::Shanghai),
            agents: Agents::new(&[agent.to_string()]),
            ..Settings::default()
        }
    }

    const IPHONE: &str = "\u{200e}[13/01/2026, 02:13:05] Visitor 1: \u{200e}Messages and calls are end-to-end encrypted.\r
[13/01/2026, 02:13:06] Visitor 1: It broke\r
second line\r
\r
[13/01/2026, 14:13:06] Shop: We refund: 20\u{200e} <This message was edited>\r
\u{200e}[13/01/2026, 14:14:00] Visitor 1: \u{200e}<attached: 00000012-PHOTO-2026.jpg>\r
\u{200e}[13/01/2026, 14:15:00] Visitor 1: \u{200e}image omitted\r
\u{200e}[13/01/2026, 14:16:00] Shop: \u{200e}You deleted this message.\r
[13/01/2026, 14:17:00] Visitor 1: one\r
[13/01/2026, 14:17:00] Visitor 1: two\r
";

    fn iphone(text: &str) -> Vec<u8> {
        zip_of(&[("_chat.txt", text.as_bytes()), ("00000012-PHOTO-2026.jpg", b"picture")])
    }

    fn of(text: &str) -> Read {
        read("WhatsApp Chat - Visitor 1.zip", &iphone(text), &settings("shop")).unwrap()
    }

    #[test]
    fn stamps_of_all_phones_are_read() {
        let cases: &[(&str, DateOrder, &str, &str)] = &[
            ("[03/01/2026, 02:13:05] A: x", DateOrder::Dmy, "2026-01-03T02:13:05", "A: x"),
            ("[1/3/26, 2:13:05\u{202f}PM] A: x", DateOrder::Mdy, "2026-01-03T14:13:05", "A: x"),
            ("03/01/2026, 02:13 - A: x", DateOrder::Dmy, "2026-01-03T02:13:00", "A: x"),
            ("1/3/26, 12:13 AM - A: x", DateOrder::Mdy, "2026-01-03T00:13:00", "A: x"),
            ("03.01.26, 14:13 - A: x", DateOrder::Dmy, "2026-01-03T14:13:00", "A: x"),
            ("2026-01-03, 2:13 p. m. - A: x", DateOrder::Ymd, "2026-01-03T14:13:00", "A: x"),
            ("2026/1/3 下午2:13 - 林: 好", DateOrder::Ymd, "2026-01-03T14:13:00", "林: 好"),
            ("[2026/1/3 凌晨12:13:05] 林: 好", DateOrder::Ymd, "2026-01-03T00:13:05", "林: 好"),
            ("[2026/1/3 中午12:13:05] 林: 好", DateOrder::Ymd, "2026-01-03T12:13:05", "林: 好"),
            ("2026年1月3日 晚上9:05 - 林: 好", DateOrder::Ymd, "2026-01-03T21:05:00", "林: 好"),
            ("[3.1.2026 14.13.05] A: x", DateOrder::Dmy, "2026-01-03T14:13:05", "A: x"),
        ];
        for (line, order, at, rest) in cases {
            let (stamp, after) = Stamp::read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(stamp.at(*order).unwrap().format("%FT%T").to_string(), *at, "{line}");
            assert_eq!(after, *rest, "{line}");
        }
        for none in
            ["", "A: x", "1/2 people", "3/1/2026", "10:30 - noon", "[1/2/26] x", "[", "2026/"]
        {
            assert_eq!(Stamp::read(none), None, "{none}");
        }
        let (stamp, _) = Stamp::read("31/31/26, 2:13 - A: x").unwrap();
        assert_eq!(stamp.at(DateOrder::Dmy), None);
    }

    #[test]
    fn a_chat_becomes_what_was_said() {
        let read = of(IPHONE);
        assert_eq!(read.refused, Vec::<String>::new());
        let lines: Vec<String> = read.lines();
        let wanted: &[&[&str]] = &[
            &["message", " system:whatsapp at=2026-01-13T02:13:05+08:00"],
            &[
                "message",
                " customer:Visitor 1 at=2026-01-13T02:13:06+08:00 text=It broke\nsecond line\n",
            ],
            &["message", " human:Shop at=2026-01-13T14:13:06+08:00 text=We refund: 20"],
            &["edit", ".edited human:Shop target=2026", " text=We refund: 20"],
            &[
                "message",
                " customer:Visitor 1 at=2026-01-13T14:14:00+08:00 files=00000012-PHOTO-2026.jpg",
            ],
            &[
                "message",
                " customer:Visitor 1 at=2026-01-13T14:15:00+08:00 text=\u{200e}image omitted",
            ],
            &["message", " human:Shop at=2026-01-13T14:16:00+08:00 text="],
            &["retract", ".deleted human:Shop target=2026"],
            &["message", " customer:Visitor 1 at=2026-01-13T14:17:00+08:00 text=one"],
            &["message", " customer:Visitor 1 at=2026-01-13T14:17:00+08:00 text=two"],
        ];
        assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
        for (line, wanted) in lines.iter().zip(wanted) {
            assert!(wanted.iter().all(|part| line.contains(part)), "{line}: {wanted:?}");
        }
        assert!(read.events.iter().all(|event| event.conversation == "whatsapp-Visitor 1"));
        assert!(read.events[0].automatic);
        assert_eq!(read.events[4].text, None);
        assert_eq!(read.carried.len(), 1);
        let [one, two] = [&read.events[8].id, &read.events[9].id];
        assert!(
            one.ends_with("-1")
                && two.ends_with("-2")
                && one[..one.len() - 1] == two[..two.len() - 1]
        );
        let expected = [
            ("files that were left out of the export", 1),
            ("first words of messages that were edited", 1),
            ("words of messages that were deleted before the export", 1),
        ];
        assert_eq!(read.left(), expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    #[test]
    fn android_and_chinese_exports_are_read_too() {
        let text = "2026/1/3 下午2:12 - 消息和通话已进行端到端加密。\n2026/1/3 下午2:13 - 顾客一: 杯子碎了\n2026/1/3 下午2:14 - 小店: <省略影音内容>\n2026/1/3 下午2:15 - 顾客一: 此消息已删除\n2026/1/3 下午2:16 - 顾客一: IMG-1.jpg (文件附件)\n看这里\n";
        let zip =
            zip_of(&[("与顾客一的 WhatsApp 聊天.txt", text.as_bytes()), ("IMG-1.jpg", b"picture")]);
        let read = read("chat.zip", &zip, &settings("小店")).unwrap();
        assert_eq!(read.refused, Vec::<String>::new());
        assert_eq!(read.events[1].text.as_deref(), Some("杯子碎了"));
        assert_eq!(read.events[1].sent_at.as_deref(), Some("2026-01-03T14:13:00+08:00"));
        assert_eq!(read.events[0].sender.role, Role::System);
        assert_eq!(read.events[2].sender.role, Role::Human);
        assert_eq!(read.events[4].kind, Kind::Retract);
        assert_eq!(read.events[5].attachments[0].name, "IMG-1.jpg");
        assert_eq!(read.events[5].text.as_deref(), Some("看这里"));
        assert_eq!(read.events[5].conversation, "whatsapp-顾客一");
    }

    /// Two groups of an iPhone, `_chat.txt` each, were once one conversation.
    #[test]
    fn a_group_is_called_as_what_it_came_in() {
        let group = "[13/01/2026, 02:13:06] Ann: Hi\n[13/01/2026, 02:14:06] Ben: Hi\n[13/01/2026, 02:15:06] Shop: Hi\n";
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str, within: &str| {
            let path = folder.path().join(name);
            match within {
                "" => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(&path, group).unwrap();
                }
                zipped => std::fs::write(&path, zip_of(&[(zipped, group.as_bytes())])).unwrap(),
            }
            let read = super::super::testing::read_path(&path, &settings("shop")).unwrap();
            read.events[0].conversation.clone()
        };
        assert_eq!(named("North v1.2/_chat.txt", ""), "whatsapp-North v1.2");
        assert_eq!(named("South/_chat.txt", ""), "whatsapp-South");
        assert_eq!(named("WhatsApp Chat - West.zip", "_chat.txt"), "whatsapp-West");
        assert_eq!(named("both.zip", "East/_chat.txt"), "whatsapp-East");
        assert_eq!(named("WhatsApp Chat with Mid.txt", ""), "whatsapp-Mid");
        let files = Files::open(&folder.path().join("South")).unwrap();
        assert_eq!(title("_chat.txt", &files).as_deref(), Some("South"));
        // By a pipe nothing says which group it is.
        let piped = Files::of_archive(Path::new("-"), &zip_of(&[("_chat.txt", b"")])).unwrap();
        assert_eq!(title("_chat.txt", &piped), None);
    }

    /// What was deleted after the first import is taken back by the second, under the same ids.
    #[test]
    fn the_same_twice_is_the_same_and_a_deletion_is_added() {
        let before = of(IPHONE);
        assert_eq!(before.bodies(), of(IPHONE).bodies());
        let newer = IPHONE
            .replace("Visitor 1: two", "Visitor 1: \u{200e}This message was deleted.")
            + "[14/01/2026, 00:00:00] Shop: more\r\n";
        let after = of(&newer);
        let ids =
            |read: &Read| read.events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
        let (known, all) = (ids(&before), ids(&after));
        assert!(known.iter().all(|id| all.contains(id)));
        assert_eq!(all.len(), known.len() + 2);
    }

    #[test]
    fn what_the_file_does_not_say_is_asked_for() {
        let text = |body: &str| body.as_bytes().to_vec();
        let refused =
            |body: &str, settings: &Settings| read("chat.txt", &text(body), settings).unwrap_err();
        let no_zone = Settings { zone: None, ..settings("shop") };
        assert!(refused(IPHONE, &no_zone).contains("--zone"));
        for agents in [Agents::default(), Agents::new(&["nobody".to_string()])] {
            let settings = Settings { agents, ..settings("") };
            let error = refused(IPHONE, &settings);
            assert!(error.contains("--agent") && error.contains("Shop, Visitor 1"), "{error}");
        }
        let two_ways = "03/04/2026, 02:13 - Shop: x\n04/04/2026, 02:13 - V: y\n";
        assert!(refused(two_ways, &settings("shop")).contains("--dates"));
        let told = Settings { dates: Some(DateOrder::Dmy), ..settings("shop") };
        let read = read("chat.txt", &text(two_ways), &told).unwrap();
        assert_eq!(read.events[0].sent_at.as_deref(), Some("2026-04-03T02:13:00+08:00"));
        // Days that run backwards in one order are told apart by it.
        let backwards = "03/04/2026, 02:13 - Shop: x\n01/05/2026, 02:13 - V: y\n";
        let read = super::super::testing::read("chat.txt", &text(backwards), &settings("shop"));
        assert_eq!(read.unwrap().events[1].sent_at.as_deref(), Some("2026-05-01T02:13:00+08:00"));
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let long = format!("[13/01/2026, 14:18:00] Shop: {}\r\n", "x".repeat(40_000));
        let text = format!("cut off\nagain\n{IPHONE}{long}[13/01/2026, 14:19:00] Shop: kept");
        let read = of(&text);
        let expected =
            ["line `1` must come after", "line `2` must come after", ".text `40000 bytes`"];
        assert_eq!(read.refused.len(), 3, "{:?}", read.refused);
        for (said, wanted) in read.refused.iter().zip(expected) {
            assert!(said.contains(wanted), "{said}");
        }
        assert_eq!(read.events.last().unwrap().text.as_deref(), Some("kept"));
        let told = Settings { dates: Some(DateOrder::Mdy), ..settings("shop") };
        let read = super::super::testing::read("c.txt", IPHONE.as_bytes(), &told).unwrap();
        assert!(read.refused[0].contains("date `13/1/2026` must be a day"), "{:?}", read.refused);
        let latin = super::super::testing::read(
            "c.txt",
            b"03/01/2026, 02:13 - A: caf\xe9\n",
            &settings("shop"),
        );
        assert!(latin.unwrap_err().contains("byte 26 is not"));
        let folder = super::super::testing::read("_chat.txt", b"words\n", &settings("shop"));
        assert!(folder.unwrap_err().contains("--from"));
    }
}
