"""Long pipelines and sums lean to the left, thousands deep; these walk them without recursion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lpc.syntax import tree


def stages(pipe: tree.Pipe) -> tuple[tree.Expr, list[tree.Pipe]]:
    """The head of a pipeline, and its pipes from first to last (the stage of each is its `right`)."""
    found: list[tree.Pipe] = []
    head: tree.Expr = pipe
    while isinstance(head, tree.Pipe):
        found.append(head)
        head = head.left
    found.reverse()
    return head, found


def operands(binary: tree.Binary) -> tuple[tree.Expr, list[tree.Binary]]:
    """The first operand of a run of operators, and the operators from first to last (the operand of each is its `right`)."""
    found: list[tree.Binary] = []
    first: tree.Expr = binary
    while isinstance(first, tree.Binary):
        found.append(first)
        first = first.left
    found.reverse()
    return first, found


def bare_pipe(operand: tree.Expr) -> bool:
    """Whether an operand is a pipeline without parentheses; with them, its span begins before what it begins with."""
    return isinstance(operand, tree.Pipe) and operand.span.start == operand.left.span.start


def unsigned(negative: tree.Negative) -> tuple[tree.Expr, list[tree.Negative]]:
    """What stands behind a run of minus signs, and the signs, outermost first."""
    found: list[tree.Negative] = []
    operand: tree.Expr = negative
    while isinstance(operand, tree.Negative):
        found.append(operand)
        operand = operand.operand
    return operand, found


def as_call(stage: tree.Expr) -> tree.Call:
    """A pipe's stage as a call, without arguments where none are written."""
    if isinstance(stage, tree.Name):
        return tree.Call(stage.name, (), name_span=stage.span, span=stage.span)
    assert isinstance(stage, tree.Call)
    return stage


def children(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """The expressions an expression holds, in order. A stage without arguments is none: it names an operation."""
    match expr:
        case tree.Pipe(left, right):
            return (left, right) if isinstance(right, tree.Call) else (left,)
        case tree.Binary(_, left, right):
            return left, right
        case tree.Negative(operand):
            return (operand,)
        case tree.ListExpr(items):
            return items
        case tree.Call(_, arguments):
            return tuple(argument.value for argument in arguments)
        case tree.Indexed(_, first, last):
            return (first,) if last is None else (first, last)
        case _:
            return ()


def walk(expr: tree.Expr) -> Iterator[tree.Expr]:
    """Every expression in an expression, itself first, in reading order."""
    waiting = [expr]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(children(here)))


def names_in(expr: tree.Expr) -> Iterator[str]:
    """The names an expression has as values, in reading order; those of operations apart."""
    return (node.name for node in walk(expr) if isinstance(node, tree.Name))


def leftmost(expr: tree.Expr) -> tree.Expr:
    """What an expression begins with: the head of its first pipeline."""
    while isinstance(expr, tree.Pipe | tree.Binary):
        expr = expr.left
    return expr


def evaluated_calls(expr: tree.Expr) -> Iterator[tree.Call]:
    """Every call of an expression in the order of evaluation: inputs and arguments before the call itself."""
    waiting: list[tuple[tree.Expr, bool]] = [(expr, False)]
    while waiting:
        here, ready = waiting.pop()
        if ready:
            yield as_call(here)
        elif isinstance(here, tree.Pipe):
            waiting.append((here.right, True))
            waiting.extend((child, False) for child in reversed(children(here.right)))
            waiting.append((here.left, False))
        else:
            if isinstance(here, tree.Call):
                waiting.append((here, True))
            waiting.extend((child, False) for child in reversed(children(here)))


def map_calls(expr: tree.Expr, change: Callable[[tree.Call], tree.Expr]) -> tree.Expr:
    """The expression with every call replaced, inner ones first, in the order of evaluation."""
    match expr:
        case tree.Pipe():
            head, pipes = stages(expr)
            made = map_calls(head, change)
            for pipe in pipes:
                stage = change(_map_arguments(as_call(pipe.right), change))
                made = tree.Pipe(made, stage, span=pipe.span)
            return made
        case tree.Binary():
            first, operators = operands(expr)
            made = map_calls(first, change)
            for binary in operators:
                made = tree.Binary(binary.operator, made, map_calls(binary.right, change), span=binary.span)
            return made
        case tree.Negative():
            operand, signs = unsigned(expr)
            made = map_calls(operand, change)
            for sign in reversed(signs):
                made = tree.Negative(made, span=sign.span)
            return made
        case tree.ListExpr(items):
            return tree.ListExpr(tuple(map_calls(item, change) for item in items), span=expr.span)
        case tree.Call():
            return change(_map_arguments(expr, change))
        case _:
            return expr


def _map_arguments(call: tree.Call, change: Callable[[tree.Call], tree.Expr]) -> tree.Call:
    made = tuple(
        tree.Argument(a.name, map_calls(a.value, change), name_span=a.name_span, span=a.span) for a in call.arguments
    )
    return tree.Call(call.name, made, name_span=call.name_span, span=call.span)


def renamed(expr: tree.Expr, names: Mapping[str, str]) -> tree.Expr:
    """The expression with some of its names (`names_in`) changed."""
    match expr:
        case tree.Name(name):
            return tree.Name(names[name], span=expr.span) if name in names else expr
        case tree.Pipe(left, right):
            stage = renamed(right, names) if isinstance(right, tree.Call) else right
            return tree.Pipe(renamed(left, names), stage, span=expr.span)
        case tree.Binary(operator, left, right):
            return tree.Binary(operator, renamed(left, names), renamed(right, names), span=expr.span)
        case tree.Negative(operand):
            return tree.Negative(renamed(operand, names), span=expr.span)
        case tree.ListExpr(items):
            return tree.ListExpr(tuple(renamed(item, names) for item in items), span=expr.span)
        case tree.Call(name, arguments):
            made = (
                tree.Argument(a.name, renamed(a.value, names), name_span=a.name_span, span=a.span) for a in arguments
            )
            return tree.Call(name, tuple(made), name_span=expr.name_span, span=expr.span)
        case _:
            return expr
