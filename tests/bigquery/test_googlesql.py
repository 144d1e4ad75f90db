"""What the analyser of GoogleSQL accepts and refuses: the language of every script that is sent to BigQuery."""

from pathlib import Path

import pytest
from wasmtime import Engine, WasmtimeError

from tables import CALLS, LEDGER
from tests.bigquery.googlesql import NotGoogleSql, analyse
from tests.bigquery.googlesql_service import kept_module

pytestmark = pytest.mark.slow
TABLES = {
    "test-project.vicidial.calls": CALLS.columns,
    "test-project.vicidial.ledger": LEDGER.columns,
}
PARAMETERS = {
    "batch_id": "STRING", "now": "TIMESTAMP", "days": "INT64", "names": "ARRAY<STRING>",
    "marks": "ARRAY<STRUCT<source_key STRING, legs INT64>>",
}  # fmt: skip

EVERYTHING = """
-- é and „ are more than one byte; 'a quote; IF
DECLARE keys ARRAY<STRING>;
DECLARE written, turns INT64 DEFAULT 0;
DECLARE since DEFAULT TIMESTAMP_ADD(@now, INTERVAL -@days DAY);

CREATE TABLE IF NOT EXISTS `test-project.vicidial.ledger` (batch_id STRING NOT NULL);
CREATE TABLE `test-project.vicidial.copies` (
  call_key STRING NOT NULL OPTIONS (description = "Identity; „IF“ it has one"), call_date DATE NOT NULL, legs INT64
)
PARTITION BY call_date CLUSTER BY call_key
OPTIONS (require_partition_filter = TRUE, description = '''Copies; of calls''', labels = [('made_by', 'sync')]);
ALTER TABLE `test-project.vicidial.copies`
  ADD COLUMN IF NOT EXISTS legs INT64, ADD COLUMN IF NOT EXISTS row_hash STRING OPTIONS (description = "Hash");
ALTER TABLE IF EXISTS `test-project.vicidial.older` ADD COLUMN legs INT64;
CREATE OR REPLACE VIEW `test-project.vicidial.sales` AS
  SELECT * EXCEPT (status) REPLACE (UPPER(phone) AS phone) FROM `test-project.vicidial.calls` WHERE status = "SALE";

BEGIN
  BEGIN TRANSACTION;
  IF EXISTS (SELECT 1 FROM `test-project.vicidial.ledger` WHERE batch_id = @batch_id) THEN
    ROLLBACK TRANSACTION;
    SELECT 'already applied' AS outcome, 0 AS written;
    RETURN;
  ELSEIF turns > 1 OR (written = 0 AND @batch_id IS NULL) THEN
    IF ARRAY_LENGTH(@names) = 0 THEN
      RAISE USING MESSAGE = FORMAT('the batch %s; has no names', @batch_id);
    ELSE
      SET written = written + 1;
    END IF;
  ELSE
    SELECT "END IF; -- is text" AS outcome;
  END IF;

  CREATE TEMP TABLE spooled (call_key STRING NOT NULL, call_date DATE, length_seconds INT64, seen TIMESTAMP);
  INSERT INTO spooled (call_key, call_date, length_seconds, seen)
  SELECT call_key, call_date, length_seconds, CURRENT_TIMESTAMP() FROM `test-project.vicidial.calls`
  WHERE call_time >= since
  QUALIFY ROW_NUMBER() OVER (PARTITION BY call_key ORDER BY updated_at DESC) = 1;
  CREATE OR REPLACE TEMP TABLE spooled AS
  SELECT *, SUM(length_seconds) OVER (PARTITION BY call_date ORDER BY seen ROWS UNBOUNDED PRECEDING) AS so_far,
    STRUCT(call_key AS key, call_date AS day) AS leg
  FROM spooled
  QUALIFY RANK() OVER (ORDER BY seen) > 0;
  SET keys = (SELECT ARRAY_AGG(DISTINCT leg.key) FROM spooled WHERE so_far > 0);
  SET keys = ARRAY(SELECT key FROM UNNEST(keys) AS key EXCEPT DISTINCT SELECT name FROM UNNEST(@names) AS name);

  WHILE turns < 2 DO
    UPDATE `test-project.vicidial.calls` AS c SET status = 'SEEN', run_id = @batch_id
    FROM spooled AS s
    WHERE c.call_key = s.call_key AND c.length_seconds IS NOT DISTINCT FROM s.length_seconds
      AND c.call_key IN UNNEST(keys);
    SET written = written + @@row_count;
    SET turns = turns + 1;
    IF turns > 5 THEN BREAK; END IF;
  END WHILE;
  MERGE INTO `test-project.vicidial.copies` AS t
  USING (
    SELECT call_key, call_date, COUNTIF(so_far > 10) AS legs, ANY_VALUE(leg).key AS row_hash FROM spooled GROUP BY ALL
  ) AS s
  ON t.call_key = s.call_key AND t.call_date = s.call_date
  WHEN MATCHED AND t.legs < s.legs THEN UPDATE SET legs = s.legs
  WHEN NOT MATCHED THEN
    INSERT (call_key, call_date, legs, row_hash) VALUES (s.call_key, s.call_date, s.legs, s.row_hash);
  DELETE FROM `test-project.vicidial.copies` WHERE call_date < DATE '2024-01-01';
  INSERT INTO `test-project.vicidial.ledger` (batch_id, run_id, committed_at)
  VALUES (@batch_id, 'run', CURRENT_TIMESTAMP());
  DROP TABLE spooled;
  COMMIT TRANSACTION;
  DROP TABLE `test-project.vicidial.copies`;
EXCEPTION WHEN ERROR THEN
  ROLLBACK TRANSACTION;
  RAISE USING MESSAGE = CONCAT('not committed: ', @@error.message);
END;
SELECT m.source_key, ARRAY(SELECT AS STRUCT s.client_id, s.phone FROM `test-project.vicidial.sales` AS s) AS sales,
  written AS n
FROM UNNEST(@marks) AS m WHERE m.legs > turns ORDER BY n;
"""

COMMITTED = "INSERT INTO `test-project.vicidial.ledger` (batch_id, run_id, committed_at)"
MISTAKES = {
    "DuckDB's cast": ("SELECT status::INT64 FROM `test-project.vicidial.calls`", "Syntax error"),
    "EXCLUDE": ("SELECT * EXCLUDE (status) FROM `test-project.vicidial.calls`", "Syntax error"),
    "SEMI JOIN": ("SELECT 1 FROM `test-project.vicidial.calls` SEMI JOIN UNNEST(@names) ON TRUE", "SEMI JOIN"),
    "SEMI JOIN of an alias": ("SELECT 1 FROM UNNEST([1]) AS a SEMI JOIN UNNEST([1]) AS b ON a = b", "Syntax error"),
    "CREATE TEMP VIEW": ("CREATE TEMP VIEW v AS SELECT 1 AS one", "CREATE TEMP VIEW is not supported"),
    "FILTER": ("SELECT count(*) FILTER (WHERE status = 'A') FROM `test-project.vicidial.calls`", "Syntax error"),
    "condition in an aggregate": ("SELECT COUNT(* WHERE status = 'A') FROM `test-project.vicidial.calls`", "WHERE"),
    "DISTINCT ON": ("SELECT DISTINCT ON (status) status FROM `test-project.vicidial.calls`", "Syntax error"),
    "RETURNING": ("DELETE `test-project.vicidial.ledger` WHERE TRUE THEN RETURN batch_id", "THEN RETURN"),
    "ON CONFLICT": (f"{COMMITTED} VALUES ('b', 'r', @now) ON CONFLICT DO NOTHING", "ON CONFLICT"),
    "DuckDB's list": ("SELECT list(status) FROM `test-project.vicidial.calls`", "Function not found: list"),
    "DuckDB's type": ("SELECT CAST(status AS VARCHAR) FROM `test-project.vicidial.calls`", "Type not found: VARCHAR"),
    "DuckDB's other type": ("SELECT CAST(1 AS DOUBLE)", "Type not found: DOUBLE"),
    "unknown column": ("SELECT state FROM `test-project.vicidial.calls`", "Unrecognized name: state"),
    "unknown table": ("SELECT 1 FROM `test-project.vicidial.call`", "Table not found"),
    "STRING = INT64": ("SELECT 1 FROM `test-project.vicidial.calls` WHERE lead_id = 7", "No matching signature"),
    "argument of the wrong type": (
        "SELECT TIMESTAMP_ADD(batch_id, INTERVAL 1 DAY) FROM `test-project.vicidial.ledger`", "No matching signature",
    ),
    "too few columns": (f"{COMMITTED} SELECT 'b', 'r'", "wrong column count"),
    "value of the wrong type": (f"{COMMITTED} VALUES ('b', 7, @now)", "cannot be inserted into column run_id"),
    "UPDATE without WHERE": ("UPDATE `test-project.vicidial.ledger` SET run_id = 'r'", "must have a WHERE clause"),
    "DELETE without WHERE": ("DELETE FROM `test-project.vicidial.ledger`", "must have a WHERE clause"),
    "UPDATE to the wrong type": ("UPDATE `test-project.vicidial.ledger` SET run_id = 7 WHERE TRUE", "INT64"),
    "missing END IF": ("IF TRUE THEN SELECT 1; SELECT 2;", "Syntax error"),
    "condition that is no BOOL": ("IF (SELECT COUNT(*) FROM UNNEST(@names)) THEN SELECT 1; END IF", "BOOL"),
    "mistake in a nested branch": ("IF TRUE THEN IF FALSE THEN SELECT 1; ELSE SELECT x; END IF; END IF", "name: x"),
    "mistake in ELSEIF": ("IF TRUE THEN SELECT 1; ELSEIF x THEN SELECT 2; END IF", "Unrecognized name: x"),
    "mistake in a handler": ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT x; END", "Unrecognized name: x"),
    "mistake in a loop": ("WHILE TRUE DO SELECT x; END WHILE", "Unrecognized name: x"),
    "mistake in a message": ("RAISE USING MESSAGE = 7", "STRING"),
    "undeclared variable": ("SET n = 7", "Undeclared variable: n"),
    "undeclared variable in a query": ("SELECT n + 1", "Unrecognized name: n"),
    "declared too late": ("SELECT 1; DECLARE n INT64", "declared at the start"),
    "declared in a branch": ("IF TRUE THEN DECLARE n INT64; END IF", "declar"),
    "declared twice": ("DECLARE n INT64; DECLARE N STRING", "declared twice"),
    "variable of an ended block": ("BEGIN DECLARE n INT64; SELECT n; END; SELECT n", "Unrecognized name: n"),
    "default of the wrong type": ("DECLARE n INT64 DEFAULT 'x'", "STRING"),
    "variable set to the wrong type": ("DECLARE n INT64; SET n = 'x'", "STRING"),
    "wrong type of a parameter": ("SELECT 1 FROM UNNEST(@names) AS name WHERE name = @days", "No matching signature"),
    "unknown parameter": ("SELECT @other", "other"),
    "parameter in a view": ("CREATE VIEW v AS SELECT @days AS days", "Query parameters cannot be used in a view"),
    "error outside of a handler": ("SELECT @@error.message", "Unrecognized name"),
    "error after its handler": (
        "BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT 2; END; SELECT @@error.message", "Unrecognized name",
    ),
    "temp table before it is made": ("SELECT 1 FROM t; CREATE TEMP TABLE t AS SELECT 1 AS one", "Table not found: t"),
    "temp table after it is dropped": ("CREATE TEMP TABLE t (a INT64); DROP TABLE t; SELECT 1 FROM t", "not found: t"),
    "temp table made twice": ("CREATE TEMP TABLE t (a INT64); CREATE TEMP TABLE t (a INT64)", "Already exists: t"),
    "column of the temp table replaced": (
        "CREATE TEMP TABLE t AS SELECT 1 AS one; CREATE OR REPLACE TEMP TABLE t AS SELECT 2 AS two; SELECT one FROM t",
        "Unrecognized name: one",
    ),
    "type of a temp table's column": (
        "CREATE TEMP TABLE t AS SELECT 1 AS a; SELECT a = CONCAT('x', 'y') FROM t", "No matching signature",
    ),
    "lasting table in a transaction": (
        "BEGIN TRANSACTION; CREATE TABLE `test-project.vicidial.new` (a INT64); COMMIT TRANSACTION", "only temp tables",
    ),
    "column added in a transaction": (
        "BEGIN; IF TRUE THEN ROLLBACK; RETURN; END IF; ALTER TABLE `test-project.vicidial.ledger` ADD COLUMN a INT64",
        "only temp tables",
    ),
    "DROP of nothing": ("DROP TABLE t", "Table not found: t"),
    "ALTER of nothing": ("ALTER TABLE `test-project.vicidial.call` ADD COLUMN a INT64", "Table not found"),
    "column added twice": ("ALTER TABLE `test-project.vicidial.ledger` ADD COLUMN run_id STRING", "already exists"),
    "unknown option": ("CREATE TABLE t (a DATE) PARTITION BY a OPTIONS (expiration_days = 1)", "Unknown option"),
    "partition by an unknown column": ("CREATE TABLE t (a DATE) PARTITION BY b", "Unrecognized name: b"),
}  # fmt: skip


def test_what_bigquery_accepts_is_accepted() -> None:
    analyse(EVERYTHING, TABLES, PARAMETERS)


@pytest.mark.parametrize(("script", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused(script: str, message: str) -> None:
    with pytest.raises(NotGoogleSql, match=message):
        analyse(script, TABLES, PARAMETERS)


def test_both_branches_may_make_the_same_table() -> None:
    makes = "CREATE TEMP TABLE t AS SELECT 1 AS a;"
    analyse(f"IF TRUE THEN {makes} ELSE {makes} END IF; SELECT a FROM t", {}, {})


def test_a_refusal_shows_the_statement_and_its_line() -> None:
    with pytest.raises(NotGoogleSql, match=r"name: x \[at 1:13\], .* at line 2:\nSELECT 'ö', x$"):
        analyse("SELECT 'é';\nSELECT 'ö', x;\nSELECT 3", {}, {})


def test_what_cannot_be_followed_is_not_passed_over() -> None:
    with pytest.raises(NotImplementedError, match="FOR"):
        analyse("FOR r IN (SELECT 1 AS a) DO SELECT r.b; END FOR", {}, {})


def test_the_compiled_module_is_kept_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    source, folder, engine = tmp_path / "empty.wasm", tmp_path / "made" / "kept", Engine()
    source.write_bytes(b"\0asm\1\0\0\0")
    kept_module(folder, engine, str(source))
    source.write_bytes(b"no wasm.")
    kept_module(folder, engine, str(source))
    (compiled,) = folder.glob("*.cwasm")
    compiled.write_bytes(b"damaged")
    with pytest.raises(WasmtimeError):
        kept_module(folder, engine, str(source))
    source.write_bytes(b"\0asm\1\0\0\0")
    kept_module(folder, engine, str(source))
    assert compiled.stat().st_size > 7
