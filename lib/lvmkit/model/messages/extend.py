"""Messages of extend, unextend and what speaks against them: 110200-110229."""

from __future__ import annotations
