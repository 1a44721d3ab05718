//! Documents in a store of the S3 kind: at both companies of a transfer, until they are erased.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::ensure;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::documents::Files;
use baton_e2e::pair::{TRANSFER, context, to_globex, transfer, verifier, welcome};
use baton_e2e::python::Program;
use baton_e2e::until;
use baton_protocol::ClientFrame;
use baton_protocol::model::Share;

/// More than goes into one request to the store.
const SIZE: usize = 12 * 1024 * 1024;

/// A store of the S3 kind with an empty bucket.
struct Bucket {
    address: String,
    _server: Program,
}

impl Bucket {
    async fn start() -> Self {
        let address = Program::free_address().unwrap();
        let port = address.rsplit(':').next().unwrap();
        let _server = Program::module("moto.server", &["-H", "127.0.0.1", "-p", port]).unwrap();
        let bucket = Self { address, _server };
        let made = || async {
            let made = reqwest::Client::new().put(format!("{}/documents", bucket.address)).send().await?;
            ensure!(made.status() == 200, "{}", made.status());
            Ok(())
        };
        until("a bucket", made).await.unwrap();
        bucket
    }

    /// Keeps a company's documents here, in a folder of its own.
    fn is_used_by(&self, company: &mut Company) {
        let store = format!("store = \"s3://documents/{}\"\nmax_bytes = 20000000", company.plan().name);
        company.configure_after("[documents]\n", &store).unwrap();
        company.set_variables(&[
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT", &self.address),
            ("AWS_ALLOW_HTTP", "true"),
        ]);
    }

    /// What is in a folder, by its place in the bucket.
    async fn list(&self, folder: &str) -> Vec<String> {
        let url = format!("{}/documents?list-type=2&prefix={folder}/", self.address);
        let list = reqwest::get(url).await.unwrap().text().await.unwrap();
        let keys = list.split("<Key>").skip(1);
        keys.map(|key| key.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn w1_documents_in_an_s3_store_are_uploaded_transferred_read_and_erased() {
    let bucket = Bucket::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    for company in [&mut acme, &mut globex] {
        bucket.is_used_by(company);
        company.start().await.unwrap();
    }
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    assert!(acme.baton(&["check"], "").is_ok(), "it writes to the store, and reads what it has written");

    let (mut carla, chat, token) = Client::customer(&acme, &verifier()).await.unwrap();
    let files = Files { company: &acme, chat, token: &token, origin: None };
    let mut invoice = b"%PDF-1.7\n".to_vec();
    invoice.resize(SIZE, b'x');
    let card = files.upload("invoice.pdf", invoice.clone()).await.unwrap();
    carla.attach(None, 1, &card.sha256).await.unwrap();
    assert_eq!(bucket.list("acme").await, [format!("acme/{chat}/{}", card.sha256)]);

    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let (mut gus, gus_token) = Client::agent_with_token(&globex, "gus").await.unwrap();
    anna.pick_up().await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut moved = Client::claim(&globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut moved).await;
    moved.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    let there = gus.pick_up().await.unwrap();
    context(&mut gus).await;
    let files = Files { company: &globex, chat: there, token: &gus_token, origin: None };
    let read = || async {
        let answer = files.get(&card.sha256, None).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        Ok(answer.bytes().await?)
    };
    assert!(until("the document", read).await.unwrap() == invoice, "not what was uploaded");
    let part = files.get(&card.sha256, Some("bytes=1-7")).await.unwrap();
    assert_eq!((part.status().as_u16(), &*part.bytes().await.unwrap()), (206, &b"PDF-1.7"[..]));
    assert_eq!(bucket.list("globex").await, [format!("globex/{there}/{}", card.sha256)]);
    for company in [&acme, &globex] {
        assert!(!company.folder().join("documents").exists(), "nothing of it is on this disk");
    }

    acme.baton(&["erase", "carla@example.org", "--yes"], "").unwrap();
    let gone = || async {
        let left = [bucket.list("acme").await, bucket.list("globex").await].concat();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    };
    until("both stores to be empty", gone).await.unwrap();
}
