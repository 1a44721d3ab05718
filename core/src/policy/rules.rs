//! Who may transfer what to whom (O2, W2).

use baton_protocol::model::{Destination, SharePolicy};
use serde::{Deserialize, Serialize};

/// How near a destination is (W2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same area of this server.
    SameDepartment,
    /// Another area of this server, or another server of the same company.
    SameCompany,
    /// Another company with which there is an agreement.
    Partner,
    /// Any other company.
    Other,
}

/// A server's rules: a default by class, then rules of which the first that fits decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What may be sent by default.
    pub defaults: Defaults,
    /// Exceptions, the first that fits decides.
    pub exceptions: Vec<Rule>,
}

/// What may be sent to each class when no rule says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Default all.
    pub same_department: SharePolicy,
    /// Default the agent's choice.
    pub same_company: SharePolicy,
    /// Default the agent's choice.
    pub partner: SharePolicy,
    /// Default nothing.
    pub other: SharePolicy,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            defaults: Defaults {
                same_department: SharePolicy::All,
                same_company: SharePolicy::AgentsChoice,
                partner: SharePolicy::AgentsChoice,
                other: SharePolicy::Nothing,
            },
            exceptions: Vec::new(),
        }
    }
}

/// An exception. A member that is not given fits everything; a rule with none decides for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What the audit calls it; its position where it has no name.
    pub name: Option<String>,
    /// How near the destination is.
    pub class: Option<Class>,
    /// Whether the chat is marked confidential.
    pub confidential: Option<bool>,
    /// The transferring agent's login name.
    pub agent: Option<String>,
    /// The area that the chat is in.
    pub area: Option<String>,
    /// The destination: an area's, an agent's or a server's name.
    pub destination: Option<String>,
    /// Why it is denied; a rule without it permits.
    pub denied: Option<String>,
    /// What may be sent; the class's default where it is not given.
    pub share: Option<SharePolicy>,
}

/// Who asks for a transfer, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The agent's login name.
    pub agent: &'a str,
    /// The area that the chat is in.
    pub area: &'a str,
    /// Where to.
    pub to: &'a Destination,
    /// How near that is.
    pub class: Class,
    /// Whether the chat is marked confidential.
    pub confidential: bool,
}

/// What the rules say of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that decided: its name or position in the file, or the class whose default it is.
    pub rule: String,
    /// What may be sent; or why the transfer is denied, as the rule's author wrote it.
    pub verdict: Result<SharePolicy, String>,
}

impl Rules {
    /// What may be sent, or why the transfer is denied.
    ///
    /// # Errors
    /// The reason, as the rule's author wrote it.
    pub fn decide(&self, request: Request<'_>) -> Result<SharePolicy, String> {
        self.judge(request).verdict
    }

    /// What may be sent or why not, and by which rule (O2).
    #[must_use]
    pub fn judge(&self, request: Request<'_>) -> Decision {
        let default = || self.default_for(request.class);
        match self.exceptions.iter().position(|rule| rule.fits(request)) {
            Some(at) => {
                let rule = &self.exceptions[at];
                let verdict = match &rule.denied {
                    Some(reason) => Err(reason.clone()),
                    None => Ok(rule.share.clone().unwrap_or_else(default)),
                };
                Decision { rule: rule.called(at + 1), verdict }
            }
            None => {
                Decision { rule: format!("default for {}", request.class.name()), verdict: Ok(default()) }
            }
        }
    }

    fn default_for(&self, class: Class) -> SharePolicy {
        let by_class = &self.defaults;
        match class {
            Class::SameDepartment => &by_class.same_department,
            Class::SameCompany => &by_class.same_company,
            Class::Partner => &by_class.partner,
            Class::Other => &by_class.other,
        }
        .clone()
    }
}

impl Rule {
    fn fits(&self, request: Request<'_>) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|name| name == value);
        is(&self.agent, request.agent)
            && is(&self.area, request.area)
            && is(&self.destination, destination_name(request.to))
            && self.class.is_none_or(|class| class == request.class)
            && self.confidential.is_none_or(|confidential| confidential == request.confidential)
    }

    fn called(&self, position: usize) -> String {
        match &self.name {
            Some(name) => format!("rule {position}, {name}"),
            None => format!("rule {position}"),
        }
    }
}

impl Class {
    /// As settings write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SameDepartment => "same_department",
            Self::SameCompany => "same_company",
            Self::Partner => "partner",
            Self::Other => "other",
        }
    }
}

fn destination_name(to: &Destination) -> &str {
    match to {
        Destination::Agent(name) | Destination::Area(name) | Destination::Server { server: name, .. } => name,
    }
}
