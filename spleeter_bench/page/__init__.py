"""A run as a page to look at, to listen to and to judge blindly: a folder a browser opens, without server or network."""

from spleeter_bench.page.clips import Excerpts
from spleeter_bench.page.write import write_page

__all__ = ["Excerpts", "write_page"]
