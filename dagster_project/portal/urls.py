"""Where every page is. Pages are grouped by what they are about; each takes a capability (visibility.takes)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("dagster_project.portal.urls_accounts")),
    path("", include("dagster_project.portal.urls_pages")),
    path("", include("dagster_project.portal.urls_copies")),
    path("", include("dagster_project.portal.urls_returns")),
    path("", include("dagster_project.portal.urls_branch")),
]
