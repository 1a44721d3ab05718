//! The server's certificate. When its files change it is read again, and connections that are made from then on get the
//! new one; those that are there stay as they are.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Tls;

/// How often the files are looked at: whoever has renewed a certificate need not wait to see it.
const EVERY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Certificate {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
}

/// When the certificate's file and the key's were written last.
type Written = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(files: Tls) -> Result<Arc<Self>> {
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Arc::new(Self { files, current }))
    }

    /// TLS with this certificate.
    ///
    /// # Errors
    /// When there is no randomness for the keys of tickets.
    pub fn config(self: Arc<Self>) -> Result<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A browser that comes again takes its session up without the signature, which is the dearest part of a
        // handshake. The ticket is with the browser: nothing is kept for it here.
        config.ticketer = Ticketer::new()?;
        Ok(config)
    }

    /// Reads the files again whenever they have changed. Ends never.
    pub async fn follow(self: Arc<Self>) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known = self.written();
        loop {
            every.tick().await;
            let now = self.written();
            if now != known {
                known = now;
                self.renew();
            }
        }
    }

    fn written(&self) -> Written {
        let of = |file: &Path| std::fs::metadata(file).and_then(|it| it.modified()).ok();
        [of(&self.files.certificate), of(&self.files.key)]
    }

    /// One that cannot be used is told of and left: the other file may still be on its way.
    fn renew(&self) {
        match read(&self.files) {
            Ok(new) => {
                *self.current.write() = Arc::new(new);
                tracing::info!(file = %self.files.certificate.display(), "the certificate was read again");
            }
            Err(error) => tracing::warn!("the certificate stays as it was: {error:#}"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().clone())
    }
}

fn read(files: &Tls) -> Result<CertifiedKey> {
    let named = |path: &Path| format!("cannot use {}", path.display());
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| named(&files.certificate))?;
    ensure!(!certificates.is_empty(), "{}: there is no certificate in it", named(&files.certificate));
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| named(&files.key))?;
    CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider())
        .context("the certificate and the key do not belong together")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::RootCertStore;
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    /// Writes a certificate of its own authority with its key, and answers it.
    fn issue(files: &Tls) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["acme.localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    fn files(folder: &Path) -> Tls {
        Tls { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
    }

    /// A connection to a server that echoes, whose certificate must be this one.
    async fn connect(
        server: &TlsAcceptor,
        trusted: &CertificateDer<'static>,
    ) -> std::io::Result<TlsStream<DuplexStream>> {
        let (near, far) = tokio::io::duplex(4_096);
        let server = server.clone();
        tokio::spawn(async move {
            let Ok(stream) = server.accept(far).await else { return };
            let (mut read, mut write) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("acme.localhost").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, near).await
    }

    async fn echoes(stream: &mut TlsStream<DuplexStream>) -> bool {
        let mut back = [0; 2];
        stream.write_all(b"hi").await.is_ok()
            && stream.flush().await.is_ok()
            && stream.read_exact(&mut back).await.is_ok()
    }

    #[tokio::test]
    async fn s1_a_new_certificate_counts_for_new_connections_and_breaks_none() {
        let folder = tempfile::tempdir().unwrap();
        let old = issue(&files(folder.path()));
        let certificate = Certificate::load(files(folder.path())).unwrap();
        let server = TlsAcceptor::from(Arc::new(certificate.clone().config().unwrap()));
        let mut before = connect(&server, &old).await.unwrap();
        assert!(echoes(&mut before).await);
        let new = issue(&files(folder.path()));
        certificate.renew();
        assert!(echoes(&mut before).await, "what was there goes on");
        let mut after = connect(&server, &new).await.unwrap();
        assert!(echoes(&mut after).await);
        assert!(connect(&server, &old).await.is_err(), "the old one is shown to nobody any more");
    }

    #[tokio::test]
    async fn a_certificate_that_cannot_be_used_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let old = issue(&files);
        let certificate = Certificate::load(files.clone()).unwrap();
        let server = TlsAcceptor::from(Arc::new(certificate.clone().config().unwrap()));
        // The certificate is written, its key is not yet.
        let key = std::fs::read(&files.key).unwrap();
        issue(&files);
        std::fs::write(&files.key, key).unwrap();
        certificate.renew();
        assert!(connect(&server, &old).await.is_ok());
        std::fs::write(&files.certificate, "").unwrap();
        certificate.renew();
        assert!(connect(&server, &old).await.is_ok());
        assert!(Certificate::load(files).is_err(), "but nothing starts with it");
    }
}
