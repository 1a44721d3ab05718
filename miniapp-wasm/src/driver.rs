//! Carries out what the client machine asks for: sockets, timers, storage, and the calls between machine, site
//! and customer.

use baton_core::client::{
    Claim, Client, Effect, Ending, Env, Input, Link, Opening, Record, Settings, Standing, Timer,
};
use baton_protocol::lean;
use baton_protocol::model::{DocumentCard, Phase};
use baton_protocol::{ChatId, ClientFrame, Encoding, ErrorCode, ServerFrame, Timestamp, documents_beside};
use js_sys::{Array, Date, Function, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Crypto, Event, MessageEvent, Storage, WebSocket, Window};

use crate::host::{Host, Word};
use crate::settings::{self, CLIENT, Site};
use crate::text::{hex, join};
use crate::ui::{Act, Ui};

/// Where the record is kept.
const RECORD: &str = "baton";
/// That the customer wants no sound, which `static/extras.js` keeps: gone with the chat (M4).
const QUIET: &str = "baton-quiet";
/// What is half written in this tab, which `static/extras.js` keeps: gone with the chat (M4).
const DRAFT: &str = "baton-draft";
/// Whether the window is open in this tab, so that it still is on the site's next page.
const OPEN: &str = "baton-open";

#[wasm_bindgen(raw_module = "./page.js")]
extern "C" {
    /// Gives the bytes of a frame to the parts that are loaded after this one.
    fn hear(bytes: &[u8]);
}

/// The widget.
pub struct App {
    client: Client,
    settings: Settings,
    site: Site,
    window: Window,
    crypto: Crypto,
    // Storage may be missing or full, or the customer may not want it: the chat then lasts as long as the page.
    local: Option<Storage>,
    session: Option<Storage>,
    host: Host,
    ui: Ui,
    /// Every event of the browser and every timer comes in through this one function.
    handler: Function,
    take: Function,
    /// Whether this window is the one that holds the chat.
    holds: bool,
    /// What to do once it does.
    claim: Option<Claim>,
    wanted: Option<Act>,
    /// Whether the chat's gateway has answered here: then its end is news.
    live: bool,
    leaving: bool,
    gone: bool,
    sockets: Vec<(Link, WebSocket)>,
    timers: [Option<i32>; Timer::ALL.len()],
    /// The chat that the site was told of last.
    told: Option<ChatId>,
}

impl App {
    /// Nothing where there is no document, or no source of random numbers: without it nothing would be secret.
    pub fn new(window: Window, config: &JsValue, take: Function, handler: Function) -> Option<Self> {
        let settings = settings::config(config);
        Some(Self {
            client: Client::new(settings.clone()),
            settings,
            site: Site::default(),
            host: Host::new(&window, false),
            ui: Ui::new(window.document()?),
            crypto: window.crypto().ok()?,
            local: window.local_storage().ok().flatten(),
            session: window.session_storage().ok().flatten(),
            window,
            handler,
            take,
            holds: false,
            claim: None,
            wanted: None,
            live: false,
            leaving: false,
            gone: false,
            sockets: Vec::new(),
            timers: [None; Timer::ALL.len()],
            told: None,
        })
    }

    /// Listens to the browser; then to the site, or begins at once as a page.
    pub fn start(&mut self, page: &JsValue) {
        for event in ["click", "submit", "keydown", "input", "scroll", "visibilitychange"] {
            // Scrolling does not bubble.
            _ = self.ui.document().add_event_listener_with_callback_and_bool(event, &self.handler, true);
        }
        for event in ["message", "online", "storage", "pagehide"] {
            _ = self.window.add_event_listener_with_callback_and_bool(event, &self.handler, true);
        }
        let framed = page.is_undefined();
        self.host = Host::new(&self.window, framed);
        if !framed {
            let site = Site::read(&settings::get(page, "settings"));
            let claim = Claim::parse(&settings::text(page, "claim"));
            let page = settings::page(&settings::get(page, "page"));
            self.ui.be_alone();
            self.heed(Word::Init(site, page, claim));
        }
    }

    fn take(&self) {
        _ = self.take.call0(&JsValue::UNDEFINED);
    }

    /// This window holds the chat from now on.
    pub fn begin(&mut self) {
        self.holds = true;
        self.sockets.drain(..).for_each(|(_, socket)| _ = socket.close());
        let before = self.restore();
        let language = self.ui.language();
        self.settings.client_type = join(&[CLIENT, " lang=", &language]);
        let (page, settings) = (self.client.page().cloned(), self.settings.clone());
        self.client = Client::new(settings);
        page.into_iter().for_each(|page| self.input(Input::Browsed(page)));
        match (self.claim.take(), before) {
            (Some(claim), before) => {
                self.input(Input::Arrive(claim, before));
                self.open(true, false);
            }
            (None, Some(record)) => self.input(Input::Resume(record)),
            (None, None) => self.render(),
        }
        self.wanted.take().into_iter().for_each(|act| self.act(act));
    }

    /// Another window holds it, or nobody looks at this one any more.
    pub fn lost(&mut self) {
        self.holds = false;
        self.input(Input::Superseded);
        self.follow();
    }

    /// Shows what the window that holds the chat has stored.
    fn follow(&mut self) {
        if !self.holds {
            let record = self.restore();
            self.input(Input::Follow(record));
        }
    }

    /// Sends a frame of the later parts to the chat's owner.
    pub fn post(&self, bytes: &Uint8Array) {
        let owner = self.client.owner();
        if let Some((_, socket)) = self.sockets.iter().find(|(link, _)| Some(*link) == owner) {
            _ = socket.send_with_js_u8_array(bytes);
        }
    }

    /// Where the chat's documents are, and the secret that opens them.
    pub fn place(&self) -> Option<Array> {
        let record = self.client.record().filter(|record| record.hop.is_none() && self.holds)?;
        let Standing::Session { chat, token } = &record.standing else { return None };
        let base = documents_beside(&record.socket)?;
        let url = join(&[&base, "/", &hex(&chat.0)]);
        Some(Array::of2(&url.into(), &token.reveal().into()))
    }

    /// A file is with the gateway.
    pub fn attached(&mut self, card: DocumentCard) {
        self.input(Input::Attach(card));
    }

    /// A file could not be sent.
    pub fn refused(&mut self, code: ErrorCode) {
        self.input(Input::NotUploaded(code));
    }

    /// An event of the browser, or the number of a timer that has elapsed.
    pub fn event(&mut self, value: JsValue) {
        if let Some(number) = value.as_f64() {
            let timer = Timer::ALL.into_iter().enumerate().find(|(place, _)| *place as f64 == number);
            if let Some((place, timer)) = timer {
                self.timers[place] = None;
                self.input(Input::Timer(timer));
            }
            return;
        }
        let event: Event = value.unchecked_into();
        let target = event.target();
        let link = self
            .sockets
            .iter()
            .find(|(_, socket)| target.as_ref() == Some(socket.as_ref()))
            .map(|(link, _)| *link);
        match (event.type_().as_str(), link) {
            ("open", Some(link)) => self.input(Input::Opened(link)),
            ("message", Some(link)) => self.received(link, event.unchecked_ref()),
            ("close", Some(link)) => {
                self.sockets.retain(|(other, _)| *other != link);
                self.input(Input::Closed(link, Some(event.unchecked_ref::<CloseEvent>().code())));
            }
            // Where the widget has no frame, the site's policy is its own: `static/shadow.js` tells.
            ("blocked", Some(link)) => self.input(Input::Blocked(link)),
            ("message", None) => {
                if let Some(word) = self.host.word(&event) {
                    self.heed(word);
                }
            }
            ("online", _) => self.input(Input::WakeUp),
            ("storage", _) => self.follow(),
            // Browsers keep pages that were left, connections and all, for whoever goes back.
            ("pagehide", _) => self.lost(),
            ("visibilitychange", _) if self.ui.is_visible() => self.wake_up(),
            _ => {
                if let Some(act) = self.ui.act(&event) {
                    self.act(act);
                }
            }
        }
    }

    fn wake_up(&mut self) {
        if self.holds {
            self.input(Input::WakeUp);
        } else {
            self.take();
        }
    }

    /// What is not known here may be to the later parts, which also need to know whose it is: so they hear each welcome.
    fn received(&mut self, link: Link, event: &MessageEvent) {
        let bytes = Uint8Array::new(&event.data()).to_vec();
        let frame = lean::decode(&bytes);
        let later = matches!(frame, None | Some(ServerFrame::Welcome { .. }));
        let over = matches!(frame, Some(ServerFrame::Welcome { phase: Phase::Ended(_), .. }));
        frame.into_iter().for_each(|frame| self.input(Input::Frame(link, frame)));
        if later && self.client.owner() == Some(link) {
            self.live |= !over;
            hear(&bytes);
        }
    }

    fn heed(&mut self, word: Word) {
        match word {
            Word::Init(site, page, claim) => {
                self.ui.form(&site);
                self.site = site;
                self.claim = claim;
                page.into_iter().for_each(|page| self.input(Input::Browsed(page)));
                let open = self.host.is_alone() || stored(&self.session, OPEN).is_some();
                self.open(open, false);
                self.follow();
                self.take();
            }
            Word::Knows(site) => {
                self.ui.form(&site);
                self.site = site;
            }
            Word::Browsed(page) => self.input(Input::Browsed(page)),
            Word::Arrived(claim) => {
                self.claim = Some(claim);
                self.take();
            }
            Word::Open(open) => self.open(open.unwrap_or(!self.ui.is_open()), true),
            Word::Shutdown => self.act(Act::Leave),
        }
    }

    /// Whether the chat, if there is one, is this window's.
    fn is_here(&self) -> bool {
        self.holds && self.client.view().ended != Some(Ending::Elsewhere)
    }

    fn act(&mut self, act: Act) {
        if !self.is_here() && !matches!(act, Act::Open(_) | Act::Look | Act::Typing) {
            self.wanted = Some(act);
            return self.take();
        }
        match act {
            Act::Open(open) => self.open(open, true),
            Act::Start(opening) => self.begin_chat(opening),
            Act::Say(text) => {
                if self.client.objection(&text).is_none() {
                    self.ui.clear_composer();
                }
                self.input(Input::Say(text));
            }
            Act::Typing => self.input(Input::Typing),
            Act::Look => self.look(),
            Act::End => self.input(Input::End),
            Act::Leave => {
                self.leaving = true;
                self.input(Input::End);
            }
            Act::Again => {
                self.input(Input::Dismiss);
                // The form stays, whatever becomes of the window: it is no chat that is over (M4).
                self.host.tell("again", JsValue::UNDEFINED);
                self.ui.focus();
            }
        }
    }

    fn begin_chat(&mut self, opening: Opening) {
        let subject = self.site.subject.clone();
        self.input(Input::Start(Opening { subject, ..opening }));
        self.ui.focus();
    }

    /// Opens or closes the window. Only a customer's own act moves the focus there.
    fn open(&mut self, open: bool, focus: bool) {
        if open != self.ui.is_open() {
            self.host.tell(if open { "open" } else { "close" }, JsValue::UNDEFINED);
        }
        self.host.size(open);
        self.ui.open(open);
        if open {
            store(&self.session, OPEN, "1");
        } else {
            forget(&self.session, OPEN);
        }
        self.render();
        if focus && (open || self.ui.has_focus()) {
            self.ui.focus();
        }
    }

    fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        let crypto = self.crypto.clone();
        let mut random = |bytes: &mut [u8]| _ = crypto.get_random_values_with_u8_array(bytes);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "good for a while")]
        let now = Timestamp(Date::now() as u64);
        self.client.handle(&mut Env { now, random: &mut random }, input, &mut effects);
        for effect in effects {
            self.carry_out(effect);
        }
        self.render();
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Store => self.store(),
            Effect::Forget => {
                [RECORD, QUIET].iter().for_each(|key| forget(&self.local, key));
                forget(&self.session, DRAFT);
            }
            Effect::Connect { link, url } => self.connect(link, &url),
            Effect::Send(link, frame) => self.send(link, &frame),
            Effect::Close(link) => {
                if let Some(place) = self.sockets.iter().position(|(other, _)| *other == link) {
                    _ = self.sockets.swap_remove(place).1.close();
                }
            }
            Effect::SetTimer(timer, millis) => self.set_timer(timer, millis),
            Effect::ClearTimer(timer) => self.clear_timer(timer),
            Effect::Navigate(url) => self.host.navigate(&url),
            Effect::GoBack => self.host.back(),
            Effect::Ended(Ending::Elsewhere) => {}
            Effect::Ended(_) => self.ended(),
            Effect::Render => {}
        }
    }

    /// The chat is over (M4). One that ended while nobody was here, with nothing in it to be read, is not spoken of: whoever
    /// comes back finds the form.
    fn ended(&mut self) {
        if self.live || self.ui.is_open() || self.client.view().unread > 0 {
            self.host.tell("ended", JsValue::UNDEFINED);
        } else {
            self.input(Input::Dismiss);
        }
        self.live = false;
    }

    fn connect(&mut self, link: Link, url: &str) {
        let Ok(socket) = WebSocket::new_with_str(url, Encoding::Binary.subprotocol()) else {
            // No address at all; the attempt's own timer will say so.
            return;
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        for event in ["open", "message", "close", "blocked"] {
            _ = socket.add_event_listener_with_callback_and_bool(event, &self.handler, true);
        }
        self.sockets.push((link, socket));
    }

    fn send(&mut self, link: Link, frame: &ClientFrame) {
        let Some((_, socket)) = self.sockets.iter().find(|(other, _)| *other == link) else { return };
        // The browser complains of one that is closed already, whose end is still to be told.
        if let Some(bytes) = lean::encode(frame).filter(|_| socket.ready_state() == WebSocket::OPEN) {
            _ = socket.send_with_u8_array(&bytes);
        }
    }

    fn set_timer(&mut self, timer: Timer, millis: u32) {
        self.clear_timer(timer);
        let Some(place) = Timer::ALL.iter().position(|other| *other == timer) else { return };
        let number = Array::of1(&JsValue::from(place as f64));
        let millis = i32::try_from(millis).unwrap_or(i32::MAX);
        self.timers[place] = self
            .window
            .set_timeout_with_callback_and_timeout_and_arguments(&self.handler, millis, &number)
            .ok();
    }

    fn clear_timer(&mut self, timer: Timer) {
        let place = Timer::ALL.iter().position(|other| *other == timer);
        if let Some(handle) = place.and_then(|place| self.timers[place].take()) {
            self.window.clear_timeout_with_handle(handle);
        }
    }

    fn store(&self) {
        if let Some(record) = self.client.record() {
            let text: String = record.to_bytes().into_iter().map(char::from).collect();
            store(&self.local, RECORD, &text);
        }
    }

    fn restore(&self) -> Option<Box<Record>> {
        let text = stored(&self.local, RECORD)?;
        let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
        Record::from_bytes(&bytes).map(Box::new)
    }

    /// Everything goes, once the chat's owner has been told of the end.
    fn depart(&mut self) {
        let told = self.client.record().is_none() || self.client.owner().is_some();
        if told && !std::mem::replace(&mut self.gone, true) {
            self.input(Input::Dismiss);
            [OPEN, DRAFT].iter().for_each(|key| forget(&self.session, key));
            self.host.gone();
        }
    }

    fn render(&mut self) {
        if self.leaving {
            return self.depart();
        }
        let unread = self.ui.render(&self.client.view());
        if let Some(unread) = unread {
            self.host.tell("unread", unread.into());
        }
        self.tell_chat();
        self.look();
    }

    /// The site hears that there is a chat, and that it is another company's now.
    fn tell_chat(&mut self) {
        let standing = self.client.record().map(|record| &record.standing);
        let chat = match standing {
            Some(Standing::Session { chat, .. }) if self.live => Some(*chat),
            _ => self.told.filter(|_| !self.is_here()),
        };
        if chat == self.told {
            return;
        }
        let name = if self.told.is_some() { "transferred" } else { "started" };
        self.told = chat;
        if chat.is_some() {
            self.host.tell(name, self.client.view().brand.name.as_str().into());
        }
    }

    /// The customer sees what is there, if it is in sight.
    fn look(&mut self) {
        if self.client.view().unread > 0 && self.ui.is_seen() {
            self.input(Input::Seen);
        }
    }
}

fn stored(place: &Option<Storage>, key: &str) -> Option<String> {
    place.as_ref()?.get_item(key).ok()?
}

fn store(place: &Option<Storage>, key: &str, value: &str) {
    if let Some(storage) = place {
        _ = storage.set_item(key, value);
    }
}

fn forget(place: &Option<Storage>, key: &str) {
    if let Some(storage) = place {
        _ = storage.remove_item(key);
    }
}
