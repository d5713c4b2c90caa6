//! What has to survive redaction: a model cannot reason about code it cannot read.

use super::stays;

#[test]
fn source_code_stays_readable() {
    for code in [
        "password = get_password()",
        "token = get_token(request)",
        "password: str",
        "password: str = None",
        "password: Optional[str] = None,",
        "self.secret_key = settings.secret_key",
        "def login(user: str, password: str, token: Token) -> None:",
        "login(user=name, password=plain, token=token)",
        "hash_password(password=user_password)",
        "token = credentials.credentials",
        "token: str = Depends(oauth2_scheme)",
        "token: Annotated[str, Depends(oauth2_scheme)]",
        "oauth2_scheme = OAuth2PasswordBearer(tokenUrl=\"token\")",
        "api_key_header = APIKeyHeader(name=\"X-API-Key\")",
        "payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])",
        "if not verify_password(password, user.password_hash):",
        "return {\"access_token\": access_token, \"token_type\": \"bearer\"}",
        "SECRET_KEY = os.environ[\"SECRET_KEY\"]",
        "fields = (\"username\", \"password\", \"email\")",
        "loc: ('body', 'password'), type: 'missing'",
        "{\"type\": \"password\", \"name\": \"line2\"}",
        "password = Column(String(128), nullable=False)",
        "data[\"password\"] = hasher.hash(data[\"password\"])",
        "raise ValueError(f\"Unexpected token: {token}\")",
        "SyntaxError: Unexpected token: expected string at line 12",
        "max_tokens=4096, input_tokens: 123456, token_count = 8",
        "const token = await session.getToken({ template });",
        "password: \"${DB_PASSWORD}\"",
        "password: '********', api_key: \"[Filtered]\", secret=None",
        "SecretStr('**********') password=SecretStr('**********')",
        "let secret = Secret::new(raw);",
        "csrf_token: {{ csrf_token }}",
        "session = Session(bind=engine)",
        "key = keys[0]; monkey = 1; hotkey=ctrl",
        "for token in tokens: count += 1",
        "@app.get(\"/orders/{id}\", tags=[\"token\"])",
    ] {
        stays(code);
    }
}

#[test]
fn ordinary_traceback_text_stays() {
    for text in [
        "File \"/app/bookshop/labels.py\", line 41, in address_lines",
        "AttributeError: 'NoneType' object has no attribute 'strip'",
        "id=6f1c2d3e-4a5b-4c6d-8e7f-0123456789ab commit 4f2d9ab0c1d2e3f405162738495a6b7c8d9e0f1a",
        "bookshop@1.2.3+4f2d9ab lodash@4.17.21 python:3.12.1 v2.0.0-rc.1",
        "2026-11-22T17:35:01.123456+00:00 1700000000000 1700000000.123 +0530",
        "<Order object at 0x7f3a2b1c9d00> total=4507876862268 rows=12345678901234",
        "@app.get @property @pytest.mark.parametrize image@2x.png a @ b x@self.weights",
        "127.0.0.1:8000 \"GET /orders/17 HTTP/1.1\" 500",
        "0.4111111111111111 4111111111111111.5 sha256:4111111111111111abcd order_4111111111111111",
        "GB82 is no account, DE00 3704 0044 0532 0130 00 has a wrong sum",
        "1 + 23456789012, x+12345678901, 1.0.0+20130313144700",
        "Zeile 3: Größe muß > 0 sein — 価格",
    ] {
        stays(text);
    }
}
