"""What an account may see of a publication. Every page looks units, lists and files up here and nowhere else.

What is missing and what is forbidden are the same: not found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from dagster_project.lib.exports.summary import FILE_NAME as SUMMARY
from dagster_project.lib.work_returns import OrderBook
from dagster_project.portal import publications
from dagster_project.portal.models import Account, ReturnedWorkbook
from dagster_project.portal.publications import Publication, PublishedFile, Unit
from dagster_project.portal.roles import Capability, Role

WORK_ORDER = "work_order"
_ORDERS = "restricted/mart_work_orders.parquet"
CAPABILITY = "capability"
"""The attribute of a view that says what it takes."""
View = Callable[..., HttpResponseBase]


def takes(capability: Capability) -> Callable[[View], View]:
    """Make a view that only those see who may; it is not found for others, and leads to sign-in for strangers."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not account_of(request).may(capability):
                raise Http404
            return view(request, *args, **kwargs)

        found = login_required(guarded)
        setattr(found, CAPABILITY, capability)
        return cast("View", found)

    return decorate


def account_of(request: HttpRequest) -> Account:
    """Whoever signed in."""
    if not isinstance(request.user, Account):
        raise Http404
    return request.user


def units_of(account: Account, publication: Publication) -> tuple[Unit, ...]:
    """The units whose files an account may see: all for the branch, else its own districts."""
    if account.role == Role.BRANCH:
        return publication.units
    if account.role == Role.AUDITOR:
        return ()
    own = account.district_codes
    return tuple(unit for unit in publication.units if unit.code in own)


def unit_of(account: Account, publication: Publication, slug: str) -> Unit:
    """The unit that an address names; raises :class:`Http404`."""
    for unit in units_of(account, publication):
        if unit.slug == slug:
            return unit
    raise Http404


def publication_of(month: str, publication_id: str) -> Publication:
    """The version that an address names; raises :class:`Http404`."""
    found = publications.find(month, publication_id)
    if found is None:
        raise Http404
    return found


def list_types_of(account: Account, publication: Publication) -> frozenset[str]:
    """The types of lists that an account may see in its units."""
    if not account.may(Capability.LISTS):
        return frozenset()
    return publication.list_types & {WORK_ORDER} if account.role == Role.MANAGER else publication.list_types


def manager_of(account: Account) -> str | None:
    """The account manager whose rows alone an account may see; None for one that sees its whole districts."""
    return account.account_manager if account.role == Role.MANAGER else None


def files_of(account: Account, publication: Publication) -> Mapping[str, PublishedFile]:
    """The files that an account may see, by their path in the publication.

    Lists among them (:func:`is_list`) are handed out as marked copies only.
    """
    lists = list_types_of(account, publication)
    found: dict[str, PublishedFile] = {}
    for unit in units_of(account, publication):
        for file in publication.files_of(unit).values():
            allowed = file.stem in lists if is_list(publication, file) else account.may(Capability.UNITS)
            if allowed and file.name != SUMMARY:
                found[file.path] = file
    return found


def dictionary_of(publication: Publication) -> PublishedFile | None:
    """The data dictionary, which describes data and holds none: whoever signs in may see it; None without one."""
    return publication.files.get(f"{publications.NETWORK}/data_dictionary.xlsx")


def is_list(publication: Publication, file: PublishedFile) -> bool:
    """Whether a file holds subscribers."""
    return file.stem in publication.list_types


def order_book_of(account: Account, publication: Publication) -> OrderBook | None:
    """The work orders of a version that an account may answer; None when it may answer none of them."""
    path = publication.folder / _ORDERS
    codes = {unit.code for unit in units_of(account, publication)}
    if not path.is_file() or not codes or WORK_ORDER not in list_types_of(account, publication):
        return None
    districts = None if None in codes else frozenset(code for code in codes if code is not None)
    return OrderBook(path, publication.month, districts, manager_of(account))


def returns_of(account: Account) -> QuerySet[ReturnedWorkbook]:
    """The returned workbooks that an account may see and decide on: everybody's for the branch, else its own."""
    returns = ReturnedWorkbook.objects.all()
    return returns if account.role == Role.BRANCH else returns.filter(account=account)
