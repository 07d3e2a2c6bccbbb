"""The reader's choices: what a URL means, what nonsense in it does, and that writing and reading agree."""

from dataclasses import fields, replace

import pytest

from gptviz.points import Address
from gptviz.ui import state
from gptviz.ui.state import Choice, Rejected


def test_a_first_visit_begins_with_the_overview_and_every_parameter_goes_straight_into_the_walk():
    assert state.from_url({}) == (Choice(stage=state.OVERVIEW), []) and state.to_url(Choice(stage=state.OVERVIEW)) == {}
    for choice in (Choice(), Choice(text="a"), Choice(stage=state.OVERVIEW, block=2), Choice(stage=state.END)):
        assert state.from_url(state.to_url(choice)) == (choice, [])
    assert state.to_url(Choice()) == {"stage": "text"} and state.to_url(Choice(text="a")) == {"text": "a"}


def test_every_field_survives_the_url():
    chosen = Choice(
        stage="attention-weights",
        text="I ❤️ <b>HTML</b> & spaces \n\tand lines\n",
        model="gpt2-untrained",
        beside="mini",
        other=True,
        block=12,
        head=7,
        token=3,
        dropout=0.35,
        seed=42,
        more=5,
        second="Every day holds a",
        item=1,
        special=True,
        piece=2,
        step=1,
        cell="blocks.11.att.weights@0,6,3,2",
        drawer="recompute",
        edit="no-mask,head:5.1:mean",
        whatif=True,
        present=True,
        hide="model,dropout",
        cover=True,
        revealed=3,
        read=True,
        lesson="demo",
        stop=3,
    )
    assert all(getattr(chosen, field.name) != getattr(Choice(), field.name) for field in fields(Choice)), "a field is untested"
    assert state.from_url(state.to_url(chosen)) == (chosen, [])


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("stage", "no-such-stage"),
        ("text", ""),
        ("text", "   "),
        ("text", "x" * (state.MAX_CHARACTERS + 1)),
        ("model", "../../etc/passwd"),
        ("beside", "gpt9"),
        ("other", "yes"),
        ("block", "-1"),
        ("block", "-3"),
        ("block", "1.5"),
        ("block", "--5"),
        ("block", "9" * 400),
        ("head", "two"),
        ("token", "-2"),
        ("dropout", "1"),
        ("dropout", "nan"),
        ("dropout", "-0.1"),
        ("dropout", "inf"),
        ("seed", "1e3"),
        ("more", "100000"),
        ("item", "2"),
        ("special", "yes"),
        ("cell", "tok_emb"),
        ("cell", "tok_emb@1,x"),
        ("cell", "@1,2"),
        ("cell", "tok_emb@1,2,3,4,5,6,7,8"),
        ("drawer", "<script>"),
        ("edit", "haed:5.1"),
        ("edit", "head:0.1"),
        ("edit", "head:5.1," * 100),
        ("whatif", "yes"),
        ("present", "true"),
    ],
)
def test_nonsense_falls_back_to_the_default_with_a_note(name, raw):
    choice, notes = state.from_url({name: raw, "seed" if name != "seed" else "more": "3"})
    assert getattr(choice, name) == getattr(Choice(), name)
    assert len(notes) == 1 and name in notes[0] and len(notes[0]) < 400 and "literal" not in notes[0]
    assert (choice.more if name == "seed" else choice.seed) == 3, "the rest of the link still counts"


def test_without_a_model_beside_nothing_is_about_the_other_one():
    assert state.from_url({"other": "1"}) == (Choice(), [])
    assert not state.from_url({"other": "1", "beside": "gpt9"})[0].other
    assert state.from_url({"other": "1", "beside": "mini-untrained"})[0].other


def test_parameters_of_others_are_left_alone():
    assert state.from_url({"embed": "true", "utm_source": "x"}) == (Choice(), [])


@pytest.mark.parametrize("text", ["", " \n\t ", "\n\n", "\ufeff", "x" * 20_001])
def test_text_that_cannot_be_used_says_what_to_do(text):
    with pytest.raises(Rejected, match="Type at least|Shorten"):
        state.clean_text(text)


@pytest.mark.parametrize(
    ("text", "taken"),
    [("\ufeffRoses\r\nViolets\r\n", "Roses\nViolets\n"), ("\n a \n\n", "\n a \n\n"), ("🦜" * 20_000, "🦜" * 20_000)],
)
def test_line_ends_stay_and_a_byte_order_mark_is_no_text(text, taken):
    assert state.clean_text(text) == taken
    assert state.from_url({"text": text, "second": text})[0] == replace(Choice(), text=taken, second=taken)


def test_lone_surrogates_become_a_character_that_can_be_encoded():
    assert state.clean_text("a\ud800b").encode() == "a\ufffdb".encode()
    assert state.clean_text("\U0001f99c") == "\U0001f99c"


def test_cells_read_back_what_was_written():
    cell = ("blocks.0.att.weights", (0, 3, 2, 1))
    assert Address.parse(Address(*cell).write()) == cell


def test_changed_fields_only_are_written():
    assert state.to_url(replace(Choice(), block=3, present=True)) == {"block": "3", "present": "1"}


def test_what_a_teacher_wants_gone_is_named_in_the_address():
    choice, notes = state.from_url({"hide": "dropout, Model ,walrus,model"})
    assert choice.hide == "model,dropout"
    assert len(notes) == 1 and "walrus" in notes[0] and "whatif" in notes[0]


def test_another_stage_begins_covered(monkeypatch):
    kept = {"choice": Choice(cover=True, revealed=4, stage="softmax"), "passing": False, "notes": []}
    monkeypatch.setattr(state.st, "session_state", kept)
    state._set(stage="append")
    assert kept["choice"].revealed == 0
    state._set(revealed=2)
    assert kept["choice"].revealed == 2
