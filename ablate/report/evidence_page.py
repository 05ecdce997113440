"""What any table of runs allows one to say of its factors, as a page."""

from ablate.analysis.verdict_sentences import verdict_sentences
from ablate.inference.inference import Inference
from ablate.report.page import rendered
from ablate.report.shown_inference import ShownInference


def evidence_page(inference: Inference, response: str, title: str) -> str:
    """Return the page; equal input gives equal text. `response` is what people call what was measured."""
    shown = ShownInference(inference, response, decided=True)
    return rendered("evidence.html.j2", title=title, shown=shown, answer=verdict_sentences(inference, response))
