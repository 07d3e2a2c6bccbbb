"""Checkpoints of all sorts on the page: numbers too large, more words than GPT-2 has, one token of context, folders that are gone."""

import os
import shutil
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from gptviz import __main__ as command
from gptviz import catalogue, trace, weights
from gptviz.config import PRESETS, GPTConfig
from gptviz.labs.embeddings import lab as embeddings
from gptviz.labs.gradients import lab as gradients
from gptviz.labs.sampling import lab as choosing
from gptviz.labs.size import lab as size
from gptviz.stages import STAGES
from gptviz.ui import cache, download
from sample_checkpoints import write
from sample_models import randomised
from test_page import APP, fine, html, opened, shown

NAMES = ("broken", "one-token", "gone", "more", "writes", "pickled")
KEYS = [stage.key for stage in STAGES]
FIRST = KEYS.index("contract")  # the first stage that the broken model cannot show


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A folder of models, offered as GPTVIZ_MODELS offers them."""
    folder = tmp_path_factory.mktemp("models")
    broken = randomised(PRESETS["tiny"], seed=3)
    broken.blocks[1].ff.contract.weight.mul_(1e38)
    weights.save(broken, folder / "broken")
    weights.save(randomised(GPTConfig(n_embd=4, n_head=2, n_layer=1, context_length=1), seed=3), folder / "one-token")
    weights.save(randomised(PRESETS["tiny"], seed=4), folder / "gone")
    more = write("two_words_more+surplus_heads", 1, folder / "more")
    assert set(more.extra) == {50257, 50258}
    shutil.copytree(folder / "more", folder / "writes")
    model = weights.load(folder / "writes")
    model.tok_emb.weight[50257] = trace.run(model, [64])["final_norm"][0, -1]  # what comes after "a"
    weights.save(model, folder / "writes")
    write("pickle_alone", 1, folder / "pickled")
    kept, before = dict(catalogue.MODELS), os.environ.get(catalogue.FOLDERS)
    os.environ[catalogue.FOLDERS] = os.pathsep.join(str(folder / name) for name in NAMES)
    catalogue.MODELS.clear()
    catalogue.MODELS.update(catalogue.discover())
    yield folder
    os.environ.pop(catalogue.FOLDERS) if before is None else os.environ.update({catalogue.FOLDERS: before})
    catalogue.MODELS.clear()
    catalogue.MODELS.update(kept)
    cache._held.clear()
    cache._kept.clear()


def said(app: AppTest) -> str:
    """The message on the page, as it reads."""
    return unescape(app.error[0].value)


def buttons(app: AppTest) -> dict[str, AppTest]:
    return {button.key: button for button in app.button}


class TestNumbersTooLarge:
    @pytest.mark.parametrize("key", ["text", "gelu", "contract", "block-output", "append"])
    @pytest.mark.parametrize("more", [{}, {"drawer": "recompute", "dropout": 0.1}, {"present": 1}])
    def test_a_message_stands_where_the_picture_would_and_the_walk_goes_on(self, key, more):
        app = fine(opened(model="broken", stage=key, block=2, **more))
        lost = KEYS.index(key) >= FIRST
        assert len(app.error) == lost
        if lost:
            assert "blocks.1.ff_out" in said(app) and "Take an earlier one" in said(app)
        assert STAGES[KEYS.index(key)].title in html(app) and "TRAINED" in html(app)
        there = buttons(app)
        assert {"back", "next"} <= set(there)
        step = "back" if key == "append" else "next"
        there[step].click()
        fine(app.run())
        assert app.session_state["choice"].stage == KEYS[KEYS.index(key) + (1 if step == "next" else -1)]

    @pytest.mark.parametrize("drawer", ["recompute", "numbers", "code", "about"])
    def test_drawers_of_a_step_without_a_picture(self, drawer):
        app = fine(opened(model="broken", stage="contract", block=2, drawer=drawer, cell="blocks.1.ff_out@0,1,2"))
        assert len(app.error) == 1

    def test_it_appends_nothing_and_says_so(self):
        app = fine(opened(model="broken", stage="token-ids", more=5))
        assert "This model can append nothing" in app.warning[0].value and app.session_state["choice"].more == 0
        assert not app.error

    @pytest.mark.parametrize("pair", [{"model": "mini", "beside": "broken"}, {"model": "broken", "beside": "mini"}])
    def test_it_stands_beside_nobody(self, pair):
        app = fine(opened(stage="gelu", **pair))
        assert "cannot stand beside each other" in app.warning[0].value and app.session_state["choice"].beside == ""

    @pytest.mark.parametrize("lab", (choosing.LAB, gradients.LAB), ids=lambda lab: lab.key)
    def test_every_experiment_opens_or_says_it(self, lab):
        app = AppTest.from_file(APP, default_timeout=60).run().switch_page(f"pages/{lab.key}.py")
        app.query_params["model"] = "broken"
        said = 0
        for one in lab.experiments:
            app.query_params["view"] = one.key
            fine(app.run())
            said += len(app.error)
            assert one.title in html(app)
            assert all("too large to be shown" in error.value for error in app.error)
        assert said


class TestOtherShapes:
    @pytest.mark.parametrize("lab", (embeddings.LAB, size.LAB), ids=lambda lab: lab.key)
    def test_every_experiment_of_a_model_that_reads_one_token(self, lab):
        app = AppTest.from_file(APP, default_timeout=60).run().switch_page(f"pages/{lab.key}.py")
        app.query_params["model"] = "one-token"
        for one in lab.experiments:
            app.query_params["view"] = one.key
            fine(app.run())
            assert not app.error and one.title in html(app)

    @pytest.mark.parametrize("key", ["token-ids", "positional-embedding", "attention-weights", "append"])
    def test_a_walk_of_one_token(self, key):
        app = fine(opened(model="one-token", stage=key, more=2))
        assert not app.error and "position table has 1 row: the first 5 of them are cropped, the last one goes in." in shown(
            app
        )

    def test_a_model_without_a_token_that_the_other_wrote_does_not_stand_beside_it(self):
        app = fine(opened(model="writes", beside="mini", text="a", more=1, stage="token-ids"))
        assert (
            'mini has no token 50257 ("<|pad|>"), which writes has written' in unescape(app.warning[0].value) and not app.error
        )
        assert "&lt;|pad|&gt;" in html(app) and app.session_state["choice"].beside == ""

    def test_more_words_than_gpt2_are_named_and_what_was_left_out_is_said(self):
        app = fine(opened(model="more", stage="append", more=3, drawer="about"))
        page = shown(app)
        assert "2 rows beyond GPT-2's 50,257 tokens, which typed text never becomes: <|pad|>, <|user|>." in unescape(page)
        assert "Left out, as they are no part of a language model:" in page
        cut = fine(opened(model="more", stage="text", text="<|pad|> hello"))
        assert "15636" in html(cut)  # the id of "pad", an ordinary token


class TestFoldersThatCannotBeOpened:
    def test_the_menu_and_the_command_say_it(self, capsys):
        assert download.title("pickled") == "pickled (cannot be opened)" and download.title("broken") == "broken"
        assert command.models() == 0
        lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
        assert "cannot be loaded" in lines["pickled"] and "torch.load" in lines["pickled"]
        assert "(Left out" in lines["more"] and "cannot" not in lines["one-token"]

    def test_it_says_why_when_it_is_chosen_and_offers_another(self):
        app = fine(opened(model="pickled"))
        assert "pickles are never opened" in said(app) and "NOT LOADED" in html(app)
        next(button for button in app.button if button.label == "Use mini instead").click()
        fine(app.run())
        assert not app.error and "TRAINED" in html(app)

    def test_a_folder_that_goes_away_is_missed_only_when_it_is_read_again(self, folder):
        app = fine(opened(model="gone"))
        before = shown(app)
        shutil.rmtree(folder / "gone")
        app = fine(opened(model="gone", stage="softmax"))
        assert not app.error and "TRAINED" in html(app) and before != shown(app)
        assert download.title("gone") == "gone (cannot be opened)"
        cache._held.clear()
        app = fine(opened(model="gone", stage="gelu"))
        assert "there is no such folder (any more)" in said(app)
        again = fine(opened(model="mini", beside="gone"))
        assert "no such folder" in again.warning[0].value and not again.error
        weights.save(randomised(PRESETS["tiny"], seed=4), folder / "gone")
        assert not fine(opened(model="gone")).error and download.title("gone") == "gone"

    def test_a_card_that_links_elsewhere_is_not_shown(self, folder):
        card = folder / "broken" / "CARD.md"
        card.write_text("# mine\nA model of mine.\n")
        assert catalogue.MODELS["broken"].card == card
        card.write_bytes(b"# mine\nA model \xff\xfe of mine")
        assert "A model \ufffd\ufffd of mine" in html(fine(opened(model="broken")))
        os.truncate(card, 1 << 40)
        assert catalogue.MODELS["broken"].card is None
        card.unlink()
        for other in (lambda: card.symlink_to("/etc/passwd"), lambda: card.symlink_to("/dev/zero"), lambda: os.mkfifo(card)):
            other()
            assert catalogue.MODELS["broken"].card is None
            card.unlink()

    def test_a_model_the_machine_has_no_memory_for_says_both_numbers(self, monkeypatch):
        from gptviz import hub

        monkeypatch.setattr(hub, "memory", lambda: hub.Memory(1_000_000, free=True))
        cache._held.clear()
        app = fine(opened(model="one-token"))
        assert "one-token does not fit" in said(app) and "1 MB free" in said(app)
