//! Uploads and downloads, as a browser or a bot makes them.

use anyhow::{Result, ensure};
use baton_protocol::model::DocumentCard;
use baton_protocol::{ChatId, ResumeToken};
use reqwest::Response;

use crate::company::Company;

/// Somebody with a session at a company.
pub struct Files<'a> {
    /// The company.
    pub company: &'a Company,
    /// The chat.
    pub chat: ChatId,
    /// The secret of the session.
    pub token: &'a ResumeToken,
    /// The web origin, for a browser.
    pub origin: Option<&'a str>,
}

impl Files<'_> {
    /// Uploads a file, whatever comes of it. The name is sent as it is given.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn send(&self, name: &str, bytes: Vec<u8>) -> Result<Response> {
        let url = format!("{}/v1/documents/{}", self.company.address(), self.chat);
        let mut request = reqwest::Client::new().post(url).bearer_auth(self.token.reveal());
        request = request.header("baton-name", name).body(bytes);
        if let Some(origin) = self.origin {
            request = request.header("origin", origin);
        }
        Ok(request.send().await?)
    }

    /// Uploads a file that is taken.
    ///
    /// # Errors
    /// When it is not.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<DocumentCard> {
        let response = self.send(name, bytes).await?;
        let status = response.status();
        ensure!(status == 200, "{status}: {}", response.text().await?);
        Ok(response.json().await?)
    }

    /// Asks for a document, perhaps a part of it.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn get(&self, sha256: &str, range: Option<&str>) -> Result<Response> {
        let url = format!("{}/v1/documents/{}/{sha256}", self.company.address(), self.chat);
        let mut request = reqwest::Client::new().get(url).bearer_auth(self.token.reveal());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        if let Some(origin) = self.origin {
            request = request.header("origin", origin);
        }
        Ok(request.send().await?)
    }
}
