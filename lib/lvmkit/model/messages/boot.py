"""Messages of the boot guard and doctor: 110180-110199."""

from __future__ import annotations
