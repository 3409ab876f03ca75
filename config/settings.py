"""Django settings: one file for every process.

`CATCHMENT_PROCESS` says which process this is (web, worker, beat, vault, migrator,
test). A process is given only the connection strings it may use, so the vault's
database does not exist for the web: there is nothing to misconfigure.
"""

from pathlib import Path

from csp.constants import SELF

from config.environment import database, mail, required, shard_count, value

BASE_DIR = Path(__file__).resolve().parent.parent
PROCESS = value("CATCHMENT_PROCESS", "worker")
HOME = Path(value("CATCHMENT_HOME", str(BASE_DIR / ".local")) or "")
DEBUG = False

SECRET_KEY = required(
    "CATCHMENT_SECRET_KEY", "the key that signs sessions, 50 random characters or more"
)
ALLOWED_HOSTS = (value("CATCHMENT_HOSTS", "localhost,127.0.0.1,[::1]") or "").split(",")
CSRF_TRUSTED_ORIGINS = [
    origin for origin in (value("CATCHMENT_ORIGINS") or "").split(",") if origin
]
# Whom to tell about a weakness (RFC 9116): mailto:… or https://…
SECURITY_CONTACT = value("CATCHMENT_SECURITY_CONTACT", "") or ""

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "governance",
    "linkage",
    "linkage.vault",
    "segmentation",
    "risk",
    "dashboards",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "governance.sign_in.SessionRules",
    "governance.middleware.ViewerMiddleware",
]

# Which file of segmentation/plus is the PLUS of Core20PLUS5 here.
PLUS_GROUPS = value("CATCHMENT_PLUS", "default") or "default"

ROOT_URLCONF = "config.urls"
if PROCESS == "vault":
    # The vault answers signed statements on its own socket and serves nothing else.
    ROOT_URLCONF = "config.vault_urls"
    MIDDLEWARE = []
    ALLOWED_HOSTS = ["vault"]
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "governance.User"
LOGIN_URL = "sign-in"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "dashboards" / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "config.jinja.environment",
            "context_processors": ["dashboards.frame.around"],
        },
    },
]

# ATOMIC_REQUESTS: the viewer's scope is set with set_config(…, true) and must die
# with the request's transaction, or it would leak to the connection's next request.
STORE = database(
    required("DATABASE_URL", "the store's connection string for this process's role")
) | {"ATOMIC_REQUESTS": PROCESS in {"web", "test"}, "CONN_MAX_AGE": 300}
DATABASES: dict[str, dict[str, object]] = {"default": STORE}
# Audit rows go over a connection of their own, in autocommit: a refused request
# rolls its work back, and must not roll back the record that it was tried.
DATABASES["audit"] = database(
    value("AUDIT_DATABASE_URL") or required("DATABASE_URL", "the store")
) | {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 300}
if vault_url := value("VAULT_DATABASE_URL"):
    DATABASES["vault"] = database(vault_url) | {"CONN_MAX_AGE": 300}
# Where the heads of the audit chains are kept every ten minutes: a file, or an address
# that takes a line by POST and gives all back by GET. Best on another machine.
AUDIT_ANCHORS = value("AUDIT_ANCHORS", "") or f"file://{HOME}/audit/anchors.jsonl"
DATABASE_ROUTERS = ["config.routers.ZoneRouter"]

REDIS_URL = value("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# The number of hash partitions of the person-level tables, fixed by the migration
# that makes them: a shard is a partition is a task. Each costs every file and every
# stage something, so a small store has fewer.
SHARDS = shard_count(value("CATCHMENT_SHARDS", "16") or "16")

# The order of a refresh and whose definitions it records, named as text: the layers
# below config call them without importing it.
REFRESH_STAGES = "config.schedule.STAGES"
LEFT_OUT_OF_DELTAS = "config.schedule.LEFT_OUT_OF_DELTAS"
RELEASE_DEFINITIONS = "config.schedule.DEFINITIONS"
# Tables about whole people, outside linkage's own: they go along when two are merged.
ROWS_OF_PEOPLE = ("decision", "intervention", "outcome", "local_objection")
# What is erased with a person, beside the facts themselves. Sets of person numbers
# behind counts stay: nothing says any more whose number it was.
ERASED_WITH_A_PERSON = (
    *ROWS_OF_PEOPLE,
    "profile",
    "list_entry",
    "list_card",
    "card_event",
    "list_allocation",
    "list_home",
    "person_risk",
    "foretold",
    "treatment",
    "imported_list_member",
)
# Set when an image is built; a checkout asks git.
CODE_VERSION = value("CATCHMENT_VERSION", "")

VAULT_SERVICE_URL = value("VAULT_SERVICE_URL", "")
VAULT_ASSERTION_KEY = value("VAULT_ASSERTION_KEY", "")
# "mandatory": every reveal needs a reason; the vault refuses more rows than this.
REVEAL_MAX_PERSONS = 200

# Where the vault keeps delivered files, sealed, and for how long: a run can be rolled
# back, and a held file released, as long as its file and its neighbours' are there.
DELIVERIES = Path(
    value("CATCHMENT_DELIVERIES", str(HOME / "vault" / "deliveries")) or ""
)
KEEP_DELIVERIES_DAYS = int(value("CATCHMENT_KEEP_DELIVERIES_DAYS", "100") or 0)
DELIVERY_MAX_BYTES = int(value("CATCHMENT_DELIVERY_MAX_BYTES", "5000000000") or 0)
# The folder into which suppliers' deliveries arrive; looked at by the vault's worker.
LANDING = Path(value("CATCHMENT_LANDING", str(HOME / "landing")) or "")
# The NHS's MESH mailbox, where there is one (docs/feeds-ways-in.md).
MESH = {
    name: value(f"CATCHMENT_MESH_{name.upper()}", "") or ""
    for name in ("url", "mailbox", "password", "shared_key", "cert", "key", "ca")
}

# A list of people that somebody uploads never lies in a file, not for a moment: what
# does not fit in memory (2.5 MB) is not taken.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "dashboards" / "static"]
# Served from where they are built: nothing is collected into a second folder.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_AGE = 15 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
HTTPS = value("CATCHMENT_HTTPS", "no") == "yes"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
if HTTPS:
    # A browser takes such a cookie over HTTPS from this very host alone.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A demonstration has accounts that anybody may use; they open nothing anywhere else.
DEMO = value("CATCHMENT_DEMO", "no") == "yes"
# Word of lists by e-mail: through a server where one is named (worker only). A
# demonstration writes it to the worker's log; without either nothing is sent.
if SMTP_URL := value("CATCHMENT_SMTP_URL"):
    globals().update(mail(SMTP_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = value("CATCHMENT_MAIL_FROM", "") or "catchment@localhost"
MAIL_IS_SET_UP = DEMO or value("CATCHMENT_MAIL", "yes" if SMTP_URL else "no") == "yes"
MAIL_DOMAINS = tuple(
    name.strip().lower()
    for name in (value("CATCHMENT_MAIL_DOMAINS") or "nhs.net,nhs.uk").split(",")
    if name.strip()
)
# How people reach the web, for links in messages; the first origin where not said.
PUBLIC_ADDRESS = (
    value("CATCHMENT_ADDRESS") or (*CSRF_TRUSTED_ORIGINS, "http://localhost:8000")[0]
).rstrip("/")
# "required": everybody needs a second factor. "where_enrolled": who has added one.
SECOND_FACTOR = value("CATCHMENT_SECOND_FACTOR", "") or (
    "where_enrolled" if DEMO else "required"
)
# How many proxies of ours stand in front; each adds whom it answered to a header.
PROXIES = int(value("CATCHMENT_PROXIES", "0") or 0)
# Single sign-on (NHS CIS2, Entra, …): nothing is offered without a provider.
OIDC_ISSUER = value("OIDC_ISSUER", "")
OIDC_RP_CLIENT_ID = value("OIDC_CLIENT_ID", "")
OIDC_RP_CLIENT_SECRET = value("OIDC_CLIENT_SECRET", "")
OIDC_RP_SIGN_ALGO = value("OIDC_SIGN_ALGORITHM", "RS256")
OIDC_RP_SCOPES = value("OIDC_SCOPES", "openid profile")
# Values of amr, acr or CIS2's assurance level that say: two factors were shown.
OIDC_STRONG = (value("OIDC_STRONG", "") or "mfa,level-2,level-3").split(",")
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 10
OIDC_AUTHENTICATION_CALLBACK_URL = "sign-in-back"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if OIDC_ISSUER:
    AUTHENTICATION_BACKENDS.append("governance.single_sign_on.SingleSignOn")
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "governance.password_words.OwnWords"},
    {
        "NAME": "django.contrib.auth.password_validation."
        "UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "full_name")},
    },
]

# For how many days a password opens an account that its owner did not choose.
GIVEN_PASSWORD_DAYS = int(value("CATCHMENT_GIVEN_PASSWORD_DAYS", "7") or 0)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        # The hash of an empty style element, which Plotly adds and never fills.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["dashboards.api.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["dashboards.api.auth.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "dashboards.api.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Catchment API",
    "VERSION": "1",
    "DESCRIPTION": "Protected aggregates, organisations and feed status.",
    "SERVE_INCLUDE_SCHEMA": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_identifiers": {"()": "governance.logs.WithoutIdentifiers"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["no_identifiers"]}
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"catchment": {"level": "INFO"}},
}
