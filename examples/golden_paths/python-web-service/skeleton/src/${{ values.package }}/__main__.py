"""Serve: `python -m ${{ values.package }}`. The platform names the port; the default is for a laptop."""

import os

import uvicorn

from ${{ values.package }} import logs
from ${{ values.package }}.app import create_app


def main() -> None:
    """Listen until SIGTERM; requests in flight are finished."""
    logs.configure()
    uvicorn.run(
        create_app(),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        log_config=None,
        access_log=True,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
