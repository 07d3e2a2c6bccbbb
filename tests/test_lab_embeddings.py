"""The lab of embedding space: neighbours, cosines, maps and tables against direct computation."""

from functools import partial

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
import torch.nn.functional as F

from gptviz import tokenizer, trace
from gptviz.config import PRESETS, GPTConfig
from gptviz.figures import alike, space
from gptviz.figures.chips import Chips
from gptviz.labs.embeddings import lab as embeddings
from gptviz.labs.embeddings import position_table, stream_maps, trained_tables, word_maps, word_neighbours, word_pairs
from gptviz.labs.lab import Setting
from gptviz.labs.subjects import projection, words
from gptviz.model import GPT
from sample_models import mini, randomised, tiny, untrained
from test_lab_choosing import html, open_lab

EXPERIMENTS = {one.key: one for one in embeddings.LAB.experiments}
TWICE = "The cat sat by the fire, and the kitten sat by the"


def setting(key: str, model=None, text: str = "Every effort moves you", **values) -> Setting:
    """An experiment's setting with its defaults and the values given."""
    model = model or mini()
    ids = tuple(tokenizer.encode(text))[-model.config.context_length :]
    bare = Setting(model, ids, {}, text=text)
    controls = EXPERIMENTS[key].controls_for(bare)
    assert values.keys() <= {control.name for control in controls}
    return Setting(model, ids, {control.name: control.start() for control in controls} | values, text=text)


def similarity(model, a: int, b: int) -> float:
    table = model.tok_emb.weight
    return F.cosine_similarity(table[a], table[b], dim=0).item()


def token(text: str) -> int:
    [found] = tokenizer.encode(text)
    return found


# words


def test_a_space_is_put_before_a_word_or_not():
    assert words.read("cat", True).ids == (3797,) and words.read(" cat ", True).shown == "·cat"
    assert words.read("cat", False).ids == (9246,) and words.read("cat", False).shown == "cat"
    assert words.twin(3797) == 9246 and words.twin(9246) == 3797
    assert words.twin(tokenizer.END_OF_TEXT_ID) is None and words.twin(token(" kitten")) is None


def test_a_list_has_groups_no_repeats_and_says_what_is_left_out():
    found = words.listed("cat, dog;;  cat red\n unfamiliarwords 🦜;", True)
    assert found.ids == (token(" cat"), token(" dog"), token(" red")) and found.groups == (0, 0, 1)
    assert [word.shown for word in found.left_out] == ["·unfamiliarwords", "·🦜"]
    assert '"·🦜" (3 tokens)' in found.remarks
    many = words.listed(" ".join(map(str, range(100, 145))), True)
    assert len(many.ids) == words.MOST and "5 more were typed" in many.remarks
    assert words.listed("", True).ids == () and words.listed("", True).remarks == ""


@pytest.mark.parametrize("text", [words.THEMES, words.PEOPLE, words.TIME])
def test_the_given_lists_are_single_tokens(text):
    found = words.listed(text, True)
    assert not found.remarks and len(found.ids) >= 16


def test_no_number_is_minus_nothing():
    assert [words.number(value) for value in (-0.001, 0.0, -0.126, 1)] == ["0.00", "0.00", "−0.13", "1.00"]


# neighbours


def test_neighbours_are_those_of_the_whole_table():
    table = mini().tok_emb.weight
    for row in (3797, 0, 50256):
        found = word_neighbours.neighbours(setting("neighbours"), row, 10)
        direct = F.cosine_similarity(table, table[row][None]).numpy()
        assert np.allclose(found.likeness, direct, atol=1e-5)
        others = [n for n in np.argsort(-direct, kind="stable") if n != row][:10]
        assert np.allclose(direct[list(found.by_vector)], direct[others], atol=1e-6) and row not in found.by_vector
        assert found.mean == pytest.approx(float(np.delete(direct, row).mean()), abs=1e-5)
        assert len(found.by_id) == 11 and row in found.by_id and list(np.diff(found.by_id)) == [1] * 10


def test_the_neighbours_of_a_cat_are_living_things_and_those_of_its_id_are_not():
    asked = setting("neighbours", typed="cat")
    found = word_neighbours.neighbours_of(asked)
    assert {" bird", " dog"} <= {tokenizer.decode([n]) for n in found.by_vector}
    direct = F.cosine_similarity(mini().tok_emb.weight, mini().tok_emb.weight[found.token][None])
    nearest = [n for n in direct.argsort(descending=True).tolist() if n != found.token]
    assert list(found.by_vector) == nearest[: len(found.by_vector)]
    beside = [found.likeness[n] for n in found.by_id if n != found.token]
    assert found.likeness[list(found.by_vector)].min() > np.mean(beside) + 0.2
    best = tokenizer.printable(nearest[0])
    assert f'"{best}" is nearest to "·cat": cosine {direct[nearest[0]]:.2f}' in word_neighbours.caption(asked)


def test_the_first_word_is_shown_with_and_without_its_space():
    chips, figure = word_neighbours.pictures(setting("neighbours", of=0))
    [(heading, (one, two))] = chips.lines
    assert (one.text, one.ids, two.text, two.ids) == ("Every", (6109,), "·Every", (3887,)) and "space" in heading
    assert two.note == f"cosine {similarity(mini(), 6109, 3887):.2f}"
    found = word_neighbours.neighbours_of(setting("neighbours", of=0))
    assert np.allclose(figure.data[0].x, found.likeness[list(found.by_vector)])
    assert np.allclose(figure.data[1].x, found.likeness[list(found.by_id)])


def test_a_word_of_several_tokens_offers_its_pieces():
    whole = setting("neighbours", typed="unfamiliarwords")
    pieces = tokenizer.encode(" unfamiliarwords")
    for n, piece in enumerate(pieces, start=1):
        asked = setting("neighbours", typed="unfamiliarwords", piece=n)
        assert word_neighbours.neighbours_of(asked).token == piece
        [(heading, chips)] = word_neighbours.pictures(asked)[0].lines
        assert [chip.ids for chip in chips] == [(piece,) for piece in pieces] and f"is {len(pieces)} tokens" in heading
    assert word_neighbours.neighbours_of(setting("neighbours", typed="unfamiliarwords", piece=8)).token == pieces[-1]
    shown = {c.name: c.when(whole.values) for c in EXPERIMENTS["neighbours"].controls_for(whole)}
    assert shown["piece"] and shown["spaced"]
    plain = setting("neighbours", typed="cat")
    shown = {c.name: c.when(plain.values) for c in EXPERIMENTS["neighbours"].controls_for(plain)}
    assert not shown["piece"] and shown["spaced"]


def test_the_best_of_many_random_directions_is_expected_and_found():
    table = untrained().tok_emb.weight
    expected = word_neighbours.best_by_chance(*table.shape)
    best = [word_neighbours.neighbours(setting("neighbours", untrained()), row, 1) for row in (10, 3797, 42143)]
    assert np.mean([found.likeness[found.by_vector[0]] for found in best]) == pytest.approx(expected, abs=0.02)
    assert "this is chance" in word_neighbours.caption(setting("neighbours", untrained()))


# cosine of two words


@pytest.mark.parametrize(("a", "b", "least"), [("cat", "kitten", 0.2), ("mother", "father", 0.7), ("cat", "cat", 0.9999)])
def test_cosines_of_known_pairs(a, b, least):
    found = word_pairs.pair_of(setting("cosine", a=a, b=b))
    assert found.cosine == pytest.approx(similarity(mini(), token(f" {a}"), token(f" {b}")), abs=1e-5)
    assert found.cosine > least


def test_rank_counts_the_rows_that_are_more_alike():
    found = word_pairs.pair_of(setting("cosine", b="kitten"))
    direct = F.cosine_similarity(mini().tok_emb.weight, mini().tok_emb.weight[3797][None])
    assert found.rank == int((direct > direct[token(" kitten")]).sum())  # with the cat itself in the place of the kitten
    assert f"{found.rank - 1:,} are more alike" in word_pairs.caption(setting("cosine", b="kitten"))
    assert word_pairs.pair_of(setting("cosine", a="mother", b="father")).rank <= 3
    assert word_pairs.pair_of(setting("cosine", b="cat")).rank is None and found.others.size == 50256


def test_untrained_cat_and_kitten_have_nothing_in_common():
    found = word_pairs.pair_of(setting("cosine", untrained()))
    assert abs(found.cosine) < 3 / 768**0.5
    pairs = word_pairs.random_pairs(untrained().tok_emb.weight, 50257)
    assert pairs.mean() == pytest.approx(0, abs=0.002) and pairs.std() == pytest.approx(768**-0.5, rel=0.02)
    assert "1/√768 = 0.036" in word_pairs.caption(setting("cosine", untrained()))


def test_random_pairs_are_seeded_pairs_of_different_rows():
    table = mini().tok_emb.weight
    one, again, other = (word_pairs.random_pairs(table, 50257, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other) and one.max() < 1 - 1e-4
    assert one.shape == (word_pairs.PAIRS,)
    directions = F.normalize(table)
    every = (directions.sum(0).square().sum() - len(table)) / (len(table) * (len(table) - 1))
    assert one.mean() == pytest.approx(float(every), abs=0.01)  # the mean over all pairs there are
    assert every > 0.3  # the bundled table leans one way
    assert word_pairs.random_pairs(table, 2000).mean() < 0.1  # its frequent words do not
    two_rows = word_pairs.random_pairs(table, 2, count=5)
    assert np.allclose(two_rows, similarity(mini(), 0, 1), atol=1e-6)


def test_the_bell_is_the_density_of_chance():
    x = np.linspace(-1, 1, 20001)
    for width in (16, 256, 768):
        density = alike.chance(x, width)
        step = x[1] - x[0]
        assert density.sum() * step == pytest.approx(1, abs=1e-6)
        assert (density * x**2).sum() * step == pytest.approx(1 / width, rel=1e-6)  # the spread is 1 / sqrt(width)


def test_the_histograms_hold_every_value_and_mark_the_pair():
    asked = setting("cosine")
    [figure] = word_pairs.pictures(asked)
    bars = [data for data in figure.data if data.type == "bar"]
    assert [sum(bar.y) for bar in bars] == pytest.approx([1, 1])
    counts = np.histogram(word_pairs.pair_of(asked).others, bins=alike.BINS, range=(-1, 1))[0]
    assert np.array_equal(np.rint(np.array(bars[0].y) * 50256), counts)
    assert all(shape.x0 == shape.x1 == pytest.approx(word_pairs.pair_of(asked).cosine) for shape in figure.layout.shapes)
    assert "20,000 random pairs" in bars[1].name and "seed 0" in bars[1].name


def test_a_word_of_several_tokens_says_which_piece_is_compared():
    assert '"·🦜" is 3 tokens' in word_pairs.caption(setting("cosine", b="🦜"))
    assert "Both are one row" in word_pairs.caption(setting("cosine", b="cat"))


def test_every_preset_changes_the_pair():
    asked = setting("cosine")
    offered = EXPERIMENTS["cosine"].presets(asked)
    seen = {word_pairs.pair_of(setting("cosine", **values)).names for values in offered.values()}
    assert len(seen) == len(offered) == 7 and ("·Every", "Every") in seen


# maps


@pytest.mark.parametrize("shape", [(20, 256), (300, 16), (3, 8)])
def test_the_projection_is_that_of_principal_components(shape):
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    made = projection.project(rows, 2)
    centred = torch.from_numpy(rows).double()
    centred = centred - centred.mean(0)
    _, sizes, axes = torch.linalg.svd(centred, full_matrices=False)
    expected = (centred @ axes[:2].T).numpy()
    assert np.allclose(np.abs(made.places), np.abs(expected), atol=1e-6)
    assert np.allclose(made.shares, (sizes**2 / (sizes**2).sum())[:2].numpy(), atol=1e-9)
    assert made.shares.sum() == pytest.approx((made.places**2).sum() / float((centred**2).sum()))


def test_points_in_a_plane_keep_everything_and_few_points_do_not_break():
    plane = np.random.default_rng(1).normal(size=(12, 2)) @ np.random.default_rng(2).normal(size=(2, 40))
    made = projection.project(plane, 2)
    assert made.shares.sum() == pytest.approx(1)
    assert projection.kept(plane, made.places, 3).tolist() == [3] * 12
    distances = np.linalg.norm(plane[:, None] - plane, axis=2)
    assert np.allclose(distances, np.linalg.norm(made.places[:, None] - made.places, axis=2))
    assert projection.project(plane[:1], 3).places.tolist() == [[0, 0, 0]]
    assert projection.project(plane[[0, 0]], 2).shares.tolist() == [0, 0]
    two = projection.project(plane[:2], 3)
    assert two.shares == pytest.approx([1, 0, 0]) and np.allclose(two.places[:, 1:], 0)


def test_nearest_by_distance_of_unit_vectors_is_nearest_by_cosine():
    rows = projection.unit(np.random.default_rng(3).normal(size=(30, 16)))
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    assert np.array_equal(projection.nearest(rows, 3), np.argsort(-cosines, axis=1)[:, :3])


def test_strewn_points_keep_what_chance_says():
    generator = np.random.default_rng(4)
    kept = [projection.kept(generator.normal(size=(20, 50)), generator.normal(size=(20, 2)), 3).sum() for _ in range(60)]
    assert np.mean(kept) == pytest.approx(20 * 9 / 19, rel=0.1)


def test_trained_groups_gather_and_untrained_ones_do_not():
    trained, random = (word_maps.map_of(setting("map", model)) for model in (mini(), untrained()))
    assert trained.kept.sum() > 45 and random.kept.sum() < 25
    assert f"of the 60 true nearest neighbours (3 each) {trained.kept.sum()}" in word_maps.caption(setting("map"))
    assert trained.projection.shares.sum() > 2 * random.projection.shares.sum()


@pytest.mark.parametrize("dims", [2, 3])
def test_the_map_draws_the_projected_rows(dims):
    asked = setting("map", dims=dims)
    made = word_maps.map_of(asked)
    [figure] = word_maps.pictures(asked)
    points = next(data for data in figure.data if data.name == "points")
    drawn = np.stack([points[axis] for axis in "xyz"[:dims]], axis=1)
    rows = F.normalize(mini().tok_emb.weight[list(made.words.ids)]).numpy()
    assert np.allclose(drawn, projection.project(rows, dims).places, atol=1e-5)
    assert isinstance(points, go.Scatter3d) == (dims == 3)
    axes = figure.layout.scene if dims == 3 else figure.layout
    assert f"{made.projection.shares[0]:.0%}" in axes.xaxis.title.text
    likeness = (rows @ rows[0])[1:]
    near = f"{made.words.shown[1 + int(likeness.argmax())]} {likeness.max():.2f}"
    assert points.customdata[0][0] == "·cat" and near in points.customdata[0][1]


@pytest.mark.parametrize("typed", ["", "🦜", "cat", "cat dog", "<b>x</b>; cat <i>", "cat " * 300])
def test_odd_lists_are_drawn_or_explained(typed):
    for key in ("map", "training"):
        for dims in (2, 3):
            values = {"dims": dims} if key == "map" else {}
            asked = setting(key, words=typed, **values)
            EXPERIMENTS[key].pictures(asked)
            assert EXPERIMENTS[key].caption(asked)


def test_names_stand_apart_or_are_left_out():
    places = np.zeros((30, 2)) + np.arange(30)[:, None] * 1e-4
    sides = space.beside(places, ["word"] * 30, range(30), 700, 300, np.array([1.0, 1.0]))
    assert 0 < len(sides) < 30
    figure = space.points(places, ["word"] * 30, range(30), shares=(0.5, 0.5), title="", within=np.array([[0, 0], [1, 1]]))
    assert sum(map(bool, figure.data[-1].text)) < 30 and "left out" in figure.layout.annotations[0].text
    wide = np.stack([np.arange(6), np.arange(6) % 2], axis=1).astype(float)
    assert len(space.beside(wide, ["word"] * 6, range(6), 700, 300, np.array([6.0, 2.0]))) == 6


# tokens through the blocks


def test_the_movement_is_made_of_the_traced_stream():
    asked = setting("blocks", tiny(), text=TWICE, lengths="real")
    made = stream_maps.movement_of(asked)
    run = trace.run(tiny(), list(asked.ids))
    for depth, name in enumerate(["input_emb", "blocks.0.shortcut2", "blocks.1.shortcut2"]):
        assert np.array_equal(made.vectors[depth], run.array(name)[0])
        assert np.allclose(made.lengths[depth], run[name][0].norm(dim=1).numpy())
    assert np.allclose(
        stream_maps.movement_of(setting("blocks", tiny(), text=TWICE)).vectors,
        projection.unit(made.vectors.reshape(-1, 16)).reshape(made.vectors.shape),
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_axes_stay_while_the_slider_moves(dims):
    figures = [stream_maps.pictures(setting("blocks", after=after, dims=dims))[0] for after in range(7)]
    layouts = [figure.layout.scene if dims == 3 else figure.layout for figure in figures]
    assert len({(layout.xaxis.range, layout.yaxis.range, layout.xaxis.title.text) for layout in layouts}) == 1
    made = stream_maps.movement_of(setting("blocks", dims=dims))
    for after, figure in enumerate(figures):
        points = figure.data[-1]
        drawn = np.stack([points[axis] for axis in "xyz"[:dims]], axis=1)
        assert np.allclose(drawn, made.places[after])
        trails = figure.data[:-1]
        assert len(trails) == (4 if after else 0)
        for token, trail in enumerate(trails):
            assert np.allclose(trail.y, made.places[: after + 1, token, 1])


def test_the_same_word_at_two_places_is_two_points():
    asked = setting("blocks", text=TWICE)
    made = stream_maps.movement_of(asked)
    first, last = (n for n, word in enumerate(asked.ids) if word == token(" sat"))
    assert all(np.linalg.norm(made.vectors[depth, first] - made.vectors[depth, last]) > 0.1 for depth in range(7))
    assert "Nothing has moved yet" in stream_maps.caption(setting("blocks", after=0))
    asked = setting("blocks")
    vectors = stream_maps.movement_of(asked).vectors
    angles = np.degrees(np.arccos((projection.unit(vectors[-1]) * projection.unit(vectors[-2])).sum(-1)))
    furthest = int(angles.argmax())
    assert f"Block 6 turned {asked.labels()[furthest]} furthest, by {angles[furthest]:.0f}°" in stream_maps.caption(asked)


@pytest.mark.parametrize("text", ["a", "a b", "word and some " * 100, "I ❤️ my 🦜"])
def test_the_movement_of_any_text(text):
    for after in (0, 1, 2):
        asked = setting("blocks", tiny(), text=text, after=after)
        [figure] = stream_maps.pictures(asked)
        assert len(figure.data[-1].x) == len(asked.ids) and stream_maps.caption(asked)


# trained and random


@pytest.mark.parametrize("config", [PRESETS["tiny"], PRESETS["mini"], GPTConfig(50257, 8, 12, 3, 2, tied_head=False)], ids=str)
def test_untrained_rows_are_those_of_an_untrained_model(config):
    ids = (0, 3797, 50256)
    whole = GPT(config).init_weights(seed=4).tok_emb.weight.detach()[list(ids)].numpy()
    assert np.array_equal(trained_tables.untrained_rows(config, 4, ids), whole)
    assert not np.array_equal(trained_tables.untrained_rows(config, 5, ids), whole)


def test_training_made_groups_alike_and_chance_does_not():
    asked = setting("training")
    made = trained_tables.tables_of(asked)
    inside, between = trained_tables.means(made.trained, made.words.groups)
    assert inside > 0.5 and between < 0.25
    assert max(map(abs, trained_tables.means(made.untrained, made.words.groups))) < 0.03
    assert f"{inside:.2f} on average, of two groups {between:.2f}" in trained_tables.caption(asked)
    [grid] = trained_tables.pictures(asked)
    assert [panel.title.split(":")[0] for panel in grid.panels] == ["TRAINED", "RANDOM INIT"]
    table = mini().tok_emb.weight[list(made.words.ids)]
    assert np.allclose(grid.panels[0].values, F.cosine_similarity(table[:, None], table, dim=2).numpy(), atol=1e-5)
    other = trained_tables.tables_of(setting("training", seed=7))
    assert np.array_equal(other.trained, made.trained) and not np.allclose(other.untrained, made.untrained)


def test_an_untrained_model_is_not_called_trained():
    [grid] = trained_tables.pictures(setting("training", untrained(), words="cat dog"))
    assert [panel.title.split(":")[0] for panel in grid.panels] == ["RANDOM INIT", "RANDOM INIT"]
    assert "not trained" in trained_tables.caption(setting("training", untrained(), words="cat dog"))


# positions


@pytest.mark.parametrize("model", [tiny, mini, untrained])
def test_every_pair_of_positions_is_compared(model):
    table = model().pos_emb.weight
    rows = model().config.context_length
    grid, chart = position_table.pictures(setting("positions", model(), p=3))
    assert grid.panels[0].values.shape == (rows, rows) and grid.selected == 3
    direct = F.normalize(table[:20]) @ F.normalize(table).T
    assert np.allclose(grid.panels[0].values[:20], direct.numpy(), atol=1e-5)
    assert np.array_equal(chart.data[0].y, grid.panels[0].values[3])


def test_near_positions_are_alike_only_after_training():
    trained, random = (position_table.positions_of(setting("positions", model)) for model in (mini(), untrained()))
    assert trained.at(1) > trained.at(32) > 0.3
    assert trained.at(128) < 0.1
    assert all(abs(random.at(distance)) < 0.01 for distance in (1, 32, 128))
    assert f"Neighbours have {trained.at(1):.2f} on average" in position_table.caption(setting("positions"))
    assert "never trained" in position_table.caption(setting("positions", untrained()))


def test_a_table_without_directions_is_said_to_have_none():
    model = randomised(PRESETS["tiny"])
    model.pos_emb.weight.data[4:] = 0
    assert "28 of the 32 position vectors are all zeros" in position_table.caption(setting("positions", model))


# the page


@pytest.mark.parametrize("key", EXPERIMENTS)
@pytest.mark.parametrize("text", ["a", "I ❤️ my 🦜", "<b>bold</b> word " * 100], ids=["one", "emoji", "long"])
def test_every_experiment_of_any_sentence(key, text):
    for model in (mini(), untrained()) if text == "a" else (mini(),):
        asked = setting(key, model, text)
        pictures = EXPERIMENTS[key].pictures(asked)
        assert pictures and EXPERIMENTS[key].caption(asked)
        for figure in (picture for picture in pictures if isinstance(picture, go.Figure)):
            assert "<b>bold" not in figure.to_json() and figure.layout.height <= 430
        assert all(isinstance(picture, Chips) or picture.alt for picture in pictures if not isinstance(picture, go.Figure))


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_prose_is_short(key):
    assert len(EXPERIMENTS[key].prose.split()) <= 90 and EXPERIMENTS[key].question


opened = partial(open_lab, "Embeddings")


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_has_its_page(key):
    app = opened(view=key)
    assert EXPERIMENTS[key].title in html(app) and "Look for" in html(app) and "TRAINED" in html(app)
    assert not app.error and not app.warning
    assert ("RIGHT: RANDOM INIT, seed 0" in html(app)) == (key == "training")


def test_controls_of_a_typed_word_come_and_go():
    app = opened()
    labels = [control.label for control in (*app.slider, *app.toggle)]
    assert "Piece of the word" not in labels and "Space before it" not in labels
    app.text_area(key="control-typed").set_value("unfamiliarwords").run()
    assert not app.exception and app.query_params["typed"] == "unfamiliarwords"
    app.slider(key="control-piece").set_value(2).run()
    assert "piece 2 is looked up" in html(app)
    app.toggle(key="control-spaced").set_value(False).run()
    assert "unfamiliarwords&quot; is 4 tokens" in html(app)
    app.text_area(key="control-typed").set_value("").run()
    best = tokenizer.printable(word_neighbours.neighbours_of(setting("neighbours")).by_vector[0])
    assert f"{best}&quot; is nearest to &quot;·you" in html(app)


def test_nonsense_in_the_address_is_noted():
    app = opened(view="blocks", after="99", dims="4")
    assert {"99", "4"} <= {warning.value.split('"')[1] for warning in app.warning}
