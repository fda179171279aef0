"""Django's settings, made of the project's own: nothing here reads the environment itself."""

from __future__ import annotations

import dj_database_url
from csp.constants import NONE, SELF

from dagster_project.lib.wording import text
from dagster_project.portal.secret import kept_secret
from dagster_project.settings import PROJECT_ROOT, PortalSettings, Settings

RETENTION = Settings.from_environment()
PORTAL = PortalSettings.from_environment()
_HERE = PROJECT_ROOT / "dagster_project" / "portal"
_HOUR = 3600

SECRET_KEY = PORTAL.secret_key or kept_secret(RETENTION.portal)
DEBUG = False
ALLOWED_HOSTS = list(PORTAL.hosts)
ROOT_URLCONF = "dagster_project.portal.urls"
WSGI_APPLICATION = "dagster_project.portal.wsgi.application"

INSTALLED_APPS = [
    "dagster_project.portal.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "dagster_project.portal.apps.PortalConfig",
]
MIDDLEWARE = [
    "dagster_project.portal.log.requests",
    "django.middleware.security.SecurityMiddleware",
    "dagster_project.portal.middleware.headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dagster_project.portal.middleware.chosen_language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dagster_project.portal.middleware.first_steps",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dagster_project.portal.context.navigation",
            ],
            "builtins": ["dagster_project.portal.templatetags.wording"],
        },
    }
]

_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": RETENTION.portal / "portal.sqlite3",
    # many readers beside one writer, and who wants to write says so at once instead of failing half-way
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    },
}
_GIVEN = dj_database_url.parse(PORTAL.database, conn_max_age=60, conn_health_checks=True) if PORTAL.database else None
DATABASES = {"default": _GIVEN or _SQLITE}

AUTH_USER_MODEL = "portal.Account"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "dagster_project.portal.passwords.NotTheOldOne"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 1
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "dagster_project.portal.address.client_address"
AXES_USERNAME_CALLABLE = "dagster_project.portal.signing_in.name_tried"
AXES_LOCKOUT_CALLABLE = "dagster_project.portal.views.accounts.locked_out"
# the audit log has it, with less that is personal
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "next"]
AXES_ENABLE_ADMIN = False

OTP_TOTP_ISSUER = text("portal_frame.site", RETENTION.language)

SESSION_COOKIE_AGE = PORTAL.session_hours * _HOUR
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PORTAL.is_behind_tls
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_USE_SESSIONS = False
CSRF_FAILURE_VIEW = "dagster_project.portal.views.errors.forged"
SECURE_SSL_REDIRECT = PORTAL.is_behind_tls
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_HSTS_SECONDS = 365 * 24 * _HOUR if PORTAL.is_behind_tls else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "script-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = {"zh": "zh-hans", "en": "en"}[RETENTION.language]
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_HANDLERS = ["dagster_project.portal.uploads.SmallUploads"]
# of a whole request: the largest work order that is read, and what the form around it takes
FILE_UPLOAD_MAX_MEMORY_SIZE = 21 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "dagster_project.portal.log.JsonLines"}},
    "handlers": {
        "standard_error": {"class": "logging.StreamHandler", "formatter": "json"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["standard_error"], "level": "WARNING"},
    "loggers": {
        "retention.portal": {"level": "INFO"},
        # warnings quote addresses of pages; the line of the request has their status
        "django": {"handlers": [], "level": "ERROR"},
        "django.security": {"handlers": ["nowhere"], "propagate": False},
        # quotes names; the audit log has what it says
        "axes": {"handlers": ["nowhere"], "propagate": False},
    },
}
