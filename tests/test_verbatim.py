"""Text is never markup: what each language makes of it, and that every place that understands one is given nothing else."""

import ast
from functools import cache
from pathlib import Path

import pytest

from gptviz import verbatim
from gptviz.figures import learning

UI = Path(__file__).resolve().parents[1] / "gptviz" / "ui"
SOURCES = sorted(UI.rglob("*.py"))
SPOKEN = UI.parent / "figures" / "spoken.py"  # writes markup out of what readers typed, too

# ---- every place of the page that understands markup is given words of the source, or what went through verbatim ------------

BODIES = {
    "markdown",
    "caption",
    "error",
    "warning",
    "info",
    "success",
    "toast",
    "write",
    "title",
    "header",
    "subheader",
    "badge",
}
WIDGETS = {
    "button",
    "toggle",
    "checkbox",
    "popover",
    "expander",
    "page_link",
    "link_button",
    "download_button",
    "metric",
    "status",
}
CHOICES = {"radio", "segmented_control", "pills", "select_slider", "menu_button", "tabs"}  # their options are Markdown too
PLAIN = {
    "selectbox",
    "multiselect",
    "slider",
    "number_input",
    "text_input",
    "text_area",
    "progress",
    "spinner",
    "form",
    "dialog",
}
MARKDOWN = BODIES | WIDGETS | CHOICES | PLAIN  # their first words are Markdown
NAMED = {"label", "body", "text", "help", "caption", "captions"}  # these are, wherever they stand
OURS = {  # attributes whose text is written in the source
    *("prose", "formula", "numbers", "ask", "why", "choices", "label", "help"),
    *("point", "index", "ids", "shape", "colour", "number", "part", "state", "badge"),
}
NOT_STREAMLIT = {
    "stage",
    "current",
    "beside",
    "download",
}  # their caption() and title() are sentences, not calls of the framework
NUMERIC = "deEfFgGn%,"  # a format that ends so is known to numbers only
SEEN = {  # looked at one by one: (file, expression)
    ("drawers.py", "point"),  # names of hook points
    ("drawers.py", "name"),
    ("drawers.py", "breakable(made.formula)"),  # formulas stay formulas: what stands in braces is left alone
    ("drawers.py", "breakable(made.numbers)"),
    ("drawers.py", "seen.trace.axes(point)"),
    ("walk.py", "trace.axes(point)"),
    ("top.py", "said.partition('\\n')[2]"),  # the card of a model that ships with gptviz
    ("top.py", "CSS"),
}


def root(node: ast.expr) -> str:
    """The name an expression starts with: "st" of st.sidebar.markdown."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def leaf(node: ast.expr) -> str:
    """The last name of an expression: "markdown" of st.sidebar.markdown."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def promises() -> tuple[dict[str, str], dict[str, dict[str, tuple[int, str]]]]:
    """Functions of the page that return markup, and parameters that take it: name -> language, function -> name -> place."""
    returned, taken = {}, {}
    for path in (*SOURCES, UI.parent / "figures" / "chips.py", SPOKEN):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                if leaf(node.returns) in ("Html", "Markdown"):
                    returned[node.name] = leaf(node.returns).lower()
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                places = {one.arg: (n, leaf(one.annotation).lower()) for n, one in enumerate(arguments) if one.annotation}
                if found := {name: place for name, place in places.items() if place[1] in ("html", "markdown")}:
                    taken[node.name] = found
    return returned, taken


class Reader:
    """Reads one file and collects the expressions that reach a place of markup without being safe there."""

    def __init__(self, source: str, name: str = "") -> None:
        self.name, self.found = name, []
        self.tree = ast.parse(source)
        self.above = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                self.call(node)
            elif isinstance(node, ast.Return) and node.value and (language := self.returns(node)):
                self.need(node.value, language)

    def need(self, node: ast.expr, language: str) -> None:
        if not self.safe(node, language):
            self.found.append(f"{self.name}:{node.lineno}: {ast.unparse(node)} is no {language}")

    def returns(self, node: ast.Return) -> str:
        inside = self.above[node]
        while not isinstance(inside, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inside = self.above[inside]
        said = leaf(inside.returns).lower() if isinstance(inside, ast.FunctionDef) and inside.returns else ""
        return said if said in ("html", "markdown") else ""

    def call(self, node: ast.Call) -> None:
        name = leaf(node.func)
        for argument, (place, language) in promises()[1].get(name, {}).items():
            given = {one.arg: one.value for one in node.keywords} | dict(enumerate(node.args))
            if (value := given.get(argument, given.get(place))) is not None:
                self.need(value, language)
        if not isinstance(node.func, ast.Attribute | ast.IfExp) or root(node.func) in NOT_STREAMLIT:
            return
        if isinstance(node.func, ast.IfExp):
            name = leaf(node.func.body)
        if name == "html" and root(node.func) != "verbatim" and node.args:
            self.need(node.args[0], "html")
        elif name == "latex" and root(node.func) != "verbatim" and node.args:
            self.need(node.args[0], "latex")
        elif name in MARKDOWN and root(node.func) != "verbatim":
            words = (
                [node.args[0]]
                if node.args and name not in ("progress", "page_link") and (name != "write" or root(node.func) == "st")
                else []
            )
            words += [one.value for one in node.keywords if one.arg in NAMED]
            shown = [one.value for one in node.keywords if one.arg == "format_func"]
            if name in CHOICES and not (shown and self.makes(shown[0], "markdown")):
                words += shown or node.args[1:2]
            for one in words:
                self.need(one, "markdown")

    def safe(self, node: ast.expr, language: str) -> bool:
        def all_safe(nodes) -> bool:
            return all(self.safe(one, language) for one in nodes)

        if (self.name, ast.unparse(node)) in SEEN:
            return True
        match node:
            case ast.Constant():
                return True
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[ast.Constant(value=str(spec))])) if spec[-1] in NUMERIC:
                return True
            case ast.FormattedValue(value=value) | ast.Starred(value=value):
                return self.safe(value, language)
            case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
                return all_safe(parts)
            case ast.Dict(values=values):
                return all_safe(values)
            case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other, op=ast.Add()):
                return all_safe((one, other))
            case ast.BinOp(left=left, right=right, op=ast.Sub() | ast.Mult()):
                return any(isinstance(one, ast.Constant) and type(one.value) is int for one in (left, right))
            case ast.GeneratorExp(elt=one) | ast.ListComp(elt=one) | ast.DictComp(value=one):
                return self.safe(one, language)
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[parts]):
                return self.safe(parts, language)
            case ast.Call(func=ast.Name(id="map" | "reversed"), args=[what, *parts]):
                return self.makes(what, language) or leaf(what) == "str" and all_safe(parts) or self.safe(what, language)
            case ast.Call(func=ast.Name(id="filter"), args=[ast.Constant(value=None), value]):
                return self.safe(value, language)
            case ast.Call(func=ast.Attribute(value=value, attr="strip"), args=[]):
                return self.safe(value, language)
            case ast.Call(func=ast.Name(id="list" | "tuple"), args=[value]):
                return self.safe(value, language)
            case ast.Call(func=ast.Name(id="len" | "int" | "round" | "sum")):
                return True
            case ast.Call(func=called):
                return root(called) == "style" or self.makes(called, language)
            case ast.Attribute(attr=name):
                return name in OURS or name.isupper()
            case ast.Subscript(value=value):
                return self.safe(value, language)
            case ast.Name(id=name):
                return name.isupper() or self.known(node, language)
        return False

    def makes(self, node: ast.expr, language: str) -> bool:
        """Whether a function gives markup: one of verbatim, one that promises it, or one that looks words of the source up."""
        match node:
            case ast.Attribute(value=ast.Name(id="verbatim"), attr=name):
                return name == language
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name) if name in promises()[0]:
                return promises()[0][name] == language
            case ast.Attribute(value=value, attr="get" | "__getitem__" | "index"):
                return root(value).isupper() or self.safe(value, language)
            case ast.Lambda(body=value):
                return self.safe(value, language)
        return False

    def known(self, node: ast.Name, language: str) -> bool:
        """Whether a name stands for safe text: promised by its function's parameter, or everywhere it is given a value."""
        inside = self.above.get(node)
        while inside is not None:
            if isinstance(inside, ast.FunctionDef):
                for one in (*inside.args.args, *inside.args.kwonlyargs):
                    if one.arg == node.id:
                        return leaf(one.annotation).lower() == language if one.annotation else False
                given = [
                    one
                    for one in ast.walk(inside)
                    if isinstance(one, ast.Assign | ast.AugAssign | ast.NamedExpr)
                    and node.id in map(leaf, one.targets if isinstance(one, ast.Assign) else [one.target])
                ]
                if given:
                    return all(self.safe(one.value, language) for one in given)
            inside = self.above.get(inside)
        return False


@pytest.mark.parametrize("path", [*SOURCES, SPOKEN], ids=lambda path: path.relative_to(UI.parent).as_posix())
def test_nothing_but_markup_reaches_a_place_of_markup(path):
    assert Reader(path.read_text(encoding="utf-8"), path.name).found == []


@pytest.mark.parametrize(
    "line",
    [
        "st.warning(note)",
        "st.warning(f'{note}')",
        "st.error(str(error))",
        "st.caption(f'**{entry.title}**')",
        "where.button('Use ' + key)",
        "st.markdown(verbatim.html(note))",
        "st.html(f'<b>{verbatim.markdown(note)}</b>')",
        "st.html('<p>' + said + '</p>')",
        "st.html(f'<p>{said:>4}</p>')",
        "st.latex(text)",
        "st.radio('Which', options)",
        "st.segmented_control('Which', KEYS, format_func=lambda key: names[key])",
        "st.button('Back', help=f'Back to {title}')",
        "(st.error if bad else st.info)(message)",
        "def f(words):\n    words = f'{words}'\n    st.info(words)",
        "def badges(one) -> Html:\n    return f'<b>{one.title}</b>'",
        "predict.ask(stage, label=title)",
        "bar.progress(0.5, text=speed)",
        "for look in lines:\n    st.html(look)",
    ],
)
def test_text_on_its_way_to_markup_is_seen(line):
    assert Reader(line).found


@pytest.mark.parametrize(
    "line",
    [
        "st.warning(verbatim.markdown(note))",
        "st.markdown(stage.prose)",
        "st.caption(f'The first {FIRST} of {rows:,}')",
        "st.html(f'<b>{verbatim.html(title)}</b> {value:.3g}')",
        "st.html(''.join(f'<i>{verbatim.html(one)}</i>' for one in lines))",
        "st.segmented_control('Which', KEYS, format_func=verbatim.markdown)",
        "st.selectbox('Model', keys, format_func=title)",
        "stage.caption(trace, view)",
        "def f(x):\n    kind = 'a' if x else 'b'\n    st.html(f'<b class={kind}>')",
    ],
)
def test_words_of_the_source_are_let_through(line):
    assert Reader(line).found == []


# ---- the functions


@pytest.mark.parametrize(
    "text", ["Every effort moves you", "0 ·door", "The text has 1,024 tokens (of 2.5 %): it's cut.", "\u00b7", "a-b, c+d = e!"]
)
def test_plain_words_stay_as_they_are(text):
    seams = verbatim.markdown(text).replace(":small[]", "")
    assert seams == verbatim.html(text).replace("&#x27;", "'") == verbatim.chart(text) == verbatim.plain(text) == text


def test_what_cannot_be_seen_or_turns_words_round_is_written_as_its_number():
    assert verbatim.plain("a\0b\x1b[31m\u202ec\ud800\u2066") == "a<00>b<1B>[31m<202E>c<D800><2066>"
    assert verbatim.plain("👩\u200d👧 é\n\t") == "👩\u200d👧 é\n\t"
    assert verbatim.html("\0<") == "&lt;00&gt;&lt;" and "<" not in verbatim.markdown("\0") + verbatim.chart("\u202e")
    assert verbatim.markdown(OSError("no *such* file")) == "no &#42;such&#42; file"


def test_a_line_end_in_a_chart_is_one():
    assert verbatim.chart("a\nb<br>") == "a<br>b&lt;br&gt;"


def test_a_loss_chart_takes_no_name_for_markup():
    drawn = learning.losses([1.0], [2.0], [], levels=[learning.Level("<b>&", 3.0)], whole=10.0, alt="' onload='x")
    assert "&lt;b&gt;&amp;" in drawn and "onload='" not in drawn
