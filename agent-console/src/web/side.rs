//! The left column: questions, the agent's chats, and the inbox (A2).

use baton_protocol::model::{
    AgentCard, AreaCard, Author, ChatState, ClosedChat, OpenChat, OpenState, Presence, WaitingCard,
};
use baton_protocol::{ChatId, Timestamp};
use leptos::html::Div;
use leptos::prelude::*;

use super::driver::{act, clock, console, focus};
use super::parts::{Avatar, Icon, onward};
use crate::model::places::line_text;
use crate::model::{Chat, Inbox, PaneState};
use crate::tongue::{say, t};
use crate::words;

/// Pixels of a row of the waiting list. They are all the same, so that only those in sight need to be there.
const ROW: f64 = 64.0;

/// Rows beyond either end of what is in sight: a flick of the wheel shows no gap.
const SPARE: usize = 8;

/// Closed lines that are named above the waiting list; those beyond are counted.
const SHUT: usize = 3;

/// See the module.
#[component]
pub fn Side() -> impl IntoView {
    view! {
        <nav class="side" aria-label=t("Chats and inbox")>
            <super::asked::Questions/>
            <Chats/>
            <Lists/>
        </nav>
    }
}

#[component]
fn Chats() -> impl IntoView {
    let ids = Memo::new(|_| console().with(|console| console.chats.iter().map(Chat::id).collect::<Vec<_>>()));
    let places = move || {
        console().with(|console| {
            let most = console.me.as_ref().map_or(0, |me| me.card.max_chats);
            say("$1 of $2", &[&console.places_taken(), &most])
        })
    };
    let beside = Memo::new(|_| console().with(|console| console.side_by_side));
    let flip = move |_| act(|console| console.side_by_side = !console.side_by_side);
    view! {
        <section class="own" aria-label=t("My chats")>
            <h2>{t("My chats")}<span class="number" title=t("Chats that you have, of those that you may have")>{places}</span>
                <button class="plain icon" data-test="beside" aria-label=t("Side by side") title=t("Side by side")
                    aria-pressed=move || beside.get().to_string() on:click=flip><Icon name="columns"/></button>
            </h2>
            <ul>
                <For each=move || ids.get() key=|id| *id let:id><Tab id/></For>
            </ul>
            <Show when=move || ids.with(Vec::is_empty)>
                <p class="hint">{t("None. Alt+P takes whoever waits longest.")}</p>
            </Show>
        </section>
    }
}

/// What a row of the chat list shows.
#[derive(Clone, PartialEq)]
struct Shown {
    name: String,
    said: String,
    said_at: Option<Timestamp>,
    unread: usize,
    state: PaneState,
    front: bool,
    online: bool,
    draft: bool,
}

fn shown(console: &crate::model::Console, id: ChatId) -> Option<Shown> {
    let chat = console.chat(id)?;
    let said = chat.last_said().map(|(author, text)| match author {
        Author::Customer => text,
        _ => say("You: $1", &[&text]),
    });
    Some(Shown {
        name: chat.name(),
        said: if chat.is_typing() { t("typing…").into() } else { said.unwrap_or_default() },
        said_at: chat.lines.values().next_back().map(|entry| entry.at),
        unread: chat.unread(),
        state: chat.state(),
        front: console.open == Some(id),
        online: chat.card.online,
        draft: !chat.draft.is_empty(),
    })
}

#[component]
fn Tab(id: ChatId) -> impl IntoView {
    let shown = Memo::new(move |_| console().with(|console| shown(console, id)));
    let with =
        move |look: fn(&Shown) -> String| shown.with(|shown| shown.as_ref().map(look).unwrap_or_default());
    let ago = move || {
        let at = shown.with(|shown| shown.as_ref().and_then(|shown| shown.said_at));
        at.map(|at| words::ago(Timestamp(clock().get()).since(at)))
    };
    let name = Signal::derive(move || with(|shown| shown.name.clone()));
    let online =
        Signal::derive(move || Some(shown.with(|shown| shown.as_ref().is_some_and(|shown| shown.online))));
    view! {
        <li>
            <button class="tab" data-test="chat-tab" data-state=move || with(|shown| shown.state.name().into())
                aria-current=move || with(|shown| shown.front.to_string())
                on:click=move |_| act(|console| { console.open(id); console.read_shown(); })>
                <Avatar name online/>
                <b>{name}</b>
                <span class="when">{ago}</span>
                <span class="said">
                    {move || with(|shown| if shown.draft { say("Draft · $1", &[&shown.said]) } else { shown.said.clone() })}
                </span>
                <span class="unread">{move || with(|shown| if shown.unread > 0 { shown.unread.to_string() } else { String::new() })}</span>
            </button>
        </li>
    }
}

/// The lists below the agent's own chats.
#[component]
fn Lists() -> impl IntoView {
    let inbox = Memo::new(|_| console().with(|console| console.inbox));
    view! {
        <section class="inbox" aria-label=t("Inbox")>
            <div role="tablist" class="tabs" aria-label=t("Inbox") on:keydown=move |event| arrows(&event, inbox)>
                {Inbox::ALL.map(|this| view! { <ListTab this inbox/> }).collect_view()}
            </div>
            <div class="list" role="tabpanel" id="inbox-list" aria-labelledby=move || inbox.get().mark()>
                {move || match inbox.get() {
                    Inbox::Waiting => view! { <Waiting/> }.into_any(),
                    Inbox::Team => view! { <Team/> }.into_any(),
                    Inbox::Closed => view! { <Closed/> }.into_any(),
                }}
            </div>
        </section>
    }
}

/// Left and right lead to the tabs beside, as they do wherever there are tabs.
fn arrows(event: &leptos::ev::KeyboardEvent, inbox: Memo<Inbox>) {
    let Some(on) = onward(&event.key()) else { return };
    let step = if on { 1 } else { Inbox::ALL.len() - 1 };
    let here = Inbox::ALL.iter().position(|this| *this == inbox.get_untracked()).unwrap_or(0);
    let next = Inbox::ALL[(here + step) % Inbox::ALL.len()];
    act(|console| console.show_inbox(next));
    focus(&format!("#{}", next.mark()));
}

#[component]
fn ListTab(this: Inbox, inbox: Memo<Inbox>) -> impl IntoView {
    let count = Memo::new(move |_| {
        console().with(|console| match this {
            Inbox::Waiting => console.waiting(),
            Inbox::Team if console.is_supervisor() => console.all.len(),
            Inbox::Team => console.agents.len(),
            Inbox::Closed => 0,
        })
    });
    view! {
        <button role="tab" id=this.mark() data-test=this.mark() aria-controls="inbox-list"
            aria-selected=move || (inbox.get() == this).to_string()
            tabindex=move || if inbox.get() == this { "0" } else { "-1" }
            on:click=move |_| act(|console| console.show_inbox(this))>
            {this.name()}{move || (this != Inbox::Closed).then(|| view! { <span class="number">{count.get()}</span> })}
        </button>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    let waiting = Memo::new(|_| console().with(|console| console.queue.clone()));
    let why_not = Memo::new(|_| console().with(|console| console.pick_up_unfit()));
    let cut = Memo::new(|_| {
        console().with(|console| words::cut(console.queue.len(), console.waiting()).unwrap_or_default())
    });
    let list = NodeRef::<Div>::new();
    let (top, height) = (RwSignal::new(0.0), RwSignal::new(900.0));
    let scrolled = move |_| {
        if let Some(list) = list.try_get_untracked().flatten() {
            (top.set(f64::from(list.scroll_top())), height.set(f64::from(list.client_height())));
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows, rounded down, never negative"
    )]
    let row = |pixels: f64| (pixels / ROW).max(0.0) as usize;
    let in_sight = move || {
        let first = row(top.get()).saturating_sub(SPARE);
        let rows = row(height.get()) + 2 * SPARE + 1;
        waiting.with(|waiting| waiting.iter().skip(first).take(rows).cloned().collect::<Vec<_>>())
    };
    #[expect(clippy::cast_precision_loss, reason = "rows of a list")]
    let whole = move || format!("{}px", waiting.with(Vec::len) as f64 * ROW);
    view! {
        <p class="hint why" role="status">{move || why_not.get()}</p>
        <Shut/>
        <p class="hint cut" data-test="queue-cut">{move || cut.get()}</p>
        <div class="scroll" node_ref=list on:scroll=scrolled>
            <ul class="rows" aria-label=t("Waiting customers") style:height=whole>
                <For each=in_sight key=|card| (card.chat, card.since, card.from.clone()) let:card>
                    <Row card why_not/>
                </For>
            </ul>
            <Show when=move || waiting.with(Vec::is_empty)><p class="hint none">{t("Nobody is waiting.")}</p></Show>
        </div>
    }
}

/// The lines that are closed now, and until when.
#[component]
fn Shut() -> impl IntoView {
    let lines = Memo::new(|_| {
        let now = Timestamp(clock().get());
        console().with(|console| {
            let line = |(title, standing)| say("$1: $2", &[&title, &words::standing(&standing)]);
            console.closed_lines(now).into_iter().map(line).collect::<Vec<String>>()
        })
    });
    let more = move || lines.with(Vec::len).saturating_sub(SHUT);
    let rest = move || {
        let more = more();
        (more > 0).then(|| {
            let text = say("$1 more line is closed|$1 more lines are closed", &[&more]);
            let show = |_| act(|console| console.show_inbox(Inbox::Team));
            view! { <button class="plain" on:click=show>{text}</button> }
        })
    };
    view! {
        <div class="shut" role="status" data-test="closed-lines">
            <For each=move || lines.get().into_iter().take(SHUT) key=Clone::clone let:line><p class="hint">{line}</p></For>
            {rest}
        </div>
    }
}

#[component]
fn Row(card: WaitingCard, why_not: Memo<Option<String>>) -> impl IntoView {
    let (chat, since) = (card.chat, card.since);
    // The names of the areas come after the queue.
    let area = Memo::new(move |_| console().with(|console| console.area_title(&card.area)));
    let picking = Memo::new(move |_| console().with(|console| console.picking.contains(&chat)));
    let place =
        Memo::new(move |_| console().with(|console| console.queue.iter().position(|card| card.chat == chat)));
    #[expect(clippy::cast_precision_loss, reason = "rows of a list")]
    let top = move || format!("translateY({}px)", place.get().unwrap_or(0) as f64 * ROW);
    let waited = Memo::new(move |_| Timestamp(clock().get()).since(since));
    let name = words::customer(&card.name);
    let label = say("Pick up $1", &[&name]);
    let about = match (&card.from, card.subject.is_empty()) {
        (Some(from), true) => say("from $1", &[&from]),
        (Some(from), false) => say("from $1 · $2", &[&from, &card.subject]),
        (None, _) => card.subject.clone(),
    };
    let left =
        card.left.map(|left| view! { <span class="badge" data-test="left">{words::left(left)}</span>" " });
    let shown = Signal::derive({
        let name = name.clone();
        move || name.clone()
    });
    view! {
        <li class="row" data-test="queue-row" style:transform=top>
            <Avatar name=shown/>
            <div>
                <p><b>{name}</b><span class="clock" data-wait=move || words::urgency(waited.get())>{move || words::clock(waited.get())}</span></p>
                <p class="hint">{left}{move || area.get()}{(!about.is_empty()).then(|| format!(" · {about}"))}</p>
            </div>
            <button data-test="pick-up" aria-label=label
                disabled=move || why_not.with(Option::is_some) || picking.get()
                on:click=move |_| act(|console| console.pick_up(chat))>
                {t("Pick up")}
            </button>
        </li>
    }
}

#[component]
fn Team() -> impl IntoView {
    let supervisor = Memo::new(|_| console().with(|console| console.is_supervisor()));
    let agents = Memo::new(|_| console().with(|console| console.agents.clone()));
    let chats = Memo::new(|_| console().with(|console| console.all.clone()));
    view! {
        <div class="scroll">
            <h3>{t("Service lines")}</h3>
            <Lines/>
            <h3>{t("Agents")}</h3>
            <ul class="people">
                <For each=move || agents.get()
                    key=|agent| (agent.name.clone(), agent.presence as u8, agent.chats, agent.by_hand) let:agent>
                    <Colleague agent/>
                </For>
            </ul>
            <Show when=move || supervisor.get()>
                <h3>{t("Chats")}</h3>
                <ul class="all">
                    <For each=move || chats.get() key=|chat| chat.chat let:chat><Open first=chat chats/></For>
                </ul>
                <Show when=move || chats.with(Vec::is_empty)><p class="hint none">{t("No chat is open.")}</p></Show>
            </Show>
        </div>
    }
}

/// The lines of this server: who serves them, who waits there, whether they are open.
#[component]
fn Lines() -> impl IntoView {
    let lines = Memo::new(|_| {
        let now = Timestamp(clock().get());
        console().with(|console| {
            let line = |area: &AreaCard| {
                let shut = console.standing(&area.name, now).is_some_and(|standing| !standing.open);
                (area.title.clone(), line_text(console, area, now), area.waiting, shut)
            };
            console.areas.iter().map(line).collect::<Vec<_>>()
        })
    });
    view! {
        <ul class="people lines-here">
            <For each=move || lines.get() key=Clone::clone let((title, text, waiting, shut))>
                <li data-test="line" data-shut=shut.to_string()>
                    <div><b>{title}</b><p class="hint">{text}</p></div>
                    <span class="number" title=t("Waiting customers")>{waiting}</span>
                </li>
            </For>
        </ul>
    }
}

#[component]
fn Colleague(agent: AgentCard) -> impl IntoView {
    let state = words::presence(agent.presence);
    let name = Signal::derive({
        let title = agent.title.clone();
        move || title.clone()
    });
    let state = if agent.by_hand { say("$1, picks up by hand", &[&state]) } else { state.to_owned() };
    let state = if agent.supervisor { say("Supervisor, $1", &[&state]) } else { state };
    view! {
        <li data-test="colleague">
            <Avatar name presence=agent.presence/>
            <div><b>{agent.title.clone()}</b><p class="hint">{state}</p></div>
            <span class="number" title=t("Chats now, of those at most")>{say("$1 of $2", &[&agent.chats, &agent.max_chats])}</span>
        </li>
    }
}

/// A chat of anybody's, for a supervisor.
#[component]
fn Open(first: OpenChat, chats: Memo<Vec<OpenChat>>) -> impl IntoView {
    let id = first.chat;
    let chat = Memo::new(move |_| {
        chats
            .with(|chats| chats.iter().find(|chat| chat.chat == id).cloned())
            .unwrap_or_else(|| first.clone())
    });
    let name = Signal::derive(move || words::customer(&chat.read().name));
    let online = Signal::derive(move || Some(chat.read().online));
    let state = move || {
        let chat = chat.read();
        let agent = |login: &str| {
            console().with(|console| {
                let card = console.agents.iter().find(|agent| agent.name == login);
                card.map_or_else(|| login.to_owned(), |card| card.title.clone())
            })
        };
        match &chat.state {
            OpenState::Waiting => t("Waiting").to_owned(),
            OpenState::Active { agent: login } => say("With $1", &[&agent(login)]),
            OpenState::Transferring { agent: login, to } => say("$1 transfers to $2", &[&agent(login), &to]),
            OpenState::Leaving { to } => say("On the way to $1", &[&to]),
        }
    };
    let area = move || console().with(|console| console.area_title(&chat.read().area));
    let age = move || words::clock(Timestamp(clock().get()).since(chat.read().since));
    let label = move || say("Rescue $1", &[&name.get()]);
    view! {
        <li data-test="open-chat" data-state=move || chat.with(|chat| words::open_state(&chat.state))>
            <Avatar name online/>
            <button class="over" data-test="watch" title=t("Follow this chat") on:click=move |_| act(|console| console.watch(id))>
                <span><b>{name}</b><span class="clock">{age}</span></span>
                <span class="hint">{area}" · "{state}</span>
            </button>
            <button class="plain" data-test="rescue" aria-label=label
                on:click=move |_| act(|console| console.begin_rescue(id))>{t("Rescue")}</button>
        </li>
    }
}

/// Chats that were over last; each can be read.
#[component]
fn Closed() -> impl IntoView {
    let chats = Memo::new(|_| console().with(|console| console.closed.clone()));
    let row = |chat: ClosedChat| {
        let ClosedChat { chat: id, name, subject, since, state, outcome, area } = chat;
        let name = words::customer(&name);
        let area = Memo::new(move |_| console().with(|console| console.area_title(&area)));
        let fate = match &state {
            ChatState::Transferred { to } => say("Transferred to $1", &[&to]),
            ChatState::Ended(reason) => words::ended(reason).into(),
            _ => String::new(),
        };
        let outcome = outcome.map(|outcome| outcome.disposition).filter(|word| !word.is_empty());
        let ago = move || words::ago(Timestamp(clock().get()).since(since));
        let shown = Signal::derive({
            let name = name.clone();
            move || name.clone()
        });
        view! {
            <li data-test="closed-chat">
                <Avatar name=shown/>
                <button class="over" title=t("Read this chat") on:click=move |_| act(|console| console.read_closed(id))>
                    <span><b>{name}</b><span class="when">{ago}</span></span>
                    <span class="hint">{move || area.get()}" · "{fate}{(!subject.is_empty()).then(|| format!(" · {subject}"))}</span>
                </button>
                <span class="badge">{outcome}</span>
            </li>
        }
    };
    view! {
        <div class="scroll">
            <ul class="all"><For each=move || chats.get() key=|chat| (chat.chat, chat.outcome.clone().map(|it| it.disposition)) children=row/></ul>
            <Show when=move || chats.with(Vec::is_empty)><p class="hint none">{t("No chat is over yet.")}</p></Show>
        </div>
    }
}

/// Whether somebody takes chats, for the colour beside their name.
#[must_use]
pub fn presence_mark(presence: Presence) -> &'static str {
    match presence {
        Presence::Available => "available",
        Presence::Busy => "busy",
        Presence::Away => "away",
    }
}
