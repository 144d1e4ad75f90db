"""The header rows of call_report_export.php, literally, for each column set and build."""

from simulated_dialer.builds import Build

# One string each: this is how they stand in the file, and eighty quotes would hide a misspelt name.
_LEAD = (
    "call_date\tphone_number_dialed\tstatus\tuser\tfull_name\tcampaign_id\tvendor_lead_code\tsource_id\tlist_id"
    "\tgmt_offset_now\tphone_code\tphone_number\ttitle\tfirst_name\tmiddle_initial\tlast_name\taddress1\taddress2"
    "\taddress3\tcity\tstate\tprovince\tpostal_code\tcountry_code\tgender\tdate_of_birth\talt_phone\temail"
    "\tsecurity_phrase\tcomments\tlength_in_sec\tuser_group\talt_dial\trank\towner\tlead_id"
)
_EXTENDED = "\tentry_date\tcalled_count\tlast_local_call_time\tmodify_date\tcalled_since_last_reset"
_MIDDLE = {
    "STANDARD": "",
    "EXTENDED": _EXTENDED,
    "EXTENDED_2": f"{_EXTENDED}\tterm_reason",
    "EXTENDED_3": f"{_EXTENDED}\tterm_reason",
    "EXTENDED_4": "\tlog_called_count\tlog_list_id",
}
_LIST = "\tlist_name\tlist_description\tstatus_name"
_QUEUE = "\twrapup_time\tqueue_time"
_CHANNEL = "\tuniqueid\tcaller_code\tserver_ip\thangup_cause\tdialstatus\tchannel\tdial_time\tanswered_time\tcpd_result"
_DID = "\tdid_pattern\tdid_id\tdid_description"
_CUSTOM_DID = (
    "\tdid_custom_one\tdid_custom_two\tdid_custom_three\tdid_custom_four\tdid_custom_five\tdid_carrier_description"
)


def header_row(columns: str, build: Build) -> bytes:
    """Return the first line of an export, CRLF included. Names never follow the language of the user."""
    names = _LEAD + _MIDDLE[columns] + _LIST + _tail(columns, build)
    if not build.names_the_dialed_phone:
        names = names.replace("phone_number_dialed", "phone_number")
    return names.encode("ascii") + b"\r\n"


def _tail(columns: str, build: Build) -> str:
    if columns == "STANDARD":
        return ""
    tail = _QUEUE if build.has_queue_columns else ""
    tail += _CHANNEL
    if build.has_did_columns:
        tail += _DID
    return tail + (_CUSTOM_DID if columns == "EXTENDED_3" else "")
