//! What travels between the servers of different companies: JSON over HTTPS, so that anybody can implement it.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /.well-known/baton` | | [`WellKnown`] |
//! | `POST {to}/permission` | [`PermissionRequest`] | [`Permission`] |
//! | `POST {to}/transfers` | [`TransferRequest`] | [`Reservation`] |
//! | `POST {to}/transfers/{id}/again` | [`Again`] | [`Reservation`] |
//! | `POST {to}/transfers/{id}/cancel` | [`Cancel`] | [`CancelAnswer`] |
//! | `POST {to or from}/transfers/{id}/erase` | [`Erase`] | [`ErasureAnswer`] |
//! | `POST {to}/consultations` | [`ConsultRequest`] | [`Consulted`] |
//! | `POST {to or from}/consultations/{id}/messages` | [`ConsultMessage`] | `{}` |
//! | `POST {to or from}/consultations/{id}/end` | [`ConsultEnd`] | `{}` |
//! | `POST {from}/outgoing/{id}/commit` | [`Commit`] | [`Release`] |
//! | `POST {from}/outgoing/{id}/settle` | [`Settle`] | `{}` |
//! | `POST {from}/outgoing/{id}/progress` | [`ProgressReport`] | `{}` |
//!
//! `{to}` is the destination's [`WellKnown::federation`], `{from}` the origin's. Every request carries
//! `Authorization: Bearer` with a JWT of these [`Claims`]. Anything but 200 has a [`Denial`] as its body.
//! Every call may be repeated: the transfer id is its idempotency key.

use serde::{Deserialize, Serialize};

use crate::codes::ErrorCode;
use crate::ids::{AuthorisationCode, Challenge, Epoch, MessageId, Timestamp, TransferId, Wtid};
use crate::model::{AreaCard, Context, DocumentRef, PriorEntry, Stage};

/// `typ` of a federation JWT. Fixed, so that no other token of the same key can pass for one (RFC 8725 3.11).
pub const JWT_TYPE: &str = "baton-federation+jwt";

/// `typ` of a key's word for the next key.
pub const ROTATION_TYPE: &str = "baton-key-rotation+jwt";

/// `typ` of a receipt for an erasure.
pub const RECEIPT_TYPE: &str = "baton-erasure+jwt";

/// Seconds from issue to expiry of a federation JWT, at most; also the clock skew that is forgiven.
pub const JWT_SECONDS: u64 = 60;

/// The path under a server's base URL that federation calls start with.
pub const FEDERATION_PATH: &str = "/federation/v1";

/// A server's introduction (RFC 8615).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WellKnown {
    /// Server name, by which peers know it: lower-case letters, digits, `-` and `.`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The subject that it handles (A1).
    pub subject: String,
    /// Protocol versions that it speaks.
    pub versions: Vec<u8>,
    /// Base of its federation calls: `https://…/federation/v1`.
    pub federation: String,
    /// Its WebSocket: `wss://…/v1/ws`.
    pub socket: String,
    /// Its public keys (RFC 7517), the one that signs first.
    pub jwks: Jwks,
    /// JWTs by which a key of this server stands for its next one: type [`ROTATION_TYPE`], claims [`Rotation`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<String>,
    /// Thumbprints of keys that are not to be trusted any more, whoever has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<String>,
}

/// The claims by which a key stands for the next one of the same server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The server's name.
    pub iss: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// The next key's RFC 7638 thumbprint.
    pub new: String,
}

/// A set of public keys (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys; two while they rotate.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037 section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// The key's RFC 7638 thumbprint.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

/// The claims of a federation JWT, signed with EdDSA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The calling server's name.
    pub iss: String,
    /// The called server's name.
    pub aud: String,
    /// HTTP method.
    pub htm: String,
    /// Path of the request, without query.
    pub htu: String,
    /// SHA-256 of the body, base64url.
    pub body: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// Expiry, seconds since 1970.
    pub exp: u64,
    /// Unique: a repeated one is refused.
    pub jti: String,
}

/// Asks whether a chat may be handed over, and to which areas (D1, D2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionRequest {
    /// The agent who wants to transfer, by login name.
    pub agent: String,
    /// Servers that the conversation has visited, the asking one included.
    pub visited: Vec<String>,
    /// Whether no agent asks: the customer is sent on because there are too many (D9). A server that has too many
    /// itself refuses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overload: bool,
}

/// The permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// To be shown with the transfer.
    pub code: AuthorisationCode,
    /// Seconds until it lapses.
    pub expires_in: u32,
    /// The areas allowed and open now; nothing when every chat is taken at one general entrance.
    pub areas: Option<Vec<AreaCard>>,
}

/// Why not. The body of every answer that is not 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The kind.
    pub code: ErrorCode,
    /// In a sentence, for the agent.
    pub detail: String,
    /// Seconds after which to try again, where that may help (D7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// Posts the warm transfer information (D3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRequest {
    /// Made by the origin; the same one again gets the same answer.
    pub transfer: TransferId,
    /// From the permission.
    pub code: AuthorisationCode,
    /// The area, one of the permission's; nothing for the general entrance.
    pub area: Option<String>,
    /// The agent, as in the permission.
    pub agent: String,
    /// The epoch that the origin serves; the destination will serve the next one.
    pub epoch: Epoch,
    /// Binds the WTID to the customer.
    pub challenge: Challenge,
    /// Web origins that the customer's widget may connect from.
    pub origins: Vec<String>,
    /// Warm transfer information.
    pub context: Context,
    /// Whether it stays with the receiving company: it may go back to the sender, and to no third company.
    #[serde(default)]
    pub confined: bool,
    /// How often overload has sent this customer on, this time included. After the second time they stay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redirects: u8,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// The destination's acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For the customer; none where the address alone tells who comes (D4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wtid: Option<Wtid>,
    /// The destination's WebSocket: the address of its introduction, with one more path segment where the address
    /// is the customer's own (D4).
    pub socket: String,
    /// The destination's page with a widget, if it has one; with `#at=` and the same segment where the address is
    /// the customer's own.
    pub page: Option<String>,
    /// Seconds until the reservation lapses.
    pub expires_in: u32,
}

/// Asks again for a reservation that was not given yet, without posting anything again (D7): after a denial with
/// [`ErrorCode::Kept`] or [`ErrorCode::Asking`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {}

/// Asks an agent of the destination in a side conversation, before a transfer of this id that may follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultRequest {
    /// Its id.
    pub transfer: TransferId,
    /// From the permission.
    pub code: AuthorisationCode,
    /// The area, one of the permission's; nothing for the general entrance.
    pub area: Option<String>,
    /// The asking agent, by login name, as in the permission.
    pub agent: String,
    /// The same agent, as people call them.
    pub title: String,
    /// The first message.
    pub message: ConsultMessage,
}

/// Who has been asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consulted {
    /// The agent, as people call them.
    pub title: String,
}

/// A message in a side conversation. The same id again is the same message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultMessage {
    /// Made by the sender.
    pub id: MessageId,
    /// The text.
    pub text: String,
}

/// The side conversation is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultEnd {}

/// Takes a reservation back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// When the customer came back after arriving: their epoch now, above the destination's.
    pub reclaimed: Option<Epoch>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelAnswer {
    /// The reservation is gone.
    Cancelled,
    /// Too late: the customer has arrived.
    Arrived,
}

/// The customer has presented the WTID: give the chat up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The customer has been taken over without asking, since the origin could not be reached.
    pub adopt: bool,
}

/// The origin gives the chat up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// What was stored after the warm transfer information was posted, as far as policy lets it out.
    pub tail: Vec<PriorEntry>,
    /// The documents among that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentRef>,
}

/// The customer has stored the new epoch: the hand-over is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// The epoch that the destination serves.
    pub epoch: Epoch,
}

/// How the chat fares, for the agent who transferred it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// How far it is.
    pub stage: Stage,
    /// Why it failed, if it did.
    pub code: Option<ErrorCode>,
}

/// The customer of this transfer is to be forgotten, wherever they have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erase {}

/// What has been done about it: signed, so that it can be shown to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureAnswer {
    /// A JWT of the answering server's: type [`RECEIPT_TYPE`], claims [`Receipt`].
    pub receipt: String,
    /// The receipts that it has from the servers that it passed the call on to, theirs included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<String>,
}

/// The claims of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The answering server's name.
    pub iss: String,
    /// The asking server's name.
    pub aud: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// What has been done.
    #[serde(flatten)]
    pub account: Account,
}

/// What a server has done about the erasure of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The transfer by which it was asked.
    pub transfer: TransferId,
    /// When it had erased everything of its own.
    pub at: Timestamp,
    /// How much that was.
    pub erased: Erased,
    /// The other servers that the customer came from or went to.
    pub hops: Vec<Hop>,
    /// Whether one of them, or one behind them, has not answered yet: then the call is to be repeated.
    pub pending: bool,
}

/// How much was erased. Never what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Chats.
    pub chats: u64,
    /// What was said in them, and what happened.
    pub entries: u64,
    /// Contexts that came from other servers.
    pub contexts: u64,
    /// Files.
    pub documents: u64,
}

/// A server that was told in turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Its name, as the telling server knows it.
    pub server: String,
    /// The transfer between the two.
    pub transfer: TransferId,
    /// What came of it.
    pub state: HopState,
    /// SHA-256 of its receipt, base64url, which is among [`ErasureAnswer::further`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// What came of telling a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopState {
    /// It has given a receipt.
    Erased,
    /// It has not answered yet, and is asked again.
    Pending,
    /// It does not know the call: its operator has to be asked.
    Unsupported,
    /// It has refused, or is no peer any more: its operator has to be asked.
    Refused,
}
