"""Exit with status 0 where the page on a port of this machine answers: a container's health check.

python deploy/healthy.py 8808
"""

import http.client
import sys

# Without the token of its link the page refuses what is asked, which takes a page that works.
ANSWERS = (200, 403)


def status(port: int) -> int:
    """Return the HTTP status of the start page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    try:
        found = status(int(sys.argv[1]))
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error}")
    sys.exit(None if found in ANSWERS else f"status {found}")
