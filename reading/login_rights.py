"""Comparison of a row's campaigns and in-groups with the names that its login may see."""

import logging

from dialers.export_form_cache import CachedChoices
from dialers.visibility import describe_choices, describe_lost_names, find_hidden_names
from messages import Source
from reading import notices
from utils import one_line

LOG = logging.getLogger(__name__)


def compare_rights(source: Source, names: CachedChoices, *, lacks_calls: bool) -> list[str]:
    """Compare once a day the names in the row with the names offered to its login by the dialer's form.

    Args:
        lacks_calls: calls are missing that were there before. Rights may just have been taken from the login, so the
            form is asked for at most once an hour.

    Returns:
        Notices for the operator.
    """
    choices = names.refresh_hourly() if lacks_calls else names.refresh_daily()
    if choices is None or not names.mark_compared():
        return []
    hidden = find_hidden_names(source, choices)
    if not names.were_asked_now and any(name.leaves_nothing for name in hidden):
        choices = names.refresh_now()  # the form is old, and the page has just worked: the names may be visible now
        hidden = find_hidden_names(source, choices) if choices else ()
        names.mark_compared()
    if choices:
        client, user = one_line(source.client_name), one_line(source.username)
        LOG.info("%s: user %s of %s sees %s", client, user, source.host, one_line(describe_choices(choices), limit=500))
    found = [str(name) for name in hidden]
    if names.before and choices and (gone := describe_lost_names(names.before, choices)):
        found.append(notices.names_lost(source, gone))
    return found
