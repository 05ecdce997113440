"""Commands on tables of runs: the verdicts, and how often verdicts are right."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ablate.commands.console import refuse_overwriting
from ablate.commands.options import HTMLOutput, JSONOutput
from ablate.core.errors import SpecError


def analyze(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS.csv", help="Table with one row per run: .csv, .tsv or .parquet.", show_default=False
        ),
    ],
    response: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,...",
            help="Column of the response: the number to explain. Further columns are described, not judged.",
        ),
    ],
    factors: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Columns of the factors: the possible causes. Quote a name with a comma: A,'\"b,c\"'.",
        ),
    ],
    block: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|none",
            help="Column of the block, usually the seed: runs are compared within it. none: no two runs share a seed.",
            show_default=False,
        ),
    ] = None,
    numeric: Annotated[
        str,
        typer.Option(
            metavar="A,B=log,...",
            help="Factors that are numbers: their trend is tested, on a log scale where they span a decade.",
        ),
    ] = "",
    order: Annotated[
        str,
        typer.Option(
            metavar="A,B=s<m<l", help="Factors with ordered levels: sorted by value, or in the order given here."
        ),
    ] = "",
    baseline: Annotated[
        str, typer.Option(metavar="A=1,B=none", help="Baseline levels of factors; the first level by default.")
    ] = "",
    interactions: Annotated[
        str, typer.Option(metavar="all|none|A:B,...", help="Pairs of factors whose interaction is tested.")
    ] = "all",
    margin: Annotated[
        float | None,
        typer.Option(help="Equivalence margin: smaller effects do not matter. Same unit as the response."),
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="Family-wise error rate: largest chance to call anything a cause where nothing is.")
    ] = 0.05,
    higher_is_better: Annotated[
        bool, typer.Option("--higher-is-better", help="A higher response is better; by default a lower one is.")
    ] = False,
    bounds: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Smallest and largest value that the response can have.")
    ] = None,
    mediator: Annotated[
        str,
        typer.Option(metavar="COLUMN,...", help="Columns of mediators, such as mse: also estimate direct effects."),
    ] = "",
    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|none",
            help="Column of states: a run that failed or was pruned is no result. Default: state, status or outcome.",
            show_default=False,
        ),
    ] = None,
    judge_all: Annotated[
        bool,
        typer.Option("--judge-all", help="Judge all responses as one family, instead of describing the further ones."),
    ] = False,
    average: Annotated[
        bool, typer.Option("--average", help="Average rows with equal levels in one block, instead of refusing them.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawn flips and permutations.")] = 0,
    json: JSONOutput = None,
    html: HTMLOutput = None,
) -> None:
    """Find out which factors of any table of runs are causes, which are not, and which act only with others.

    Columns from MLflow, W&B and Optuna are found without their prefix (params., metrics., config., params_), and in
    W&B's dictionaries. A run whose response is blank, NaN or infinite counts as failed, and so does one whose state
    says so. Exit code 0: the analysis finished, even if every verdict is "undecided". 2: the table or an option is
    wrong, or nothing in the table can be tested.
    """
    from ablate.commands import analyze as command
    from ablate.inference.tables import Columns

    columns = Columns.written(
        response=response,
        factors=factors,
        block=block,
        order=order,
        baseline=baseline,
        mediators=mediator,
        outcome=outcome,
        average=average,
        numeric=numeric,
    )
    refuse_overwriting({"--json": json, "--html": html}, file)
    settings = command.parse_settings(
        columns.factors,
        alpha=alpha,
        margin=margin,
        interactions=interactions,
        higher_is_better=higher_is_better,
        bounds=bounds,
        seed=seed,
    )
    command.analyze(file, columns, settings, command.Outputs(json, html), Console(), judge_all=judge_all)


def calibrate(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY.yaml", help="Study whose design is simulated.", show_default=False),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="AxBxC", help="Without a study: numbers of levels to cross; 3x2x2x2 by default."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Number of seeds; by default those of the study, or 8.")
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option(min=1, help="Number of studies for each scenario; 1000, or the published number, by default."),
    ] = None,
    scenario: Annotated[
        list[str],
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Simulate only this scenario. Repeatable. With --published, NAME* takes all that start with NAME.",
        ),
    ] = [],  # noqa: B006  # as above
    published: Annotated[
        bool, typer.Option("--published", help="Simulate the tables of docs/calibration.md, each with its limits.")
    ] = False,
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --published: file of judged tables; continue what it holds."),
    ] = None,
    repeat: Annotated[
        bool, typer.Option(help="With --published: simulate a scenario again that violates a limit, with new draws.")
    ] = True,
    effect: Annotated[float, typer.Option(min=0, help="Effect of a cause, in standard deviations of a run.")] = 1.0,
    interaction: Annotated[
        float, typer.Option(min=0, help="Size of a pure interaction, up or down, in standard deviations of a run.")
    ] = 2.0,
    margin: Annotated[float, typer.Option(min=0.01, help="Equivalence margin, in standard deviations of a run.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated studies.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes; one per core by default.")] = None,
    json: JSONOutput = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the rates.")] = None,
) -> None:
    """Simulate studies whose truth is known, and count how often the verdicts and intervals are right.

    Exit code 0: every criterion holds. 1: a criterion is violated. 2: the design or a scenario does not exist.
    130: stopped by Ctrl-C; the finished studies are shown.
    """
    from ablate.commands import calibrate as command
    from ablate.inference.calibration.scenarios import Sizes

    refuse_overwriting({"--json": json, "--svg": svg, "--judged": judged}, file)
    if published:
        from ablate.commands import calibrate_published as published_command

        designs = {"STUDY.yaml": file, "--levels": levels, "--seeds": seeds, "--svg": svg}
        published_command.refuse_designs(designs)
        options = published_command.PublishedOptions(scenario, studies, seed, workers, judged, repeat)
        raise typer.Exit(published_command.calibrate_published(options, json, Console()))
    if judged is not None:
        raise SpecError("--judged: works only with --published; use --json for the rates of this design")
    simulation = command.Simulation(
        levels=levels,
        seeds=seeds,
        studies=studies or command.DEFAULT_STUDIES,
        scenarios=scenario,
        sizes=Sizes(effect, interaction, margin),
        seed=seed,
        workers=workers,
    )
    raise typer.Exit(command.calibrate(file, simulation, json, svg, Console()))
