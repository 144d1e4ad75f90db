"""Errors that skip a client until its row or its dialer is changed."""

from errors.branches import ClientError
from errors.labels import Label


class RowUnusable(ClientError):
    """Arguments: problem of the credentials row and its fix."""

    label = Label.ROW_CANNOT_BE_USED


class LoginRejected(ClientError):
    """Arguments: host, user, client."""

    label = Label.LOGIN_REJECTED
    happened = "{0} refused the login of user {1!r}."
    advice = (
        "Correct the password in its row and import it: `python main.py clients import FILE.csv`. Until then it is"
        " not tried again. If you repaired the account on the dialer (level 7 or higher, active): `python main.py"
        " clients retry {2}`."
    )


class LoginUnclear(ClientError):
    """Arguments: host, user, tries, time (UTC) of the next try, client."""

    label = Label.LOGIN_UNCLEAR
    happened = "{0} never answered the {2} first requests of user {1!r}. So the password may be wrong."
    advice = "It is tried again after {3}, or at once with `python main.py clients retry {4}`."


class AccountLocked(ClientError):
    """Arguments: host, user, end (UTC) of the pause."""

    label = Label.ACCOUNT_LOCKED
    happened = "{0} has locked user {1!r} after too many failed logins by anybody."
    advice = "Nothing is sent for it before {2}. Use one dedicated user without logins by people."


class TwoFactorRequired(ClientError):
    """Arguments: host, user."""

    label = Label.TWO_FACTOR_REQUIRED
    happened = "{0} asks user {1!r} for two-factor authentication."
    advice = "Give the report user an exemption from 2FA on the dialer, or use a dedicated user without it."


class NotPermitted(ClientError):
    """Arguments: host, user, missing right and its place on the dialer."""

    label = Label.NOT_PERMITTED
    happened = "{0} does not let user {1!r} read the report:"
    advice = "{2}"


class AddressBlocked(ClientError):
    """Arguments: host, user."""

    label = Label.IP_ADDRESS_BLOCKED
    happened = "{0} does not accept user {1!r} from this machine's IP address."
    advice = "Add this machine to the IP list of that user's group on the dialer."


class ReportUnknown(ClientError):
    """Arguments: host, received content."""

    label = Label.NOT_AN_EXPORT
    happened = "{0} did not answer with the export: {1}."
    advice = "Check the URL of the row, the report's version and the user's language (default English) on the dialer."


class PhpMessagesShown(ReportUnknown):
    """Arguments: host."""

    happened = "{0} wrote messages of PHP into its answer, where the export begins."
    advice = (
        "Switch display_errors off in the dialer's php.ini and restart its web server. The messages themselves belong"
        " in its error log."
    )


class SentenceUnknown(ReportUnknown):
    """Arguments: host, received content, digest of the whole text, sending server and program.

    A line of plain text may be the dialer's words for no calls, in the language of its user.
    """


class RedirectRefused(ClientError):
    """Arguments: host, target."""

    label = Label.REDIRECTED
    happened = "{0} redirects to {1}. A password does not follow a redirect."
    advice = "Write this address into the URL of the credentials row, if it is the right one."


class DialerRefused(ClientError):
    """Arguments: host, HTTP status, requested path."""

    label = Label.DIALER_REFUSED
    happened = "{0} answered HTTP {1} to {2}."
    advice = (
        "Check the URL of the credentials row (scheme, port, path) in a browser. Import a corrected one with --replace."
    )


class CertificateInvalid(ClientError):
    """Arguments: host, fault of its certificate, fix."""

    label = Label.CERTIFICATE
    happened = "The TLS certificate of {0} was not accepted: {1}. No password was sent."
    advice = "{2}"


class TLSTooOld(ClientError):
    """Arguments: host, message of the TLS library."""

    label = Label.TLS_TOO_OLD
    happened = "{0} offers only unsafe encryption ({1}). No password was sent."
    advice = (
        "Its web server must offer TLS 1.2 or newer (Apache: SSLProtocol and SSLCipherSuite). An old system needs an"
        " update. Or put a gateway with a current TLS in front of it, and write its address into the row."
    )


class ClientCertificateWanted(ClientError):
    """Arguments: host."""

    label = Label.CLIENT_CERTIFICATE
    happened = "{0} asks for a client certificate, and this program has none."
    advice = (
        "Let its web server ask for none from this machine on the path of the row's URL (Apache: SSLVerifyClient,"
        " nginx: ssl_verify_client). It should check the password of the row instead."
    )


class HandshakeRefused(ClientError):
    """Arguments: host, message of the TLS library."""

    label = Label.TLS_HANDSHAKE
    happened = "{0} speaks TLS and refused this machine ({1}). No password was sent."
    advice = (
        "Its web server's error log has the reason: it asks for a client certificate (Apache: SSLVerifyClient), and"
        " this program has none. Or it has no encryption in common with this machine (SSLProtocol, SSLCipherSuite:"
        " TLS 1.2 or newer), or none for the name in the row's URL."
    )


class EncryptionMissing(ClientError):
    """Arguments: host."""

    label = Label.HTTPS_NEEDED
    happened = "{0} speaks TLS on this port, and the row's URL does not."
    advice = "Write https:// into the URL of the row and import it with --replace."


class WrongZone(ClientError):
    """Arguments: message of the dialer's clock, fix of the row."""

    label = Label.WRONG_TIME_ZONE
    happened = "Nothing was read: {0}"
    advice = "{1} Run the backfill again afterwards. Now it would only spoil right times."


class CampaignsUnnamed(ClientError):
    """Arguments: host, build."""

    label = Label.CAMPAIGNS_NOT_NAMED
    happened = "{0} runs VICIdial build {1}. It cannot export all campaigns without their names."
    advice = "List them in the columns dialer_campaigns and ingroups of the credentials row."


class NothingVisible(ClientError):
    """Arguments: names hidden from the login, fix."""

    label = Label.NOTHING_VISIBLE
    happened = "{0} The dialer answers with an empty HTTP 500."
    advice = "{1}"
