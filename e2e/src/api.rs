//! The HTTP API as a program uses it, and as the console's page does.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::company::{Company, PASSWORD};

/// Somebody who makes calls.
pub struct Api {
    http: reqwest::Client,
    /// The gateway, by number.
    base: String,
    /// The gateway's own origin.
    pub origin: String,
    /// The cookie of a session, `name=value`.
    pub cookie: Option<String>,
    /// What changes with a session show.
    pub csrf: String,
    /// The key of a program.
    pub key: Option<String>,
}

impl Api {
    /// Nobody.
    #[must_use]
    pub fn nobody(company: &Company) -> Self {
        let (base, origin) = (company.address(), company.url());
        Self { http: reqwest::Client::new(), base, origin, cookie: None, csrf: String::new(), key: None }
    }

    /// A program with a key.
    #[must_use]
    pub fn program(company: &Company, key: &str) -> Self {
        Self { key: Some(key.trim().into()), ..Self::nobody(company) }
    }

    /// An agent with a session.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn agent(company: &Company, login: &str) -> Result<Self> {
        let mut api = Self::nobody(company);
        let body = json!({ "name": login, "password": PASSWORD });
        let answer = api.send(Method::POST, "session", Some(body)).await?;
        ensure!(answer.status() == 204, "the login was answered with {}", answer.status());
        let cookie = answer.headers().get("set-cookie").context("no cookie")?.to_str()?;
        api.cookie = cookie.split(';').next().map(str::to_owned);
        let session = api.get("session").await?;
        api.csrf = session["csrf"].as_str().context("no csrf")?.to_owned();
        Ok(api)
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}/api/v1/{path}", self.base));
        request = request.header("origin", &self.origin).header("baton-csrf", &self.csrf);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?)
    }

    /// What there is.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.send(Method::GET, path, None).await?;
        ensure!(answer.status().is_success(), "{path}: {} {}", answer.status(), answer.text().await?);
        Ok(answer.json().await?)
    }

    /// Changes something that can be changed.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn change(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let answer = self.send(method, path, body).await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// The status with which a call is answered; a refusal must be a problem.
    ///
    /// # Errors
    /// When there is no answer, or it is refused in another way.
    pub async fn status(&self, method: Method, path: &str, body: Option<Value>) -> Result<u16> {
        let answer = self.send(method.clone(), path, body).await?;
        let status = answer.status().as_u16();
        if status >= 400 {
            let kind = answer.headers().get("content-type").context("no type")?.to_str()?.to_owned();
            ensure!(kind == "application/problem+json", "{method} {path}: {status} is of type {kind}");
            let problem: Value = answer.json().await?;
            ensure!(
                problem["status"] == status && problem["detail"].is_string(),
                "{method} {path}: {problem}"
            );
        }
        Ok(status)
    }
}
