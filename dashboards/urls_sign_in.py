"""The addresses of signing in, partners' keys, and looking at who did what."""

from django.urls import path

from dashboards.views import (
    access_review,
    api_keys,
    audit,
    own_password,
    second_factor,
    single_sign_on,
)

urlpatterns = [
    path("sign-in/code/", second_factor.code, name="sign-in-code"),
    path("sign-in/confirm/", second_factor.confirm, name="confirm"),
    path("sign-in/with/", single_sign_on.away, name="sign-in-with"),
    path("sign-in/back/", single_sign_on.back, name="sign-in-back"),
    path("security/", second_factor.security, name="security"),
    path("security/change/", second_factor.change_security, name="change-security"),
    path("security/app/", second_factor.add_app, name="add-app"),
    path("security/passkey/", second_factor.add_passkey, name="add-passkey"),
    path("security/password/", own_password.change, name="change-password"),
    path("api-keys/", api_keys.api_keys, name="api-keys"),
    path("api-keys/<int:key_id>/end/", api_keys.end_key, name="end-key"),
    path("my-access/", audit.my_access, name="my-access"),
    path("access/audit/", audit.audit, name="audit"),
    path("access/audit/check/", audit.verify, name="verify-trail"),
    path("access/review/", access_review.review, name="access-review"),
    path("access/review/<int:event_id>/", access_review.settle, name="settle-review"),
]
