//! Chat as it happens, made from a seed: many conversations open at once, in Chinese and English,
//! with a bot first and people after it. What the answers must be is counted while the chat is
//! made.
//!
//! Words follow Zipf's law, so that the index meets a few huge posting lists and a long tail. Ids
//! are random, as clients make them, which is the harder case for the lookup store.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use verbatim::model::{Event, Kind, Micros, Role, Sender, Visibility};

/// 2026-01-05T00:00:00Z: fixed, so that one seed always makes the same bytes.
pub const STARTED_AT: i64 = 1_767_571_200_000_000;
const DAY_MICROS: f64 = 86_400e6;
/// What the script below comes to; decides how many conversations begin each day.
const EVENTS_PER_CONVERSATION: f64 = 13.8;
const AGENTS: u64 = 60;
const CATEGORIES: u64 = 24;
const ENGLISH_WORDS: usize = 4_000;
const CHINESE_WORDS: usize = 4_000;
const CHINESE_CHARACTERS: usize = 2_500;
const ENGLISH_COMMON: &str = "the i to my order is it you a and please not for refund we will have in your of this can \
    was be delivery return screen broken package days hello sorry thank check number yes";
const CHINESE_COMMON: &str = "的 我 你好 是 了 退款 不 请 订单 可以 吗 有 没有 快递 收到 您 问题 换货 帮 发货 处理 坏了 今天 商品 好的 \
    谢谢 抱歉 查一下 客服 什么时候";
/// Said once in so many texts, and made of nothing else here.
const RARE_WORD: &str = "quernstone";
const RARE_EVERY: u64 = 5_000;

/// One HTTP body.
pub struct Batch {
    pub body: Vec<u8>,
    pub events: usize,
}

/// Words to search for, and in how many texts they are.
pub struct Search {
    pub label: &'static str,
    pub words: &'static str,
    pub total: u64,
}

/// What one shop's answers must be.
pub struct Shop {
    pub name: String,
    pub events: u64,
    pub kinds: BTreeMap<&'static str, u64>,
    pub conversations: u64,
    pub searches: Vec<Search>,
}

/// How much chat, and how it is dealt out.
pub struct Size {
    pub seed: u64,
    pub events: usize,
    pub shops: usize,
    /// Connections, each with the conversations of one shop: lane `n` is of shop `n % shops`.
    pub lanes: usize,
    pub batch_events: usize,
    /// Days over which conversations begin.
    pub days: i64,
}

/// All events, dealt out by conversation so that each connection sends its conversations in order.
pub struct Chat {
    pub lanes: Vec<Vec<Batch>>,
    pub shops: Vec<Shop>,
    pub json_bytes: u64,
    pub from: String,
    pub to: String,
}

impl Chat {
    pub fn new(size: &Size) -> Chat {
        let Size { seed, events, shops, lanes, batch_events, days } = *size;
        let mut chat = Chat {
            lanes: (0..lanes).map(|_| Vec::new()).collect(),
            shops: (0..shops).map(Shop::new).collect(),
            json_bytes: 0,
            from: Micros(STARTED_AT).to_string(),
            // Reopenings of the last day's conversations come up to two days later.
            to: Micros(STARTED_AT + (days + 10) * DAY_MICROS as i64).to_string(),
        };
        let mut waiting: Vec<Batch> =
            (0..lanes).map(|_| Batch { body: Vec::new(), events: 0 }).collect();
        for (conversation, event) in self::events(seed, events, days) {
            let lane = conversation as usize % lanes;
            chat.shops[lane % shops].count(&event);
            let batch = &mut waiting[lane];
            serde_json::to_writer(&mut batch.body, &event).expect("an event is JSON");
            batch.body.push(b'\n');
            batch.events += 1;
            if batch.events == batch_events {
                chat.lanes[lane]
                    .push(std::mem::replace(batch, Batch { body: Vec::new(), events: 0 }));
            }
        }
        for (lane, batch) in waiting.into_iter().enumerate().filter(|(_, batch)| batch.events > 0) {
            chat.lanes[lane].push(batch);
        }
        chat.json_bytes = chat.lanes.iter().flatten().map(|batch| batch.body.len() as u64).sum();
        chat
    }

    /// The shop whose conversations a lane has.
    pub fn shop_of(&self, lane: usize) -> &Shop {
        &self.shops[lane % self.shops.len()]
    }
}

impl Shop {
    fn new(number: usize) -> Shop {
        Shop {
            name: format!("shop-{number}"),
            events: 0,
            kinds: BTreeMap::new(),
            conversations: 0,
            searches: searches(),
        }
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        *self.kinds.entry(event.kind.as_str()).or_default() += 1;
        // Each conversation is opened once, by its first event.
        self.conversations += u64::from(event.kind == Kind::Open);
        if let Some(text) = &event.text {
            let lower = text.to_lowercase();
            self.searches
                .iter_mut()
                .for_each(|search| search.total += u64::from(lower.contains(search.words)));
        }
    }
}

/// The first `count` events of the chat of `seed`, each with the number of its conversation.
pub fn events(seed: u64, count: usize, days: i64) -> impl Iterator<Item = (u64, Event)> {
    let mut writer = Writer::new(seed, count, days);
    (0..count).map(move |_| writer.next())
}

fn searches() -> Vec<Search> {
    [
        ("common word", "refund"),
        ("common 2 characters", "退款"),
        ("rare word", RARE_WORD),
        ("inner substring", "efun"),
        ("phrase of 2 words", "my refund"),
    ]
    .map(|(label, words)| Search { label, words, total: 0 })
    .into()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine and for every version of
/// any crate.
struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// In `[0, 1)`.
    fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Microseconds of a wait: exponential.
    fn wait(&mut self, mean_seconds: f64) -> f64 {
        -(1.0 - self.share()).ln() * mean_seconds * 1e6
    }
}

/// Words by rank, drawn with a frequency of about 1 / rank.
struct Vocabulary {
    words: Vec<String>,
    sums: Vec<f64>,
}

impl Vocabulary {
    fn new(words: Vec<String>) -> Vocabulary {
        let mut sum = 0.0;
        let add = |rank| {
            sum += 1.0 / (rank as f64 + 2.7);
            sum
        };
        Vocabulary { sums: (0..words.len()).map(add).collect(), words }
    }

    fn english(dice: &mut Dice) -> Vocabulary {
        const ONSETS: [&str; 20] = [
            "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr",
            "pl", "ch", "sh",
        ];
        const RIMES: [&str; 16] = [
            "a", "e", "i", "o", "u", "an", "er", "in", "on", "ess", "ing", "ate", "ent", "al",
            "ic", "ow",
        ];
        let mut words: Vec<String> =
            ENGLISH_COMMON.split_whitespace().map(str::to_string).collect();
        while words.len() < ENGLISH_WORDS {
            let mut word = String::new();
            for _ in 0..dice.between(1, 4) {
                word.push_str(ONSETS[dice.below(20) as usize]);
                word.push_str(RIMES[dice.below(16) as usize]);
            }
            words.push(word);
        }
        Vocabulary::new(words)
    }

    fn chinese(dice: &mut Dice) -> Vocabulary {
        let character = |number: usize| {
            char::from_u32(0x4e00 + number as u32 * 7 % 20_000).expect("a CJK ideograph")
        };
        let characters = Vocabulary::new(
            (0..CHINESE_CHARACTERS).map(|number| character(number).to_string()).collect(),
        );
        let mut words: Vec<String> =
            CHINESE_COMMON.split_whitespace().map(str::to_string).collect();
        while words.len() < CHINESE_WORDS {
            let count = [1, 2, 2, 2, 2, 3][dice.below(6) as usize];
            words.push((0..count).map(|_| characters.draw(dice)).collect());
        }
        Vocabulary::new(words)
    }

    fn draw(&self, dice: &mut Dice) -> &str {
        let end = self.sums[self.sums.len() - 1];
        let point = dice.share() * end;
        &self.words[self.sums.partition_point(|sum| *sum <= point)]
    }
}

/// What comes next, first of all open conversations.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    at: i64,
    conversation: u64,
}

/// The rest of an open conversation.
struct Script {
    conversation: u64,
    events: std::vec::IntoIter<(i64, Event)>,
}

struct Writer {
    dice: Dice,
    english: Vocabulary,
    chinese: Vocabulary,
    open: BinaryHeap<Reverse<(Next, usize)>>,
    scripts: Vec<Option<(i64, Event, Script)>>,
    free: Vec<usize>,
    begun: u64,
    next_start: f64,
    start_every: f64,
}

impl Writer {
    fn new(seed: u64, events: usize, days: i64) -> Writer {
        let mut dice = Dice(seed);
        let (english, chinese) = (Vocabulary::english(&mut dice), Vocabulary::chinese(&mut dice));
        let conversations = events as f64 / EVENTS_PER_CONVERSATION;
        Writer {
            dice,
            english,
            chinese,
            open: BinaryHeap::new(),
            scripts: Vec::new(),
            free: Vec::new(),
            begun: 0,
            next_start: STARTED_AT as f64,
            start_every: days as f64 * DAY_MICROS / conversations,
        }
    }

    /// The next event of any conversation, with the conversation's number.
    fn next(&mut self) -> (u64, Event) {
        while self.open.peek().is_none_or(|Reverse((next, _))| next.at as f64 >= self.next_start) {
            self.begin();
        }
        let Reverse((_, place)) = self.open.pop().expect("one was begun");
        let (_, event, mut script) = self.scripts[place].take().expect("it is open");
        let conversation = script.conversation;
        match script.events.next() {
            Some((at, next)) => {
                self.open.push(Reverse((Next { at, conversation }, place)));
                self.scripts[place] = Some((at, next, script));
            }
            None => self.free.push(place),
        }
        (conversation, event)
    }

    fn begin(&mut self) {
        let start = self.next_start;
        let conversation = self.begun;
        let mut events = Play::new(self, start).perform().into_iter();
        let (at, first) = events.next().expect("a script opens the conversation");
        let place = self.free.pop().unwrap_or_else(|| {
            self.scripts.push(None);
            self.scripts.len() - 1
        });
        self.scripts[place] = Some((at, first, Script { conversation, events }));
        self.open.push(Reverse((Next { at, conversation }, place)));
        self.begun += 1;
        // Busiest in the afternoon, nearly silent at three in the morning.
        let hour = (start / 3_600e6) % 24.0;
        let weight = 1.0 + 0.85 * ((hour - 15.0) / 24.0 * std::f64::consts::TAU).cos();
        self.next_start = start + self.start_every / weight;
    }
}

/// One conversation being written.
struct Play<'a> {
    dice: &'a mut Dice,
    words: &'a Vocabulary,
    is_chinese: bool,
    name: String,
    customer: String,
    agent: String,
    order: Option<String>,
    now: f64,
    events: Vec<(i64, Event)>,
}

impl Play<'_> {
    fn new(writer: &mut Writer, start: f64) -> Play<'_> {
        let dice = &mut writer.dice;
        let is_chinese = dice.chance(0.6);
        Play {
            is_chinese,
            words: if is_chinese { &writer.chinese } else { &writer.english },
            name: format!("c{:012x}", dice.bits() >> 16),
            customer: format!("u{:06}", dice.below(writer.begun / 2 + 1_000)),
            agent: format!("agent-{:02}", dice.below(AGENTS)),
            order: dice.chance(0.6).then(|| format!("SO{:010}", dice.below(10_000_000_000))),
            now: start,
            events: Vec::new(),
            dice,
        }
    }

    fn perform(mut self) -> Vec<(i64, Event)> {
        self.act(0.0, Kind::Open, Role::System);
        self.say(1.0, Role::Bot, 12);
        self.last().automatic = true;
        for _ in 0..self.dice.between(1, 3) {
            self.say(15.0, Role::Customer, 10);
        }
        self.say(2.0, Role::Bot, 20);
        let has_human = self.dice.chance(0.7);
        if has_human {
            self.act(5.0, Kind::Handoff, Role::Bot);
            self.act(20.0, Kind::Assign, Role::System);
            self.last().assignee = Some(self.agent.clone());
        }
        for _ in 0..self.dice.between(1, 3) {
            self.exchange(if has_human { Role::Human } else { Role::Bot });
        }
        self.end(1_800.0);
        if self.dice.chance(0.08) {
            self.act(86_400.0, Kind::Reopen, Role::Customer);
            self.exchange(Role::Human);
            self.end(1_800.0);
        }
        self.events
    }

    /// An answer or two, and what the customer says to it.
    fn exchange(&mut self, role: Role) {
        let mean_seconds = if role == Role::Human { 120.0 } else { 2.0 };
        for _ in 0..self.dice.between(1, 2) {
            self.say(mean_seconds, role, 14);
            if role == Role::Human && self.dice.chance(0.04) {
                self.edit();
            }
        }
        if role == Role::Human && self.dice.chance(0.05) {
            self.say(20.0, role, 8);
            self.last().visibility = Visibility::Private;
        }
        for _ in 0..self.dice.between(0, 2) {
            self.say(40.0, Role::Customer, 9);
        }
    }

    fn end(&mut self, mean_seconds: f64) {
        if self.dice.chance(0.75) {
            self.act(30.0, Kind::Tag, Role::Human);
            // The product of two draws favours the first categories.
            let number = self.dice.below(CATEGORIES) * self.dice.below(CATEGORIES) / CATEGORIES;
            self.last().category = Some(format!("issue-{number:02}"));
        }
        if self.dice.chance(0.85) {
            self.act(mean_seconds, Kind::Resolve, Role::Human);
        }
        if self.dice.chance(0.2) {
            self.act(2.0, Kind::RateRequest, Role::System);
            self.act(600.0, Kind::Rate, Role::Customer);
            self.last().rating = Some(self.dice.between(1, 5) as u8);
        }
    }

    fn edit(&mut self) {
        let target = self.last().id.clone();
        self.say(15.0, Role::Human, 14);
        let edit = self.last();
        edit.kind = Kind::Edit;
        edit.target = Some(target);
    }

    fn say(&mut self, mean_seconds: f64, role: Role, words: u64) {
        self.act(mean_seconds, Kind::Message, role);
        let text = self.text(words);
        let (order, language) = (self.order.clone(), if self.is_chinese { "zh" } else { "en" });
        let event = self.last();
        event.text = Some(text);
        if role == Role::Customer {
            event.order = order;
            event.channel = Some("app".to_string());
            event.language = Some(language.to_string());
        }
    }

    /// About `words` words, between half and twice as many.
    fn text(&mut self, words: u64) -> String {
        let count = self.dice.between(words.div_ceil(2), words * 3 / 2);
        let mut text = String::new();
        for number in 0..count {
            let word = match self.dice.below(RARE_EVERY * words) {
                0 => RARE_WORD,
                _ => self.words.draw(self.dice),
            };
            if number > 0 && self.is_chinese && self.dice.chance(0.15) {
                text.push('，');
            } else if number > 0 && (!self.is_chinese || word == RARE_WORD) {
                text.push(' ');
            }
            if number == 0 && !self.is_chinese {
                text.push(word.as_bytes()[0].to_ascii_uppercase().into());
                text.push_str(&word[1..]);
            } else {
                text.push_str(word);
            }
        }
        if self.dice.chance(0.03) {
            text.push_str(&format!(" SF{:012}", self.dice.below(1_000_000_000_000)));
        }
        text.push(if self.is_chinese { '。' } else { '.' });
        text
    }

    fn act(&mut self, mean_seconds: f64, kind: Kind, role: Role) {
        self.now += self.dice.wait(mean_seconds);
        let at = self.now as i64;
        let id = match role {
            Role::Customer => self.customer.clone(),
            Role::Human => self.agent.clone(),
            Role::Bot => "bot-1".to_string(),
            Role::System => "system".to_string(),
        };
        let sender = Sender { id, role, name: None };
        let id = format!("{:016x}", self.dice.bits());
        let event = Event {
            sent_at: Some(Micros(at).to_string()),
            ..Event::new(id, self.name.clone(), kind, sender)
        };
        self.events.push((at, event));
    }

    fn last(&mut self) -> &mut Event {
        &mut self.events.last_mut().expect("something was said").1
    }
}
