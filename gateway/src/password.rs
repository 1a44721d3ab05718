//! Passwords of agents: what they must be like, how they are kept, how they are checked.

use std::io;
use std::sync::LazyLock;

use anyhow::{Result, anyhow};
use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::driver::random;
use crate::store::{AgentRow, Hidden};

/// Characters of a password, at least. Longer than the eight that NIST SP 800-63B allows, because nothing else
/// proves who an agent is.
pub const LEAST: usize = 12;

/// Bytes of a password, at most: what fits a login frame many times over, and is quick to hash.
pub const MOST: usize = 1_024;

/// Passwords that are checked or hashed at once: each takes 19 MiB and a processor for a while.
const AT_ONCE: usize = 2;

/// Their turns.
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Threads that do nothing else. An allocator keeps 19 MiB for each thread that has ever had them, and the runtime has
/// hundreds of threads for what blocks.
static THREADS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_current_thread().max_blocking_threads(AT_ONCE).thread_name("password").build()
});

/// An argon2id hash with the parameters that OWASP recommends: 19 MiB, two passes, one lane.
///
/// # Errors
/// Never with these parameters.
pub fn hash(password: &str) -> Result<Hidden> {
    let salt = SaltString::encode_b64(&random::<16>()).map_err(|error| anyhow!("no salt: {error}"))?;
    let params = Params::new(19 * 1_024, 2, 1, None).map_err(|error| anyhow!("no parameters: {error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt);
    Ok(Hidden::new(hash.map_err(|error| anyhow!("the password cannot be hashed: {error}"))?.to_string()))
}

/// The same where others wait for the processor.
///
/// # Errors
/// As [`hash`].
pub async fn hash_aside(password: String) -> Result<Hidden> {
    aside(move || hash(&password)).await?
}

/// The agent, if the password is theirs. An unknown name takes as long as a wrong password.
///
/// # Errors
/// When the process is ending.
pub async fn check(agent: Option<AgentRow>, password: String) -> Result<Option<AgentRow>> {
    /// The hash of nothing that anybody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    aside(move || {
        let stored = agent.as_ref().map_or(NOBODY, |agent| agent.password_hash.reveal());
        let right = PasswordHash::new(stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        agent.filter(|_| right)
    })
    .await
}

/// Does it where nobody else waits for the processor.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = TURNS.acquire().await?;
    let threads = THREADS.as_ref().map_err(|error| anyhow!("there is no thread for passwords: {error}"))?;
    Ok(threads.spawn_blocking(work).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_a_password_is_kept_as_an_argon2id_hash_with_a_salt_of_its_own() {
        let (one, other) = (hash("correct horse battery").unwrap(), hash("correct horse battery").unwrap());
        assert!(one.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.reveal());
        assert_ne!(one, other);
        let parsed = PasswordHash::new(one.reveal()).unwrap();
        let right = |password: &str| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
        assert!(right("correct horse battery") && !right("correct horse"));
    }
}
