//! The functions' surroundings for `.ci/cold-starts`: the sandbox, and AWS behind TLS as functions meet it in Lambda, with
//! the embedded table and the fake of Secrets Manager.
//!
//! `aws-over-tls CERTIFICATE FOLDER SURROUNDINGS`: the certificate for `localhost` with its key in one PEM file; a folder for
//! the table and the sandbox's repositories; and the file into which a function's variables (`environment`) and what it
//! reads from Secrets Manager (`secrets`) are written as JSON when all is ready. Ends when it is killed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use autofix::clock::Clock;
use autofix::config::names;
use autofix_local::sandbox::secrets_manager::{self, SecretsManager};
use autofix_local::sandbox::{Sandbox, SlackWay};
use autofix_local::table::EmbeddedTable;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const TABLE: &str = "autofix";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, folder, surroundings] = arguments.as_slice() else {
        bail!("usage: aws-over-tls CERTIFICATE FOLDER SURROUNDINGS")
    };
    let folder = Path::new(folder);
    autofix::outbound::install_tls();
    let tls = acceptor(Path::new(certificate))?;
    // In a folder, not in memory: there the stream has no index, and a write would take longer with each before it.
    let table = EmbeddedTable::open(&folder.join("table")).await?;
    table.create(TABLE).await?;
    let secrets = SecretsManager::start_with(Clock::system()).await?;
    let sandbox = Sandbox::start(folder, Clock::system()).await?;
    let all = sandbox.environment(SlackWay::Bot).pairs().into_iter();
    let (secret, mut plain): (Vec<_>, Vec<_>) =
        all.partition(|(name, _)| names::SECRETS.contains(&name.as_str()));
    secret.iter().for_each(|(name, value)| secrets.put(name, value));
    plain.extend([
        ("AUTOFIX_TABLE".to_owned(), TABLE.to_owned()),
        ("AUTOFIX_SECRET_ARN".to_owned(), secrets_manager::ARN.to_owned()),
    ]);
    // Secrets Manager's last: it knows one access key, and the table takes any.
    for (name, value) in table.variables().into_iter().chain(secrets.variables()) {
        let value = match value.strip_prefix("http://") {
            Some(address) => behind_tls(address.parse().context("an endpoint's address")?, &tls).await?,
            None => value,
        };
        plain.push((name.to_owned(), value));
    }
    let [environment, secrets] = [plain, secret].map(|pairs| pairs.into_iter().collect::<BTreeMap<_, _>>());
    let written = json!({ "environment": environment, "secrets": secrets });
    // Renamed into place, so that whoever waits for the file never reads half of it.
    let beside = Path::new(surroundings).with_extension("part");
    std::fs::write(&beside, written.to_string())?;
    std::fs::rename(&beside, surroundings)?;
    std::future::pending().await
}

fn acceptor(pem: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(pem)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(pem)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The address of a port that takes TLS off and hands on to `inner`.
async fn behind_tls(inner: SocketAddr, tls: &TlsAcceptor) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let tls = tls.clone();
    tokio::spawn(async move {
        loop {
            let (outside, _) = listener.accept().await.expect("a port of our own takes connections");
            let tls = tls.clone();
            // A function that is killed breaks its connections off: that is how every measurement ends.
            tokio::spawn(async move { carry(outside, inner, &tls).await.ok() });
        }
    });
    Ok(format!("https://localhost:{port}"))
}

async fn carry(outside: TcpStream, inner: SocketAddr, tls: &TlsAcceptor) -> std::io::Result<()> {
    outside.set_nodelay(true)?;
    let mut outside = tls.accept(outside).await?;
    let mut inside = TcpStream::connect(inner).await?;
    inside.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
