"""Ibis expressions as PostgreSQL statements, with what Ibis does not translate for it."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.postgres import PostgresCompiler

_TEXTS = dt.Array(dt.string)


class Compiler(PostgresCompiler):
    """Adds digests, and the list and text functions that rules name as DuckDB does."""

    __slots__ = ()

    # PostgreSQL has no aggregate that gives just any value: the least one does.
    SIMPLE_OPS = {ops.Arbitrary: "min"}
    LIST_FUNCTIONS = {"list_has_any": sge.ArrayOverlaps, "list_has_all": sge.ArrayContainsAll}

    def visit_HexDigest(self, op: ops.HexDigest, *, arg: Any, how: str) -> Any:
        if how == "md5":
            return self.f.md5(arg)
        if how == "sha256":
            return self.f.encode(self.f.sha256(self.f.convert_to(arg, "UTF8")), "hex")
        raise NotImplementedError(how)

    def visit_ArrayContains(self, op: ops.ArrayContains, *, arg: Any, other: Any) -> Any:
        """NULL where the value looked for is NULL, as in DuckDB."""
        return sge.EQ(this=other, expression=sge.Any(this=sge.paren(arg, copy=False)))

    def visit_ScalarUDF(self, op: ops.ScalarUDF, **kw: Any) -> Any:
        found = self.LIST_FUNCTIONS.get(op.__func_name__)
        if found is not None:
            # Arrays of VARCHAR and of TEXT cannot be compared.
            values, wanted = (self.cast(value, _TEXTS) for value in kw.values())
            return found(this=values, expression=wanted)
        if op.__func_name__ == "prefix":
            return self.f.starts_with(*kw.values())
        return super().visit_ScalarUDF(op, **kw)


_compiler = Compiler()


def to_sql(expression: ibis.Expr) -> str:
    """The PostgreSQL statement of an expression."""
    return str(_compiler.to_sqlglot(expression.unbind()).sql(dialect=_compiler.dialect))
