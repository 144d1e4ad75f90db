"""Analyses the scripts that are sent to BigQuery with GoogleSQL's own parser and type checker, offline.

A script is parsed as a whole, then its statements are analysed in order against the tables known by then. Not caught:

- what BigQuery forbids beyond the language: PARTITION BY of an expression it does not support, correlated subqueries
  that it cannot join, a missing partition filter, transactions in each other, statements or parameters that are too
  long, a view of a temp table or a variable, functions that only the analyser has, an option of a table on a column;
- what depends on values: a number out of range, text that is no date (a STRING parameter may stand for a DATE or
  TIMESTAMP), two rows from a subquery, a MERGE that finds two rows for one, null in a required column;
- the way taken: a table or view made in one branch is known after the branches, and a loop's body is read once, so
  CREATE without OR REPLACE in it is not noticed; nor are the text of EXECUTE IMMEDIATE, a RAISE without message
  outside of a handler, and the letter case of table names.

Refused although BigQuery has them: functions that the analyser lacks, such as MAX_BY, other names of INT64, such as
INTEGER, ``LIMIT variable``, and whatever ``ABSENT_FROM_BIGQUERY`` switches off in doubt.

A table is known as it stands in backticks, whole: `` `project.dataset.table` ``. In a query it needs an alias where its
columns are qualified, though BigQuery would let its last name stand for it. CASE, FOR and REPEAT statements and
``SET (a, b) = …`` are not followed: NotImplementedError.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zetasql import types  # type: ignore[import-untyped]  # ships no py.typed
from zetasql.core.exceptions import ServerError  # type: ignore[import-untyped]  # ships no py.typed

from tables import Column
from tests.bigquery.googlesql_service import OF_AN_ERROR, SYSTEM_VARIABLES, Columns, parse, resolve, type_of

JOINS_OF_OTHERS = {"semi", "anti", "asof", "positional"}
"""``FROM a SEMI JOIN b`` is an inner join here, of an ``a`` that is called SEMI."""

RESOLVED: dict[tuple[Any, ...], Any] = {}
"""Statements that were accepted, with what they depend on. Scripts share many statements."""


class NotGoogleSql(Exception):
    """BigQuery's language does not accept a statement: the analyser's message, then the statement."""


def analyse(script: str, tables: Mapping[str, Sequence[Column]], parameters: Mapping[str, str]) -> None:
    """Read a script as BigQuery would, without running it.

    Args:
        tables: full name, as it stands in backticks in the script → columns.
        parameters: name of a query parameter → its type, such as ``ARRAY<STRUCT<a STRING, b INT64>>``.

    Raises:
        NotGoogleSql: of the first thing that the language does not accept.
        NotImplementedError: a procedural statement that is not followed here.
    """
    known = {name: {column.name: type_of(column.type) for column in columns} for name, columns in tables.items()}
    _Script(script, known, {name: type_of(type_name) for name, type_name in parameters.items()}).analyse()


class _Script:
    """One script on its way: the tables, variables and system variables that are known where it has been read to."""

    def __init__(self, script: str, tables: dict[str, Columns], parameters: Mapping[str, Any]) -> None:
        self._bytes = script.encode()
        self._tables = {name.lower(): columns for name, columns in tables.items()}
        self._parameters = parameters
        self._variables: dict[str, Any] = {}
        self._system = SYSTEM_VARIABLES
        self._in_transaction = False

    def analyse(self) -> None:
        text = self._bytes.decode()
        try:
            parsed = parse(text)
        except ServerError as refusal:
            raise NotGoogleSql(f"{refusal.message}\n{text}") from None
        self._visit_all(parsed.statement_list_node)

    def _visit_all(self, statements: Any) -> None:
        may_declare = statements and statements.variable_declarations_allowed
        for statement in statements.statement_list if statements else ():
            is_declaration = isinstance(statement, types.ASTVariableDeclaration)
            if is_declaration and not may_declare:
                raise self._refusal("Variables can only be declared at the start of a script or block", statement)
            may_declare = may_declare and is_declaration
            self._visit(statement)

    def _visit(self, statement: Any) -> None:
        match statement:
            case types.ASTVariableDeclaration():
                self._declare(statement)
            case types.ASTSingleAssignment():
                self._assign(statement)
            case types.ASTIfStatement():
                self._branch(statement)
            case types.ASTWhileStatement():  # LOOP is one without a condition
                self._expect(type_of("BOOL"), statement.condition)
                self._visit_all(statement.body)
            case types.ASTBeginEndBlock():
                self._enter(statement)
            case types.ASTRaiseStatement():
                self._expect(type_of("STRING"), statement.message)
            case types.ASTReturnStatement() | types.ASTBreakContinueStatement():
                pass
            case types.ASTScriptStatement():
                raise NotImplementedError(f"{type(statement).__name__}: {self._text(statement)}")
            case _:
                self._apply(statement)

    def _declare(self, statement: Any) -> None:
        """A default value has the type that is declared, or gives it."""
        if statement.type:
            declared = self._resolved(f"SELECT CAST(NULL AS {self._text(statement.type)}) AS value", statement)
        else:
            declared = self._resolved(f"SELECT ({self._text(statement.default_value)}) AS value", statement)
        of_type = declared.output_column_list[0].column.type
        self._expect(of_type, statement.default_value)
        for identifier in statement.variable_list.identifier_list:
            if identifier.id_string.lower() in self._variables:
                raise self._refusal(f"Variable {identifier.id_string} is declared twice", statement)
            self._variables[identifier.id_string.lower()] = of_type

    def _assign(self, statement: Any) -> None:
        name = statement.variable.id_string
        if name.lower() not in self._variables:
            raise self._refusal(f"Undeclared variable: {name}", statement)
        self._expect(self._variables[name.lower()], statement.expression)

    def _branch(self, statement: Any) -> None:
        """Every branch starts from the same tables; what any of them makes is known after."""
        elseifs = statement.elseif_clauses.elseif_clauses if statement.elseif_clauses else []
        for condition in (statement.condition, *(clause.condition for clause in elseifs)):
            self._expect(type_of("BOOL"), condition)
        before, after, in_transaction = self._tables, dict(self._tables), self._in_transaction
        for body in (statement.then_list, *(clause.body for clause in elseifs), statement.else_list):
            self._tables = dict(before)
            self._visit_all(body)
            after |= self._tables
            self._in_transaction = in_transaction  # a branch that ends it returns
        self._tables = after

    def _enter(self, block: Any) -> None:
        """Variables of a block end with it; its handlers do not see them, but the error."""
        outer = self._variables, self._system
        self._variables = dict(self._variables)
        self._visit_all(block.statement_list_node)
        self._variables, self._system = outer[0], self._system | OF_AN_ERROR
        for handler in block.handler_list.exception_handler_list if block.handler_list else ():
            self._visit_all(handler.statement_list)
        self._variables, self._system = outer

    def _expect(self, of_type: Any, expression: Any | None) -> None:
        """The expression, if there is one, can be assigned to that type: asked as the insertion into such a column."""
        if expression:
            insertion = f"INSERT INTO assigned (value) VALUES (({self._text(expression)}))"
            self._resolved(insertion, expression, {"assigned": {"value": of_type}})

    def _apply(self, statement: Any) -> None:
        """A statement that is no control flow, with what it does to the tables."""
        self._refuse_what_only_bigquery_refuses(statement)
        resolved = self._resolved(self._text(statement), statement)
        if self._in_transaction and isinstance(statement, types.ASTDdlStatement) and "." in _name_of(resolved):
            raise self._refusal("In a transaction only temp tables can be created, altered or dropped", statement)
        match resolved:
            case types.ResolvedBeginStmt():
                self._in_transaction = True
            case types.ResolvedCommitStmt() | types.ResolvedRollbackStmt():
                self._in_transaction = False
            case types.ResolvedCreateTableStmtBase() | types.ResolvedCreateViewBase():
                self._create(resolved, statement)
            case types.ResolvedDropStmt():
                self._drop(resolved, statement)
            case types.ResolvedAlterTableStmt() if _name_of(resolved) in self._tables:
                self._alter(resolved)

    def _create(self, resolved: Any, statement: Any) -> None:
        modes = types.ResolvedCreateStatementEnums.CreateMode
        name = _name_of(resolved)
        if name in self._tables and resolved.create_mode == modes.CREATE_DEFAULT:
            raise self._refusal(f"Already exists: {name}", statement)
        if name not in self._tables or resolved.create_mode == modes.CREATE_OR_REPLACE:
            self._tables[name] = {column.name: column.type for column in resolved.column_definition_list}

    def _drop(self, resolved: Any, statement: Any) -> None:
        if self._tables.pop(_name_of(resolved), None) is None and not resolved.is_if_exists:
            raise self._refusal(f"Table not found: {_name_of(resolved)}", statement)

    def _alter(self, resolved: Any) -> None:
        columns = dict(self._tables[_name_of(resolved)])
        for action in resolved.alter_action_list:
            if isinstance(action, types.ResolvedAddColumnAction):
                columns.setdefault(action.column_definition.name, action.column_definition.type)
        self._tables[_name_of(resolved)] = columns

    def _refuse_what_only_bigquery_refuses(self, statement: Any) -> None:
        is_view = isinstance(statement, types.ASTCreateViewStatement)
        if is_view and statement.scope == types.ASTCreateStatementEnums.Scope.TEMPORARY:
            raise self._refusal("CREATE TEMP VIEW is not supported", statement)
        for node in _nodes_of(statement):
            if is_view and isinstance(node, types.ASTParameterExpr):
                raise self._refusal("Query parameters cannot be used in a view", statement)
            if isinstance(node, types.ASTAlias) and node.identifier.id_string.lower() in JOINS_OF_OTHERS:
                raise self._refusal(f"{node.identifier.id_string} JOIN is not supported", statement)

    def _resolved(self, sql: str, origin: Any, more_tables: Mapping[str, Columns] | None = None) -> Any:
        """What the analyser makes of one statement that was written as, or made from, ``origin``."""
        tables = self._tables | dict(more_tables or {})
        named = {name: columns for name, columns in tables.items() if name in sql.lower()}  # the rest costs time
        known = sql, _signature(named), str(self._parameters), str(self._variables), str(self._system)
        if known not in RESOLVED:
            try:
                RESOLVED[known] = resolve(
                    sql,
                    named,
                    parameters=self._parameters,
                    variables=self._variables,
                    system_variables=self._system,
                )
            except ServerError as refusal:
                raise self._refusal(refusal.message, origin) from None
        return RESOLVED[known]

    def _text(self, node: Any) -> str:
        """As it stands in the script; the parser counts in bytes."""
        place = node.parse_location_range
        return self._bytes[place.start : place.end].decode()

    def _refusal(self, message: str, origin: Any) -> NotGoogleSql:
        line = self._bytes[: origin.parse_location_range.start].count(b"\n") + 1
        return NotGoogleSql(f"{message}, in the statement at line {line}:\n{self._text(origin)}")


def _signature(tables: Mapping[str, Columns]) -> tuple[Any, ...]:
    return tuple((name, *((column, str(of_type)) for column, of_type in of.items())) for name, of in tables.items())


def _name_of(resolved: Any) -> str:
    return ".".join(resolved.name_path).lower()


def _nodes_of(tree: Any) -> Iterator[Any]:
    """Every node of a syntax tree."""
    for child in vars(tree).values():
        for node in child if isinstance(child, list) else (child,):
            if isinstance(node, types.ASTNode):
                yield node
                yield from _nodes_of(node)
