"""The test of each error, for docs/errors.md."""

TESTS = {
    "broken_dialers/test_crashed_tables.py": {
        "SuspectData": "test_a_crashed_table_is_told_until_it_is_repaired_and_then_nothing_is_missing",
    },
    "acceptance/test_commands.py": {
        "NobodyChosen": "test_a_backfill_of_today_or_of_nobody_is_refused",
        "OptionInvalid": "test_a_backfill_of_today_or_of_nobody_is_refused",
        "OptionRefused": "test_a_backfill_of_today_or_of_nobody_is_refused",
    },
    "acceptance/test_cycles.py": {
        "LoginRejected": "test_one_failed_login_for_a_wrong_password_over_campaigns_and_runs",
        "MemoryShort": "test_a_campaign_that_lacks_memory_says_so_and_runs_alone_in_the_next_cycle",
        "NoCampaigns": "test_no_campaigns_says_where_it_looked",
        "RowUnusable": "test_rows_that_cannot_be_used_fail_alone",
    },
    "acceptance/test_oversized_answers.py": {
        "AnswerTooLarge": "test_what_never_ends_costs_its_own_client_a_window",
    },
    "acceptance/test_status.py": {
        "DialerResting": "test_three_mistakes_are_plain_after_a_cycle_and_gone_after_the_next",
        "DialerUnreachable": "test_three_mistakes_are_plain_after_a_cycle_and_gone_after_the_next",
        "WrongZone": "test_three_mistakes_are_plain_after_a_cycle_and_gone_after_the_next",
    },
    "bigquery/test_missing_rights.py": {
        "GoogleAccountMissing": "test_a_refused_account_is_reported_once_and_not_as_a_missing_role",
        "NotInBigQuery": "test_a_missing_foreign_dataset_is_not_made_by_a_run",
    },
    "commands/test_demo.py": {
        "DemoMissing": "test_what_a_demo_goes_on_with_must_be_there",
    },
    "commands/test_forget.py": {
        "PhoneKeyLost": "test_another_key_is_refused_before_anything_is_made_or_written",
        "PhoneKeyMissing": "test_where_calls_are_hashed_no_key_is_made",
    },
    "engine/test_commits.py": {
        "BatchRefused": "test_one_window_that_the_warehouse_refuses_takes_no_other_with_it",
    },
    "credentials/test_csv_files.py": {
        "ImportRefused": "test_a_file_that_is_not_there_is_refused",
    },
    "dialers/test_accounts.py": {
        "AccountLocked": "test_a_locked_account_is_left_alone_for_fifteen_minutes_whatever_the_password",
        "AddressBlocked": "test_a_missing_right_is_told_with_advice_and_is_no_refused_login",
        "LoginUnclear": "test_a_kill_in_the_very_first_request_costs_at_most_one_more",
        "NotPermitted": "test_a_missing_right_is_told_with_advice_and_is_no_refused_login",
        "TwoFactorRequired": "test_user_stats_tells_a_missing_second_factor_too",
    },
    "dialers/test_routes.py": {
        "AuthoritiesUnusable": "test_a_file_of_authorities_that_cannot_be_read_is_the_fault_of_this_machine",
        "ProxyFailed": "test_a_proxy_that_does_not_work_is_named_without_its_login",
    },
    "dialers/test_tls.py": {
        "CertificateInvalid": "test_each_fault_of_a_certificate_is_named",
        "ClientCertificateWanted": "test_a_server_that_refuses_is_named_with_its_reason",
        "EncryptionMissing": "test_a_web_server_that_wants_other_encryption_gets_no_password",
        "HandshakeRefused": "test_a_server_that_refuses_is_named_with_its_reason",
        "TLSTooOld": "test_a_server_that_refuses_is_named_with_its_reason",
    },
    "dialers/test_slots.py": {
        "SlotUnavailable": "test_a_free_slot_is_waited_for_only_so_long",
    },
    "reports/test_records.py": {
        "AnswerBroken": "test_an_answer_that_ends_inside_a_record_is_broken_off",
    },
    "reading/test_no_calls.py": {
        "PhpMessagesShown": "test_any_other_page_stays_a_failure",
        "ReportUnknown": "test_any_other_page_stays_a_failure",
        "SentenceUnknown": "test_hours_with_known_calls_are_no_place_to_learn_it",
    },
    "reading/test_clients.py": {
        "CampaignsUnnamed": "test_a_build_that_cannot_export_everything_is_not_asked_to",
    },
    "test_config.py": {
        "SettingsInvalid": "test_every_problem_is_told_at_once_with_its_place",
    },
    "test_data_fetcher.py": {
        "GatewayFailed": "test_a_gateway_that_stays_away_is_named",
        "DialerBusy": "test_the_number_of_tries_is_kept",
        "DialerFailed": "test_an_empty_500_is_asked_again_exactly_once",
        "DialerRefused": "test_a_message_is_not_asked_for_twice",
        "DialerTimeout": "test_a_dialer_that_says_nothing_is_given_up",
        "NoTLS": "test_an_address_with_the_wrong_scheme_is_told",
        "RedirectRefused": "test_a_redirect_is_not_followed",
        "RequestCancelled": "test_a_run_that_is_stopped_leaves_a_download",
    },
    "test_multiprocess_manager.py": {
        "CampaignNotStarted": "test_nothing_starts_once_stopped",
        "CampaignStopped": "test_stop_takes_no_longer_than_the_grace",
        "CampaignTimeout": "test_a_timeout_ends_that_worker_only",
        "WorkFailed": "test_every_way_to_fail_is_an_outcome_with_a_reason",
        "WorkerDied": "test_a_killed_worker_costs_its_campaign_only",
        "WorkerNotStarted": "test_no_files_left_is_an_outcome_per_job",
    },
    "reading/test_restricted_logins.py": {
        "NothingVisible": "test_an_empty_500_of_an_empty_choice_is_named_at_once",
    },
    "warehouses/bigquery/test_tables.py": {
        "LocationDiffers": "test_a_dataset_is_made_where_the_setting_says",
        "OldTable": "test_a_table_of_an_older_program_is_recognised_and_left_alone",
    },
    "warehouses/bigquery/test_faults.py": {
        "RightMissing": "test_the_missing_role_is_that_of_the_permission",
        "WarehouseUnreachable": "test_a_fault_that_stays_is_given_up",
    },
    "warehouses/bigquery/test_leases.py": {
        "WarehouseHeld": "test_a_second_daemon_learns_who_holds_the_lease",
    },
    "warehouses/bigquery/test_service.py": {
        "BigQueryRefused": "test_what_bigquery_refuses_is_named",
        "BillTooHigh": "test_what_bigquery_refuses_is_named",
        "ProjectNotReady": "test_what_bigquery_refuses_is_named",
        "ProjectUnknown": "test_an_emulator_without_a_project_is_reported",
    },
    "warehouses/duckdb/test_database_files.py": {
        "CommitAbandoned": "test_a_commit_that_outlasts_the_grace_is_taken_back",
        "DiskFull": "test_a_full_disk_is_named_and_leaves_what_was_there",
        "WarehouseBusy": "test_a_commit_waits_for_a_reader_and_gives_up_in_time",
        "WarehouseUnusable": "test_a_temporary_folder_without_room_is_named",
    },
    "warehouses/duckdb/test_tables.py": {
        "TableRefused": "test_a_foreign_table_is_refused_and_untouched",
    },
}
"""File below ``tests/`` → error → the test producing it with a real dialer, file or BigQuery."""
PRODUCED_BY = {error: (path, name) for path, tests in TESTS.items() for error, name in tests.items()}
