//! The pages beside the desk, and whose they are. The gateway decides for each request; this says what is worth showing.

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
            Self::Search => "Search",
            Self::Reports => "Reports",
            Self::Agents => "Agents",
            Self::Areas => "Service lines",
            Self::Policies => "Policies",
            Self::Peers => "Other servers",
            Self::Keys => "API keys",
            Self::Audit => "Audit",
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
