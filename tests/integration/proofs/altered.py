"""Functions of the product with one thing in their source changed, for a block."""

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

Change = Callable[[ast.AST], ast.AST | None]


def code_within(code: CodeType, qualname: str) -> CodeType | None:
    """The code of one function in a compiled module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                return constant
            if found := code_within(constant, qualname):
                return found
    return None


def function_of(module: Any, qualname: str) -> Any:
    """A function of a module or of a class in it, without what decorates it."""
    found = module
    for name in qualname.split("."):
        found = inspect.getattr_static(found, name)
    if isinstance(found, property):
        found = found.fget
    return inspect.unwrap(found)


class _Nth(ast.NodeTransformer):
    """Change the n-th node that fits, inside one function."""

    def __init__(self, fits: Callable[[ast.AST], bool], change: Change, n: int) -> None:
        self.fits, self.change, self.left = fits, change, n

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        if self.fits(node):
            self.left -= 1
            if self.left == -1:
                return self.change(node)
        return node


def functions(module: Any) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function and method of a module's source, by its qualified name."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def places(
    modules: list[str], fits: Callable[[ast.AST], bool]
) -> Iterator[tuple[str, str, int, str]]:
    """(module, function, which one in it, its source) of every node that fits."""
    for name in modules:
        module = importlib.import_module(name)
        for qualname, function in functions(module):
            nodes = _in_order(function, fits)
            for n, node in enumerate(nodes):
                yield name, qualname, n, ast.unparse(node)


def _in_order(function: ast.FunctionDef, fits: Callable[[ast.AST], bool]) -> list:
    found: list[ast.AST] = []
    _Nth(lambda node: bool(fits(node) and found.append(node)), lambda n: n, 0).visit(
        function
    )
    return found


@contextmanager
def altered(
    name: str,
    qualname: str,
    n: int,
    fits: Callable[[ast.AST], bool],
    change: Change,
    **names: Any,
) -> Iterator[None]:
    """A block in which one node of one function is another. `names` are its globals."""
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    wanted = qualname.split(".")
    body = tree.body
    for step in wanted[:-1]:
        body = next(
            node.body
            for node in body
            if isinstance(node, ast.ClassDef) and node.name == step
        )
    target = next(
        node
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name == wanted[-1]
    )
    _Nth(fits, change, n).visit(target)
    made = compile(ast.fix_missing_locations(tree), module.__file__ or name, "exec")
    code = code_within(made, qualname)
    function = function_of(module, qualname)
    assert code is not None
    before, kept = function.__code__, dict(vars(module))
    vars(module).update(names)
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before
        for key in names:
            if key not in kept:
                del vars(module)[key]
