//! Peers that misbehave.

use baton_protocol::ErrorCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[test]
fn s1_nothing_leaves_this_machine_in_the_clear() {
    let may = [
        "https://globex.example/x",
        "http://localhost:1/x",
        "http://globex.localhost:1/x",
        "http://[::1]/",
        "https://10.0.0.1/",
    ];
    let may_not = [
        "http://globex.example/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "https://user@globex.example/",
        "ftp://localhost/",
        "http://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://[::ffff:169.254.169.254]/",
        "https://2852039166/",
        "https://0.0.0.0/",
        "nonsense",
    ];
    assert!(may.into_iter().all(may_be_called));
    for url in may_not {
        assert!(!may_be_called(url), "{url}");
    }
}

/// Threat 10: a name of the peer's choice leads nowhere that only we can reach.
#[test]
fn s1_a_name_leads_to_other_machines_only() {
    for ip in
        ["127.0.0.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1", "::"]
    {
        assert!(!is_elsewhere(ip.parse().unwrap()), "{ip}");
    }
    for ip in [
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "100.100.100.200",
    ] {
        assert!(!is_elsewhere(ip.parse().unwrap()), "{ip}");
    }
    for ip in ["192.0.2.1", "10.0.0.1", "192.168.1.1", "2001:db8::1", "fd00::1", "::ffff:192.0.2.1"] {
        assert!(is_elsewhere(ip.parse().unwrap()), "{ip}");
    }
}

/// A peer that answers every connection with these bytes and closes it.
async fn peer(answer: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://globex.localhost:{}", listener.local_addr().unwrap().port());
    let answer = answer.to_vec();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8_192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    url
}

async fn call(url: &str) -> Result<Value, CallError> {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::create(folder.path()).unwrap();
    let client = Client::new().unwrap();
    client.call(&keys, "acme", "globex", &format!("{url}/federation/v1/permission"), &Value::Null).await
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn a_peer_that_answers_otherwise_than_hoped_is_told_apart() {
    let denial = r#"{"code":"unstaffed","detail":"closed","retry_after":60}"#;
    let redirect = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    for (answer, expected) in [
        (http("200 OK", "5"), None),
        (Vec::new(), Some(ErrorCode::NoAnswer)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}".to_vec(), Some(ErrorCode::NoAnswer)),
        (http("503 Busy", denial), Some(ErrorCode::NoAnswer)),
        (http("409 Conflict", denial), Some(ErrorCode::Unstaffed)),
        (http("404 Not Found", "<html>"), Some(ErrorCode::BadAnswer)),
        (http("200 OK", "<html>"), Some(ErrorCode::BadAnswer)),
        (http("200 OK", &"1".repeat(MAX_FEDERATION_BODY + 1)), Some(ErrorCode::BadAnswer)),
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), Some(ErrorCode::BadAnswer)),
        (redirect.to_vec(), Some(ErrorCode::BadAnswer)),
    ] {
        let got = call(&peer(&answer).await).await.err();
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        assert_eq!(got.map(|error| error.code()), expected, "{shown}");
    }
    assert!(matches!(call("http://globex.localhost:1").await, Err(CallError::Unreachable)));
}

#[tokio::test]
async fn a_peer_that_is_too_slow_has_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://globex.localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // A byte at a time: the limit is on the whole answer.
        for byte in http("200 OK", &"1".repeat(1_000)) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            // waits: as slowly as this peer writes.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let began = std::time::Instant::now();
    assert!(matches!(call(&url).await, Err(CallError::NoAnswer)));
    assert!(began.elapsed() < TOTAL + Duration::from_secs(5));
}

#[tokio::test]
async fn a_denial_is_cut_to_what_an_agent_can_be_shown() {
    let long = Denial {
        code: ErrorCode::Denied,
        detail: format!("no\u{1b}[2J\n{}", "ä".repeat(400_000)),
        retry_after: None,
    };
    let answer = http("403 Forbidden", &serde_json::to_string(&long).unwrap());
    let Err(CallError::Denied(denial)) = call(&peer(&answer).await).await else { panic!("not denied") };
    assert!(denial.detail.starts_with("no[2Jä") && denial.detail.len() <= 512, "{}", denial.detail.len());
}

#[tokio::test]
async fn an_introduction_that_fails_says_what_lies_behind() {
    let failed = Client::new().unwrap().introduce("http://globex.localhost:1").await.unwrap_err();
    assert!(failed.detail.contains("refused"), "{}", failed.detail);
    let url = peer(&http("404 Not Found", "")).await;
    let failed = Client::new().unwrap().introduce(&url).await.unwrap_err();
    assert_eq!(failed.detail, "status 404 Not Found");
}
