"""Work orders that come back."""

from __future__ import annotations

from django.urls import path

from dagster_project.portal.views import returns

urlpatterns = [
    path("returns/", returns.returns, name="returns"),
    path("returns/<int:key>/", returns.one, name="return"),
    path("returns/<int:key>/accept/", returns.accept, name="return-accept"),
    path("returns/<int:key>/undo/", returns.undo, name="return-undo"),
]
