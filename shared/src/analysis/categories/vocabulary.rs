//! The words, modules and calls by which sensitive areas are recognised. Words are parted by
//! whitespace; each list says where its words count.

use crate::analysis::report::Category;

/// Words of file and folder names.
pub(super) const PATH_WORDS: &[(Category, &str)] = &[
    (
        Category::Security,
        "auth authn authz authentication authorization authenticate login logout signin signup token tokens \
         jwt oauth oauth2 sso saml oidc crypto cryptography encryption password passwords credential \
         credentials secret secrets permission permissions acl rbac security csrf cors session sessions mfa \
         otp totp hashing signing signature validation validators validator sanitize sanitizer",
    ),
    (
        Category::Database,
        "db database databases sql orm dao migration migrations alembic models model repository \
         repositories query queries crud entities entity prisma",
    ),
    (
        Category::Payments,
        "payment payments billing invoice invoices invoicing stripe paypal checkout subscription \
         subscriptions charge charges refund refunds payout payouts wallet ledger pricing tax taxes \
         accounting",
    ),
    (Category::ExternalApi, "integration integrations webhook webhooks thirdparty"),
];

/// Words of functions, of what they call, and of names in the changed lines.
pub(super) const NAME_WORDS: &[(Category, &str)] = &[
    (
        Category::Security,
        "auth authenticate authenticated authentication authorize authorized authorization login logout \
         signin password passwd jwt oauth token tokens secret secrets credential credentials permission \
         permissions encrypt decrypt hmac csrf cors admin superuser acl rbac mfa otp totp sanitize apikey \
         claims signature verify role roles staff privilege privileges impersonate hashed salt",
    ),
    (
        Category::Payments,
        "payment payments billing invoice invoices stripe paypal charge charges refund refunds payout \
         payouts amount amounts currency wallet ledger iban checkout",
    ),
];

/// Neighbouring words that mean more together.
pub(super) const NAME_PAIRS: &[(Category, &str)] = &[
    (Category::Security, "current user"),
    (Category::Security, "api key"),
    (Category::Security, "access control"),
    (Category::Security, "can view"),
    (Category::Security, "can edit"),
    (Category::Security, "can delete"),
    (Category::Security, "can access"),
    (Category::Security, "has access"),
    (Category::Security, "is allowed"),
    (Category::Security, "is owner"),
    (Category::Security, "database url"),
];

/// Modules whose use says what code does.
pub(super) const MODULES: &[(Category, &str)] = &[
    (
        Category::Database,
        "sqlalchemy sqlmodel psycopg psycopg2 asyncpg pymongo motor redis django.db tortoise peewee \
         databases sqlite3 aiosqlite alembic beanie mongoengine flask_sqlalchemy pymysql MySQLdb aiomysql \
         elasticsearch pg mysql mysql2 mongoose mongodb knex typeorm sequelize @prisma/client drizzle-orm \
         ioredis better-sqlite3 database/sql gorm.io/gorm github.com/jackc/pgx github.com/jmoiron/sqlx \
         go.mongodb.org/mongo-driver github.com/redis/go-redis \
         sqlx diesel sea_orm rusqlite tokio_postgres deadpool_postgres \
         java.sql javax.sql javax.persistence jakarta.persistence org.hibernate org.springframework.data \
         org.springframework.jdbc org.jooq org.mybatis \
         ActiveRecord PG Mysql2 Sequel Mongoid Redis \
         PDO mysqli Doctrine Illuminate.Database Illuminate.Support.Facades.DB",
    ),
    (
        Category::ExternalApi,
        "requests httpx aiohttp urllib.request urllib3 http.client boto3 botocore google.cloud \
         googleapiclient openai anthropic twilio sendgrid slack_sdk smtplib aiosmtplib imaplib grpc \
         websockets websocket paramiko ftplib socket telnetlib zeep pika kafka celery kombu axios \
         node-fetch got superagent undici ky @aws-sdk aws-sdk @google-cloud nodemailer net/smtp \
         google.golang.org/grpc github.com/aws/aws-sdk-go github.com/aws/aws-sdk-go-v2 \
         reqwest hyper ureq surf isahc tonic lettre aws_sdk_s3 aws_config rdkafka lapin \
         java.net.http org.apache.http org.apache.hc okhttp3 retrofit2 feign org.springframework.web.client \
         org.springframework.web.reactive.function.client software.amazon com.amazonaws javax.mail \
         jakarta.mail \
         Net.HTTP Net.SMTP Faraday HTTParty RestClient Excon HTTP Typhoeus Aws \
         GuzzleHttp Illuminate.Support.Facades.Http Illuminate.Support.Facades.Mail Symfony.Contracts.HttpClient \
         Symfony.Component.HttpClient Aws SoapClient",
    ),
    (
        Category::Security,
        "jwt jose authlib hashlib hmac secrets cryptography passlib bcrypt argon2 nacl itsdangerous ssl \
         oauthlib requests_oauthlib fastapi.security starlette.authentication django.contrib.auth \
         flask_login flask_jwt_extended rsa pyotp Crypto jsonwebtoken crypto bcryptjs passport next-auth \
         golang.org/x/crypto golang.org/x/oauth2 github.com/golang-jwt/jwt \
         jsonwebtoken ring rustls openssl sha2 oauth2 \
         java.security javax.crypto org.springframework.security io.jsonwebtoken com.auth0 \
         JWT BCrypt Devise Pundit CanCan OpenSSL Warden Doorkeeper \
         Firebase.JWT Illuminate.Support.Facades.Auth Illuminate.Support.Facades.Hash \
         Illuminate.Support.Facades.Crypt Illuminate.Support.Facades.Gate Symfony.Component.Security",
    ),
    (
        Category::Payments,
        "stripe paypal paypalrestsdk braintree Adyen adyen square razorpay mollie plaid gocardless @stripe \
         @paypal com.stripe com.braintreegateway com.paypal async_stripe Stripe PayPal Braintree Omnipay",
    ),
];

/// Calls that read or write a database whatever they are called on.
pub(super) const DATABASE_CALLS: &str = "\
    commit rollback executemany executescript fetchone fetchall fetchmany fetchrow fetchval scalar_one \
    scalar_one_or_none scalars select_related prefetch_related bulk_create bulk_update get_or_create \
    update_or_create findMany findUnique findOne insertMany aggregate QueryRow QueryContext \
    ExecContext query createQuery createNativeQuery executeQuery executeUpdate prepareStatement \
    queryForObject queryForList fetch_one fetch_all fetch_optional query_as query_row find_by find_by! \
    find_each pluck update_all destroy_all delete_all save! find_or_create_by whereIn firstOrCreate \
    firstOrFail findOrFail updateOrCreate saveAll findById deleteById";

/// Calls that do so when made on a class, as Ruby's and PHP's active records have it.
pub(super) const DATABASE_CALLS_ON_CLASS: &str =
    "where find all first last create create! count exists? order joins includes with insert upsert destroy";

/// Calls that do so when made on something named after a database.
pub(super) const DATABASE_CALLS_ON_RECEIVER: &str = "\
    execute exec scalar get add add_all delete merge refresh flush save update insert insert_one \
    update_one delete_one find find_one find_all first all filter filter_by begin transaction raw \
    create upsert set prepare persist query_one hget hset Exec Query Begin Prepare Get Select fetch count exists";

/// What such a thing is called.
pub(super) const DATABASE_RECEIVERS: &str = "\
    session db conn connection cursor cur engine database tx transaction objects prisma knex repo \
    repository collection mongo redis orm dao jdbc pdo";

/// Calls that talk to another service when made on something named after a client.
pub(super) const CLIENT_CALLS: &str = "\
    get post put patch delete head request send fetch stream options Do Get Post Head publish invoke \
    getForObject postForObject getForEntity postForEntity exchange";

/// What such a client is called.
pub(super) const CLIENT_RECEIVERS: &str = "\
    client http api httpclient apiclient axios fetcher s3 sqs sns smtp gateway sdk";

/// Names that talk to another service by themselves.
pub(super) const NETWORK_NAMES: &str = "\
    fetch window.fetch globalThis.fetch XMLHttpRequest WebSocket EventSource navigator.sendBeacon \
    net/http.Get net/http.Post net/http.PostForm net/http.Head net/http.NewRequest \
    net/http.NewRequestWithContext net/http.Client net/http.DefaultClient net/http.DefaultClient.Do \
    net/http.DefaultTransport http.request https.request http.get https.get $.ajax \
    curl_exec curl_init curl_multi_exec fsockopen stream_socket_client mail java.net.URL java.net.Socket \
    URI.open urllib.request.urlopen net.Dial net.connect net.createConnection tls.connect";
