"""What MkDocs is told beside mkdocs.yml: notebooks as pages, and files beside docs/ in the site.

Pages link to each other and to files of the repository as GitHub shows them (`../deploy/x.yaml`,
`tutorial.ipynb`); the site has neither GitHub's viewer nor the rest of the repository.
mkdocs-jupyter does the first too, and brings nbconvert with more than a hundred packages.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).resolve().parents[1]
# Of docs/ by their place, and what stands for them in the site.
LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=[)#])")
# A link that is called by its file, as one reads it on GitHub.
NAMED = re.compile(r"\[(?P<text>(?:docs/)?[\w-]+\.md)\]\((?P<link>[^)#]+)")
FETCHED = re.compile(
    r"<(?:script|img|source|iframe|link)\b[^>]*\b(?:src|href)=\"?(https?:[^\" >]+)"
)
BESIDE = "repository"


def on_files(files: Any, config: Any) -> Any:
    """Make a page of each notebook, and take in what pages link to beside docs/."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            files.remove(file)
            text = from_notebook(json.loads(Path(file.abs_src_path).read_text("utf-8")))
            files.append(File.generated(config, _page(file.src_uri), content=text))
    wanted = {
        place
        for file in files.documentation_pages()
        for link in LINK.findall(file.content_string)
        if (place := _beside(link, file.src_uri))
    }
    for place in sorted(wanted):
        if place != "README.md":  # the start page stands for it
            file = File.generated(
                config, f"{BESIDE}/{place}", content=(ROOT / place).read_text("utf-8")
            )
            file.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(file)
    return files


def on_config(config: Any) -> Any:
    """Let the navigation name notebooks as the repository has them."""
    config["nav"] = _named(config["nav"])
    return config


def on_page_content(html: str, **_: Any) -> str:
    """Write what a docstring says of a type as it does: mkdocstrings reads it as a difference."""
    return html.replace("path - like", "path-like")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Point links of a page at what the site has; one that stands alone has no list beside it."""
    if page.parent is None:
        page.meta.setdefault("hide", ["navigation"])
    here = page.file.src_uri
    markdown = NAMED.sub(lambda found: _titled(found, here, files), markdown)
    return LINK.sub(lambda found: _in_site(found[1], here), markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001
    """Refuse a page that would fetch something from elsewhere when it is read."""
    if found := FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri}: expected nothing from elsewhere, got {found[1]}")
    return output


def from_notebook(notebook: dict[str, Any]) -> str:
    """Return a notebook as Markdown: its texts, its code, and what came out."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        shown = [_shown(output) for output in cell["outputs"]]
        if any(shown):
            parts.append('<div class="cell-output">\n' + "\n".join(shown) + "\n</div>")
    return "\n\n".join(parts) + "\n"


def _shown(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="What the cell shows" src="data:{kind};base64,{data[kind].strip()}">'
    text = "".join(output.get("text") or data.get("text/plain") or "")
    return f"<pre><code>{html.escape(text)}</code></pre>" if text else ""


def _titled(found: re.Match[str], here: str, files: Any) -> str:
    """Call a link by its page's name in the navigation."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(here), found["link"]))
    file = files.get_file_from_path(place)
    title = file.page.title if file is not None and file.page is not None else None
    return f"[{title or found['text']}]({found['link']}"


def _page(uri: str) -> str:
    return re.sub(r"\.ipynb$", ".md", uri)


def _named(nav: Any) -> Any:
    if isinstance(nav, dict):
        return {title: _named(one) for title, one in nav.items()}
    if isinstance(nav, list):
        return [_named(one) for one in nav]
    return _page(nav)


def _beside(link: str, uri: str) -> str | None:
    """Return the place in the repository of what a page links to, if that is beside docs/."""
    if "://" in link or link.startswith(("/", "mailto:")):
        return None
    place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(uri), link))
    return None if place.startswith("docs/") or not (ROOT / place).is_file() else place


def _in_site(link: str, uri: str) -> str:
    if uri.startswith(f"{BESIDE}/"):  # seen from the repository's own folder
        home = uri.removeprefix(f"{BESIDE}/")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(home), link))
        if place.startswith("docs/"):
            return posixpath.relpath(place.removeprefix("docs/"), posixpath.dirname(uri))
        return link
    beside = _beside(link, uri)
    if beside is None:
        return _page(link)
    there = "index.md" if beside == "README.md" else f"{BESIDE}/{beside}"
    return posixpath.relpath(there, posixpath.dirname(uri) or ".")
