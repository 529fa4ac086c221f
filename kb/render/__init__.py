"""Views to pages: Markdown, and SVG within it. Pure: nothing here reads a store or a clock."""

from kb.render.debate import Debate
from kb.render.pages import FUNCTIONS, pages
from kb.render.untrusted import environment, untrusted

__all__ = ["FUNCTIONS", "Debate", "environment", "pages", "untrusted"]
