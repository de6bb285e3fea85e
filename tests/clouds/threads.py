"""Calls that would keep an event loop waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool


async def in_thread(call: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """Make a call in a thread; where no event loop could be kept waiting, at once."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call(*arguments, **more)
    return await run_in_threadpool(call, *arguments, **more)
