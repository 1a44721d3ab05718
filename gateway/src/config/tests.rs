use baton_core::effect::Arrival;

use super::template::{DEFAULTS, Start, write};
use super::*;
use baton_core::policy::Rule;
use baton_protocol::model::SharePolicy;

/// A configuration with nothing in it that could be left out.
const LEAST: &str = r#"name = "acme"
title = "Acme"
url = "https://chat.acme.example"
listen = "127.0.0.1:7101"

[[area]]
name = "sales"
title = "Sales"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/data/baton.toml"))
}

fn mistakes(text: &str) -> Vec<Mistake> {
    match parse(text) {
        Err(ConfigError::Wrong { mistakes, .. }) => mistakes,
        other => panic!("no mistake found: {other:?}"),
    }
}

/// The one mistake in the least configuration when a line of it reads otherwise.
fn one(line: &str, instead: &str) -> Mistake {
    assert!(LEAST.contains(line), "{line}");
    let mut found = mistakes(&LEAST.replacen(line, instead, 1));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The one mistake when these lines follow the least configuration, and its line counted from theirs.
fn after(lines: &str) -> Mistake {
    let mut found = mistakes(&format!("{LEAST}{lines}"));
    assert_eq!(found.len(), 1, "{found:?}");
    let mistake = found.remove(0);
    Mistake { line: mistake.line - LEAST.lines().count(), ..mistake }
}

#[track_caller]
fn is(mistake: &Mistake, line: usize, what: &str, example: &str) {
    let Mistake { line: at, what: says, example: shows } = mistake;
    assert!(*at == line && says.contains(what) && shows.contains(example), "{mistake:?}");
}

#[test]
fn what_is_left_out_is_as_documented() {
    let config = parse(LEAST).unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.times, &config.rules), (Times::default(), &Rules::default()));
    assert_eq!((config.tls, config.page, config.sites.len()), (None, None, 0));
    assert_eq!((config.subject.as_str(), config.accent.as_str()), ("", "#1f6f50"));
    assert_eq!(config.folder, Path::new("/data"));
}

#[test]
fn everything_that_is_said_is_heard() {
    let more = r##"
[tls]
certificate = "acme.pem"
key = "/keys/acme.key"
[limits]
connections = 100
per_address = 10
max_chats = 3
messages = 20000
burst = 1000
per_second = 500
[transfer]
prepare_seconds = 7
offer_seconds = 30
linger_seconds = 60
[presence]
agent_grace_seconds = 10
away_waiting_seconds = 20
away_active_seconds = 30
[policy]
same_department = "agents_choice"
same_company = "all"
partner = "nothing"
other = "agents_choice"
[[policy.rule]]
agent = "anna"
area = "sales"
destination = "globex"
deny = "Not to them"
[[policy.rule]]
destination = "initech"
share = "nothing"
"##;
    let top = "accent = \"#ABCDEF\"\nsubject = \"Tents\"\nsites = [\"https://www.acme.example\"]\n\
               page = \"https://www.acme.example/help\"\n";
    let config = parse(&format!("{top}{}{more}", LEAST.replace("127.0.0.1", "0.0.0.0"))).unwrap();
    assert_eq!((config.accent.as_str(), config.subject.as_str()), ("#abcdef", "Tents"));
    assert_eq!(config.page.as_deref(), Some("https://www.acme.example/help"));
    let tls = Tls { certificate: "/data/acme.pem".into(), key: "/keys/acme.key".into() };
    assert_eq!(config.tls, Some(tls));
    assert_eq!(
        config.limits,
        Limits {
            connections: 100,
            per_address: 10,
            max_chats: 3,
            messages: 20_000,
            burst: 1_000,
            per_second: 500
        }
    );
    let Times { prepare, offer, linger, agent_grace, away_waiting, away_active, .. } = config.times;
    assert_eq!((prepare, offer, linger), (7_000, 30_000, 60_000));
    assert_eq!((agent_grace, away_waiting, away_active), (10_000, 20_000, 30_000));
    let shares = config.rules.defaults;
    assert_eq!((shares.same_department, shares.same_company), (SharePolicy::AgentsChoice, SharePolicy::All));
    assert_eq!((shares.partner, shares.other), (SharePolicy::Nothing, SharePolicy::AgentsChoice));
    let share = Some(SharePolicy::Nothing);
    assert_eq!(
        config.rules.exceptions[1],
        Rule { destination: Some("initech".into()), share, ..Rule::default() }
    );
    assert_eq!(config.rules.exceptions[0].denied.as_deref(), Some("Not to them"));
}

#[test]
fn o2_a_rule_names_class_and_confidence_or_nothing() {
    let rules = "[[policy.rule]]\nname = \"secret\"\nclass = \"partner\"\nconfidential = true\ndeny = \"no\"\n\
                 [[policy.rule]]\nshare = \"nothing\"\n";
    let config = parse(&format!("{LEAST}{rules}")).unwrap();
    let secret = Rule {
        name: Some("secret".into()),
        class: Some(baton_core::policy::Class::Partner),
        confidential: Some(true),
        denied: Some("no".into()),
        ..Rule::default()
    };
    let all = Rule { share: Some(SharePolicy::Nothing), ..Rule::default() };
    assert_eq!(config.rules.exceptions, [secret, all]);
    is(&after("[[policy.rule]]\nclass = \"friend\"\n"), 2, "\"same_department\"", "class = \"partner\"");
    is(&after("[[policy.rule]]\nconfidential = \"yes\"\n"), 2, "true or false", "confidential = true");
}

#[test]
fn addresses_follow_from_the_url() {
    let of = |url: &str| {
        let config = parse(&LEAST.replace("https://chat.acme.example", url)).unwrap();
        (config.origin(), config.socket())
    };
    let pair = |origin: &str, socket: &str| (origin.to_owned(), socket.to_owned());
    let plain = pair("http://acme.localhost:7101", "ws://acme.localhost:7101/v1/ws");
    assert_eq!(of("http://acme.localhost:7101/"), plain);
    let secure = pair("https://chat.acme.example", "wss://chat.acme.example/v1/ws");
    assert_eq!(of("https://Chat.Acme.example:443"), secure);
    let settings = parse(LEAST).unwrap().settings();
    assert_eq!((settings.server.as_str(), settings.brand.name.as_str()), ("acme", "Acme"));
    assert_eq!(settings.area_title("sales"), Some("Sales"));
}

#[test]
fn a_mistake_says_where_what_and_what_is_right() {
    let error = parse(&LEAST.replace("title = \"Acme\"", "titel = \"Acme\"")).unwrap_err().to_string();
    assert_eq!(
        error,
        "/data/baton.toml:1: `title` is missing\n    title = \"Acme\"\n\
         /data/baton.toml:2: there is no setting `titel`: did you mean `title`?"
    );
}

#[test]
fn unknown_settings() {
    let hint = "there is no setting `conections` in `limits`: did you mean `connections`?";
    is(&after("[limits]\n\nconections = 5"), 3, hint, "");
    let known = "known here: burst, connections, max_chats, messages, per_address";
    is(&after("[limits]\ncolour = 5"), 2, "no setting `colour`", known);
    is(&after("[transfers]\nprepare_seconds = 5"), 1, "did you mean `transfer`?", "");
    is(&after("colour = \"red\""), 1, "no setting `colour` in `area`", "keep_posted");
    is(&after("[[policy.rule]]\nreason = \"x\""), 2, "no setting `reason` in `rule`", "deny");
}

#[test]
fn missing_settings() {
    is(&one("name = \"acme\"\n", ""), 1, "`name` is missing", "name = \"acme\"");
    is(&one("url = \"https://chat.acme.example\"\n", ""), 1, "`url` is missing", "https://");
    is(&one("listen = \"127.0.0.1:7101\"\n", ""), 1, "`listen` is missing", "127.0.0.1:7101");
    is(&one("title = \"Sales\"\n", ""), 6, "`title` is missing in `area`", "title = \"Sales\"");
    let none = one("[[area]]\nname = \"sales\"\ntitle = \"Sales\"\n", "");
    is(&none, 1, "there is no area", "[[area]]\nname = \"sales\"");
    is(&after("[tls]\nkey = \"k\""), 1, "`certificate` is missing in `tls`", "certificate = ");
}

#[test]
fn wrong_types() {
    is(&one("\"acme\"", "7"), 1, "`name` must be a text in quotes, and this is a whole number", "\"acme\"");
    let quoted = after("[limits]\nmax_chats = \"6\"");
    is(&quoted, 2, "must be a whole number, without quotes, and this is a text", "max_chats = 6");
    is(&after("[transfer]\noffer_seconds = 1.5"), 2, "a number with a fraction", "offer_seconds = 60");
    is(&one("listen", "sites = \"https://a.example\"\nlisten"), 4, "a list of texts", "sites = [");
    is(&one("listen", "sites = [7]\nlisten"), 4, "`sites` must be a text", "sites = [");
    is(&one("listen", "limits = 7\nlisten"), 4, "`limits` is a section", "[limits]");
    let single = one("[[area]]", "[area]");
    is(&single, 6, "stands under `[[area]]`", "[[area]]");
    is(&after("[policy]\nrule = [7]"), 2, "`rule` holds sections", "[[policy.rule]]");
}

#[test]
fn numbers_out_of_range() {
    is(&after("[limits]\nmax_chats = 0"), 2, "between 1 and 1000, and this is 0", "max_chats = 6");
    is(&after("[limits]\nper_address = -1"), 2, "and this is -1", "per_address = 1000");
    let long = after("[transfer]\nprepare_seconds = 99_999_999_999_999_999_999");
    is(&long, 2, "between 1 and 60", "prepare_seconds = 5");
    is(&after("[presence]\naway_active_seconds = 0x7fff_ffff"), 2, "0x7fffffff", "= 1800");
}

#[test]
fn names_titles_and_colours() {
    is(&one("\"acme\"", "\"Acme\""), 1, "lower-case letters", "name = \"acme\"");
    is(&one("\"acme\"", "\"-acme\""), 1, "starts with a letter or a digit", "");
    is(&one("\"acme\"", "\"\""), 1, "must not be empty", "");
    is(&one("\"acme\"", &format!("\"{}\"", "a".repeat(254))), 1, "253 characters at most", "");
    is(&one("\"Acme\"", "\" \""), 2, "must not be empty", "title = ");
    is(&one("\"Acme\"", "\"A\\tcme\""), 2, "control characters", "title = ");
    is(&one("\"Acme\"", &format!("\"{}\"", "a".repeat(257))), 2, "256 bytes at most", "title = ");
    let red = one("listen", "accent = \"red;x\"\nlisten");
    is(&red, 4, "six hexadecimal digits", "accent = \"#1f6f50\"");
}

#[test]
fn areas_have_names_of_their_own() {
    let twice = after("[[area]]\nname = \"sales\"\ntitle = \"More sales\"");
    is(&twice, 2, "an area `sales` already", "name = \"sales-2\"");
}

#[test]
fn urls() {
    let url = |text: &str| one("https://chat.acme.example", text);
    is(&url("http://chat.acme.example"), 3, "plain http can be read on its way", "https://");
    is(&url("http://localhost.acme.example"), 3, "plain http", "https://");
    is(&url("chat.acme.example"), 3, "not a web address", "https://");
    is(&url("ftp://chat.acme.example"), 3, "must start with https://", "https://");
    is(&url("https://chat.acme.example/chat"), 3, "without a path: write https://chat.acme.example", "");
    is(&url("https://chat.acme.example?x"), 3, "without a path", "");
    is(&url("https://me@chat.acme.example"), 3, "no user name", "");
    for here in ["localhost", "acme.localhost:7101", "127.0.0.1:7101", "[::1]:7101"] {
        assert!(parse(&LEAST.replace("https://chat.acme.example", &format!("http://{here}"))).is_ok());
    }
}

#[test]
fn sites_and_pages() {
    let site = |text: &str| one("listen", &format!("sites = [\"{text}\"]\nlisten"));
    is(&site("https://www.acme.example/"), 4, "write https://www.acme.example", "sites = [");
    is(&site("https://www.acme.example:443"), 4, "write https://www.acme.example", "sites = [");
    is(&site("http://www.acme.example"), 4, "plain http", "sites = [");
    is(&site("*"), 4, "not a web address", "sites = [");
    let page = |text: &str| {
        let lines = format!("sites = [\"https://www.acme.example\"]\npage = \"{text}\"\nlisten");
        one("listen", &lines)
    };
    is(&page("https://www.acme.example/?a=b"), 5, "no `?` and no `#`", "page = ");
    is(&page("https://www.acme.example"), 5, "as https://www.acme.example/: write it so", "page = ");
    let elsewhere = page("https://shop.acme.example/");
    is(&elsewhere, 5, "not one of the `sites`", "sites = [\"https://shop.acme.example\"]");
}

#[test]
fn other_ways_to_the_company() {
    let contact = |list: &str| one("listen", &format!("contact = {list}\nlisten"));
    is(&contact("[\"call us\"]"), 4, "an e-mail address or a telephone number", "contact = [");
    is(&contact("[\"help@\"]"), 4, "and this is \"help@\"", "contact = [");
    is(&contact("[\"112\", \"112\", \"112\", \"112\", \"112\"]"), 4, "4 ways at most", "contact = [");
    let both = "contact = [\"help@acme.example\", \"+49 (30) 12-34\"]\nlisten";
    let config = parse(&LEAST.replacen("listen", both, 1)).unwrap();
    let (mail, phone) = ("help@acme.example".into(), "+49 (30) 12-34".into());
    assert_eq!(config.contact, [Contact::Email(mail), Contact::Phone(phone)]);
}

#[test]
fn s1_nobody_else_is_listened_to_in_the_clear() {
    is(&one("127.0.0.1:7101", "chat:7101"), 4, "not a host name", "listen = \"127.0.0.1:7101\"");
    let open = one("127.0.0.1:7101", "0.0.0.0:443");
    is(&open, 4, "without TLS everybody on the way can read", "listen = \"127.0.0.1:443\"\nor\n[tls]");
    is(&one("127.0.0.1:7101", "[::]:443"), 4, "can be reached from other machines", "[tls]");
    assert!(parse(&LEAST.replace("127.0.0.1", "[::1]")).is_ok());
    let tls = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
    assert!(parse(&format!("{}{tls}", LEAST.replace("127.0.0.1", "0.0.0.0"))).is_ok());
    let plain = mistakes(&format!("{}{tls}", LEAST.replace("https://chat.acme.example", "http://localhost")));
    is(&plain[0], 3, "answers over https", "url = \"https://localhost\"");
}

#[test]
fn w2_a_rule_that_could_not_fit_is_a_mistake() {
    is(&after("[policy]\npartner = \"some\""), 2, "\"agents_choice\" or \"nothing\"", "partner = ");
    is(&after("[[policy.rule]]\narea = \"sale\""), 2, "no area \"sale\" here; there are sales", "\"sales\"");
    is(&after("[[policy.rule]]\ndeny = \"\""), 2, "must not be empty", "deny = ");
    let both = after("[[policy.rule]]\ndeny = \"No\"\nshare = \"all\"");
    is(&both, 3, "cannot `share`", "without `deny`");
}

#[test]
fn text_that_is_no_toml() {
    is(&one("title = \"Acme\"", "title = Acme"), 2, "this cannot be read", "title = \"Acme\"");
    is(&one("title = \"Acme\"", "name = \"acme\""), 2, "duplicate key", "");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = LEAST.replace("\"acme\"", "\"Acme\"").replace("https://", "http://");
    let lines: Vec<usize> =
        mistakes(&format!("{text}[limits]\nmax_chats = 0")).iter().map(|it| it.line).collect();
    assert_eq!(lines, [1, 3, 10]);
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Config::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("baton.toml"), "{error}");
}

fn start<'a>(areas: &'a [Area], sites: &'a [String]) -> Start<'a> {
    Start {
        name: "acme",
        title: "Acme \"Outdoor\" \\ Söhne",
        subject: "",
        accent: "#1f6f50",
        url: "http://acme.localhost:7101",
        listen: SocketAddr::from(([127, 0, 0, 1], 7101)),
        tls: None,
        sites,
        page: Some("http://www.acme.localhost:7111/"),
        areas,
    }
}

#[test]
fn the_first_file_says_what_it_was_told() {
    let area =
        |name: &str| Area { name: name.into(), title: "A \"title\"".into(), arrival: Arrival::default() };
    let (areas, sites) = ([area("sales"), area("billing")], ["http://www.acme.localhost:7111".to_owned()]);
    let config = parse(&write(&start(&areas, &sites))).unwrap();
    assert_eq!((config.title.as_str(), config.areas), ("Acme \"Outdoor\" \\ Söhne", areas.to_vec()));
    assert_eq!((config.sites, config.url.as_str()), (sites.to_vec(), "http://acme.localhost:7101"));
    let tls = Some(("c.pem", "k.pem"));
    let secure = Start { tls, url: "https://chat.acme.example", ..start(&areas, &sites) };
    assert!(parse(&write(&secure)).unwrap().tls.is_some());
}

/// The comments show the defaults: without the `#` they change nothing.
#[test]
fn the_first_file_shows_the_real_defaults() {
    let bare =
        |line: &str| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line).to_owned();
    let (shown, _) = DEFAULTS.split_once("# Exceptions").unwrap();
    let shown: Vec<String> = shown.lines().map(bare).collect();
    let (config, least) = (parse(&format!("{LEAST}{}", shown.join("\n"))).unwrap(), parse(LEAST).unwrap());
    assert_eq!((config.limits, config.times, config.rules), (least.limits, least.times, least.rules));
    assert_eq!((config.documents, config.end), (least.documents, least.end));
    assert_eq!((config.general_entrance, config.address), (least.general_entrance, least.address));
    assert_eq!((config.console.dispositions, config.console.preview), (least.console.dispositions, false));
    assert_eq!(shown.iter().filter(|line| line.contains(" = ")).count(), 33);
}

#[test]
fn how_areas_take_customers_of_other_servers() {
    use baton_core::effect::NeedsAgent;
    let area = |settings: &str| parse(&format!("{LEAST}{settings}")).unwrap().areas.remove(0).arrival;
    assert_eq!(area(""), Arrival::default());
    assert!(area("steps = 2").two_steps);
    let willing = area("agent_required = \"willing\"\nkeep_posted = \"no\"\nmax_waiting = 5");
    assert_eq!((willing.agent, willing.keeps, willing.max_waiting), (NeedsAgent::Willing, false, 5));
    is(&after("steps = 3"), 1, "`steps` must be between 1 and 2", "");
    is(&after("agent_required = \"maybe\""), 1, "\"no\", \"free\" or \"willing\"", "");
    is(&after("steps = 2\nagent_required = \"free\""), 2, "there is no second step", "steps = 1");
    let config = parse(&format!("{LEAST}[arrival]\nentrance = \"general\"\naddress = \"both\"")).unwrap();
    assert_eq!((config.general_entrance, config.address), (true, Address::Both));
    is(&after("[arrival]\naddress = \"all\""), 2, "\"general\", \"specific\" or \"both\"", "");
}

#[test]
fn sites_that_vouch_for_customers_and_their_keys() {
    let site =
        "[[identity]]\nsite = \"https://www.acme.example\"\nalgorithm = \"ES256\"\nkey = \"site.pem\"\n";
    let sites = LEAST.replacen("listen", "sites = [\"https://www.acme.example\"]\nlisten", 1);
    let config = parse(&format!("{sites}{site}")).unwrap();
    let key = Path::new("/data/site.pem").to_owned();
    let algorithm = Algorithm::Es256;
    assert_eq!(config.identities, [Identity { site: "https://www.acme.example".into(), algorithm, key }]);
    is(&after(site), 2, "not one of the `sites`", "sites = [");
    is(&after(&site.replace("ES256", "none")), 3, "\"EdDSA\", \"ES256\" or \"HS256\"", "");
    let twice = mistakes(&format!("{sites}{site}{site}"));
    assert!(twice.len() == 1 && twice[0].what.contains("a site has one"), "{twice:?}");
}

#[test]
fn m4_when_chats_end_by_themselves() {
    let end = |lines: &str| parse(&format!("{LEAST}[end]\n{lines}")).unwrap().end;
    assert_eq!(end(""), End::default());
    let set = end("at = [\"22:00\", \"06:30:15\"]\nzone = \"Europe/Berlin\"\nidle_minutes = 30");
    assert_eq!((set.at.len(), set.zone.iana_name(), set.idle), (2, Some("Europe/Berlin"), 1_800_000));
    is(&after("[end]\nat = [\"25:00\"]"), 2, "\"22:00\"", "");
    is(&after("[end]\nat = [\"22\"]"), 2, "hours and minutes", "");
    is(&after("[end]\nzone = \"Berlin\""), 2, "\"Europe/Berlin\"", "");
}

#[test]
fn the_mail_server() {
    let mail = |lines: &str| {
        let text =
            format!("{LEAST}[mail]\nhost = \"localhost\"\nfrom = \"Acme <chat@acme.example>\"\n{lines}");
        parse(&text).unwrap().mail.unwrap()
    };
    assert_eq!((mail("").port, mail("").tls, mail("").per_hour), (587, MailTls::StartTls, 10));
    assert_eq!(mail("tls = \"implicit\"").port, 465);
    assert_eq!(mail("tls = \"off\"").port, 25);
    let login = mail("user = \"chat\"\npassword_file = \"secret\"").login;
    assert_eq!(login, Some(("chat".into(), Path::new("/data/secret").to_owned())));
    let lines = "[mail]\nhost = \"smtp.example\"\nfrom = \"chat@acme.example\"\n";
    is(&after(&format!("{lines}tls = \"off\"")), 4, "encrypted, or not at all", "starttls");
    is(&after(&format!("{lines}user = \"chat\"")), 4, "belong together", "password_file");
    is(&after(&lines.replace("chat@", "chat ")), 3, "it is an e-mail address", "");
}

#[test]
fn h1_what_waiting_customers_read_is_text_and_https_links() {
    let news = "[[area.announcement]]\ntitle = \"Sale\"\ntext = \"Until Monday.\"\noffer = true\nurl = \"https://acme.example/sale\"\n";
    let faq = "[[area.faq]]\nquestion = \"Abroad?\"\nanswer = \"Within <b>Europe</b>.\"\n";
    let link = "[[area.link]]\ntitle = \"Hours\"\nurl = \"https://acme.example/hours\"\n";
    let config = parse(&format!("{LEAST}{news}{faq}{link}")).unwrap();
    let holding = &config.holding["sales"];
    assert!(holding.announcements[0].offer && holding.links[0].title == "Hours");
    assert_eq!(holding.faqs[0].answer, "Within <b>Europe</b>.", "text, whatever it looks like");
    for address in
        ["http://acme.example/", "javascript:alert(1)", "https://a:b@acme.example/", "acme.example"]
    {
        is(&after(&link.replace("https://acme.example/hours", address)), 3, "a whole https address", "");
    }
    is(&after(&faq.replace("Abroad?", "")), 2, "must not be empty", "");
    is(&after("[[area.faq]]\nquestion = \"Abroad?\"\n"), 1, "`answer` is missing", "");
    let much = faq.repeat(1_000);
    assert!(mistakes(&format!("{LEAST}{much}"))[0].what.contains("bytes at most"));
}
