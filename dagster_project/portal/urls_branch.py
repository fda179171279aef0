"""What the branch and the auditor see: districts compared, what was published, who did what."""

from __future__ import annotations

from django.urls import path

from dagster_project.portal.views import branch

urlpatterns = [
    path("compare/", branch.compare, name="compare"),
    path("history/", branch.history, name="history"),
    path("history/<str:month>/", branch.history_month, name="history-month"),
    path("audit/", branch.audit_log, name="audit"),
    path("audit/export/", branch.audit_export, name="audit-export"),
]
