"""Errors that may pass: the next cycle asks again from the same watermark."""

from errors.branches import TransientError
from errors.labels import Label


class DialerResting(TransientError):
    """Arguments: host, begin of the silence, last failure, time of the next try, client."""

    label = Label.DIALER_UNREACHABLE
    happened = "{0} has not answered since {1} ({2}). It is asked less often until it answers."
    advice = (
        "Is the machine up? It is asked again at {3}. `python main.py clients retry {4}` asks it in the next cycle."
    )


class MemoryShort(TransientError):
    """Arguments: campaign."""

    label = Label.OUT_OF_MEMORY
    happened = "The worker of campaign {0} ran out of memory."
    advice = "In the next cycles it runs alone. See MAX_CAMPAIGN_PROCESSES, CONCURRENT_REQUESTS and DB_BATCH_SIZE."


class DialerUnreachable(TransientError):
    """Arguments: host, reason."""

    label = Label.DIALER_UNREACHABLE
    happened = "{0} could not be reached ({1})."
    advice = (
        "Is the machine up? Are scheme, host and port of the row's URL right? Import a corrected one with --replace."
        " Every cycle asks again."
    )


class NoTLS(DialerUnreachable):
    """Arguments: host."""

    happened = "{0} does not speak TLS. Nothing was sent."
    advice = (
        "Write the https port of its web server into the row's URL (mostly 443). If it has none, give it a"
        " certificate first: otherwise others on the network can read the password. Every cycle asks again."
    )


class ProxyFailed(TransientError):
    """Arguments: host, proxy without its login, origin of the setting, failure."""

    label = Label.PROXY
    happened = "{0} was not reached, because of the proxy {1}: {3}."
    advice = (
        "It is set by {2}. Correct this setting, or repair the proxy. The dialer is not the cause. Every cycle asks"
        " again."
    )


class DialerBusy(TransientError):
    """Arguments: host, reason, seconds to wait as requested by the dialer or None."""

    happened = "{0} could not answer now ({1})."
    advice = "Every cycle asks again."


class GatewayFailed(DialerBusy):
    """Arguments: host, message with its HTTP status, seconds to wait as requested or None."""

    label = Label.GATEWAY
    happened = "A proxy, load balancer or CDN answered in place of {0}: {1}."
    advice = "Check it first, then the dialer's web server: is it up and quick enough? Every cycle asks again."


class DialerTimeout(TransientError):
    """Arguments: host, seconds."""

    label = Label.TIMED_OUT
    happened = "{0} took longer than {1:g} seconds."
    advice = "See HTTP_TIMEOUT, CONNECT_TIMEOUT and REQUEST_TIMEOUT. Every cycle asks again."


class AnswerBroken(TransientError):
    """Arguments: host, reason."""

    label = Label.ANSWER_CUT_OFF
    happened = "The answer of {0} broke off ({1})."
    advice = "Every cycle asks again."


class AnswerTooLarge(TransientError):
    """Arguments: host, megabytes."""

    label = Label.ANSWER_TOO_LARGE
    happened = "{0} sent more than {1} MB in answer to one request."
    advice = (
        "No export is this large. Check the source of this answer, on the dialer or on a proxy before it. If all of"
        " it is calls, raise MAX_ANSWER_MB. Meanwhile smaller pieces are requested."
    )


class DialerFailed(TransientError):
    """Arguments: host, request."""

    label = Label.DIALER_ERROR
    happened = "{0} answered HTTP 500 with an empty body to {1}, twice."
    advice = (
        "Possible causes: the database is down, PHP's memory_limit is too small, or (user_stats on PHP 8) the agent"
        " has no login in this range. See the dialer's web server error log."
    )


class SlotUnavailable(TransientError):
    """Arguments: host, number."""

    label = Label.NO_FREE_CONNECTION
    happened = "All {1} allowed connections to {0} stayed in use."
    advice = "Raise MaxConnections of the row if the dialer can bear it. Every cycle asks again."


class RequestCancelled(TransientError):
    """Arguments: host."""

    label = Label.STOPPED
    happened = "The run was stopped during a request to {0}."
    advice = "The next run asks again."
