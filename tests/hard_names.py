"""Class names that something on the way to the screen takes for something else."""

NUMBERS = ("1", "20", "100", "007", "1e3", "0x10", "2020-01-01", "nan", "true", "None", "Infinity")
"""What plotly would draw a scale or a calendar for."""

MARKS = (
    "__background__", ":smile:", ":+1:", ":a:b:", "*a*", "a|b", "`code`", "# a", "1. a", "- a", "> a", "~~a~~", "---",
    "[a](http://x.org)", "![a](x.png)", "$x$ and $y$", "&amp;", "&#65;", ":red[a]", ":material/home:",
    ":material_home:", ":streamlit:", "a\\b", "\\*", "a -> b", "a -- b", ">= 3", "http://example.com/a_b",
    "www.example.com", "me@example.com", "a_b_c", "<b>", "<b>x</b>", "<br>", "<script>alert(1)</script>", "%{x}",
    "{0}", "%s",
)  # fmt: skip
"""What Markdown, HTML, or a template has a use for."""

OTHERS = (
    "constructor", "toString", "__proto__", "\N{GRINNING FACE}", "\u6570\u5b57", "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc", "\N{POP DIRECTIONAL ISOLATE}\N{RIGHT-TO-LEFT OVERRIDE}x", "caf\u00e9",
    "long " * 20 + "1", "long " * 20 + "2",
)  # fmt: skip
"""What every object of JavaScript has, other scripts, and what is too long for an axis."""

NAMES = (*NUMBERS, *MARKS, *OTHERS)
