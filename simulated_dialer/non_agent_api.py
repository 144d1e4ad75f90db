"""non_agent_api.php: always status 200. Only ``version`` is answered in full, the rest with its ERROR line.

Basic authentication means nothing to it: user and password are parameters, and a failure counts for the lock-out.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulated_dialer.accounts import Accounts, Refusal
from simulated_dialer.builds import Build
from simulated_dialer.replies import Reply, message
from simulated_dialer.requests import Login, Request


def api_answer(
    request: Request, accounts: Accounts, build: Build, moment: datetime, zone: ZoneInfo, *, ip_block: bool
) -> Reply:
    function = request.one("function")
    if function == "version" and build.knows_function(function):
        return message(_version(build, moment, zone), charset="utf-8", api=True)
    return message(_error(request, function, accounts, build, moment, ip_block=ip_block), charset="utf-8", api=True)


def _version(build: Build, moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    answer = f"VERSION: {build.api_version}|BUILD: {build.name}|DATE: {local:%Y-%m-%d %H:%M:%S}|EPOCH: "
    answer += f"{int(moment.timestamp())}|"
    if not build.says_time_zone:
        return answer
    summer = local.dst()
    seconds_now = (local.utcoffset() or timedelta()).total_seconds()
    standard = seconds_now - (summer.total_seconds() if summer else 0)
    # The dialer knows summer time as a plain hour; zones with half an hour of it are told wrongly.
    now = standard + (3600 if summer else 0)
    return f"{answer}DST: {int(bool(summer))}|TZ: {standard / 3600:.2f}|TZNOW: {now / 3600:.2f}|"


def _error(
    request: Request, function: str, accounts: Accounts, build: Build, moment: datetime, *, ip_block: bool
) -> str:
    login = Login(request.one("user"), request.one("pass"))
    account = accounts.enter(login, moment, ip_block=ip_block)
    if isinstance(account, Refusal):
        if account.code == "IPBLOCK":
            account = replace(account, user="")
        return f"ERROR: {account.sentence(request.address)}"
    source = request.one("source")
    if len(source) < 2:
        return f"ERROR: Invalid Source - {source}\nERROR: Invalid Source: |{source}|"
    if not build.knows_function(function):
        return "ERROR: NO FUNCTION SPECIFIED"
    if not account.api_access:
        return f"ERROR: {function} USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |{account.user}|0|"
    return f"ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |{account.user}|{function}|"
