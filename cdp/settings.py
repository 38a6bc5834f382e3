"""Settings of every Tideline process, read from the environment (see docs/operator-guide.md)."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from cdp import environment as env

ROOT = Path(__file__).resolve().parent.parent
DATA = env.folder("TIDELINE_DATA", ROOT / "var")
TESTING = "pytest" in sys.modules
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

DEBUG = env.flag("DEBUG")
EMBEDDED = env.flag("EMBEDDED")
SECRET_KEY = env.text("SECRET_KEY")
ENCRYPTION_KEYS = env.listing("ENCRYPTION_KEYS")
# Stands behind the hashes of addresses and numbers (suppression, one message per person): it must never change.
HASH_KEY = env.text("HASH_KEY", SECRET_KEY)
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
# Where short links begin, and the file that knows the regions of network addresses.
SHORT_LINK_HOST = env.text("SHORT_LINK_HOST", BASE_URL).rstrip("/")
REGION_FILE = env.text("REGION_FILE", "")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS", BASE_URL)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "cdp.core.assets.AssetsConfig",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_htmx",
    "axes",
    "csp",
    "cdp.core",
    "cdp.crypto",
    "cdp.lake",
    "cdp.jobs",
    "cdp.console",
    "admin_center.organizations",
    "admin_center.members",
    "admin_center.permissions",
    "admin_center.audit",
    "insight.datasources",
    "insight.datasets",
    "insight.campaigns",
    "insight.oneid",
    "insight.audiences",
    "insight.omni",
    "insight.pushes",
    "insight.aipl",
    "insight.rfm",
    "insight.behaviour_analysis",
    "insight.analysis",
    "insight.tags",
    "insight.items",
    "marketing.channels",
    "marketing.accounts",
    "marketing.content",
    "marketing.materials",
    "marketing.links",
    "marketing.webhooks",
    "marketing.devices",
    "marketing.delivery",
    "marketing.replies",
    "marketing.outcomes",
    "marketing.sandbox",
    "cdp.demo",
]

MIDDLEWARE = [
    "cdp.core.middleware.CorrelationIdMiddleware",
    "cdp.core.middleware.NoNulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "admin_center.members.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "admin_center.permissions.middleware.WorkspaceMiddleware",
    "cdp.console.middleware.DomainErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]

FORM_RENDERER = "cdp.console.form_rendering.ConsoleRenderer"
ROOT_URLCONF = "cdp.urls"
ASGI_APPLICATION = "cdp.asgi.application"
WSGI_APPLICATION = "cdp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cdp.console.context.shell",
            ],
            "builtins": ["cdp.console.templatetags.components"],
        },
    }
]

DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {"default": {**env.postgres(DATABASE_URL), "ATOMIC_REQUESTS": False}}
if not TESTING:
    # Requests run in short-lived threads under ASGI, so connections are kept in a pool, not per thread.
    # One that the server has cut is found out before it is used: no request fails for it.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.number("DATABASE_POOL", 12)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL")
if TESTING:
    # Parallel test workers keep apart in Redis as they do in PostgreSQL.
    REDIS_URL = f"{REDIS_URL.removesuffix('/0')}/{env.test_worker()}"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

LAKE_PATH = env.text("LAKE_PATH", str(DATA / "lake"))
LAKE_CATALOG_URL = env.text("LAKE_CATALOG_URL", DATABASE_URL)
LAKE_CATALOG_SCHEMA = "lake"
LAKE_MEMORY_LIMIT = env.text("LAKE_MEMORY_LIMIT", "2GB")
LAKE_THREADS = env.number("LAKE_THREADS", 0)
LAKE_TEMP_PATH = env.text("LAKE_TEMP_PATH", str(DATA / "tmp"))
LAKE_S3 = {
    "endpoint": env.text("LAKE_S3_ENDPOINT", ""),
    "region": env.text("LAKE_S3_REGION", ""),
    "key_id": env.text("LAKE_S3_KEY_ID", ""),
    "secret": env.text("LAKE_S3_SECRET", ""),
    "url_style": env.text("LAKE_S3_URL_STYLE", ""),
    "use_ssl": env.flag("LAKE_S3_USE_SSL", True),
}
COPY_PART_ROWS = env.number("COPY_PART_ROWS", 1_000_000)
LAKE_VERSION_DAYS = env.number("LAKE_VERSION_DAYS", 30)

UPLOAD_PATH = env.folder("UPLOAD_PATH", DATA / "uploads")
MAIL_CA_FILE = env.text("MAIL_CA_FILE", "")
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", 2 * 1024**3)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = env.text("FILE_UPLOAD_TEMP_DIR", "") or None

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "jobs-tick": {"task": "cdp.jobs.tasks.tick", "schedule": 10.0},
    "lake-maintenance": {"task": "cdp.lake.tasks.maintenance", "schedule": 3600.0},
    "visits-forget": {"task": "cdp.console.tasks.forget_visits", "schedule": 24 * 3600.0},
    "audit-drop-old": {"task": "admin_center.audit.tasks.drop_old_entries", "schedule": 24 * 3600.0},
    "tables-clean-up": {"task": "insight.datasources.tasks.clean_up", "schedule": 3600.0},
    "sources-schedule": {"task": "insight.datasources.tasks.start_due_copies", "schedule": 30.0},
    "sources-nightly": {
        "task": "insight.datasources.tasks.look_after_sources",
        "schedule": crontab(hour=18, minute=30),
    },
    "datasets-schedule": {"task": "insight.datasets.tasks.start_due_refreshes", "schedule": 30.0},
    "omni-count-tags": {"task": "insight.omni.tasks.count_tags", "schedule": 600.0},
    "identities-schedule": {"task": "insight.oneid.tasks.start_due_runs", "schedule": 30.0},
    "tag-uses-forget": {"task": "insight.datasets.tasks.forget_tag_uses", "schedule": 24 * 3600.0},
    "custom-tags-start": {"task": "insight.tags.tasks.start_due_refreshes", "schedule": 30.0},
    "pushes-schedule": {"task": "insight.pushes.tasks.start_due_pushes", "schedule": 30.0},
    "audiences-schedule": {"task": "insight.audiences.tasks.start_due_refreshes", "schedule": 30.0},
    "audiences-drop-versions": {"task": "insight.audiences.tasks.drop_old_versions", "schedule": 3600.0},
    "item-pools-drop-versions": {"task": "insight.items.tasks.drop_old_versions", "schedule": 3600.0},
    "accounts-check": {"task": "marketing.accounts.tasks.check_accounts", "schedule": 3600.0},
    "providers-check": {"task": "marketing.channels.tasks.check_providers", "schedule": 3600.0},
    "content-reviews": {"task": "marketing.content.tasks.check_reviews", "schedule": 10.0},
    "content-ends": {"task": "marketing.content.tasks.warn_of_ends", "schedule": 24 * 3600.0},
    "materials-expire": {"task": "marketing.materials.tasks.expire", "schedule": 24 * 3600.0},
    "delivery-start": {"task": "marketing.delivery.tasks.start_due_send_outs", "schedule": 10.0},
    "delivery-approvals": {"task": "marketing.delivery.tasks.void_changed_approvals", "schedule": 60.0},
    "delivery-conversions": {"task": "marketing.delivery.tasks.count_conversions", "schedule": 3600.0},
    "delivery-expiry": {"task": "marketing.delivery.tasks.delete_old_recipients", "schedule": 3600.0},
    "delivery-report-queues": {"task": "marketing.delivery.tasks.read_report_queues", "schedule": 30.0},
    "replies-uplink": {"task": "marketing.replies.tasks.read_uplink", "schedule": 30.0},
    "replies-return": {"task": "marketing.replies.tasks.write_returned", "schedule": 60.0},
    "delivery-bounces": {"task": "marketing.delivery.tasks.read_bounces", "schedule": 60.0},
    "message-events": {"task": "marketing.outcomes.tasks.start_due_runs", "schedule": 300.0},
    "channels-forget-calls": {"task": "marketing.channels.tasks.forget_calls", "schedule": 24 * 3600.0},
    "webhooks-forget-calls": {"task": "marketing.webhooks.tasks.forget_calls", "schedule": 24 * 3600.0},
    "delivery-receipts": {"task": "marketing.delivery.tasks.poll_receipts", "schedule": 10.0},
}

AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "admin_center.members.backends.NameOrEmailBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "cdp.console.errors.csrf_failure"
LOGIN_URL = "members:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "members:login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "admin_center.members.backends.attempted_name"
AXES_CLIENT_IP_CALLABLE = "admin_center.members.origin.client_ip"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]
AXES_LOCKOUT_CALLABLE = "admin_center.members.views.locked_out"
AXES_ENABLE_ADMIN = True

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if BASE_URL.startswith("https://") else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY") else None
X_FRAME_OPTIONS = "SAMEORIGIN"
CONTENT_SECURITY_POLICY = {
    # The Django admin's theme needs inline scripts; the pages under /admin/ are left to Django's own defences.
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [SELF],
    },
}
OUTBOUND_ALLOW_PRIVATE = env.flag("OUTBOUND_ALLOW_PRIVATE", EMBEDDED)
EGRESS_IPS = env.listing("EGRESS_IPS")
SANDBOX_URL = env.text("SANDBOX_URL", "")
SANDBOX_SMTP = env.text("SANDBOX_SMTP", "")

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("zh-hans", _("Simplified Chinese")),
    ("zh-hant", _("Traditional Chinese")),
]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["cdp.formats"]
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = env.folder("STATIC_ROOT", DATA / "static")
NODE_MODULES = env.folder("NODE_MODULES", ROOT / "node_modules")
STATICFILES_DIRS = [
    ROOT / "static",
    *(
        (f"vendor/{name}", NODE_MODULES / path)
        for name, path in {
            "tabler": "@tabler/core/dist",
            "tabler-icons": "@tabler/icons-webfont/dist",
            "htmx": "htmx.org/dist",
            "htmx-sse": "htmx-ext-sse",
            "alpine": "@alpinejs/csp/dist",
            "echarts": "echarts/dist",
            "tom-select": "tom-select/dist",
            "flatpickr": "flatpickr/dist",
            "sortable": "sortablejs",
        }.items()
    ),
]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG or TESTING
_STATIC_BACKEND = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG or TESTING
    else "cdp.core.static.RelaxedManifestStorage"
)
STORAGES = {
    "default": env.file_storage("MATERIALS", UPLOAD_PATH),
    "staticfiles": {"BACKEND": _STATIC_BACKEND},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "admin_center.members.authentication.BearerTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["cdp.core.parsers.TextJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "cdp.core.paging.PageNumbers",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["cdp.core.throttling.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": env.text("API_RATE", "1200/min")},
    "DEFAULT_SCHEMA_CLASS": "cdp.core.schema.AutoSchema",
    "EXCEPTION_HANDLER": "cdp.core.api.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "TITLE": "Tideline API",
    "DESCRIPTION": "Connect customer data, build audiences, reach them, read what came of it.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AccountRequestStateEnum": "marketing.accounts.models.AccountRequest.State",
        "AudienceStateEnum": "insight.audiences.models.Audience.State",
        "ChannelEnum": "marketing.channels.models.Channel",
        "CurrencyEnum": "insight.campaigns.models.Campaign.Currency",
        "DeviceKindEnum": "marketing.devices.models.PushDevice.Kind",
        "DeviceOffReasonEnum": "marketing.devices.models.PushDevice.Off",
        "FeedModeEnum": "insight.datasources.models.Feed.Mode",
        "GrantRightEnum": "insight.campaigns.models.CampaignGrant.Right",
        "JobStatusEnum": "cdp.jobs.models.Job.Status",
        "MessagePurposeEnum": "marketing.content.models.Template.Purpose",
        "NotificationLevelEnum": "cdp.console.models.Notification.Level",
        "OrdinaryChannelEnum": "marketing.channels.models.ORDINARY",
        "ReviewStateEnum": "marketing.content.models.ReviewState",
        "RuleOperatorEnum": "insight.analysis.parts.OPERATORS",
        "SendOutOriginEnum": "marketing.delivery.models.SendOut.Origin",
        "SignatureSourceEnum": "marketing.content.models.Signature.Source",
        "SourceKindEnum": "insight.datasources.models.Connection.Kind",
        "SuppressionReasonEnum": "marketing.delivery.models.Suppression.Reason",
        "WebhookAuthEnum": "marketing.webhooks.models.Webhook.Auth",
    },
}

UNFOLD = {"SITE_TITLE": "Tideline", "SITE_HEADER": "Tideline", "SHOW_HISTORY": True}

LOG_FORMAT = env.text("LOG_FORMAT", "text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "cdp.core.logs.CorrelationFilter"}},
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s [%(correlation_id)s] %(name)s: %(message)s"},
        "json": {"()": "cdp.core.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["correlation"]}
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        "axes": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
    },
}
