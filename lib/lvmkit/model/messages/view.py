"""Messages of show and status: 110230-110239."""

from __future__ import annotations
