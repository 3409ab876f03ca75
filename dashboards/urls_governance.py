"""The addresses of governance: what a role can see, registers, rights, the public."""

from django.urls import path

from dashboards.views import (
    access,
    opted_out,
    public_register,
    registers,
    rights,
    security_txt,
)

urlpatterns = [
    path(".well-known/security.txt", security_txt.security_txt, name="security-txt"),
    path("access/", access.simulate, name="access"),
    path("access/definition/", access.definition, name="access-definition"),
    path("registers/", registers.register_list, name="registers"),
    path("registers/propose/<slug:kind>/", registers.propose, name="register-propose"),
    path("registers/ropa.csv", registers.ropa_csv, name="ropa-csv"),
    path("registers/ropa.xlsx", registers.ropa_xlsx, name="ropa-xlsx"),
    path("registers/<int:entry_id>/", registers.entry, name="register-entry"),
    path("registers/<int:entry_id>/decide/", registers.decide, name="register-decide"),
    path("opt-outs/", opted_out.opted_out, name="opt-outs"),
    path("rights/", rights.governed, name="rights"),
    path("rights/<int:request_id>/", rights.one_governed, name="rights-request"),
    path("rights/<int:request_id>/change/", rights.change, name="rights-change"),
    path("rights/own/", rights.own, name="rights-own"),
    path("rights/own/<int:request_id>/", rights.one_own, name="rights-own-request"),
    path(
        "rights/own/<int:request_id>/review/", rights.review, name="rights-own-review"
    ),
    path(
        "rights/own/<int:request_id>/record.json",
        rights.record_json,
        name="rights-record-json",
    ),
    path(
        "rights/own/<int:request_id>/record.pdf",
        rights.record_pdf,
        name="rights-record-pdf",
    ),
    path("people/<str:reference>/rights/", rights.open_request, name="rights-open"),
    path("people/<str:reference>/objection/", rights.objection, name="objection"),
    path("public/", public_register.register, name="public-register"),
]
