"""A report shows the numbers that there are, needs nothing beside it, and runs no script but its own."""
import json
import re
import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import marlfast as mf
from marlfast import cli, statistics, toml

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

EVIL = "<script>document.title='run'</script>"


class Page(HTMLParser):
    """What stands in a page: tables by id of their heading, pictures, text of blocks."""

    def __init__(self, path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tables, self.pictures, self.blocks, self.notes, self.scripts = {}, [], [], [], 0
        self.id, self.cell, self.row, self.inside, self.numbers = None, None, None, None, []
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "h2":
            self.id = attributes["id"]
        if tag == "tr":
            self.row = []
        if tag in ("td", "th"):
            self.cell = ""
        if tag == "circle":
            self.cell += "o"
        if tag == "img":
            self.pictures.append(attributes)
        if tag == "script":
            self.scripts += 1
        if tag in ("pre", "b") or attributes.get("class") == "note":
            self.inside = ""
        self.kind = attributes.get("class")

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data
        if self.inside is not None:
            self.inside += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.row.append(self.cell.strip())
            self.cell = None
        if tag == "tr":
            self.tables.setdefault(self.id, []).append(self.row)
        if tag in ("pre", "p", "b") and self.inside is not None:
            {"pre": self.blocks, "p": self.notes, "b": self.numbers}[tag].append(self.inside)
            self.inside = None

    def column(self, table, name):
        head, *rows = self.tables[table]
        place = next(k for k, title in enumerate(head) if title.startswith(name))
        return [row[place] for row in rows]


class FakeSweep:
    """What a report uses of a sweep."""

    def __init__(self, folder, over, runs, scores, experiment=None, failures=(), missing=0, bins=20):
        self.folder, self.over, self.names, self.failures = folder, over, list(over), list(failures)
        self.missing, self.seeds = missing, list(range(runs))
        self.experiment = experiment or mf.Experiment(mf.games.Climbing(), mf.IQL(), steps=10)
        points = int(np.prod([len(v) for v in over.values()], dtype=int))
        point = np.repeat(np.arange(points), runs)
        index = np.unravel_index(point, [len(v) for v in over.values()]) if over else ()
        self._table = {"point": point} | {name: np.array(values)[k] for (name, values), k in
                                          zip(over.items(), index, strict=True)}
        scores = np.asarray(scores, float)
        self._table |= {"seed": np.tile(np.arange(runs), points), "steps": np.full(len(point), 100),
                        "episodes": np.full(len(point), 10), "stop_reason": np.full(len(point), "steps"),
                        "team_return": scores, "return_0": scores - 1.0, "return_1": scores + 1.0}
        self._curves = {"episodes": np.arange(1, bins + 1) * 5,
                        "team_return": scores[:, None] * np.linspace(0, 1, bins),
                        "returns": np.zeros((len(point), bins, 2))}

    def table(self):
        return dict(self._table)

    def curves(self):
        return dict(self._curves)


@pytest.fixture(scope="module")
def run():
    return mf.train(mf.games.Drift(agents=2, horizon=10), mf.IQL(), encoder=mf.Rounding(0), episodes=60, runs=6, seed=3)


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run.save(folder / "team.npz")
    path = mf.report(folder / "team.npz")
    assert path == folder / "team.html"
    return Page(path)


# -- a result -------------------------------------------------------------------------------------


def test_statistics_of_a_result(run, page):
    e = statistics.estimate(run)
    assert page.numbers[0] == f"{e.value:.5g}" and page.numbers[1:3] == ["6", "2"]
    first = page.tables["statistics-of-runs"][1]
    assert first[:4] == ["team, last tenth", "6", f"{e.value:.5g}", f"{e.low:.5g} to {e.high:.5g}"]
    assert [row[0] for row in page.tables["statistics-of-runs"][1:]] == [
        "team, last tenth", "agent 0, last tenth", "agent 1, last tenth", "team, first tenth"]
    assert page.tables["statistics-of-runs"][-1][4] == f"{run.team_returns[:, :6].mean():.5g}"


def test_every_run_and_its_seed_are_listed(run, page):
    assert page.column("runs", "score") == [f"{s:.5g}" for s in statistics.scores(run)]
    assert page.column("runs", "run number") == ["0", "1", "2", "3", "4", "5"]
    assert set(page.column("runs", "seed")) == {"3"} and set(page.column("runs", "ended by")) == {"episodes"}


def test_how_to_run_a_result_again(run, page):
    file, program = page.blocks
    assert toml.loads(file) == run.experiment.to_dict()
    names = {}
    exec(program.replace("print(run.summary())", ""), names)
    assert names["run"].returns.tobytes() == run.returns.tobytes()


def test_parameters_and_versions(run, page):
    told = dict(page.tables["parameters"])
    assert (told["game.agents"], told["encoder.decimals"], told["learner.name"]) == ("2", "0", "iql")
    assert dict(page.tables["versions"])["marlfast (training)"] == mf.__version__


def test_a_page_needs_nothing_beside_it(page):
    assert len(page.pictures) == 4
    assert all(re.match(r"data:image/(svg\+xml|png);base64,", one["src"]) and one["alt"] for one in page.pictures)
    outside = re.sub(r'src="data:[^"]*"', "", page.text)
    assert not re.search(r"(src|href|url|@import)\s*[=(]?\s*[\"']?(https?:)?//", outside)
    assert "default-src 'none'" in page.text and page.scripts == 1
    assert len(page.text) < 500_000


def test_the_same_numbers_give_the_same_page(run, tmp_path):
    pages = [mf.report(run, tmp_path / f"{k}.html").read_bytes() for k in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("changes", [
    {"episodes": 1, "runs": 1}, {"episodes": None, "steps": 3}, {"record_every": 0},
    {"game": mf.games.MatrixGame([1.0]), "encoder": None, "steps": 4, "episodes": None},
    {"episodes": 100, "stop": mf.ReturnReached(-3.0, window=2)},
    {"learner": None, "learners": [mf.IQL(), mf.learners.Random()], "game": mf.games.PrisonersDilemma(),
     "encoder": None},
    {"learner": mf.learners.NashQ(), "game": mf.games.PrisonersDilemma(), "encoder": None},
])
def test_small_and_odd_results(changes, tmp_path):
    values = {"game": mf.games.Drift(agents=2, horizon=10), "learner": mf.IQL(), "encoder": mf.Rounding(0),
              "episodes": 5, "runs": 3}
    result = mf.train(**{**values, **changes})
    found = Page(mf.report(result, tmp_path / "odd.html"))
    assert len(found.tables["runs"]) == len(result.steps) + 1
    if not result.team_returns.size:
        assert "runs have no recorded episode" in " ".join(found.notes)
        assert set(found.column("runs", "score")) == {"–"}


def test_an_experiment_that_no_file_can_hold(tmp_path):
    result = mf.train(mf.games.Drift(agents=2, horizon=5), mf.IQL(), encoder=mf.Grid(-2.0, 2.0, 3), episodes=3,
                      shaping=mf.rewards.PotentialBased(lambda observation: observation[:, 0]))
    found = Page(mf.report(result, tmp_path / "own.html"))
    assert "PotentialBased" in found.blocks[0]


# -- a sweep --------------------------------------------------------------------------------------


def small_sweep(folder, **options):
    over = {"learner.learning_rate": [0.1, 0.2, 0.4], EVIL: ["a & b", "</td><img src=x onerror=alert(1)>"]}
    scores = np.repeat([1.0, 2.0, np.nan, 4.0, 9.0, 6.0], 5) + np.tile([0.0, 0.1, 0.2, 0.3, 2.0], 6)
    return FakeSweep(folder, over, 5, scores, **options)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    path = mf.report(small_sweep(folder, failures=[("3-5", "Traceback:\n  ...\nValueError: <b>bad</b>")], missing=7))
    assert path == folder / "report.html"
    return Page(path)


def test_points_of_a_sweep(swept):
    assert swept.column("points", "point") == ["4", "5", "3", "1", "0", "2"]        # the best first
    own = 9.0 + np.array([0.0, 0.1, 0.2, 0.3, 2.0])
    e = statistics.estimate(own)
    assert swept.column("points", "interquartile mean")[0] == f"{e.value:.5g}" == swept.numbers[0]
    assert swept.column("points", "95 % interval")[0] == f"{e.low:.5g} to {e.high:.5g}"
    assert swept.column("points", "mean")[0] == f"{own.mean():.5g}"
    assert swept.column("points", "median")[0] == f"{np.median(own):.5g}"
    assert [len(strip) for strip in swept.column("points", "runs from 1 to 11")] == [5, 5, 5, 5, 5, 0]
    assert swept.column("points", "beats the best") == ["–", "0.00", "0.00", "0.00", "0.00", "–"]
    assert swept.column("points", "runs") == ["5"] * 5 + ["0"]
    assert swept.column("points", "learner.learning_rate")[:2] == ["0.4", "0.4"]
    assert len(swept.tables["runs"]) == 31


def test_names_and_values_are_only_text(swept):
    assert swept.scripts == 1 and EVIL not in swept.text and "<img src=x" not in swept.text
    assert EVIL in swept.tables["points"][0] and "</td><img src=x onerror=alert(1)>" in swept.column("points", EVIL)
    assert dict(swept.tables["parameters"])[EVIL].startswith("a & b, ")


def test_what_went_wrong_is_said(swept):
    notes = " ".join(swept.notes)
    assert "Chunk 3-5 failed" in notes and "<b>bad</b>" in notes and "<b>bad</b>" not in swept.text
    assert "7 runs are still missing" in notes and "5 of 30 runs have no recorded episode" in notes


def test_how_to_run_a_sweep_again(swept):
    file, program = swept.blocks
    table = toml.loads(file)
    assert table["sweep"]["over"]["learner.learning_rate"] == [0.1, 0.2, 0.4] and table["sweep"]["seeds"] == [*range(5)]
    compile(program, "again", "exec")
    assert "mf.sweep(experiment, over=" in program


def test_pictures_of_sweeps(swept, tmp_path):
    # A map, two curves over parameters, the best points, learning curves.
    assert len(swept.pictures) == 5
    one = FakeSweep(tmp_path / "one", {"learner.learning_rate": [0.1, 0.2]}, 3, np.arange(6.0))
    (tmp_path / "one").mkdir()
    assert len(Page(mf.report(one)).pictures) == 3
    three = FakeSweep(tmp_path, {"a": [1, 2], "b": [1, 2], "c": [1, 2]}, 2, np.arange(16.0))
    assert len(Page(mf.report(three)).pictures) == 3 + 3 + 2
    alone = FakeSweep(tmp_path, {}, 4, np.arange(4.0))
    found = Page(mf.report(alone))
    assert len(found.pictures) == 2 and len(found.tables["points"]) == 2
    nothing = FakeSweep(tmp_path, {"a": [1, 2]}, 1, [np.nan, np.nan])
    assert len(Page(mf.report(nothing)).pictures) <= 1


def test_a_large_sweep_stays_small(tmp_path):
    scores = np.random.default_rng(0).normal(size=4000)
    over = {"learner.learning_rate": np.linspace(0.01, 0.9, 20).tolist(), "game.noise": np.linspace(0, 1, 20).tolist()}
    found = Page(mf.report(FakeSweep(tmp_path, over, 10, scores)))
    assert len(found.tables["points"]) == 401 and len(found.tables["runs"]) == 4001
    assert len(found.text) < 3_000_000


def test_very_many_points_are_cut_and_it_is_said(tmp_path, monkeypatch):
    from marlfast.reports import content

    monkeypatch.setattr(content, "MAX_POINTS", 4)
    monkeypatch.setattr(content, "MAX_RUNS", 10)
    found = Page(mf.report(small_sweep(tmp_path)))
    assert len(found.tables["points"]) == 5 and len(found.tables["runs"]) == 11
    assert "The first 4 of 6 points" in found.text and "The first 10 of 30 runs" in found.text


# -- real sweeps ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    learner = mf.IQL(explore=mf.EpsilonGreedy(0.1))
    over = {"learner.learning_rate": [0.1, 0.5], "game": ["climbing", "penalty"]}
    folder = tmp_path_factory.mktemp("sweep") / "out"
    return mf.sweep(mf.games.Climbing(), learner, over=over, seeds=3, steps=60, out=folder)


def test_a_real_sweep_and_its_file(real, tmp_path):
    found = Page(mf.report(real.folder))
    table = real.table()
    assert found.column("runs", "team_return") == [f"{v:.5g}" for v in table["team_return"]]
    points = [int(p) for p in found.column("points", "point")]
    means = [table["team_return"][table["point"] == p].mean() for p in points]
    assert found.column("points", "mean") == [f"{m:.5g}" for m in means]
    assert dict(found.tables["versions"])["marlfast (training)"] == mf.__version__
    (tmp_path / "sweep.toml").write_text(found.blocks[0], encoding="utf-8")
    assert cli.main(["sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    again = mf.load(tmp_path / "again").table()
    assert all(again[name].tolist() == table[name].tolist() for name in table)


def test_points_drawn_at_random_can_be_trained_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    over = {"learner.learning_rate": {"low": 0.01, "high": 1.0, "log": True}, "learner.discount": [0.5, 0.9]}
    swept = mf.sweep(mf.games.Climbing(), mf.IQL(), over=over, samples=4, seeds=2, steps=40, out="drawn")
    exec(Page(mf.report(swept)).blocks[0], {})
    table = swept.table()
    for k in range(4):
        again = mf.load(f"again/{k}").table()["team_return"].tolist()
        assert again == table["team_return"][table["point"] == k].tolist()


# -- in a browser -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_in_a_browser(tmp_path):
    api = pytest.importorskip("playwright.sync_api")
    browser = next((shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")
                    if shutil.which(name)), None)
    if browser is None:
        pytest.skip("needs Chromium")
    path = mf.report(small_sweep(tmp_path), title=EVIL)
    said, asked = [], []
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        assert tab.title() == EVIL                              # shown, not run
        assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 100)")

        def column(k):
            rows = "[...document.querySelector('#points ~ .scroll').querySelectorAll('tbody tr')]"
            return tab.evaluate(f"{rows}.map(row => row.cells[{k}].textContent)")

        assert column(0) == ["4", "5", "3", "1", "0", "2"]
        tab.click("#points ~ .scroll th:nth-child(1) button")
        assert column(0) == ["0", "1", "2", "3", "4", "5"]
        tab.click("#points ~ .scroll th:nth-child(1) button")
        assert column(0) == ["5", "4", "3", "2", "1", "0"]
        head = tab.inner_text("#points ~ .scroll thead").split("\n")
        place = 1 + next(k for k, name in enumerate("\t".join(head).split("\t")) if name.startswith("interquartile"))
        tab.click(f"#points ~ .scroll th:nth-child({place}) button")
        assert column(0) == ["4", "5", "3", "1", "0", "2"]      # the highest first, what is missing last
        tab.click(f"#points ~ .scroll th:nth-child({place}) button")
        assert column(0) == ["0", "1", "3", "5", "4", "2"]
        # A script that gets into the page in any way is not run.
        tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
        tab.wait_for_timeout(50)
        assert tab.title() == EVIL
        chromium.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert all("Content Security Policy" in text or "Content-Security-Policy" in text for text in said), said


# -- commands ---------------------------------------------------------------------------------------


def test_commands(run, tmp_path, capsys):
    run.save(tmp_path / "team.npz")
    source = str(tmp_path / "team.npz")
    assert cli.main(["report", source, "--title", "A & B"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'team.html'}\n"
    assert "<title>A &amp; B</title>" in (tmp_path / "team.html").read_text(encoding="utf-8")
    for kind in ("curve", "policy", "visits", "values"):
        assert cli.main(["plot", source, "--kind", kind, "--run", "2"]) == 0
        assert (tmp_path / f"team-{kind}.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["plot", source, "--output", str(tmp_path / "a.svg")]) == 0
    assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_plots_of_sweeps(tmp_path, monkeypatch, capsys):
    from marlfast.reports import page

    monkeypatch.setattr(mf, "load", lambda path: small_sweep(path))
    assert page.is_sweep(mf.load(tmp_path))
    assert cli.main(["plot", str(tmp_path), "--y", "learner.learning_rate", "--x", EVIL]) == 0
    assert cli.main(["plot", str(tmp_path), "--kind", "parameter", "--column", "return_1"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "heat.png"), str(tmp_path / "parameter.png")]


@pytest.mark.parametrize(("words", "said"), [
    (["plot", "FILE", "--kind", "heat"], "--kind: expected one of 'curve'"),
    (["plot", "FILE", "--output", "x.txt"], "--output: expected one of 'png'"),
    (["plot", "FILE", "--run", "6"], "--run: expected 0 to 5"),
    (["report", "FILE", "--output", "x.npz"], "path: expected a name that ends in .html"),
    (["report", "nowhere.npz"], "nowhere.npz: no such file"),
])
def test_bad_commands(run, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    run.save("FILE")
    assert cli.main(words) == 2
    assert said in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["FILE"]


def test_bad_sources(run, tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="source: expected a Result, a Sweep, or the path of one, got 3"):
        mf.report(3)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"a report needs jinja2: pip install 'marlfast\[report\]'"):
        mf.report(run, tmp_path / "x.html")
    assert json.dumps([p.name for p in tmp_path.iterdir()]) == "[]"


# -- the first screen, and what is said where nothing can be drawn ------------------------------------


def test_a_page_begins_with_what_was_run_what_came_out_how_sure_and_what_failed(run, page, swept):
    for text in (page.text, swept.text):
        places = [text.index(f"<dt>{words}</dt>") for words in (
            "What was run", "What came out", "How sure", "What failed")]
        assert places == sorted(places) and places[-1] < text.index('<ul class="numbers">')
    assert f"{len(run.steps)} runs" in page.text


def test_a_sentence_stands_where_nothing_can_be_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opponents = mf.train(mf.games.PrisonersDilemma(), mf.learners.Random(), episodes=20, runs=2, seed=0)
    text = mf.report(opponents, "opponents.html").read_text("utf-8")
    assert "not drawn, as result: learner" in text and "counts no visits" in text
    market = mf.train(mf.games.LogitBertrand(actions=3), mf.IQL(discount=0.9), steps=500, runs=3, seed=0)
    said = mf.report(market, "market.html").read_text("utf-8")
    for words in ("Mean prices of the runs", "the cycles that they go through", "when agent 0 deviates"):
        assert words in said


@pytest.mark.parametrize("kind", ["distribution", "response", "cycles", "policy"])
def test_pictures_of_a_market_on_the_command_line(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mf.train(mf.games.LogitBertrand(actions=3), mf.IQL(discount=0.9), steps=500, runs=3, seed=0).save("m.npz")
    assert cli.main(["plot", "m.npz", "--kind", kind, "--output", "m.pdf", "--title", "prices", "--size", "4x3",
                     "--style", "column", "--style", "dark"]) == 0
    assert b"/Type3" not in (tmp_path / "m.pdf").read_bytes() and capsys.readouterr().out == "m.pdf\n"
    assert cli.main(["plot", "m.npz", "--size", "wide"]) == 2
    assert "--size: expected width and height in inches" in capsys.readouterr().err
