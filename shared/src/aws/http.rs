//! The way to AWS over the HTTP client that everything else uses: a second one would be a tenth of a function's size.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use reqwest::Certificate;

use crate::outbound::install_tls;

/// Who vouches for the other side.
#[derive(Clone, Debug)]
pub enum Roots {
    /// What the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded.
    System,
    /// The certificates of this PEM file, and no other.
    Only(&'static [u8]),
    /// There is no TLS. No proxy of the environment is asked either: it could not reach this machine's loopback.
    Nobody,
}

/// A client for the configuration of an SDK client. Connections are made when they are needed, and kept.
pub fn client(roots: Roots) -> SharedHttpClient {
    SharedHttpClient::new(Http { roots, clients: Mutex::default() })
}

/// A client for plain HTTP, as the embedded table and the stand-ins on loopback speak it.
pub fn plain() -> SharedHttpClient {
    client(Roots::Nobody)
}

/// The clients by the time that they have for connecting: a credential provider's is shorter than a service's.
#[derive(Debug)]
struct Http {
    roots: Roots,
    clients: Mutex<BTreeMap<Option<Duration>, reqwest::Client>>,
}

impl HttpClient for Http {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match clients.get(&settings.connect_timeout()) {
            Some(client) => Ok(client.clone()),
            None => self.make(settings.connect_timeout()).inspect(|client| {
                clients.insert(settings.connect_timeout(), client.clone());
            }),
        };
        let client = client.map_err(|error| error.to_string());
        SharedHttpConnector::new(Connector { client, read_timeout: settings.read_timeout() })
    }
}

impl Http {
    fn make(&self, connect_timeout: Option<Duration>) -> reqwest::Result<reqwest::Client> {
        install_tls();
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(timeout) = connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        match self.roots {
            Roots::System => builder.build(),
            Roots::Only(pem) => builder.tls_certs_only(Certificate::from_pem_bundle(pem)?).build(),
            Roots::Nobody => builder.tls_certs_only([]).no_proxy().build(),
        }
    }
}

#[derive(Debug)]
struct Connector {
    client: Result<reqwest::Client, String>,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match &self.client {
            Ok(client) => HttpConnectorFuture::new(exchange(client.clone(), request, self.read_timeout)),
            Err(why) => HttpConnectorFuture::ready(Err(ConnectorError::other(why.as_str().into(), None))),
        }
    }
}

async fn exchange(
    client: reqwest::Client,
    request: HttpRequest,
    read_timeout: Option<Duration>,
) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a body that is streamed".into()))?;
    let request = http::Request::from_parts(parts, Bytes::copy_from_slice(body));
    let mut request = reqwest::Request::try_from(request).map_err(failed)?;
    *request.timeout_mut() = read_timeout;
    let mut response = client.execute(request).await.map_err(failed)?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut answer = http::Response::new(SdkBody::from(response.bytes().await.map_err(failed)?));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// What the SDK goes by where it decides to ask again.
fn failed(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        return ConnectorError::timeout(error.into());
    }
    if error.is_builder() {
        return ConnectorError::user(error.into());
    }
    ConnectorError::io(error.into())
}
