//! The pages beside the desk, and whose they are. The gateway decides for each request; this says what is worth showing.

use crate::tongue::t;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Chats that are over, by what was said in them.
    Search,
    /// How many, how long, what became of them.
    Reports,
    /// Agents and their roles.
    Agents,
    /// Areas, hours, what waiting customers read.
    Areas,
    /// What may leave.
    Policies,
    /// Other companies' servers.
    Peers,
    /// Keys of the API.
    Keys,
    /// What was done.
    Audit,
}

impl Page {
    const ALL: [Self; 8] = [
        Self::Search,
        Self::Reports,
        Self::Agents,
        Self::Areas,
        Self::Policies,
        Self::Peers,
        Self::Keys,
        Self::Audit,
    ];

    /// Those for this role.
    #[must_use]
    pub fn of(role: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|page| page.is_for(role)).collect()
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => t("Search"),
            Self::Reports => t("Reports"),
            Self::Agents => t("Agents"),
            Self::Areas => t("Service lines"),
            Self::Policies => t("Policies"),
            Self::Peers => t("Other servers"),
            Self::Keys => t("API keys"),
            Self::Audit => t("Audit"),
        }
    }

    fn is_for(self, role: &str) -> bool {
        match self {
            Self::Search => true,
            Self::Reports => role != "agent",
            _ => role == "admin",
        }
    }
}
