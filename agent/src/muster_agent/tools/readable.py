"""Makes a web page readable: HTML on standard input, Markdown on standard output.

Runs as a program of its own (`fetch.py` starts this file): a page is written by strangers, some take minutes to read,
and a thread could neither be ended nor be kept from slowing the agent down. So nothing of the agent is imported here.
"""

import sys

#: What reading one page may cost at most.
MAX_MEMORY = 1024 * 1024 * 1024
MAX_CPU_S = 15


def limit() -> None:
    """Bound memory and time, where the system can."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))


def markdown(html: str, url: str) -> str:
    """Return the page's text without what surrounds it; its whole text where that cannot be told apart."""
    import trafilatura  # noqa: PLC0415 - after the limits are set

    found = trafilatura.extract(html, url=url, output_format="markdown", include_links=True, include_tables=True)
    return str(found or trafilatura.html2txt(html) or "(a page without text)")


if __name__ == "__main__":
    limit()
    page = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.stdout.buffer.write(markdown(page, sys.argv[1]).encode("utf-8", "replace"))
