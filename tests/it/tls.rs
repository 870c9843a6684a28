//! Connections that are encrypted, with certificates of the test's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpStream as AsyncTcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use verbatim::access::TokenRole::Admin;

use super::command::{command, ran};
use super::socket::Socket;
use super::support::{Data, Http, PATIENCE, SHOP, Server, message};

fn event(number: usize) -> Value {
    message("c1", &format!("m{number}"), "customer", "cust-1", "hello")
}

/// An authority of this test, and certificates of it for 127.0.0.1.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Authority { issuer: rcgen::Issuer::new(parameters, key), pem }
    }

    /// Certificate and key.
    fn certificate(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec![name.to_string()]).unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    /// The certificate that a server shows to whoever trusts this authority.
    async fn shown_by(&self, server: &Server) -> Vec<u8> {
        let stream = self.connect(server).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    async fn connect(&self, server: &Server) -> tokio_rustls::client::TlsStream<AsyncTcpStream> {
        let address = server.url.strip_prefix("https://").unwrap();
        let stream = AsyncTcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        self.connector().connect(name, stream).await.unwrap()
    }
}

fn with_certificate(data: &Data, (certificate, key): &(String, String)) {
    data.set("tls_certificate = \"tls/chain.pem\"\ntls_key = \"tls/key.pem\"\n");
    std::fs::create_dir_all(data.path().join("tls")).unwrap();
    std::fs::write(data.path().join("tls/chain.pem"), certificate).unwrap();
    std::fs::write(data.path().join("tls/key.pem"), key).unwrap();
}

/// Everything that is spoken with a service is spoken encrypted, the commands on its directory find
/// and trust it, and a renewed certificate needs no restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_a_certificate_speaks_tls_and_is_found() {
    let authority = Authority::new();
    let data = Data::new();
    with_certificate(&data, &authority.certificate("127.0.0.1"));
    let server = Server::start(&data);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let token = data.token(SHOP, "boss", &[Admin]);
    let trusted = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
    let http = Http::trusting(&server.url, &token, trusted);
    http.events(&[event(0), event(1)]).await;

    // A WebSocket over the same port.
    let address = server.url.strip_prefix("https://").unwrap();
    let mut request = format!("wss://{address}/v1/ws").into_client_request().unwrap();
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let stream = authority.connect(&server).await;
    let (stream, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let mut socket = Socket::of(stream);
    socket.send_event(event(2)).await;
    socket.expect("ack").await;

    // Signing in gives a cookie that never goes over a line in the clear.
    let signed_in = http
        .without_token()
        .without_redirects(&authority.pem)
        .get(&format!("/login?token={token}"))
        .await;
    let cookie = signed_in.header("set-cookie").to_string();
    assert!(cookie.ends_with("; Secure"), "{}: {cookie}", signed_in.status);

    // A command on the directory asks its owner, whose certificate it was told; one that asks by
    // address trusts whom the system trusts.
    tokio::task::block_in_place(|| {
        assert_eq!(data.number("select count(*) from events"), 3);
        let asked = |trusted: &str| {
            let mut command = command();
            command.args(["sql", "select 1", "--url", &server.url, "--token", &token]);
            command.env("SSL_CERT_FILE", data.file("ca.pem", trusted));
            ran(command)
        };
        asked(&authority.pem).assert_code(0);
        asked(&Authority::new().pem).assert_code(2);
    });

    // Whoever speaks in the clear is not answered, and holds nobody up.
    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");

    // A renewed certificate: new connections are shown it, open ones stay.
    let before = authority.shown_by(&server).await;
    let (certificate, key) = authority.certificate("127.0.0.1");
    std::fs::write(data.path().join("tls/chain.pem"), "nothing").unwrap();
    server.signal("HUP");
    server.until_says("the certificate stays as it was");
    assert_eq!(authority.shown_by(&server).await, before, "what cannot be used changes nothing");
    std::fs::write(data.path().join("tls/chain.pem"), certificate).unwrap();
    std::fs::write(data.path().join("tls/key.pem"), key).unwrap();
    server.signal("HUP");
    let since = Instant::now();
    while authority.shown_by(&server).await == before {
        assert!(since.elapsed() < 2 * PATIENCE, "{}", server.stderr());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    socket.send_event(event(3)).await;
    socket.expect("ack").await;
    let since = Instant::now();
    loop {
        // The announcement follows the certificate by a moment.
        let ran = tokio::task::block_in_place(|| data.run(["sql", "select count(*) from events"]));
        if ran.code == 0 {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{ran}");
    }
    drop(socket);
    assert_eq!(server.stop(), 0);
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let (certificate, key) = authority.certificate("127.0.0.1");
    let (_, other_key) = authority.certificate("127.0.0.1");
    let garbage = "no pem".to_string();
    for (pair, said) in [
        ((garbage.clone(), key.clone()), "chain.pem` holds no certificate in PEM form"),
        ((certificate.clone(), garbage), "key.pem` holds no private key in PEM form"),
        ((certificate.clone(), other_key), "cannot be used together"),
    ] {
        let data = Data::new();
        with_certificate(&data, &pair);
        let ran = data.run(["serve", "--listen", "127.0.0.1:0"]);
        ran.assert_code(2);
        ran.assert_stderr_has(said);
    }
    let data = Data::new();
    with_certificate(&data, &(certificate, key));
    std::fs::remove_file(data.path().join("tls/key.pem")).unwrap();
    let ran = data.run(["serve", "--listen", "127.0.0.1:0"]);
    ran.assert_code(2);
    ran.assert_stderr_has("cannot read");
}
